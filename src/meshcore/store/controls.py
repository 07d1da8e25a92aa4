"""The small values of a store: what the program notes for itself, what an operator rules, and what they signed."""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.events import EventKind
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.queries import Read


class Meta:
    """The table `meta`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: str, default: str = "") -> str:
        """Return a stored value, or the default."""
        found = self._db.one(reads.meta(key))
        return default if found is None else found

    def set(self, key: str, value: str) -> None:
        """Store a value."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def under(self, prefix: str) -> dict[str, str]:
        """Return the stored values whose keys begin like this, by key."""
        return dict(self._db.all(reads.metas(prefix)))

    def drop(self, key: str) -> None:
        """Forget a stored value."""
        with self._db.transaction():
            self._db.execute("DELETE FROM meta WHERE key=?", (key,))


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
