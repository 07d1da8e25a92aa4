"""A SQLite file, opened by each thread when it first uses it, reopened when it was replaced; fails in one line."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from meshcore.bridge.limits import MAX_TEXT, took_too_long
from meshcore.bridge.sqlite.filesystem import refuse_network
from meshcore.bridge.sqlite.journal_guard import Identity, JournalGuard, check_journal, guard, identity, leave
from meshcore.bridge.sqlite.places import SHARED, check_folder, file_mode
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError

_ADVICE = {
    sqlite3.SQLITE_READONLY: "cannot be written; check who owns it and its folder, and their permissions",
    sqlite3.SQLITE_PERM: "cannot be written; check who owns it and its folder, and their permissions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and that you may write there",
    sqlite3.SQLITE_FULL: "cannot grow: the disk is full; free some space, nothing was half-stored",
    sqlite3.SQLITE_IOERR: "cannot be read or written (disk error); check the disk, then try again",
    sqlite3.SQLITE_TOOBIG: "holds a value larger than any of ours; find out who can write it",
    sqlite3.SQLITE_CORRUPT: "is damaged; move it away and restart, nodes publish again what others lack",
}
_STEPS = 10_000  # instructions of SQLite, less than a millisecond, between two looks at the clock
_BREATH_SECONDS = 0.05  # that a call may wait for locks at least
_WINDOW_SECONDS = 10.0  # in which all calls together wait for locks no longer than one may
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 2 * MAX_TEXT,  # bytes of a value or a row: a larger one is not read
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 256 * 1024,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 64,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
}
_CAREFUL = ("trusted_schema=OFF", "cell_size_check=ON", "recursive_triggers=OFF", "mmap_size=0")
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


def fault(error: sqlite3.Error, path: Path, patience: float, deadline: float) -> MeshError:
    """Return the error of the mesh that says in one line what a SQLite error means for a file."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_NOTADB:
        return ConfigurationError(f"{path} is not an SQLite database; move it away or name another file with --bridge")
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL):
        return _locked(path, patience)
    if code == sqlite3.SQLITE_INTERRUPT:
        return took_too_long(str(path), deadline)
    detail = " ".join(str(error).split())[:200]
    return BridgeUnavailableError(f"{path} {_ADVICE.get(code, 'cannot be used; try again')} ({detail})")


def _locked(path: Path, patience: float) -> MeshError:
    return BridgeUnavailableError(
        f"{path} has been locked by another program for {patience:g} s; find it with `fuser {path}` and try again"
    )


class _SchemaChangedError(Exception):
    """The schema is no longer the one that was compared."""


@dataclass(slots=True)
class Opened:
    """One thread's connection; `lock` keeps it from being closed by another thread while it is used.

    `schema` is the number that SQLite gives the schema which was compared.
    """

    connection: sqlite3.Connection
    identity: Identity
    guard: JournalGuard
    until: float = 0.0  # when the call in progress has exceeded its deadline
    schema: int = -1
    is_stuck: bool = False  # a thread is inside SQLite and may be for long: nobody else may enter, not even to close
    lock: threading.RLock = field(default_factory=threading.RLock)

    def is_late(self) -> bool:
        return time.monotonic() > self.until


class SqliteFile:
    """A connection of each thread to one file; subclasses prepare it when it is opened.

    The file may have been written by anybody who can write the bridge. Its place is checked before it is opened, its
    schema is compared, and nothing is read or written but in a transaction that sees the schema which was compared.
    """

    guards_every_look = False  # at a journal; a write-ahead log once opened needs none

    def __init__(self, path: Path, deadline: float) -> None:
        """`deadline` is the seconds that a call may wait for locks, and that it may take."""
        self.path = path
        self.deadline = deadline
        self.generation = 0  # how often the file was opened
        self._opened: dict[int, Opened] = {}  # by thread
        self._here = threading.local()
        self._waited = 0.0  # seconds, for locks, in the window that began at `_window`
        self._window = 0.0

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the thread's connection inside one transaction, which sees one state of the file."""
        with self._transaction(is_writing=False) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection inside one write transaction, committed at the end, rolled back on any error."""
        with self._transaction(is_writing=True) as connection:
            yield connection

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """Give the thread's connection outside any transaction, for what SQLite does to the whole file."""
        with self._faults(), self._used() as opened:
            yield opened.connection

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Give this thread's calls inside the block another deadline; for locks they wait no longer than usual."""
        usual = self._seconds()
        self._here.seconds = seconds
        try:
            yield
        finally:
            self._here.seconds = usual

    def close(self) -> None:
        """Close the connections of all threads; the next use opens the file again."""
        while self._opened:
            with suppress(KeyError):
                self._close(self._opened.popitem()[1])

    def _prepare(self, opened: Opened) -> None:
        """Look at a file that was just opened, inside a transaction. Raises MeshError, sqlite3.Error."""

    def _settle(self, connection: sqlite3.Connection) -> None:
        """Set what cannot be set inside a transaction, once the file was looked at."""

    def _before_open(self) -> None:
        """Look at the place, and make the file where it is missing. Raises MeshError."""

    def _begin(self, opened: Opened, *, guarded: bool) -> None:
        """Begin a transaction, and look at the file; a hostile journal beside it is not played back."""
        if not guarded:
            opened.connection.execute("BEGIN")
            return
        with opened.guard.held(self._patience()) as free:
            if not free:
                raise self._held_up()
            if not (must_undo := check_journal(self.path, is_shared=file_mode(self.path.parent) == SHARED)):
                self._look(opened) if opened.schema < 0 else self._glance(opened)
        if must_undo:
            opened.connection.execute("BEGIN")

    def _glance(self, opened: Opened) -> None:
        opened.connection.execute("BEGIN")
        _schema_number(opened.connection)

    def _look(self, opened: Opened) -> None:
        """Begin the first transaction of a connection.

        While another process seems to mend its index, SQLite waits up to 10 s and asks nobody: so a thread does.
        """

        def look() -> None:
            try:
                self._glance(opened)
            except sqlite3.Error as error:
                errors.append(error)
            finally:
                done.set()

        errors: list[sqlite3.Error] = []
        done = threading.Event()
        threading.Thread(target=look, name="first look at the bridge", daemon=True).start()
        if not done.wait(self._patience() + _BREATH_SECONDS):
            opened.is_stuck = True
            raise self._held_up()
        if errors:
            raise errors[0]

    def _held_up(self) -> MeshError:
        return _locked(self.path, min(self._seconds(), self.deadline))

    @contextmanager
    def _transaction(self, *, is_writing: bool) -> Iterator[sqlite3.Connection]:
        with self._faults():
            for may_reopen in (True, False):
                with self._used() as opened:
                    connection = opened.connection
                    try:
                        self._begin_compared(opened, is_writing)
                    except _SchemaChangedError:
                        connection.execute("ROLLBACK")
                        self._drop()
                        if may_reopen:
                            continue  # compared anew when it is opened
                        raise ConfigurationError(
                            f"{self.path} is given another schema all the time; find out by whom"
                        ) from None
                    try:
                        yield connection
                        connection.execute("COMMIT")
                    except BaseException:
                        with suppress(sqlite3.Error):
                            if connection.in_transaction:
                                connection.execute("ROLLBACK")
                        raise
                    return

    def _begin_compared(self, opened: Opened, is_writing: bool) -> None:
        with self._waiting():
            if is_writing:
                self._begin_writing(opened)
            else:
                self._begin(opened, guarded=self.guards_every_look)
        if _schema_number(opened.connection) != opened.schema:
            raise _SchemaChangedError

    def _begin_writing(self, opened: Opened) -> None:
        opened.connection.execute("BEGIN IMMEDIATE")

    @contextmanager
    def _used(self) -> Iterator[Opened]:
        opened = self._current()
        with opened.lock:
            opened.until = time.monotonic() + self._seconds()
            opened.connection.execute(f"PRAGMA busy_timeout={int(self._patience() * 1000)}")
            yield opened

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise self._fault(error) from error

    def _current(self) -> Opened:
        opened = self._opened.get(threading.get_ident())
        if opened is not None:
            # A file that was removed or replaced while open would swallow every write unseen.
            if identity(self.path) == opened.identity:
                return opened
            self._drop()
        return self._open()

    def _open(self) -> Opened:
        refuse_network(self.path)
        check_folder(self.path.parent)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self.path.parent} cannot be made ({error.strerror}); name another place with --bridge"
            ) from error
        self._before_open()
        opened = self._connect()
        try:
            opened.until = time.monotonic() + self._seconds()
            opened.connection.set_progress_handler(opened.is_late, _STEPS)
            with self._seen(opened):
                self._prepare(opened)
                opened.schema = _schema_number(opened.connection)
            self._settle(opened.connection)
        except BaseException:
            self._close(opened)
            raise
        self._opened[threading.get_ident()] = opened
        self.generation += 1
        return opened

    @contextmanager
    def _seen(self, opened: Opened) -> Iterator[None]:
        with self._waiting():
            self._begin(opened, guarded=True)
        try:
            yield
            if opened.connection.in_transaction:
                opened.connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                if opened.connection.in_transaction:
                    opened.connection.execute("ROLLBACK")
            raise

    def _connect(self) -> Opened:
        """Open the very file at the path: what a link leads to since it was checked is not used."""
        where = self.path.parent.resolve() / self.path.name
        try:
            which, held = guard(where)
        except OSError as error:
            raise BridgeUnavailableError(
                f"{self.path} cannot be opened ({error.strerror}); check its folder"
            ) from error
        try:
            connection = sqlite3.connect(
                f"{where.as_uri()}?mode=rw",
                uri=True,
                timeout=self._patience(),
                isolation_level=None,
                check_same_thread=False,
            )
        except BaseException:
            leave(which)
            raise
        opened = Opened(connection, which, held)
        try:
            connection.text_factory = _lenient
            for limit, value in _LIMITS.items():
                connection.setlimit(limit, value)
            for setting in _CAREFUL:
                connection.execute(f"PRAGMA {setting}")
            (_, _, found) = connection.execute("PRAGMA database_list").fetchone()
            if found != str(where) or identity(where) != which:
                raise BridgeUnavailableError(f"{self.path} was replaced while it was opened; find out by whom")
        except BaseException:
            self._close(opened)
            raise
        return opened

    def _seconds(self) -> float:
        return getattr(self._here, "seconds", self.deadline)

    def _patience(self) -> float:
        # Of many calls in a row, as a command makes them, not each waits for whoever holds the file.
        usual = min(self._seconds(), self.deadline)
        is_over = time.monotonic() - self._window > _WINDOW_SECONDS
        return usual if is_over else max(min(usual, _BREATH_SECONDS), usual - self._waited)

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            if started - self._window > _WINDOW_SECONDS:
                self._window, self._waited = started, 0.0
            self._waited += time.monotonic() - started

    def _fault(self, error: sqlite3.Error) -> MeshError:
        code, waited = getattr(error, "sqlite_errorcode", 0) & 0xFF, min(self._seconds(), self.deadline)
        if code not in _HARMLESS:
            self._drop()
        return fault(error, self.path, waited, self._seconds())

    def _drop(self) -> None:
        """Close this thread's connection."""
        opened = self._opened.pop(threading.get_ident(), None)
        if opened is not None:
            self._close(opened)

    def _close(self, opened: Opened) -> None:
        if opened.is_stuck:
            _stuck.append(opened)
            return
        with opened.lock, suppress(sqlite3.Error):
            opened.connection.close()
        leave(opened.identity)


_stuck: list[Opened] = []
"""Connections that are never closed."""


def _lenient(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _schema_number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA schema_version").fetchone()[0])
