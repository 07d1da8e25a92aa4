"""What an operator or a person has ruled of single things, and what the operator signed of it."""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.store.database import Database
from meshcore.store.read import Read
from meshcore.store.rows import folder_of_text, folder_to_text


@dataclass(frozen=True, slots=True)
class ForProject:
    """What a person ruled for a project, and when; `action_hash` names the fix that may run, "" for a skill refused."""

    skill_id: str
    action_hash: str
    folder: str
    at: str
    actor: str


class SignedDecisions:
    """The table `words`: decisions that the operator signed, where their key is protected."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, kind: str, key: str, text: str, sig: str) -> None:
        """keep a signed decision; the one before it for the same thing is gone."""
        with self._db.transaction(durable=True):
            self._db.execute("INSERT OR REPLACE INTO words VALUES (?,?,?,?)", (kind, key, text, sig))

    def get(self, kind: str, key: str) -> tuple[str, str] | None:
        """Return the text and signature that are kept for a thing; nothing says yet that they hold."""
        sql = "SELECT text, sig FROM words WHERE kind=? AND key=?"
        return self._db.one(Read(sql, lambda row: (str(row[0]), str(row[1])), (kind, key)))

    def drop(self, kind: str, key: str) -> None:
        """Forget a signed decision."""
        with self._db.transaction(durable=True):
            self._db.execute("DELETE FROM words WHERE kind=? AND key=?", (kind, key))


class StandingApprovals:
    """The table `standing_approvals`: fixes that may run in a project for good."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, skill_id: str, action_hash: str, folder: str) -> str:
        """Return who approved exactly this action of a skill in a project, "" where nobody did."""
        sql = "SELECT actor FROM standing_approvals WHERE skill_id=? AND action_hash=? AND folder=?"
        parameters = (skill_id, action_hash, folder_to_text(folder))
        return self._db.one(Read(sql, lambda row: str(row[0]), parameters)) or ""

    def put(self, skill_id: str, action_hash: str, folder: str, actor: str) -> None:
        """Keep who approved what for good; the caller writes the event."""
        values = (skill_id, action_hash, folder_to_text(folder), self._db.now(), actor)
        with self._db.transaction(durable=True):
            self._db.execute("INSERT OR REPLACE INTO standing_approvals VALUES (?,?,?,?,?)", values)

    def drop(self, skill_id: str, action_hash: str, folder: str) -> bool:
        """Let an approval stand no longer; False where it did not. The caller writes the event."""
        with self._db.transaction(durable=True):
            done = self._db.execute(
                "DELETE FROM standing_approvals WHERE skill_id=? AND action_hash=? AND folder=?",
                (skill_id, action_hash, folder_to_text(folder)),
            )
        return done.rowcount == 1

    def all(self) -> list[ForProject]:
        """Return each, by skill, action and folder."""
        sql = (
            "SELECT skill_id, action_hash, folder, at, actor FROM standing_approvals"
            " ORDER BY skill_id, action_hash, folder"
        )
        return self._db.all(Read(sql, lambda row: ForProject(row[0], row[1], folder_of_text(row[2]), row[3], row[4])))

    def command(self, skill_id: str, action_hash: str) -> str:
        """Return the fix that an action hash stands for, as a person was shown it; "" where that is not kept."""
        sql = "SELECT command FROM approvals WHERE skill_id=? AND action_hash=? ORDER BY seq DESC LIMIT 1"
        return self._db.one(Read(sql, lambda row: str(row[0]), (skill_id, action_hash))) or ""

    def tries(self, skill_id: str, since: str, reason: str) -> list[tuple[str, str]]:
        """Return (folder, fix) of each try of a skill since then that nobody was asked about for this reason."""
        return self._db.all(
            Read(_TRIES_FOR, lambda row: (folder_of_text(row[0]), str(row[1])), (skill_id, since, reason))
        )


_TRIES_FOR = """
SELECT i.cwd, json_extract(e.data, '$.command') FROM tries t JOIN incidents i USING (incident_id)
JOIN events e ON e.incident_id=t.incident_id AND e.incident_id<>'' AND e.kind='try.decided'
WHERE t.skill_id=? AND t.actor='policy' AND t.intent_at>=? AND json_extract(e.data, '$.decision')='run'
AND EXISTS (SELECT 1 FROM json_each(e.data, '$.reasons') WHERE value=?) GROUP BY t.try_id
"""


class Refusals:
    """The table `refusals`: skills that are not wanted in a project."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def in_project(self, folder: str) -> dict[str, str]:
        """Return the skills that are not offered in a project, and who wants each of them no more."""
        sql = "SELECT skill_id, actor FROM refusals WHERE folder=?"
        return dict(self._db.all(Read(sql, lambda row: (str(row[0]), str(row[1])), (folder_to_text(folder),))))

    def put(self, skill_id: str, folder: str, actor: str) -> None:
        """Offer a skill in a project no more; the caller writes the event."""
        with self._db.transaction(durable=True):
            values = (folder_to_text(folder), skill_id, self._db.now(), actor)
            self._db.execute("INSERT OR REPLACE INTO refusals VALUES (?,?,?,?)", values)

    def drop(self, skill_id: str, folder: str) -> bool:
        """Offer a skill in a project again; False where it was. The caller writes the event."""
        sql = "DELETE FROM refusals WHERE folder=? AND skill_id=?"
        with self._db.transaction(durable=True):
            return self._db.execute(sql, (folder_to_text(folder), skill_id)).rowcount == 1

    def all(self) -> list[ForProject]:
        """Return each, by folder and skill."""
        sql = "SELECT skill_id, folder, at, actor FROM refusals ORDER BY folder, skill_id"
        return self._db.all(Read(sql, lambda row: ForProject(row[0], "", folder_of_text(row[1]), row[2], row[3])))


class Halts:
    """The table `halts`: what own nodes told of their halts."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def reasons(self) -> list[str]:
        """Return why nodes have halted the mesh; none where nothing is halted."""
        return self._db.all(Read("SELECT why FROM halts WHERE why<>'' ORDER BY node", lambda row: str(row[0])))

    def find(self, node: str) -> tuple[str, str]:
        """Return why a node has halted the mesh, "" where it has not, and the mark of its last halt."""
        found = Read("SELECT why, mark FROM halts WHERE node=?", lambda row: (str(row[0]), str(row[1])), (node,))
        return self._db.one(found) or ("", "")

    def put(self, node: str, why: str, mark: str) -> None:
        """Keep a halt of a node, with its mark; the caller writes the event."""
        with self._db.transaction(durable=True):
            self._db.execute("INSERT OR REPLACE INTO halts VALUES (?,?,?)", (node, why, mark))

    def lift(self, node: str = "") -> None:
        """Lift the halt of a node, or all of them; the marks stay."""
        with self._db.transaction(durable=True):
            self._db.execute("UPDATE halts SET why='' WHERE ? IN ('', node)", (node,))
