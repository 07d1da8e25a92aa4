"""What hooks keep from one call to the next: sessions in which something failed, notes, and what policy decided."""

from __future__ import annotations

from datetime import timedelta

from meshcore.clock import to_text
from meshcore.store.database import Database
from meshcore.store.read import Read


class HookSessions:
    """The table `hook_sessions`; `commands`, `failed` and `offered` are JSON (see `hook.memory`)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, session: str) -> tuple[str, str, str] | None:
        """Return (commands, failed, offered) of a session, None where nothing is open in it."""
        sql = "SELECT commands, failed, offered FROM hook_sessions WHERE session=?"
        return self._db.one(Read(sql, lambda row: (str(row[0]), str(row[1]), str(row[2])), (session,)))

    def put(self, session: str, commands: str, failed: str, offered: str) -> None:
        """Keep what is to be known of a session."""
        values = (session, self._db.now(), commands, failed, offered)
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO hook_sessions VALUES (?,?,?,?,?)", values)

    def drop(self, session: str) -> None:
        """Forget a session."""
        with self._db.transaction():
            self._db.execute("DELETE FROM hook_sessions WHERE session=?", (session,))

    def forget(self, before: str) -> bool:
        """Forget the sessions of which nothing was kept since a time; False where there were none."""
        with self._db.transaction():
            return self._db.execute("DELETE FROM hook_sessions WHERE at<?", (before,)).rowcount > 0


class HookNotes:
    """The table `hook_notes`: what is known of a session, failed or not, as JSON (see `hook.known`)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, session: str) -> str:
        """Return the notes of a session, "" where there are none."""
        sql = "SELECT notes FROM hook_notes WHERE session=?"
        return self._db.one(Read(sql, lambda row: str(row[0]), (session,))) or ""

    def put(self, session: str, notes: str) -> None:
        """Keep the notes of a session."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO hook_notes VALUES (?,?,?)", (session, self._db.now(), notes))

    def forget(self, days: float) -> None:
        """Forget the notes that nobody wrote for so many days."""
        before = to_text(self._db.clock.now() - timedelta(days=days))
        with self._db.transaction():
            self._db.execute("DELETE FROM hook_notes WHERE at<?", (before,))


class Verdicts:
    """The table `verdicts`: what policy decides on a question, while policy.toml stands as it is."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, question: str) -> str:
        """Return the stored decision, "" where policy was not asked since policy.toml changed."""
        sql = "SELECT decision FROM verdicts WHERE question=?"
        return self._db.one(Read(sql, lambda row: str(row[0]), (question,))) or ""

    def put(self, question: str, decision: str) -> None:
        """Store a decision."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO verdicts VALUES (?,?)", (question, decision))
