"""A SQLite file that is opened when first used, reopened when it was replaced, and fails in one line."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meshcore.bridge.sqlite.filesystem import refuse_network
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError

PRIVATE = 0o600
SHARED = 0o660

_ADVICE = {
    sqlite3.SQLITE_READONLY: "cannot be written; check who owns it and its folder, and their permissions",
    sqlite3.SQLITE_PERM: "cannot be written; check who owns it and its folder, and their permissions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and that you may write there",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space, nothing was half-stored",
    sqlite3.SQLITE_IOERR: "cannot be read or written (disk error); check the disk, then try again",
    sqlite3.SQLITE_CORRUPT: "is damaged; move it away and restart, nodes publish again what others lack",
}
# After these the connection is as good as before; after any other it is opened anew.
_HARMLESS = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CONSTRAINT})


def file_mode(folder: Path) -> int:
    """Return the permissions of our files in a folder: for the group where the folder is the group's, else private."""
    try:
        return SHARED if folder.stat().st_mode & 0o020 and not folder.stat().st_mode & 0o002 else PRIVATE
    except OSError:
        return PRIVATE


def fault(error: sqlite3.Error, path: Path, patience: float) -> MeshError:
    """Return the error of the mesh that says in one line what a SQLite error means for a file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return ConfigurationError(f"{path} is not an SQLite database; move it away or name another file with --bridge")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BridgeUnavailableError(
            f"{path} has been locked by another program for {patience:g} s; find it with `fuser {path}` and try again"
        )
    detail = " ".join(str(error).split())[:200]
    return BridgeUnavailableError(f"{path} {_ADVICE.get(code, 'cannot be used; try again')} ({detail})")


class SqliteFile:
    """One connection to one file, shared by the threads of a process; subclasses prepare it when it is opened."""

    def __init__(self, path: Path, busy_timeout: float, lock: threading.RLock) -> None:
        """`busy_timeout` is seconds; files that are used together share one `lock`, so threads never deadlock."""
        self.path = path
        self.busy_timeout = busy_timeout
        self.generation = 0  # how often the file was opened
        self._lock = lock
        self._connection: sqlite3.Connection | None = None
        self._identity = (0, 0)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for single statements, each its own snapshot."""
        with self._lock:
            try:
                yield self._current()
            except sqlite3.Error as error:
                raise self._fault(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one write transaction, committed at the end, rolled back on any error."""
        with self._lock:
            try:
                connection = self._current()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.Error):
                        if connection.in_transaction:
                            connection.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise self._fault(error) from error

    @contextmanager
    def patience(self, seconds: float) -> Iterator[None]:
        """Wait no longer than `seconds` for locks inside the block."""
        with self._lock:
            usual, self.busy_timeout = self.busy_timeout, min(seconds, self.busy_timeout)
            self._apply_patience()
            try:
                yield
            finally:
                self.busy_timeout = usual
                self._apply_patience()

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                with suppress(sqlite3.Error):
                    connection.close()

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make a fresh connection usable; the file may be empty. Raises MeshError, sqlite3.Error."""

    def _before_open(self) -> None:
        """Look at the place before anything is created there. Raises MeshError."""

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None:
            # A file that was removed or replaced while open would swallow every write unseen.
            if self._file_identity() == self._identity:
                return self._connection
            self.close()
        return self._open()

    def _open(self) -> sqlite3.Connection:
        refuse_network(self.path)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self.path.parent} cannot be made ({error.strerror}); name another place with --bridge"
            ) from error
        self._before_open()
        connection = sqlite3.connect(
            self.path, timeout=self.busy_timeout, isolation_level=None, check_same_thread=False
        )
        connection.text_factory = _lenient
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._identity = self._file_identity()
        self._connection = connection
        self.generation += 1
        return connection

    def _file_identity(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)  # noqa: PTH116  half the cost of Path.stat, on every transaction
        except OSError:
            return (0, 0)
        return (status.st_dev, status.st_ino)

    def _apply_patience(self) -> None:
        if self._connection is not None:
            self._connection.execute(f"PRAGMA busy_timeout={int(self.busy_timeout * 1000)}")

    def _fault(self, error: sqlite3.Error) -> MeshError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _HARMLESS:
            self.close()
        return fault(error, self.path, self.busy_timeout)


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
