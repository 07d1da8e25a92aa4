"""What an operator or a person has ruled of this home as a whole, by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.store.database import Database
from meshcore.store.read import Read

if TYPE_CHECKING:  # which takes a while to load, and a hook only reads here
    from meshcore.events import EventKind


def control(key: str) -> Read[str]:
    """What an operator has set."""
    return Read("SELECT value FROM control WHERE key=?", lambda row: str(row[0]), (key,))


class Controls:
    """The table `control`: what an operator or a person has ruled, by key."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: str) -> str:
        """Return what an operator has set, for example `mode` or `halt`; empty where nothing was."""
        return self._db.one(control(key)) or ""

    def request(self, key: str, value: str, actor: str, kind: EventKind) -> None:
        """Set what an operator decides, with its event."""
        from meshcore.store.events import Events  # a hook only reads here

        with self._db.transaction(durable=True):
            self._db.execute("INSERT OR REPLACE INTO control VALUES (?,?,?,?)", (key, value, self._db.now(), actor))
            Events(self._db).add(kind, data={"key": key, "value": value, "actor": actor})

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
        sql = "SELECT key, value FROM control WHERE key>=? AND key<? ORDER BY key"
        return dict(self._db.all(Read(sql, lambda row: (str(row[0]), str(row[1])), (prefix, prefix + "\U0010ffff"))))

    def set(self, key: str, value: str, actor: str) -> None:
        """Set what an operator decides, or take it back with an empty value; the caller writes the event."""
        with self._db.transaction(durable=True):
            self._db.execute("DELETE FROM control WHERE key=?", (key,))
            if value:
                self._db.execute("INSERT INTO control VALUES (?,?,?,?)", (key, value, self._db.now(), actor))
