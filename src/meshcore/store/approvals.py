"""What waits for a person, what they said, and how it went: asked, settled, claimed by one process, carried out."""

from __future__ import annotations

import json

from meshcore.model import IncidentState
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.incidents import Incidents
from meshcore.store.read import Read
from meshcore.store.rows import Approval, approval_of_row

TAKEN_BACK = "taken back"  # the result of a rejection whose try waits again, under an id of its own


class Approvals:
    """The table `approvals`."""

    def __init__(self, db: Database, events: Events, incidents: Incidents) -> None:
        self._db = db
        self._events = events
        self._incidents = incidents

    def ask(self, approval: Approval) -> bool:
        """Let a try wait for a person; False where the same already waits."""
        with self._db.transaction():
            waiting = self._db.execute(
                "SELECT 1 FROM approvals WHERE state='waiting' AND incident_id=? AND action_hash=?",
                (approval.incident_id, approval.action_hash),
            ).fetchone()
            if waiting:
                return False
            self._db.execute(
                "INSERT INTO approvals (approval_id, incident_id, skill_id, action_hash, command, reasons, asked,"
                " state, resolved, actor, runs, rerun) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    approval.approval_id,
                    approval.incident_id,
                    approval.skill_id,
                    approval.action_hash,
                    approval.command,
                    json.dumps(approval.reasons),
                    approval.asked,
                    approval.state,
                    approval.resolved,
                    approval.actor,
                    approval.runs,
                    approval.rerun,
                ),
            )
            self._incidents.set_state(approval.incident_id, "needs_approval", skill_id=approval.skill_id)
            self._events.add(
                "approval.waiting",
                incident_id=approval.incident_id,
                skill_id=approval.skill_id,
                data={
                    "approval": approval.approval_id,
                    "command": approval.command,
                    "runs": approval.runs,
                    "rerun": approval.rerun,
                    "reasons": list(approval.reasons),
                },
            )
        return True

    def share(self, approval: Approval, incident_id: str) -> None:
        """Let another incident wait for the same answer: it is the same fix in the same project."""
        with self._db.transaction():
            self._db.execute("UPDATE incidents SET approval=? WHERE incident_id=?", (approval.approval_id, incident_id))
            self._incidents.set_state(incident_id, "needs_approval", skill_id=approval.skill_id)

    def take_back(self, rejected: Approval, again: Approval, actor: str) -> bool:
        """Note that a rejection was taken back, once, and let what shared it wait for the new answer; False if late."""
        with self._db.transaction(durable=True):
            done = self._db.execute(
                "UPDATE approvals SET result=? WHERE approval_id=? AND state='rejected' AND result=''",
                (TAKEN_BACK, rejected.approval_id),
            )
            if done.rowcount:
                sql = "SELECT incident_id FROM incidents WHERE approval=? AND state='refused'"
                for incident_id in self._db.all(Read(sql, lambda row: str(row[0]), (rejected.approval_id,))):
                    self.share(again, incident_id)
                data = {"approval": rejected.approval_id, "again": again.approval_id, "actor": actor}
                self._events.add(
                    "approval.taken_back", incident_id=again.incident_id, skill_id=again.skill_id, data=data
                )
        return done.rowcount == 1

    def _release(self, approval_id: str, state: IncidentState) -> None:
        """Move on the other incidents that waited for this answer."""
        sql = "SELECT incident_id FROM incidents WHERE approval=? AND state='needs_approval'"
        for incident_id in self._db.all(Read(sql, lambda row: str(row[0]), (approval_id,))):
            self._incidents.set_state(incident_id, state)

    def all(self, *, waiting_only: bool = True) -> list[Approval]:
        """Return approvals, oldest first."""
        return self._db.all(reads.approvals(waiting_only=waiting_only))

    def count_waiting(self) -> int:
        """Return how many wait for a person."""
        sql = "SELECT count(*) FROM approvals WHERE state='waiting'"
        return self._db.one(Read(sql, lambda row: int(row[0]))) or 0

    def find(self, reference: str) -> Approval | None:
        """Return the approval with this id or unambiguous beginning of it."""
        return self._db.one(reads.approval(reference))

    def resolve(
        self,
        approval_id: str,
        state: str,
        actor: str,
        *,
        process: str = "",
        applied: bool = False,
        afar: bool = False,
    ) -> bool:
        """Settle what waits; False where somebody else did before. `process` carries it out itself, at once.

        `applied`: the fix was made by another try, and what shares the answer waits for its command's next success.
        `afar`: by a person at another host; their no also settles what was approved and nobody carries out yet.
        """
        open_ = "state='waiting'"
        if afar and state == "rejected":
            open_ = "(state='waiting' OR (state='approved' AND process='' AND result=''))"
        with self._db.transaction(durable=True):
            done = self._db.execute(
                f"UPDATE approvals SET state=?, resolved=?, actor=?, process=?, afar=? WHERE approval_id=? AND {open_}",  # noqa: S608 - constants
                (state, self._db.now(), actor, process, int(afar), approval_id),
            )
            if done.rowcount:
                self._events.add("approval.resolved", data={"approval": approval_id, "state": state, "actor": actor})
                if state != "approved":
                    other: IncidentState = "applied_not_rerun" if applied else "matched"
                    self._release(approval_id, "refused" if state == "rejected" else other)
        return done.rowcount == 1

    def to_tell(self, limit: int) -> list[Approval]:
        """Return what own nodes were not told of as it stands now, oldest first."""
        sql = (
            "SELECT * FROM approvals WHERE told NOT IN ('untold', state || ':' || result)"
            " AND (state='waiting' OR told<>'') ORDER BY seq LIMIT ?"
        )
        return self._db.all(Read(sql, approval_of_row, (limit,)))

    def note_told(self, approval: Approval, *, is_told: bool) -> None:
        """Note that own nodes were told of an approval as it stands, or that it is decided here only."""
        told = f"{approval.state}:{approval.result}" if is_told else "untold"
        with self._db.transaction():
            self._db.execute("UPDATE approvals SET told=? WHERE approval_id=?", (told, approval.approval_id))

    def approved(self) -> list[Approval]:
        """Return what was approved and is not carried out, claimed or not, oldest first."""
        return self._db.all(reads.approved())

    def claim(self, approval_id: str, process: str) -> bool:
        """Give what was approved to one process to carry out; False where another has it, or it is done."""
        with self._db.transaction(durable=True):
            done = self._db.execute(
                "UPDATE approvals SET process=? WHERE approval_id=? AND state='approved' AND process='' AND result=''",
                (process, approval_id),
            )
        return done.rowcount == 1

    def finish(self, approval_id: str, result: str, why: str = "") -> bool:
        """Note how carrying out went, once, with its event; False where that is known already."""
        with self._db.transaction(durable=True):
            done = self._db.execute(
                "UPDATE approvals SET result=? WHERE approval_id=? AND state='approved' AND result=''",
                (result, approval_id),
            )
            if done.rowcount:
                data = {"approval": approval_id, "result": result, **({"why": why} if why else {})}
                self._events.add("approval.carried", data=data)
                applied = result in ("verified", "progress", "applied_not_rerun")
                self._release(approval_id, "applied_not_rerun" if applied else "matched")
        return done.rowcount == 1
