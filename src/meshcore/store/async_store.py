"""The store for an event loop: the same questions, asked in a thread of its own over a read-only connection.

It writes nothing: what a person decides is written by `Store`, in one short transaction.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import aiosqlite

from meshcore.errors import ConfigurationError
from meshcore.store.database import (
    BUSY_TIMEOUT_SECONDS,
    SCHEMA_VERSION,
    VERSION_AND_TABLES,
    check_version,
    fault,
    values,
)
from meshcore.store.read import Read

T = TypeVar("T")


class NotMadeError(ConfigurationError):
    """No store is there yet, or an older one: whoever opens it to write makes it, or brings it up to date."""


class AsyncStore:
    """A reader of one home's database; each call sees the newest commit and keeps nothing open behind it.

    Made by `open`; use as an asynchronous context manager, or call `close`.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    async def open(cls, path: Path) -> AsyncStore:
        """Open a store that is there.

        Raises NotMadeError, StoreTooNewError, and ConfigurationError for what is no store.
        """
        if not path.is_file():
            raise NotMadeError(f"{path}: no store here yet; run a command under `meshtui run` first")
        connection = aiosqlite.connect(
            f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS
        )
        try:
            await connection
        except BaseException as error:
            connection._thread.join()  # it still answers the loop, which may be closed as soon as this returns
            if isinstance(error, sqlite3.Error):
                raise fault(error, path) from error
            raise
        connection.row_factory = sqlite3.Row
        store = cls(path, connection)
        try:
            await store._check()
        except BaseException:
            await store.close()
            raise
        return store

    async def _check(self) -> None:
        found = await self.one(Read(VERSION_AND_TABLES, lambda row: (int(row[0]), int(row[1]))))
        version, tables = found or (0, 0)
        if check_version(version, tables, self.path) != SCHEMA_VERSION:
            raise NotMadeError(f"{self.path}: an older store; run `meshtui status` once to bring it up to date")

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def renew(self) -> None:
        """Read the file anew, of which pages may be remembered that it has no more. Raises MeshError."""
        fresh = await self.open(self.path)
        old, self._db = self._db, fresh._db
        await old.close()

    async def close(self) -> None:
        """Let go of the file."""
        await self._db.close()

    async def ask(self, read: Read[T]) -> list[T]:
        """Return the answer to a question of `queries` or `views`, a value for each row."""
        try:
            return values(read, await self._db.execute_fetchall(read.sql, read.parameters), self.path)
        except sqlite3.DatabaseError as error:
            raise fault(error, self.path) from error

    async def one(self, read: Read[T]) -> T | None:
        """Return the first value of the answer to a question, None where it is empty."""
        found = await self.ask(read)
        return found[0] if found else None
