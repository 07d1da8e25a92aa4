"""A SQLite file, opened by each thread when it first uses it, reopened when it was replaced; fails in one line."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from meshcore.bridge.limits import took_too_long
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
_STEPS = 200_000  # instructions of SQLite, about a millisecond, between two looks at the clock
# After these the connection is as good as before; after any other it is opened anew.
_HARMLESS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CONSTRAINT,
        sqlite3.SQLITE_INTERRUPT,
    }
)


def file_mode(folder: Path) -> int:
    """Return the permissions of our files in a folder: for the group where the folder is the group's, else private."""
    try:
        return SHARED if folder.stat().st_mode & 0o020 and not folder.stat().st_mode & 0o002 else PRIVATE
    except OSError:
        return PRIVATE


def fault(error: sqlite3.Error, path: Path, patience: float, deadline: float) -> MeshError:
    """Return the error of the mesh that says in one line what a SQLite error means for a file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return ConfigurationError(f"{path} is not an SQLite database; move it away or name another file with --bridge")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BridgeUnavailableError(
            f"{path} has been locked by another program for {patience:g} s; find it with `fuser {path}` and try again"
        )
    if code == sqlite3.SQLITE_INTERRUPT:
        return took_too_long(str(path), deadline)
    detail = " ".join(str(error).split())[:200]
    return BridgeUnavailableError(f"{path} {_ADVICE.get(code, 'cannot be used; try again')} ({detail})")


@dataclass(slots=True)
class _Opened:
    """One thread's connection; `lock` keeps it from being closed by another thread while it is used."""

    connection: sqlite3.Connection
    identity: tuple[int, int]
    until: float = 0.0  # when the call in progress has exceeded its deadline
    lock: threading.RLock = field(default_factory=threading.RLock)

    def is_late(self) -> bool:
        return time.monotonic() > self.until


class SqliteFile:
    """A connection of each thread to one file; subclasses prepare it when it is opened."""

    def __init__(self, path: Path, deadline: float) -> None:
        """`deadline` is the seconds that a call may wait for locks, and that it may take."""
        self.path = path
        self.deadline = deadline
        self.generation = 0  # how often the file was opened
        self._opened: dict[int, _Opened] = {}  # by thread
        self._here = threading.local()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the thread's connection for single statements, each its own snapshot."""
        try:
            opened = self._current()
            with opened.lock:
                opened.until = time.monotonic() + self._seconds()
                yield opened.connection
        except sqlite3.Error as error:
            raise self._fault(error) from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one write transaction, committed at the end, rolled back on any error."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    if connection.in_transaction:
                        connection.execute("ROLLBACK")
                raise

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give this thread's calls inside the block another deadline; for locks they wait no longer than usual."""
        usual = self._seconds()
        self._limit(seconds)
        try:
            yield
        finally:
            self._limit(usual)

    def close(self) -> None:
        """Close the connections of all threads; the next use opens the file again."""
        while self._opened:
            with suppress(KeyError):
                self._close(*self._opened.popitem())

    def _prepare(self, connection: sqlite3.Connection) -> None:
        """Make a fresh connection usable; the file may be empty. Raises MeshError, sqlite3.Error."""

    def _before_open(self) -> None:
        """Look at the place before anything is created there. Raises MeshError."""

    def _current(self) -> _Opened:
        opened = self._opened.get(threading.get_ident())
        if opened is not None:
            # A file that was removed or replaced while open would swallow every write unseen.
            if self._file_identity() == opened.identity:
                return opened
            self._drop()
        return self._open()

    def _open(self) -> _Opened:
        refuse_network(self.path)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self.path.parent} cannot be made ({error.strerror}); name another place with --bridge"
            ) from error
        self._before_open()
        connection = sqlite3.connect(self.path, timeout=self._patience(), isolation_level=None, check_same_thread=False)
        connection.text_factory = _lenient
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        opened = _Opened(connection, self._file_identity())
        connection.set_progress_handler(opened.is_late, _STEPS)
        self._opened[threading.get_ident()] = opened
        self.generation += 1
        return opened

    def _file_identity(self) -> tuple[int, int]:
        try:
            status = os.stat(self.path)  # noqa: PTH116  half the cost of Path.stat, on every transaction
        except OSError:
            return (0, 0)
        return (status.st_dev, status.st_ino)

    def _seconds(self) -> float:
        return getattr(self._here, "seconds", self.deadline)

    def _patience(self) -> float:
        return min(self._seconds(), self.deadline)

    def _limit(self, seconds: float) -> None:
        self._here.seconds = seconds
        opened = self._opened.get(threading.get_ident())
        if opened is not None:
            with suppress(sqlite3.Error):
                opened.connection.execute(f"PRAGMA busy_timeout={int(self._patience() * 1000)}")

    def _fault(self, error: sqlite3.Error) -> MeshError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _HARMLESS:
            self._drop()
        return fault(error, self.path, self._patience(), self._seconds())

    def _drop(self) -> None:
        """Close this thread's connection."""
        opened = self._opened.pop(threading.get_ident(), None)
        if opened is not None:
            self._close(threading.get_ident(), opened)

    def _close(self, _thread: int, opened: _Opened) -> None:
        with opened.lock, suppress(sqlite3.Error):
            opened.connection.close()


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
