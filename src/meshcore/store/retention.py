"""What a store may forget once it is old: what commands printed, closed incidents, projected events, records.

Never forgotten: an open incident, a skill, an outcome that a skill's standing counts (its output is), a try without a
result, what waits for a person or was approved and not carried out, a revocation, and an event that the journal does
not hold.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from meshcore.model import canonical
from meshcore.store.database import Database
from meshcore.store.meta import NodeState
from meshcore.store.read import Read

# Kinds of records that tell what happened and grant nothing.
SUMMARIES = ("incident", "outcome", "habit", "correction", "drill", "asking")
KINDS_MARKS = ",".join("?" * len(SUMMARIES))
WEIGHED = ("verified", "fix_failed")  # results that standing and quarantine count


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many rows went, or would go."""

    incidents: int = 0
    outcomes: int = 0
    events: int = 0
    records: int = 0
    outbox: int = 0
    printed: int = 0


class _UndoneError(Exception):
    """Ends a transaction that only counted."""


class Retention:
    """Pruning; each call is one transaction, and with `dry_run` it is undone after it was counted."""

    def __init__(self, db: Database, state: NodeState) -> None:
        self._db = db
        self._state = state

    def forget(
        self,
        *,
        printed: str = "",
        incidents: str = "",
        events: str = "",
        records: str = "",
        projected: int = 0,
        dry_run: bool = False,
    ) -> Forgotten:
        """Forget what is older than these times (UTC texts, "" for nothing); events only up to `projected`.

        `printed` is what commands printed: of an incident whatever its state, unless somebody is to decide on it or a
        fix of it is under way. Incidents, outcomes and figures stay.
        """
        found = Forgotten()
        try:
            with self._db.transaction():
                gone = self._forget_incidents(incidents, projected) if incidents else Forgotten()
                old = self._forget_events(events, projected) if events else 0
                blanked, sent = self._forget_records(records) if records else (0, 0)
                texts = self._forget_printed(printed, projected) if printed else 0
                found = Forgotten(gone.incidents, gone.outcomes, gone.events + old, blanked, sent, texts)
                if dry_run:
                    raise _UndoneError
        except _UndoneError:
            pass
        return found

    def _forget_incidents(self, before: str, projected: int) -> Forgotten:
        ids = self._db.all(Read(_CLOSED_BEFORE, lambda row: str(row[0]), (before, projected)))
        outcomes = events = 0
        known = self._state.get()
        self._state.set(
            forgotten_incidents=known["forgotten_incidents"] + self._count(_OWN, ids),
            forgotten_resolved=known["forgotten_resolved"] + self._count(_RESOLVED, ids),
        )
        for incident_id in ids:
            outcomes += self._forget_outcomes(incident_id)
            self._db.execute("DELETE FROM tries WHERE incident_id=?", (incident_id,))
            self._db.execute("DELETE FROM approvals WHERE incident_id=?", (incident_id,))
            # The newest event stays: the journal's end is told by it.
            events += self._db.execute(
                "DELETE FROM events WHERE incident_id=? AND seq<(SELECT max(seq) FROM events)", (incident_id,)
            ).rowcount
            self._db.execute("DELETE FROM incidents WHERE incident_id=?", (incident_id,))
        return Forgotten(len(ids), outcomes, events)

    def _count(self, sql: str, ids: Sequence[str]) -> int:
        return sum(self._db.one(Read(sql, lambda row: int(row[0]), (one,))) or 0 for one in ids)

    def _forget_outcomes(self, incident_id: str) -> int:
        """Delete the outcomes of an incident that nothing counts; the others lose what their commands printed."""
        sql = "SELECT outcome_id, result, body FROM outcomes WHERE incident_id=?"
        gone = 0
        for outcome_id, result, text in self._db.all(Read(sql, tuple, (incident_id,))):
            if result not in WEIGHED:
                gone += self._db.execute("DELETE FROM outcomes WHERE outcome_id=?", (outcome_id,)).rowcount
                continue
            self._empty(outcome_id, text)
        return gone

    def _empty(self, outcome_id: str, text: str) -> None:
        body = json.loads(text)
        for step in (*body.get("steps", ()), *([body["rerun"]] if body.get("rerun") else ())):
            step["output"] = ""
        self._db.execute("UPDATE outcomes SET body=? WHERE outcome_id=?", (canonical(body), outcome_id))

    def _forget_printed(self, before: str, projected: int) -> int:
        done = self._db.execute(
            f"UPDATE incidents SET excerpt='' WHERE excerpt<>'' AND opened<? AND {_SETTLED}",  # noqa: S608
            (before, projected),
        ).rowcount
        done += self._db.execute("DELETE FROM commands WHERE output<>'' AND at<?", (before,)).rowcount
        sql = 'SELECT outcome_id, body FROM outcomes WHERE at<? AND body GLOB \'*"output":"[^"]*\''
        for outcome_id, text in self._db.all(Read(sql, tuple, (before,))):
            self._empty(outcome_id, text)
            done += 1
        return done

    def _forget_events(self, before: str, projected: int) -> int:
        return self._db.execute(
            "DELETE FROM events WHERE at<? AND seq<=? AND seq<(SELECT max(seq) FROM events)"
            " AND (incident_id='' OR NOT EXISTS"
            " (SELECT 1 FROM incidents WHERE incidents.incident_id=events.incident_id AND closed=''))",
            (before, projected),
        ).rowcount

    def _forget_records(self, before: str) -> tuple[int, int]:
        # The id stays, so that the same record that comes again is known; its text is what takes space.
        blanked = self._db.execute(
            f"UPDATE records SET text='' WHERE received<? AND kind IN ({KINDS_MARKS})"  # noqa: S608
            " AND status NOT IN ('rejected', 'faulted')"
            " AND text<>''",
            (before, *SUMMARIES),
        ).rowcount
        sent = self._db.execute(
            f"DELETE FROM outbox WHERE published<>'' AND published<? AND kind IN ({KINDS_MARKS}) AND link=0",  # noqa: S608
            (before, *SUMMARIES),
        ).rowcount
        return blanked, sent


# What old readers see as counters that only grow.
_OWN = "SELECT count(*) FROM incidents WHERE incident_id=? AND opened_monotonic IS NOT NULL"
_RESOLVED = "SELECT count(*) FROM tries WHERE incident_id=? AND actor='policy' AND result='verified'"

# Nobody is to decide on it, nothing of it is under way, and the journal holds all that happened to it.
_SETTLED = """
NOT EXISTS (SELECT 1 FROM approvals a WHERE a.incident_id=incidents.incident_id
  AND (a.state='waiting' OR (a.state='approved' AND a.result='')))
 AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.incident_id=incidents.incident_id AND t.result='')
 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.incident_id=incidents.incident_id AND e.incident_id<>'' AND e.seq>?)
"""
_CLOSED_BEFORE = f"SELECT incident_id FROM incidents WHERE closed<>'' AND closed<? AND {_SETTLED}"  # noqa: S608
