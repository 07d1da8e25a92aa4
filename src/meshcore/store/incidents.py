"""What this node met and did: incidents, tries, outcomes."""

from __future__ import annotations

import json
from collections.abc import Sequence

from meshcore.model import Incident, IncidentState, Json, Outcome, canonical
from meshcore.store import queries as reads
from meshcore.store.events import EventTables
from meshcore.store.queries import Read, marks, unambiguous
from meshcore.store.rows import (
    folder_to_text,
    incident_of_row,
    incident_to_row,
    outcome_to_json,
)

_CLOSED = ("verified", "fix_failed", "refused")


class IncidentTables(EventTables):
    """The tables `incidents`, `tries` and `outcomes`."""

    def add_incident(
        self, incident: Incident, node: str, *, boot: str = "", monotonic: float | None = None, remote: bool = False
    ) -> bool:
        """Store an incident with its event; False where it is there already.

        `monotonic` (seconds, in the boot named `boot`) is when the command failed; None: now.
        """
        columns = incident_to_row(incident)
        failed_at = self.clock.monotonic() if monotonic is None else monotonic
        columns |= {"node": node, "boot": boot, "opened_monotonic": None if remote else failed_at}
        values = tuple(columns.values())
        with self.transaction():
            done = self._write(
                f"INSERT INTO incidents ({','.join(columns)}) VALUES ({marks(values)})"  # noqa: S608
                " ON CONFLICT (incident_id) DO NOTHING",
                values,
            )
            if done.rowcount:
                self.add_event(
                    "incident.opened",
                    incident_id=incident.incident_id,
                    agent=incident.agent.name,
                    data={
                        "error_type": incident.signature.error_type,
                        "line": incident.signature.line,
                        "command": list(incident.argv),
                        "via": incident.agent.via,
                        "host": incident.agent.host,
                        "remote": remote,
                    },
                )
        return done.rowcount == 1

    def set_incident_state(
        self,
        incident_id: str,
        state: IncidentState,
        *,
        skill_id: str = "",
        again: bool | None = None,
        seconds: float | None = None,
        own_seconds: float | None = None,
    ) -> None:
        """Move an incident on, with its event; the closing time is set by a final state."""
        with self.transaction():
            self._write(
                "UPDATE incidents SET state=?, closed=?, skill_id=CASE ? WHEN '' THEN skill_id ELSE ? END,"
                " again=coalesce(?, again), seconds=coalesce(?, seconds), own_seconds=coalesce(?, own_seconds)"
                " WHERE incident_id=?",
                (
                    state,
                    self.now() if state in _CLOSED else "",
                    skill_id,
                    skill_id,
                    None if again is None else int(again),
                    seconds,
                    own_seconds,
                    incident_id,
                ),
            )
            self.add_event(
                "incident.state", incident_id=incident_id, skill_id=skill_id, data={"state": state, "seconds": seconds}
            )

    def incident(self, reference: str) -> Incident | None:
        """Return the incident with this id or unambiguous beginning of it; `last` is the newest of this node."""
        return unambiguous(self._all(reads.incident(reference)), reference, lambda found: found.incident_id)

    def incidents(self, *, state: str = "", limit: int = 50) -> list[Incident]:
        """Return incidents, those that this node learnt of last first."""
        return self._all(reads.incidents(state, limit))

    def count_own_incidents(self) -> int:
        """Return how many incidents this node met itself."""
        sql = "SELECT count(*) FROM incidents WHERE opened_monotonic IS NOT NULL"
        return self._one(Read(sql, lambda row: int(row[0]))) or 0

    def incident_times(self, incident_id: str) -> tuple[float | None, str, float | None, float | None]:
        """Return an incident's opening (monotonic seconds, boot id) and its seconds to green, whole and own."""
        sql = "SELECT opened_monotonic, boot, seconds, own_seconds FROM incidents WHERE incident_id=?"
        found = self._one(Read(sql, lambda row: (row[0], str(row[1]), row[2], row[3]), (incident_id,)))
        return found or (None, "", None, None)

    def incident_node(self, incident_id: str) -> str:
        """Return the node that met an incident, empty where it is not known."""
        sql = "SELECT node FROM incidents WHERE incident_id=?"
        return self._one(Read(sql, lambda row: str(row[0]), (incident_id,))) or ""

    def sign_for_incidents(self, node: str) -> None:
        """Name this node for what it met before it had a key: a hook makes none."""
        with self.transaction():
            self._write("UPDATE incidents SET node=? WHERE node='' AND opened_monotonic IS NOT NULL", (node,))

    def seen_alike(self, incident: Incident, boot: str, seconds: float, newest: int = 20) -> list[str]:
        """Return the vias of those of this node's `newest` incidents that are this one, as others saw it lately.

        What has succeeded since is not this one.
        """
        sql = (
            "SELECT via FROM (SELECT * FROM incidents WHERE opened_monotonic IS NOT NULL ORDER BY seq DESC LIMIT ?)"
            " WHERE argv=? AND cwd=? AND excerpt=? AND boot=? AND opened_monotonic>? AND state<>'verified'"
        )
        since = self.clock.monotonic() - seconds
        row = incident_to_row(incident)
        found = (newest, row["argv"], row["cwd"], row["excerpt"], boot, since)
        return self._all(Read(sql, lambda row: str(row[0]), found))

    def waiting_incidents(self, argv: Sequence[str], cwd: str) -> list[Incident]:
        """Return this node's incidents of one command in one folder that only a success of it can settle."""
        sql = (
            "SELECT * FROM incidents WHERE state NOT IN ('verified', 'fixing')"
            " AND argv=? AND cwd=? AND opened_monotonic IS NOT NULL ORDER BY seq"
        )
        return self._all(Read(sql, incident_of_row, (json.dumps(list(argv)), folder_to_text(cwd))))

    def last_verified(self, argv: Sequence[str], cwd: str) -> Incident | None:
        """Return the newest incident of one command in one folder that a fix solved, None where there is none."""
        sql = (
            "SELECT * FROM incidents WHERE state='verified' AND skill_id<>'' AND argv=? AND cwd=?"
            " AND opened_monotonic IS NOT NULL ORDER BY seq DESC LIMIT 1"
        )
        return self._one(Read(sql, incident_of_row, (json.dumps(list(argv)), folder_to_text(cwd))))

    def seconds_to_green(self) -> dict[str, list[float]]:
        """Return this node's seconds from opening to verified, for `first` and `again`."""
        return reads.first_and_again(self._all(reads.seconds_to_green()))

    # --- tries and outcomes ---------------------------------------------------------------------------------------

    def write_intent(
        self,
        try_id: str,
        incident_id: str,
        skill_id: str,
        actor: str,
        plan: Json,
        target: str,
        process: str,
        *,
        boot: str = "",
    ) -> None:
        """Write down what is about to be done, on the disk before it is done."""
        with self.transaction(durable=True):
            self._write(
                "INSERT INTO tries (try_id, incident_id, skill_id, actor, plan, target, process, intent_at, monotonic,"
                " boot) VALUES (?,?,?,?,?,?,?,?,?,?)",
                (
                    try_id,
                    incident_id,
                    skill_id,
                    actor,
                    json.dumps(plan),
                    folder_to_text(target),
                    process,
                    self.now(),
                    self.clock.monotonic(),
                    boot,
                ),
            )
            self.set_incident_state(incident_id, "fixing", skill_id=skill_id)
            self.add_event(
                "try.intent",
                incident_id=incident_id,
                skill_id=skill_id,
                data={"try": try_id, "plan": plan, "actor": actor},
            )

    def unattended_tries_ago(self, skill_id: str, boot: str) -> list[float]:
        """Return how many seconds ago policy applied a skill here, in this boot."""
        sql = "SELECT monotonic FROM tries WHERE skill_id=? AND boot=? AND actor='policy'"
        now = self.clock.monotonic()
        return self._all(Read(sql, lambda row: now - row[0], (skill_id, boot)))

    def same_command_tries_ago(
        self, argv: Sequence[str], cwd: str, skill_id: str, boot: str, failed_at: float
    ) -> list[float]:
        """Return how many seconds ago finished tries by policy were made for the same command and folder.

        What was verified only after `failed_at` (monotonic seconds) is left out: this failure says nothing against it.
        """
        sql = (
            "SELECT monotonic FROM tries JOIN incidents USING (incident_id) WHERE tries.skill_id=? AND tries.boot=?"
            " AND actor='policy' AND tries.result<>'' AND argv=? AND cwd=?"
            " AND NOT (tries.result='verified' AND coalesce(opened_monotonic+seconds, 0)>?)"
        )
        now = self.clock.monotonic()
        parameters = (skill_id, boot, json.dumps(list(argv)), folder_to_text(cwd), failed_at)
        return self._all(Read(sql, lambda row: now - row[0], parameters))

    def last_results(self, after: str, limit: int) -> list[str]:
        """Return the newest results of this node's tries that began after a time, newest first."""
        sql = "SELECT result FROM tries WHERE result<>'' AND intent_at>? ORDER BY intent_at DESC LIMIT ?"
        return self._all(Read(sql, lambda row: str(row[0]), (after, limit)))

    def unfinished_tries(self) -> list[tuple[str, str, str, str]]:
        """Return (try, incident, skill, process) of every intent without an outcome."""
        sql = "SELECT try_id, incident_id, skill_id, process FROM tries WHERE result='' ORDER BY intent_at"
        return self._all(Read(sql, lambda row: (row[0], row[1], row[2], row[3])))

    def add_outcome(self, outcome: Outcome, *, own_operator: bool, try_id: str = "") -> bool:
        """Store an outcome, of this node (with its try) or of another; False where it is there already."""
        local = bool(try_id)
        with self.transaction(durable=local):
            done = self._write(
                "INSERT INTO outcomes (outcome_id, skill_id, incident_id, node, host, own_operator, result, at, body)"
                " VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (outcome_id) DO NOTHING",
                (
                    outcome.outcome_id,
                    outcome.skill_id,
                    outcome.incident_id,
                    outcome.node,
                    outcome.host,
                    int(own_operator),
                    outcome.result,
                    outcome.at,
                    canonical(outcome_to_json(outcome)),
                ),
            )
            if not done.rowcount:
                return False
            if local:
                self._write("UPDATE tries SET result=? WHERE try_id=?", (outcome.result, try_id))
            self.add_event(
                "try.outcome" if local else "outcome.received",
                incident_id=outcome.incident_id,
                skill_id=outcome.skill_id,
                agent=outcome.agent,
                data={"result": outcome.result, "seconds": outcome.seconds, "host": outcome.host, "node": outcome.node},
            )
        return True

    def outcomes(self, *, skill_id: str = "", incident_id: str = "", own_only: bool = False) -> list[Outcome]:
        """Return outcomes of a skill or of an incident, in the order in which this node learnt of them."""
        return self._all(reads.outcomes(skill_id, incident_id, own_only=own_only))
