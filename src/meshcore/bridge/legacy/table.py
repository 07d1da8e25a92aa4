"""The table of the earlier system, `enhanced_messages`: read as its programs left it, written as they expect it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from meshcore.bridge.limits import KEPT_TEXT, MAX_TEXT, before
from meshcore.bridge.sqlite.file import Opened, SqliteFile
from meshcore.bridge.sqlite.places import check_file, has_content, make_empty_file
from meshcore.bridge.sqlite.schema import refuse_active, schema, statements
from meshcore.clock import Clock
from meshcore.errors import BridgeUnavailableError, ConfigurationError
from meshcore.model import Json

WINDOW = 10  # rows that an old listener reads at once
_PAUSE = 0.005  # seconds between two attempts to write
_TABLE = "enhanced_messages"
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
    """One message of the old table; of a content that is longer than `MAX_TEXT` only the beginning is here."""

    message_id: str
    content: str


class OldFile(SqliteFile):
    """The old database: keeps its journal mode, its other tables and columns that are not ours."""

    guards_every_look = True  # other programs keep a rollback journal

    def check(self, thorough: bool) -> None:
        """Make the file where it is missing or empty; `thorough` reads its tables in any case. Raises MeshError."""
        if thorough or not has_content(self.path):
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
        with self.reading() as connection:
            found = [(message_id, _content(connection, message_id)) for message_id in message_ids]
        return [OldRow(message_id, content) for message_id, content in found if content is not None]

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

    def skills(self) -> list[OldRow]:
        """Return all skill rows."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT message_id, substr(content, 1, ?) FROM enhanced_messages WHERE message_id LIKE 'skill_%'",
                (MAX_TEXT,),
            )
            return [OldRow(*row) for row in rows]

    def delete(self, message_ids: Sequence[str]) -> None:
        """Delete messages; they are overwritten in the file."""
        with self.writing() as connection:
            connection.execute("PRAGMA secure_delete=ON")
            connection.executemany(
                "DELETE FROM enhanced_messages WHERE message_id = ?", [(message_id,) for message_id in message_ids]
            )

    def _before_open(self) -> None:
        try:
            if check_file(self.path) is None:
                make_empty_file(self.path)
            has_content(self.path)  # or what lies beside it is refused
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self.path} cannot be opened or made ({error.strerror}); check the permissions of its folder"
            ) from error

    def _prepare(self, opened: Opened) -> None:
        connection = opened.connection
        refuse_active(schema(connection), _TABLE, self.path)
        columns = _columns(connection)
        if not columns:
            self._create(opened)
            columns = _columns(connection)
        missing = sorted(_COLUMNS - columns)
        if missing:
            raise ConfigurationError(
                f"{self.path} has a table enhanced_messages without {', '.join(missing)}: "
                "not a bridge; name another file with --bridge"
            )

    def _create(self, opened: Opened) -> None:
        tables = {name for kind, name, _, _ in schema(opened.connection) if kind == "table"}
        if tables and not tables & _TABLES:
            raise ConfigurationError(f"{self.path} is another program's database; name another file with --bridge")
        opened.connection.execute("ROLLBACK")
        first, *others = statements(_SCHEMA)
        self._begin_writing(opened, first)
        for statement in others:
            opened.connection.execute(statement)

    def _begin_writing(self, opened: Opened, first: str = "DELETE FROM enhanced_messages WHERE 0") -> None:
        # BEGIN IMMEDIATE would look at a journal once more: the guarded look comes first, and the lock on top of it.
        until = time.monotonic() + self._patience()
        while True:
            self._begin(opened, guarded=True)
            try:
                opened.connection.execute(first)
            except sqlite3.OperationalError:
                opened.connection.execute("ROLLBACK")
                if time.monotonic() > until:
                    raise
                time.sleep(_PAUSE)
            else:
                return


def _content(connection: sqlite3.Connection, message_id: str) -> str | None:
    """Return the content of a message, None where it has gone; SQLite itself refuses to read one much too long."""
    query = (
        f"SELECT CASE WHEN length(CAST(content AS BLOB)) <= {MAX_TEXT} THEN CAST(content AS TEXT) "  # noqa: S608
        f"ELSE CAST(substr(CAST(content AS BLOB), 1, {KEPT_TEXT}) AS TEXT) END FROM {_TABLE} WHERE message_id = ?"
    )
    try:
        row = connection.execute(query, (message_id,)).fetchone()
        return None if row is None else row[0] or ""
    except sqlite3.DataError:
        (number,) = connection.execute(f"SELECT rowid FROM {_TABLE} WHERE message_id = ?", (message_id,)).fetchone()  # noqa: S608
        with connection.blobopen(_TABLE, "content", number, readonly=True) as blob:
            return blob.read(KEPT_TEXT).decode("utf-8", "replace")


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
