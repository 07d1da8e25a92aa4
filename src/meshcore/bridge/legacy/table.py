"""The table of the earlier system, `enhanced_messages`: read as its programs left it, written as they expect it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from meshcore.bridge.limits import MAX_TEXT, before
from meshcore.bridge.sqlite.file import SqliteFile, file_mode
from meshcore.bridge.sqlite.wal import statements
from meshcore.clock import Clock
from meshcore.errors import ConfigurationError
from meshcore.model import Json

WINDOW = 10  # rows that an old listener reads at once
_SCHEMA = Path(__file__).parent / "sql" / "old_table.sql"
_BROADCAST = "SELECT COUNT(*) FROM enhanced_messages WHERE message_id LIKE 'skill_%'"
_QUERIES = (_BROADCAST, _BROADCAST + " AND status='pending'")  # what the operators' documents quote
_TABLES = {"enhanced_messages", "shared_context", "active_connections", "bridge_metrics"}
_COLUMNS = frozenset(
    {"message_id", "from_connection", "to_connection", "from_app", "to_app"}
    | {"priority", "content", "status", "created_time", "delivered_time"}
)
_SKILL_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": (int,),
    "error_type": (str,),
    "pattern": (str,),
    "resolution": (str,),
    "context": (str,),
    "created": (str,),
    "usage_count": (int,),
    "success_rate": (int, float),
}


@dataclass(frozen=True, slots=True)
class OldRow:
    """One message of the old table; `content` is cut at MAX_TEXT characters."""

    message_id: str
    content: str


class OldFile(SqliteFile):
    """The old database: keeps its journal mode, its other tables and columns that are not ours."""

    def check(self, thorough: bool) -> None:
        """Make the file where it is missing or empty; `thorough` reads its tables in any case. Raises MeshError.

        Never opened but through SQLite: closing any other descriptor would drop this process's locks on the file.
        """
        try:
            is_there = self.path.stat().st_size > 0
        except OSError:
            is_there = False
        if thorough or not is_there:
            with closing(self), self.reading():
                pass

    def queries(self) -> list[tuple[str, int]]:
        """Return the two queries of the operators' documents (skills broadcast, pending) with what they say now."""
        with self.reading() as connection:
            return [(query, int(connection.execute(query).fetchone()[0])) for query in _QUERIES]

    def version(self) -> tuple[int, int]:
        """Return a value that changes when another connection wrote to the file, or it was replaced."""
        with self.reading() as connection:
            (number,) = connection.execute("PRAGMA data_version").fetchone()
            return self.generation, number

    def message_ids(self) -> list[str]:
        """Return the ids of all messages for agents, whatever their status, in the order in which they were sent."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT message_id FROM enhanced_messages WHERE to_app IN ('eventrelay', 'all') "
                "ORDER BY created_time, message_id"
            )
            return [row[0] for row in rows if isinstance(row[0], str)]

    def rows(self, message_ids: Sequence[str]) -> list[OldRow]:
        """Return messages by id; one that has gone is left out."""
        # substr alone would end a text at its first zero byte.
        query = (
            "SELECT CASE WHEN length(CAST(content AS BLOB)) <= ?1 THEN CAST(content AS TEXT) "
            "ELSE substr(CAST(content AS TEXT), 1, ?1) END FROM enhanced_messages WHERE message_id = ?2"
        )
        found = []
        with self.reading() as connection:
            for message_id in message_ids:
                row = connection.execute(query, (MAX_TEXT, message_id)).fetchone()
                if row:
                    found.append(OldRow(message_id, row[0] or ""))
        return found

    def window(self) -> list[str]:
        """Return the ids that an old listener would read next."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT message_id FROM enhanced_messages WHERE to_app IN ('eventrelay', 'all') "
                "AND status = 'pending' ORDER BY created_time LIMIT ?",
                (WINDOW,),
            )
            return [row[0] for row in rows if isinstance(row[0], str)]

    def mark_delivered(self, message_ids: Sequence[str], now: datetime) -> int:
        """Set pending messages to delivered; return how many were."""
        done = 0
        with self.writing() as connection:
            for message_id in message_ids:
                done += connection.execute(
                    "UPDATE enhanced_messages SET status = 'delivered', delivered_time = ? "
                    "WHERE message_id = ? AND status = 'pending'",
                    (local_time(now), message_id),
                ).rowcount
        return done

    def insert(self, rows: Sequence[Sequence[str]]) -> None:
        """Write messages (message id, sender, content, local time) to all; one that is there already stays as it is."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT INTO enhanced_messages (message_id, from_connection, to_connection, from_app, to_app, "
                "priority, content, status, created_time) "
                "SELECT ?1, ?2, 'all', 'eventrelay', 'all', 'high', ?3, 'pending', ?4 "
                "WHERE NOT EXISTS (SELECT 1 FROM enhanced_messages WHERE message_id = ?1)",
                rows,
            )

    def delivered_skills(self, clock: Clock, older_than: float) -> list[str]:
        """Return the ids of delivered skill rows that were sent more than some seconds ago."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT message_id FROM enhanced_messages WHERE message_id LIKE 'skill_%' AND status = 'delivered' "
                "AND created_time < ? ORDER BY created_time",
                (local_time(before(clock.now(), older_than)),),
            )
            return [row[0] for row in rows]

    def delete(self, message_ids: Sequence[str]) -> None:
        """Delete messages."""
        with self.writing() as connection:
            connection.executemany(
                "DELETE FROM enhanced_messages WHERE message_id = ?", [(message_id,) for message_id in message_ids]
            )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        columns = _columns(connection)
        if not columns:
            self._create(connection)
            columns = _columns(connection)
        missing = sorted(_COLUMNS - columns)
        if missing:
            raise ConfigurationError(
                f"{self.path} has a table enhanced_messages without {', '.join(missing)}: "
                "not a bridge; name another file with --bridge"
            )

    def _create(self, connection: sqlite3.Connection) -> None:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not tables & _TABLES:
            raise ConfigurationError(f"{self.path} is another program's database; name another file with --bridge")
        connection.execute("BEGIN IMMEDIATE")
        for statement in statements(_SCHEMA):
            connection.execute(statement)
        connection.execute("COMMIT")
        if not tables:
            self.path.chmod(file_mode(self.path.parent))


def is_complete(skill: Mapping[str, Json]) -> bool:
    """Say whether old listeners can read a SKILL: with a field missing one of them would stop for ever."""
    fits = all(
        isinstance(skill.get(name), kinds) and not isinstance(skill.get(name), bool)
        for name, kinds in _SKILL_FIELDS.items()
    )
    return fits and bool(skill["error_type"]) and bool(skill["pattern"])


def local_time(now: datetime) -> str:
    """Write a moment as old programs do: naive local time with microseconds."""
    return now.astimezone().replace(tzinfo=None).isoformat(timespec="microseconds")


def _columns(connection: sqlite3.Connection) -> frozenset[str]:
    return frozenset(row[1] for row in connection.execute("PRAGMA table_info(enhanced_messages)"))
