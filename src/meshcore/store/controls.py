"""What an operator or a person has ruled, and what the operator signed of it."""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.events import EventKind
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.queries import Read
from meshcore.store.rows import folder_of_text, folder_to_text


class Controls:
    """The table `control`: what an operator or a person has ruled, by key."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def get(self, key: str) -> str:
        """Return what an operator has set, for example `mode` or `halt`; empty where nothing was."""
        return self._db.one(reads.control(key)) or ""

    def request(self, key: str, value: str, actor: str, kind: EventKind) -> None:
        """Set what an operator decides, with its event."""
        with self._db.transaction(durable=True):
            self._db.execute("INSERT OR REPLACE INTO control VALUES (?,?,?,?)", (key, value, self._db.now(), actor))
            self._events.add(kind, data={"key": key, "value": value, "actor": actor})

    def take(self, key: str) -> str:
        """Return what was asked for under a key and take it away: one of several that look gets it; "" for nothing."""
        if not self.get(key):
            return ""
        with self._db.transaction():
            value = self.get(key)
            self._db.execute("DELETE FROM control WHERE key=?", (key,))
        return value

    def under(self, prefix: str) -> Mapping[str, str]:
        """Return what an operator has set under keys that begin like this."""
        return dict(self._db.all(reads.controls(prefix)))

    def set(self, key: str, value: str, actor: str) -> None:
        """Set what an operator decides, or take it back with an empty value; the caller writes the event."""
        with self._db.transaction(durable=True):
            self._db.execute("DELETE FROM control WHERE key=?", (key,))
            if value:
                self._db.execute("INSERT INTO control VALUES (?,?,?,?)", (key, value, self._db.now(), actor))


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

    def all(self) -> list[tuple[str, str, str, str]]:
        """Return (skill, action hash, folder, who) of each."""
        sql = (
            "SELECT skill_id, action_hash, folder, actor FROM standing_approvals ORDER BY skill_id, action_hash, folder"
        )
        return self._db.all(Read(sql, lambda row: (row[0], row[1], folder_of_text(row[2]), row[3])))


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

    def drop(self, skill_id: str, folder: str) -> None:
        """Offer a skill in a project again; the caller writes the event."""
        with self._db.transaction(durable=True):
            self._db.execute("DELETE FROM refusals WHERE folder=? AND skill_id=?", (folder_to_text(folder), skill_id))


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
