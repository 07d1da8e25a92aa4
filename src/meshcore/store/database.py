"""The file under a store: opened privately, written in immediate transactions, checkpointed from one place.

A fault of the file becomes one line of what happened and what to do (see `fault`), never an error of SQLite.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from meshcore.clock import Clock, SystemClock, to_text
from meshcore.errors import ConfigurationError, MeshError, StoreTooNewError
from meshcore.home import PRIVATE_FILE
from meshcore.store.read import Parameter, Read
from meshcore.store.upkeep import give_back, integrity, table_counts, unused_bytes

if TYPE_CHECKING:
    from meshcore.filelock import FileLock

SCHEMA_VERSION = 4
BUSY_TIMEOUT_SECONDS = 5.0
CHECKPOINT_BYTES = 4 * 1024 * 1024
_COMMITS_BETWEEN_LOOKS = 64  # at the size of the write-ahead log

T = TypeVar("T")

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_PASSING = {
    sqlite3.SQLITE_FULL: "not stored: the disk is full; free some space, nothing was half-stored",
    sqlite3.SQLITE_IOERR: "cannot be read or written (disk error); check the disk, then try again",
}
_LASTING = {
    sqlite3.SQLITE_NOTADB: "is not an SQLite database; move it aside or restore it from a backup",
    sqlite3.SQLITE_CORRUPT: "is damaged; move it aside or restore it from a backup",
    sqlite3.SQLITE_READONLY: "cannot be written; check who owns it and its folder, and their permissions",
    sqlite3.SQLITE_PERM: "cannot be written; check who owns it and its folder, and their permissions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder exists and that you may write there",
}


class LockedError(MeshError):
    """Another program holds the store, for longer than is waited for it."""


def fault(error: sqlite3.Error, path: Path, patience: float = BUSY_TIMEOUT_SECONDS) -> MeshError:
    """Return what an error of SQLite means for a store: MeshError where it may pass, else ConfigurationError."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code in _BUSY:
        return LockedError(
            f"{path}: locked by another program for {patience:g} s; find it with `fuser`, then try again"
        )
    if code in _LASTING:
        return ConfigurationError(f"{path}: {_LASTING[code]}")
    detail = " ".join(str(error).split())[:200]
    return MeshError(f"{path}: {_PASSING.get(code, 'cannot be used; try again')} ({detail})")


class Database:
    """One connection to one file. Not for several threads: each opens its own.

    Raises StoreTooNewError for a newer schema, ConfigurationError for a file that is no store, and MeshError where it
    is locked for longer than `busy_timeout` seconds or the disk is full. `connection`: one to this file, in autocommit
    and with that timeout, which was opened for a look and is now the database's.
    """

    def __init__(
        self, path: Path, clock: Clock | None = None, *, busy_timeout: float = BUSY_TIMEOUT_SECONDS,
        connection: sqlite3.Connection | None = None,
    ) -> None:  # fmt: skip
        self.path = path
        self.clock = clock or SystemClock()
        self.busy_timeout = busy_timeout
        self._depth = 0
        self._commits = 0
        self._must_flush = False
        _create_private(path)
        with self.faults():
            self._connection = connection or sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)
            self._connection.row_factory = sqlite3.Row
            try:
                self._prepare()
            except BaseException:
                self._connection.close()
                raise

    @property
    def _lock(self) -> FileLock:
        from meshcore.filelock import FileLock  # most calls of a hook take no lock

        return FileLock(self.path.with_name(self.path.name + ".lock"))

    def _prepare(self) -> None:
        version = self._version()
        self._connection.execute("PRAGMA wal_autocheckpoint=0")
        if version == SCHEMA_VERSION and self._connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            return
        try:
            # SQLite does not wait for the lock that a change of the journal mode needs: one process at a time.
            with self._lock.held(self.busy_timeout) as free:
                if not free:
                    raise LockedError(f"{self.path}: being set up by another process; try again")
                # Of effect in an empty file only: later it gives unused space back in short steps.
                self._connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                self._connection.execute("PRAGMA journal_mode=WAL")
                self._migrate()
        except OSError as error:
            raise ConfigurationError(
                f"{self._lock.path}: cannot be made ({error.strerror}); check the permissions of its folder"
            ) from error

    def _version(self) -> int:
        try:
            version, tables = self._connection.execute(VERSION_AND_TABLES).fetchone()
        except UnicodeDecodeError as error:
            # SQLite quotes a damaged table's text in its message, whatever bytes that is by now.
            raise ConfigurationError(f"{self.path}: {_LASTING[sqlite3.SQLITE_CORRUPT]}") from error
        return check_version(version, tables, self.path)

    def _migrate(self) -> None:
        with self.transaction(durable=True):
            version = self._version()
            if version < SCHEMA_VERSION:
                from meshcore.store.migration import migrate

                migrate(self._connection, self.path, version, SCHEMA_VERSION)

    @contextmanager
    def transaction(self, *, durable: bool = False) -> Iterator[None]:
        """Run statements as one; `durable` flushes to the disk before it returns.

        May be nested: the outermost commits, and an error undoes what its own block wrote, no more. Raises MeshError
        where the database stays locked or the disk is full; nothing of it is then stored.
        """
        if self._depth:
            self._must_flush |= durable
            yield from self._nested()
        else:
            yield from self._outermost(durable)

    def _outermost(self, durable: bool) -> Iterator[None]:
        self._depth, self._must_flush = 1, False
        try:
            with self.faults():
                self._connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
                if self._must_flush and not durable:
                    self._flush()
        finally:
            self._depth = 0
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
        self._commits += 1
        if self._commits % _COMMITS_BETWEEN_LOOKS == 0:
            self.checkpoint(at_least=CHECKPOINT_BYTES)

    def _nested(self) -> Iterator[None]:
        if not self._connection.in_transaction:
            raise MeshError(f"{self.path}: not stored: what was written before it was undone; try again")
        name = f"level_{self._depth}"
        self._connection.execute(f"SAVEPOINT {name}")
        self._depth += 1
        try:
            yield
        except BaseException:
            # A full disk may have ended the whole transaction already.
            if self._connection.in_transaction:
                self._connection.execute(f"ROLLBACK TO {name}")
                self._connection.execute(f"RELEASE {name}")
            raise
        else:
            self._connection.execute(f"RELEASE {name}")
        finally:
            self._depth -= 1

    def _flush(self) -> None:
        # A synchronous commit brings the whole write-ahead log to the disk, earlier commits included.
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("UPDATE node_state SET flushed=?", (self.now(),))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file; a large write-ahead log is folded in first."""
        self.checkpoint(at_least=CHECKPOINT_BYTES)
        self._connection.close()

    def checkpoint(self, *, at_least: int = 0) -> bool:
        """Fold a write-ahead log of `at_least` bytes into the database; False where it was smaller, or in use.

        One process at a time, and nothing else ever does: SQLite 3.7.0-3.51.2 can corrupt a database when two
        connections checkpoint at once. Waits for nobody.
        """
        wal = self.path.with_name(self.path.name + "-wal")
        try:
            if wal.stat().st_size < at_least:
                return False
            with self._lock.held() as free:
                return free and self._checkpoint()
        except OSError:
            return False

    def _checkpoint(self) -> bool:
        try:
            self._connection.execute("PRAGMA busy_timeout=0")
            return bool(self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0)
        except sqlite3.OperationalError:
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout={int(self.busy_timeout * 1000)}")

    def integrity(self) -> str:
        """Return what SQLite finds wrong with the whole file, empty where nothing is."""
        with self.faults():
            return integrity(self._connection)

    def table_counts(self) -> dict[str, int]:
        """Return the number of rows of every table."""
        with self.faults():
            return table_counts(self._connection)

    def unused_bytes(self) -> int:
        """Return how many bytes `give_back` would return to the disk now."""
        with self.faults():
            return unused_bytes(self._connection)

    def give_back(self) -> int:
        """Return unused space to the disk where there is much of it; return how many bytes that were."""
        with self.faults():
            return give_back(self._connection)

    def now(self) -> str:
        """Return the time as rows hold it."""
        return to_text(self.clock.now())

    def all(self, read: Read[T]) -> list[T]:
        """Return the answer to a question, a value for each row."""
        with self.faults():
            return values(read, self._connection.execute(read.sql, read.parameters), self.path)

    def one(self, read: Read[T]) -> T | None:
        """Return the first value of the answer to a question, None where it is empty."""
        found = self.all(read)
        return found[0] if found else None

    def execute(self, sql: str, parameters: Sequence[Parameter] = ()) -> sqlite3.Cursor:
        """Run one statement of a transaction, or of a block of `faults`.

        Raises ValueError for a number or text that SQLite cannot hold.
        """
        try:
            return self._connection.execute(sql, parameters)
        except OverflowError as error:
            raise ValueError("a number is larger than 63 bits") from error

    @contextmanager
    def faults(self) -> Iterator[None]:
        """Raise errors of SQLite in a block as what they mean for a store (see `fault`)."""
        try:
            yield
        except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
            raise
        except sqlite3.DatabaseError as error:
            raise fault(error, self.path, self.busy_timeout) from error


VERSION_AND_TABLES = "SELECT user_version, (SELECT count(*) FROM sqlite_master) FROM pragma_user_version"
"""One statement, so one moment: between two of them another process may make the tables."""


def values(read: Read[T], rows: Iterable[sqlite3.Row], path: Path) -> list[T]:
    """Return the answer to a question. Raises ConfigurationError for a row that nobody of ours has written."""
    try:
        return [read.row(row) for row in rows]
    except (ValueError, TypeError, KeyError, IndexError) as error:
        detail = " ".join(str(error).split())[:200]
        raise ConfigurationError(f"{path}: holds a damaged row ({detail}); restore it from a backup") from error


def check_version(version: int, tables: int, path: Path) -> int:
    """Return the schema of a file that holds `tables`, 0 for an empty one.

    Raises StoreTooNewError, and ConfigurationError for the file of another program.
    """
    if version > SCHEMA_VERSION:
        raise StoreTooNewError(
            f"{path}: written by a newer meshtui (schema {version}, here {SCHEMA_VERSION}); upgrade meshtui"
        )
    if version <= 0 and tables:
        raise ConfigurationError(f"{path}: holds another program's tables; name another home with --home")
    return max(version, 0)


def _create_private(path: Path) -> None:
    # Never opens a file that is there: closing it would drop the locks that other connections of this process hold.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE))
    except FileExistsError:
        if path.is_symlink() or not path.is_file():
            raise ConfigurationError(f"{path}: not a plain file; move it aside or name another home") from None
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be made ({error.strerror}); name another home with --home") from error
