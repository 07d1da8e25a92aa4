"""The file of the mesh's own log, `<bridge>.mesh.db`: its schema, its one place for checkpoints, appending."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from meshcore.bridge.sqlite.file import SqliteFile, file_mode
from meshcore.clock import to_text
from meshcore.errors import BadRecordError, BridgeUnavailableError, ConfigurationError
from meshcore.filelock import FileLock
from meshcore.model import Record
from meshcore.store.upkeep import table_counts

SCHEMA_VERSION = 1
EXPECTED_WITHIN = timedelta(days=7)  # of its last sign of life a member is expected to receive
MAX_TEXT = 16 * 1024 * 1024  # characters
CHECKPOINT_BYTES = 4 * 1024 * 1024
_CHECKPOINT_STEP = 1024 * 1024
_SQL = Path(__file__).parent / "sql"


def log_path(bridge: Path) -> Path:
    """Return where the log of a bridge lies."""
    return bridge.with_name(bridge.name + ".mesh.db")


def schema(name: str) -> list[str]:
    """Return the statements of one of our SQL files."""
    text = (_SQL / name).read_text("utf-8")
    return [statement for statement in text.split(";\n") if statement.strip()]


class LogFile(SqliteFile):
    """The log: WAL, synchronous NORMAL, checkpoints only from here and only under a lock between processes."""

    def __init__(
        self, bridge: Path, busy_timeout: float, lock: threading.RLock, check_old: Callable[[bool], None]
    ) -> None:
        """`check_old` is called before the log is opened; True where the log is still to be made."""
        super().__init__(log_path(bridge), busy_timeout, lock)
        self.bridge_id = ""
        self._check_old = check_old
        self._lock_file = FileLock(bridge.with_name(bridge.name + ".mesh.lock"), file_mode(bridge.parent))
        self._wal = str(self.path) + "-wal"
        self._checkpoint_at = CHECKPOINT_BYTES

    def checkpoint_if_due(self) -> None:
        """Move the write-ahead log into the file once it is large; another process may be at it, then that one does."""
        self.checkpoint(self._checkpoint_at)

    def checkpoint(self, at_least: int = 0) -> bool:
        """Move a write-ahead log of `at_least` bytes into the file; False where it was smaller, or in use."""
        try:
            size = os.stat(self._wal).st_size  # noqa: PTH116  on every write: the cheap form
        except OSError:
            return False
        if size < at_least:
            return False
        with self.reading() as connection, self._lock_file.held() as free:
            if not free:
                return False
            # First without keeping anyone waiting; then there is little left to do while writers wait.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            with self.patience(0.05):
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._checkpoint_at = size + _CHECKPOINT_STEP if busy else CHECKPOINT_BYTES
        return not busy

    def table_counts(self) -> dict[str, int]:
        """Return the number of rows of every table."""
        with self.reading() as connection:
            return table_counts(connection)

    def close(self) -> None:
        """Close the connection; the last one to close checkpoints by itself, so that too happens under the lock."""
        with self._lock:
            if self._connection is None:
                return
            try:
                with self._lock_file.held(timeout=1.0):
                    super().close()
            except OSError:
                super().close()

    def _before_open(self) -> None:
        is_there = self.path.exists()
        self._check_old(not is_there)
        # SQLite would open it all the same, and leave a read-only write-ahead log behind that outlasts the cause.
        if is_there and not os.access(self.path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise BridgeUnavailableError(
                f"{self.path} cannot be written; check who owns it and its folder, and their permissions"
            )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if _version(connection) == 0:
            self._create(connection)
        version = _version(connection)
        if version != SCHEMA_VERSION:
            raise ConfigurationError(
                f"{self.path} was written by a newer version (schema {version}, this one reads {SCHEMA_VERSION}); "
                "upgrade meshtui here"
            )
        self.bridge_id = connection.execute("SELECT value FROM meta WHERE name = 'bridge_id'").fetchone()[0]

    def _create(self, connection: sqlite3.Connection) -> None:
        try:
            with self._lock_file.held(timeout=max(self.busy_timeout, 0.01)) as free:
                if not free:
                    raise BridgeUnavailableError(f"{self.path} is being made by another process; try again")
                if _version(connection) == 0:
                    self._create_locked(connection)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self._lock_file.path} cannot be made ({error.strerror}); check the permissions of its folder"
            ) from error

    def _create_locked(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ConfigurationError(f"{self.path} holds another program's tables; name another bridge with --bridge")
        self.path.chmod(file_mode(self.path.parent))
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement in schema("log_001.sql"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('bridge_id', ?)", (os.urandom(16).hex(),))
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
        connection.execute("COMMIT")


def append(
    connection: sqlite3.Connection, record: Record, kind: str, now: datetime, origin: Literal["mesh", "legacy"] = "mesh"
) -> tuple[int, bool]:
    """Append a record inside a transaction, with the receipts that are expected for it; return its seq, and if new.

    The same text under the same signature is one record. A copy under another signature is another row: it must not
    take the place of the true one.
    """
    row = connection.execute(
        "SELECT seq FROM log WHERE record_id = ? AND key = ? AND sig = ?", (record.record_id, record.key, record.sig)
    ).fetchone()
    if row:
        return row[0], False
    cursor = connection.execute(
        "INSERT INTO log (record_id, kind, origin, key, sig, published_at, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (record.record_id, kind, origin, record.key, record.sig, to_text(now), record.text),
    )
    seq = cursor.lastrowid or 0
    connection.execute(
        "INSERT INTO awaited (seq, node) SELECT ?, node FROM members WHERE node != ? AND seen_at >= ?",
        (seq, record.key, to_text(now - EXPECTED_WITHIN)),
    )
    return seq, True


def check_text(record: Record) -> None:
    """Raise BadRecordError for a record that cannot be stored as text."""
    if len(record.text) > MAX_TEXT:
        raise BadRecordError(f"a record of {len(record.text)} characters was not published: the limit is {MAX_TEXT}")
    try:
        (record.text + record.key + record.sig).encode()
    except UnicodeEncodeError as error:
        raise BadRecordError("a record with half a surrogate pair was not published: it is no text") from error


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
