"""A file of our own with a write-ahead log: made once, checkpointed from one place, under a lock between processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

from meshcore.bridge.sqlite.file import SqliteFile, file_mode
from meshcore.errors import BridgeUnavailableError, ConfigurationError
from meshcore.filelock import FileLock

CHECKPOINT_BYTES = 4 * 1024 * 1024
_CHECKPOINT_STEP = 1024 * 1024
_PATIENCE_SECONDS = 0.05  # of a checkpoint that writers wait for


class WalFile(SqliteFile):
    """Synchronous NORMAL; SQLite's own checkpoints are off, since two at once can corrupt the file."""

    schema_version = 1

    def __init__(self, path: Path, deadline: float, lock: Path) -> None:
        """`lock` is the file that whoever makes, checkpoints or closes the file holds."""
        super().__init__(path, deadline)
        self.wal = path.with_name(path.name + "-wal")
        self._lock_path = lock
        self._checkpoint_at = CHECKPOINT_BYTES

    def lock(self) -> FileLock:
        """Return a new lock on the file, free to be taken; of two in one process, too, one gets it."""
        return FileLock(self._lock_path, file_mode(self.path.parent))

    def checkpoint_if_due(self) -> None:
        """Move the write-ahead log into the file once it is large; another process may be at it, then that one does."""
        self.checkpoint(self._checkpoint_at)

    def checkpoint(self, at_least: int = 0) -> bool:
        """Move a write-ahead log of `at_least` bytes into the file; False where it was smaller, or in use."""
        try:
            size = os.stat(self.wal).st_size  # noqa: PTH116  on every write: the cheap form
        except OSError:
            return False
        if size < at_least:
            return False
        with self.reading() as connection, self.lock().held() as free:
            if not free:
                return False
            # First without keeping anyone waiting; then there is little left to do while writers wait.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            with self.within(_PATIENCE_SECONDS):
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._checkpoint_at = size + _CHECKPOINT_STEP if busy else CHECKPOINT_BYTES
        return not busy

    def close(self) -> None:
        """Close the connections; the last one to close checkpoints by itself, so that too happens under the lock."""
        if not self._opened:
            return
        try:
            with self.lock().held(timeout=1.0):
                super().close()
        except OSError:
            super().close()

    def _before_open(self) -> None:
        # SQLite would open it all the same, and leave a read-only write-ahead log behind that outlasts the cause.
        effective = os.access in os.supports_effective_ids
        if self.path.exists() and not os.access(self.path, os.W_OK, effective_ids=effective):
            raise BridgeUnavailableError(
                f"{self.path} cannot be written; check who owns it and its folder, and their permissions"
            )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        if _version(connection) == 0:
            self._make(connection)
        version = _version(connection)
        if version != self.schema_version:
            raise ConfigurationError(
                f"{self.path} was written by a newer version (schema {version}, this one reads {self.schema_version}); "
                "upgrade meshtui here"
            )

    def _statements(self) -> Iterable[tuple[str, Sequence[object]]]:
        """Return the statements that fill a new file."""
        return ()

    def _make(self, connection: sqlite3.Connection) -> None:
        try:
            with self.lock().held(timeout=max(self._patience(), 0.01)) as free:
                if not free:
                    raise BridgeUnavailableError(f"{self.path} is being made by another process; try again")
                if _version(connection) == 0:
                    self._make_locked(connection)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self._lock_path} cannot be made ({error.strerror}); check the permissions of its folder"
            ) from error

    def _make_locked(self, connection: sqlite3.Connection) -> None:
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ConfigurationError(f"{self.path} holds another program's tables; name another bridge with --bridge")
        self.path.chmod(file_mode(self.path.parent))
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("BEGIN IMMEDIATE")
        for statement, values in self._statements():
            connection.execute(statement, values)
        connection.execute(f"PRAGMA user_version={self.schema_version}")
        connection.execute("COMMIT")


def statements(file: Path) -> list[str]:
    """Return the statements of one of our SQL files."""
    return [statement for statement in file.read_text("utf-8").split(";\n") if statement.strip()]


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
