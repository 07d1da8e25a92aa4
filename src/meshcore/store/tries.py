"""What was tried and what came of it: intents, written before anything runs, and outcomes, own and others'."""

from __future__ import annotations

import json
from collections.abc import Sequence

from meshcore.model import Json, Outcome, canonical
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.incidents import Incidents
from meshcore.store.read import Read
from meshcore.store.rows import folder_to_text, outcome_to_json


class Tries:
    """The table `tries`."""

    def __init__(self, db: Database, events: Events, incidents: Incidents) -> None:
        self._db = db
        self._events = events
        self._incidents = incidents

    def intend(
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
        with self._db.transaction(durable=True):
            self._db.execute(
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
                    self._db.now(),
                    self._db.clock.monotonic(),
                    boot,
                ),
            )
            self._incidents.set_state(incident_id, "fixing", skill_id=skill_id)
            self._events.add(
                "try.intent",
                incident_id=incident_id,
                skill_id=skill_id,
                data={"try": try_id, "plan": plan, "actor": actor},
            )

    def unattended_ago(self, skill_id: str, boot: str) -> list[float]:
        """Return how many seconds ago policy applied a skill here, in this boot."""
        sql = "SELECT monotonic FROM tries WHERE skill_id=? AND boot=? AND actor='policy'"
        now = self._db.clock.monotonic()
        return self._db.all(Read(sql, lambda row: now - row[0], (skill_id, boot)))

    def same_command_ago(
        self, argv: Sequence[str], cwd: str, skill_id: str, boot: str, failed_at: float, line: str
    ) -> list[float]:
        """Return how many seconds ago finished tries by policy were made for the same command and folder.

        What was verified only after `failed_at` (monotonic seconds) is left out: this failure says nothing against it.
        So is what got the command past another error than the one that `line` tells, and what could not be applied.
        """
        sql = (
            "SELECT monotonic FROM tries JOIN incidents USING (incident_id) WHERE tries.skill_id=? AND tries.boot=?"
            " AND actor='policy' AND tries.result NOT IN ('', 'not_applied') AND argv=? AND cwd=?"
            " AND NOT (tries.result='verified' AND coalesce(opened_monotonic+seconds, 0)>?)"
            " AND NOT (tries.result='progress' AND line<>?)"
        )
        now = self._db.clock.monotonic()
        parameters = (skill_id, boot, json.dumps(list(argv)), folder_to_text(cwd), failed_at, line)
        return self._db.all(Read(sql, lambda row: now - row[0], parameters))

    def last_results(self, after: str, limit: int) -> list[str]:
        """Return the newest results of this node's tries that began after a time, newest first."""
        sql = "SELECT result FROM tries WHERE result<>'' AND intent_at>? ORDER BY intent_at DESC LIMIT ?"
        return self._db.all(Read(sql, lambda row: str(row[0]), (after, limit)))

    def unfinished(self) -> list[tuple[str, str, str, str]]:
        """Return (try, incident, skill, process) of every intent without an outcome."""
        sql = "SELECT try_id, incident_id, skill_id, process FROM tries WHERE result='' ORDER BY intent_at"
        return self._db.all(Read(sql, lambda row: (row[0], row[1], row[2], row[3])))


class Outcomes:
    """The table `outcomes`."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def add(self, outcome: Outcome, *, own_operator: bool, try_id: str = "") -> bool:
        """Store an outcome, of this node (with its try) or of another; False where it is there already."""
        local = bool(try_id)
        with self._db.transaction(durable=local):
            done = self._db.execute(
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
                self._db.execute("UPDATE tries SET result=? WHERE try_id=?", (outcome.result, try_id))
            self._events.add(
                "try.outcome" if local else "outcome.received",
                incident_id=outcome.incident_id,
                skill_id=outcome.skill_id,
                agent=outcome.agent,
                data={"result": outcome.result, "seconds": outcome.seconds, "host": outcome.host, "node": outcome.node},
            )
        return True

    def of(self, *, skill_id: str = "", incident_id: str = "", own_only: bool = False) -> list[Outcome]:
        """Return outcomes of a skill or of an incident, in the order in which this node learnt of them."""
        return self._db.all(reads.outcomes(skill_id=skill_id, incident_id=incident_id, own_only=own_only))

    def last_here(self, skill_id: str, node: str, folder: str) -> str:
        """Return the result of this node's newest try of a skill for a command of a folder, "" without one."""
        sql = (
            "SELECT o.result FROM outcomes o JOIN incidents i USING (incident_id)"
            " WHERE o.skill_id=? AND o.node=? AND i.cwd=? ORDER BY o.seq DESC LIMIT 1"
        )
        return self._db.one(Read(sql, lambda row: str(row[0]), (skill_id, node, folder_to_text(folder)))) or ""
