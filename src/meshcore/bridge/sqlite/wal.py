"""A file of our own with a write-ahead log: made once, checkpointed from one place, under a lock between processes."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from meshcore.bridge.sqlite.file import Opened, SqliteFile
from meshcore.bridge.sqlite.places import check_file, file_mode, has_content, make_file
from meshcore.bridge.sqlite.schema import Schema, refuse_foreign, schema
from meshcore.errors import BridgeUnavailableError, ConfigurationError
from meshcore.filelock import FileLock

CHECKPOINT_BYTES = 4 * 1024 * 1024
_CHECKPOINT_STEP = 1024 * 1024
_CLOSE_SECONDS = 0.25  # that closing waits for a process which holds the lock
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
        with self.bare() as connection, self.lock().held() as free:
            if not free:
                return False
            # First without keeping anyone waiting; then there is little left to do while writers wait.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            connection.execute(f"PRAGMA busy_timeout={int(_PATIENCE_SECONDS * 1000)}")
            busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            self._checkpoint_at = size + _CHECKPOINT_STEP if busy else CHECKPOINT_BYTES
        return not busy

    def close(self) -> None:
        """Close the connections; the last one to close checkpoints by itself, so that too happens under the lock."""
        if not self._opened:
            return
        try:
            with self.lock().held(timeout=_CLOSE_SECONDS):
                super().close()
        except OSError:
            super().close()

    def _before_open(self) -> None:
        if not has_content(self.path):
            self._make()
        journal = self.path.with_name(self.path.name + "-journal")
        if (found := check_file(journal)) is not None and found.st_size:
            raise ConfigurationError(f"{journal} is none of the bridge's, which keeps no such journal; move it away")
        # SQLite would open it all the same, and leave a read-only write-ahead log behind that outlasts the cause.
        effective = os.access in os.supports_effective_ids
        if not os.access(self.path, os.W_OK, effective_ids=effective):
            raise BridgeUnavailableError(
                f"{self.path} cannot be written; check who owns it and its folder, and their permissions"
            )

    def _prepare(self, opened: Opened) -> None:
        connection = opened.connection
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version != self.schema_version:
            if version <= 0:
                raise ConfigurationError(
                    f"{self.path} holds another program's tables; name another bridge with --bridge"
                )
            raise ConfigurationError(
                f"{self.path} was written by a newer version (schema {version}, this one reads {self.schema_version}); "
                "upgrade meshtui here"
            )
        refuse_foreign(schema(connection), self._schemas(), self.path)
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            raise ConfigurationError(
                f"{self.path} was changed by another program: it has no write-ahead log; move it away"
            )

    def _settle(self, connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA wal_autocheckpoint=0")

    def _schemas(self) -> Sequence[Schema]:
        """Return the schemas that a file of this version may have."""
        return ()

    def _fill(self, connection: sqlite3.Connection) -> None:
        """Make the tables of a new file."""

    def _make(self) -> None:
        try:
            with self.lock().held(timeout=max(self._patience(), 0.01)) as free:
                if not free:
                    raise BridgeUnavailableError(f"{self.path} is being made by another process; try again")
                if not has_content(self.path):
                    make_file(self.path, self._content())
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self.path} cannot be opened or made ({error.strerror}); check the permissions of its folder"
            ) from error

    def _content(self) -> bytes:
        """Return a whole new file: SQLite itself makes none, for it would follow a link that appears meanwhile."""
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
            self._fill(connection)
            connection.execute(f"PRAGMA user_version={self.schema_version}")
            content = bytearray(connection.serialize())
        content[18:20] = b"\x02\x02"  # of the file format: it is written through a write-ahead log
        return bytes(content)
