"""One session with the server: opened when first needed, each call within its deadline, opened anew where it broke."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.waiting import Ready, Wait

from meshcore.bridge.limits import DEADLINE_SECONDS, took_too_long
from meshcore.bridge.postgres.address import connection_parameters
from meshcore.config import BridgeAddress
from meshcore.errors import BadRecordError, BridgeUnavailableError, ConfigurationError, MeshError

SCHEMA_VERSION = 1
OLDEST_SERVER = 140000
_MOST_LOCK_SECONDS = DEADLINE_SECONDS  # that a call waits for another session, however long it may take
_LOOK_SECONDS = 0.1  # after which Ctrl-C is seen
# What stands in the line of a session that was refused for good: libpq gives no code there.
_REFUSALS = (
    "password",
    "certificate",
    "SSL",
    "authentication",
    "channel binding",
    "not permitted to log in",
    "permission denied",
    "pg_hba.conf",
    "does not exist",
    "standby",
)
_RV = TypeVar("_RV")
Row = tuple[Any, ...]
Parameters = Sequence[object] | Mapping[str, object]
Statement = tuple[str, Parameters, bool]  # whether the session keeps its plan, which costs the server memory
_HAS_PIPELINES = psycopg.Pipeline.is_supported()  # by the libpq that is here
# What psycopg would warn of on standard error, we say as an error of our own.
logging.getLogger("psycopg").addHandler(logging.NullHandler())


class _LateError(Exception):
    """The deadline of a call has passed; what the server makes of it is not known."""


class _Connection(psycopg.Connection[Row]):
    """A connection that waits for its server no longer than until `until` (monotonic seconds)."""

    until: float = float("inf")

    def wait(
        self, gen: Generator[Wait, Ready | int, _RV], interval: float = _LOOK_SECONDS, timeout: float | None = None
    ) -> _RV:
        if self.until == float("inf"):
            return super().wait(gen, interval, timeout)
        try:
            return super().wait(gen, interval, max(0.001, self.until - time.monotonic()))
        except psycopg.Error as error:
            if error.sqlstate is None and time.monotonic() >= self.until:
                self.pgconn.finish()  # what it was asked may still come: it answers nothing else
                raise _LateError from error
            raise


class Session:
    """One connection of a process, used by one thread at a time."""

    def __init__(
        self,
        address: BridgeAddress,
        deadline: float,
        on_open: Callable[[psycopg.Connection[Row]], None] = lambda connection: None,
    ) -> None:
        """`deadline` is the seconds of one call; `on_open` is called with every new connection."""
        self.shown = address.shown
        self.bridge_id = ""
        self._address = address
        self._deadline = deadline
        self._on_open = on_open
        self._lock = threading.RLock()
        self._connection: _Connection | None = None

    def ask(self, query: str, parameters: Parameters = (), *, seconds: float | None = None) -> list[Row]:
        """Return the rows of one statement, a transaction of its own; `seconds` instead of the deadline.

        A connection that the server has closed meanwhile is opened anew, once: every statement of ours may be repeated.
        Raises BridgeUnavailableError and ConfigurationError.
        """
        until = time.monotonic() + (seconds or self._deadline)
        with self.alone(seconds or self._deadline):
            return self._ask_again([(query, parameters, False)], until, seconds)[0]

    def ask_all(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Return the rows of each of several queries, which go to the server together.

        Raises BridgeUnavailableError and ConfigurationError.
        """
        with self.alone(self._deadline):
            return self._ask_again(statements, time.monotonic() + self._deadline, None)

    @contextmanager
    def alone(self, seconds: float) -> Iterator[None]:
        """Keep other threads from the connection for a block: what one reads of it, another waits for in vain."""
        if not self._lock.acquire(timeout=seconds):
            raise took_too_long(self.shown, seconds)
        try:
            yield
        finally:
            self._lock.release()

    def _ask_again(self, statements: Sequence[Statement], until: float, seconds: float | None) -> list[list[Row]]:
        try:
            was_open = self._connection is not None
            try:
                return self._ask(statements, until, seconds)
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                if not was_open or self._connection is not None or time.monotonic() >= until:
                    raise self._said(error, seconds) from error
            try:
                return self._ask(statements, until, seconds)
            except psycopg.Error as error:
                raise self._said(error, seconds) from error
        except _LateError as error:
            self.close()
            raise took_too_long(self.shown, seconds or self._deadline) from error
        except psycopg.Error as error:
            raise self._said(error, seconds) from error

    def connection(self) -> psycopg.Connection[Row]:
        """Return the open connection, whose notifications a listener reads. Raises BridgeUnavailableError."""
        if self._connection is None:
            self.ask("SELECT 1")
        assert self._connection is not None
        return self._connection

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(psycopg.Error):
                connection.close()

    def _ask(self, statements: Sequence[Statement], until: float, seconds: float | None) -> list[list[Row]]:
        connection = self._connection or self._open(until)
        connection.until = until
        try:
            if seconds is not None:
                connection.execute(f"SET statement_timeout = {int(seconds * 1000)}".encode())
            is_one = len(statements) == 1
            with nullcontext() if is_one or not _HAS_PIPELINES else connection.pipeline():
                cursors = [connection.execute(one.encode(), values, prepare=keep) for one, values, keep in statements]
                found = [[] if is_one and one.description is None else one.fetchall() for one in cursors]
            if seconds is not None:
                connection.execute(f"SET statement_timeout = {_milliseconds(self._deadline)}".encode())
            return found
        except BaseException:
            if connection.closed or connection.broken or seconds is not None:
                self.close()
            raise
        finally:
            connection.until = float("inf")

    def _open(self, until: float) -> _Connection:
        parameters = connection_parameters(self._address, self._deadline)
        connection = _connect(parameters, until)
        try:
            connection.until = until
            self._check(connection)
            self._on_open(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _check(self, connection: _Connection) -> None:
        """Refuse what would not do: a pooler, an old server, a standby, another program's database."""
        if connection.info.server_version < OLDEST_SERVER:
            major = connection.info.server_version // 10000
            raise ConfigurationError(
                f"{self.shown}: PostgreSQL {major}; a bridge needs 14 or newer: upgrade the server"
            )
        if connection.info.parameter_status("in_hot_standby") == "on":
            raise BridgeUnavailableError(
                f"{self.shown}: a read-only standby; name the primary, or all servers: postgresql://login@a,b/database"
            )
        limit = _milliseconds(self._deadline)
        # The server gives up first, so that it can be asked who stands in the way. A plan is made once, and kept while
        # the log grows from nothing: by an index, whatever the sizes are now.
        settings = {
            "statement_timeout": limit,
            "lock_timeout": min(4 * limit // 5, _milliseconds(_MOST_LOCK_SECONDS)),
            "idle_in_transaction_session_timeout": 10_000,
            "jit": "off",
            "plan_cache_mode": "force_generic_plan",
            "enable_seqscan": "off",
            "search_path": "pg_catalog",
        }
        connection.execute("; ".join(f"SET {name} = {value}" for name, value in settings.items()).encode())
        try:
            found = connection.execute("SELECT pg_backend_pid(), bridge_id, schema_version FROM mesh.head").fetchone()
        except (errors.UndefinedTable, errors.InvalidSchemaName) as error:
            raise ConfigurationError(
                f"{self.shown}: this database holds no bridge; its administrator makes one: meshtui bridge init URL"
            ) from error
        if found is None:
            raise ConfigurationError(f"{self.shown}: the log has no head; restore the database from a backup")
        if found[0] != connection.info.backend_pid:
            raise ConfigurationError(
                f"{self.shown}: a connection pooler answers there, which gives sessions away between statements;"
                " name the server itself (PgBouncer: its database's own host and port)"
            )
        self.bridge_id, version = str(found[1]), int(found[2])
        if version > SCHEMA_VERSION:
            raise ConfigurationError(
                f"{self.shown}: written by a newer meshtui (schema {version}); update meshtui here"
            )
        if version < SCHEMA_VERSION:
            raise ConfigurationError(
                f"{self.shown}: made by an older meshtui (schema {version}); its administrator runs:"
                " meshtui bridge init URL"
            )

    def _said(self, error: psycopg.Error, seconds: float | None) -> MeshError:
        """Return what went wrong in one line, as the error that it is."""
        if isinstance(error, errors.LockNotAvailable):
            return BridgeUnavailableError(f"{self.shown}: {self._who_holds()}; nothing is lost, it is tried again")
        if isinstance(error, errors.QueryCanceled):
            return took_too_long(self.shown, seconds or self._deadline)
        said = first_line(error)
        if isinstance(error, errors.InsufficientPrivilege):
            return ConfigurationError(f"{self.shown}: refused: {said}; see `meshtui bridge status`")
        if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
            return BadRecordError(f"{self.shown}: not stored: {said}")
        if error.sqlstate is None and any(word in said for word in _REFUSALS):
            return ConfigurationError(f"{self.shown}: no session: {said}")
        if isinstance(error, errors.UndefinedFunction | errors.UndefinedTable | errors.UndefinedColumn):
            return ConfigurationError(
                f"{self.shown}: the bridge lacks something: {said}; its administrator runs: meshtui bridge init"
            )
        return BridgeUnavailableError(f"{self.shown}: {said}; try again")

    def _who_holds(self) -> str:
        with suppress(psycopg.Error, _LateError):
            connection = self._connection
            if connection is not None:
                connection.until = time.monotonic() + 1.0
                rows = connection.execute("SELECT login, pid FROM mesh.holders() LIMIT 3").fetchall()
                if rows:
                    who = ", ".join(f"login {login} (process {pid})" for login, pid in rows)
                    return f"{who} holds the head of the log, so nobody can publish"
        return "another session holds what this call needs"


def _connect(parameters: dict[str, str | int], until: float) -> _Connection:
    """Connect within a deadline; what takes longer, a name that nobody resolves too, is left to end by itself."""
    outcome: list[_Connection | BaseException] = []
    is_late = threading.Event()

    def connect() -> None:
        try:
            found = _Connection.connect(autocommit=True, **parameters)  # type: ignore[arg-type]
        except BaseException as error:
            outcome.append(error)
            return
        outcome.append(found)
        if is_late.is_set():
            found.close()

    thread = threading.Thread(target=connect, name="meshtui connects", daemon=True)
    thread.start()
    thread.join(max(0.0, until - time.monotonic()))
    if not outcome:
        is_late.set()
        raise _LateError
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


def first_line(error: psycopg.Error) -> str:
    """Return the first line of what the server or libpq said, made visible."""
    from meshcore.safety.visible_text import visible

    text = error.diag.message_primary or str(error) or type(error).__name__
    return visible(text.strip().splitlines()[0], limit=300, keep_newlines=False)


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
