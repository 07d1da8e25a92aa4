"""What the gateway remembers between its steps, shared by all processes that serve one old database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from meshcore.bridge.sqlite.places import make_folder
from meshcore.bridge.sqlite.schema import Schema, made_by, statements
from meshcore.bridge.sqlite.wal import WalFile
from meshcore.errors import ConfigurationError

_SCHEMA = Path(__file__).parent / "sql" / "state_001.sql"


Queued: TypeAlias = tuple[int, str, str, str, str]
"""A row that waits to be written to the old table: seq, message id, sender, content, local time."""

Waiting: TypeAlias = tuple[str, int, float | None]
"""A row among the ten oldest pending: message id, seq, since when (monotonic), None where it has just come there."""


class StateFile(WalFile):
    """The gateway's own file, in a folder beside the old database; it holds nothing that cannot be found anew."""

    def __init__(self, old: Path, deadline: float) -> None:
        folder = old.with_name(old.name + ".mesh.old")
        super().__init__(folder / "state.db", deadline, folder / "lock")

    def begin(self, bridge_id: str) -> None:
        """Forget everything that was noted of another bridge."""
        with self.reading() as connection:
            (known,) = connection.execute("SELECT value FROM meta WHERE name = 'bridge_id'").fetchone()
        if known != bridge_id:
            with self.writing() as connection:
                connection.execute("DELETE FROM rows")
                connection.execute("DELETE FROM queue")
                connection.execute("UPDATE meta SET value = ? WHERE name = 'bridge_id'", (bridge_id,))

    def queue(self, rows: Sequence[Queued]) -> None:
        """Note rows that are to be written to the old table, unless they are there or wait already."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO queue (seq, message_id, sender, content, created_time) "
                "SELECT ?1, ?2, ?3, ?4, ?5 WHERE NOT EXISTS (SELECT 1 FROM rows WHERE seq = ?1)",
                rows,
            )

    def queued(self, limit: int) -> list[Queued]:
        """Return what waits to be written."""
        with self.reading() as connection:
            return connection.execute(
                "SELECT seq, message_id, sender, content, created_time FROM queue ORDER BY seq LIMIT ?", (limit,)
            ).fetchall()

    def add(self, rows: Sequence[tuple[str, int]]) -> None:
        """Note messages of the old table (message id, seq) that are on the bridge; they wait no more."""
        with self.writing() as connection:
            connection.executemany("INSERT OR IGNORE INTO rows (message_id, seq) VALUES (?, ?)", rows)
            connection.executemany("DELETE FROM queue WHERE message_id = ?", [(row[0],) for row in rows])

    def remove(self, message_ids: Sequence[str]) -> None:
        """Forget messages that are no longer in the old table."""
        with self.writing() as connection:
            connection.executemany("DELETE FROM rows WHERE message_id = ?", [(one,) for one in message_ids])

    def withdraw(self, carries: Callable[[str], bool]) -> None:
        """Remove what waits to be written and carries a record by its content."""
        for row in self.queued(-1):
            if carries(row[3]):
                with self.writing() as connection:
                    connection.execute("PRAGMA secure_delete=ON")
                    connection.execute("DELETE FROM queue WHERE message_id = ?", (row[1],))

    def known(self) -> set[str]:
        """Return the ids of the old table's rows that are known, or about to be written there."""
        with self.reading() as connection:
            rows = connection.execute("SELECT message_id FROM rows UNION ALL SELECT message_id FROM queue")
            return {row[0] for row in rows}

    def waiting(self, window: Sequence[str]) -> list[Waiting]:
        """Return the known ones of the ten oldest pending."""
        with self.reading() as connection:
            return connection.execute(
                "SELECT message_id, seq, window_since FROM rows WHERE message_id IN (SELECT value FROM json_each(?))",
                (json.dumps(window),),
            ).fetchall()

    def mark(self, window: Sequence[str], entered: Sequence[str], now: float) -> None:
        """Note since when rows are among the ten oldest; those that no longer are lose their mark."""
        with self.reading() as connection:
            rows = connection.execute("SELECT message_id FROM rows WHERE window_since IS NOT NULL")
            left = [row[0] for row in rows if row[0] not in window]
        if entered or left:
            with self.writing() as connection:
                connection.executemany(
                    "UPDATE rows SET window_since = ? WHERE message_id = ?",
                    [(now, message_id) for message_id in entered] + [(None, message_id) for message_id in left],
                )

    def _before_open(self) -> None:
        try:
            make_folder(self.path.parent)
        except OSError as error:
            raise ConfigurationError(
                f"{self.path.parent} is no folder of the bridge's ({error.strerror}); move it away"
            ) from error
        super()._before_open()

    def _schemas(self) -> Sequence[Schema]:
        return (made_by(_SCHEMA),)

    def _fill(self, connection: sqlite3.Connection) -> None:
        for statement in statements(_SCHEMA):
            connection.execute(statement)
