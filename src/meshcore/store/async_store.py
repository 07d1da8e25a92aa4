"""The store for an event loop: the same questions, asked in a thread of its own over a read-only connection.

It writes nothing: what a person decides is written by `Store`, in one short transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import aiosqlite

from meshcore.errors import ConfigurationError
from meshcore.events import Event
from meshcore.model import Incident, KnownSkill, Outcome, SkillState
from meshcore.store import queries as reads
from meshcore.store.database import (
    BUSY_TIMEOUT_SECONDS,
    SCHEMA_VERSION,
    VERSION_AND_TABLES,
    check_version,
    fault,
    values,
)
from meshcore.store.queries import Read, unambiguous
from meshcore.store.rows import Approval

T = TypeVar("T")


class AsyncStore:
    """A reader of one home's database; each call sees the newest commit and keeps nothing open behind it.

    Made by `open`; use as an asynchronous context manager, or call `close`.
    """

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._db = connection

    @classmethod
    async def open(cls, path: Path) -> AsyncStore:
        """Open a store that is there. Raises StoreTooNewError, and ConfigurationError for what is no store."""
        if not path.is_file():
            raise ConfigurationError(f"{path}: no store here yet; run a command under `meshtui run` first")
        try:
            connection = await aiosqlite.connect(
                f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_SECONDS
            )
        except sqlite3.Error as error:
            raise fault(error, path) from error
        connection.row_factory = sqlite3.Row
        store = cls(path, connection)
        try:
            await store._check()
        except BaseException:
            await store.close()
            raise
        return store

    async def _check(self) -> None:
        found = await self._one(Read(VERSION_AND_TABLES, lambda row: (int(row[0]), int(row[1]))))
        version, tables = found or (0, 0)
        if check_version(version, tables, self.path) != SCHEMA_VERSION:
            raise ConfigurationError(f"{self.path}: an older store; run `meshtui status` once to bring it up to date")

    async def __aenter__(self) -> AsyncStore:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the file."""
        await self._db.close()

    async def ask(self, read: Read[T]) -> list[T]:
        """Return the answer to a question of `store_reads` or `store_views`."""
        return await self._all(read)

    async def meta(self, key: str, default: str = "") -> str:
        """Return a stored value, or the default."""
        found = await self._one(reads.meta(key))
        return default if found is None else found

    async def metas(self, prefix: str) -> dict[str, str]:
        """Return the stored values whose keys begin like this, by key."""
        return dict(await self._all(reads.metas(prefix)))

    async def control(self, key: str) -> str:
        """Return what an operator has set, empty where nothing was."""
        return await self._one(reads.control(key)) or ""

    async def events_after(self, seq: int, limit: int = 1000) -> list[Event]:
        """Return events in order, from the one after `seq`."""
        return await self._all(reads.events_after(seq, limit))

    async def events_of(self, incident_id: str) -> list[Event]:
        """Return the events of one incident, in order."""
        return await self._all(reads.events_of(incident_id))

    async def last_event(self) -> int:
        """Return the highest seq, 0 where nothing happened yet."""
        return await self._one(reads.last_event()) or 0

    async def figures(self) -> dict[str, int]:
        """Return the counts of `Store.figures`, all of one moment."""
        return dict(await self._all(reads.figures()))

    async def seconds_to_green(self) -> dict[str, list[float]]:
        """Return this node's seconds from opening to verified, for `first` and `again`."""
        return reads.first_and_again(await self._all(reads.seconds_to_green()))

    async def incident(self, reference: str) -> Incident | None:
        """Return the incident with this id or unambiguous beginning of it; `last` is the newest of this node."""
        return unambiguous(await self._all(reads.incident(reference)), reference, lambda found: found.incident_id)

    async def incidents(self, *, state: str = "", limit: int = 50) -> list[Incident]:
        """Return incidents, those that this node learnt of last first."""
        return await self._all(reads.incidents(state, limit))

    async def outcomes(self, *, skill_id: str = "", incident_id: str = "") -> list[Outcome]:
        """Return outcomes of a skill or of an incident, in the order in which this node learnt of them."""
        return await self._all(reads.outcomes(skill_id, incident_id))

    async def skill(self, reference: str) -> KnownSkill | None:
        """Return the skill with this id, unambiguous beginning of an id (6 or more digits), or label."""
        return unambiguous(await self._all(reads.skill(reference)), reference, lambda known: known.skill.skill_id)

    async def skills(self, *, states: Sequence[SkillState] = (), limit: int = -1) -> list[KnownSkill]:
        """Return skills by label; all states where none is named."""
        return await self._all(reads.skills(states, limit))

    async def count_skills(self) -> int:
        """Return how many different skills are known, forgotten ones left out."""
        return await self._one(reads.count_skills()) or 0

    async def uses(self) -> dict[str, int]:
        """Return how often each skill was used here; those never used are left out."""
        return dict(await self._all(reads.uses()))

    async def approval(self, reference: str) -> Approval | None:
        """Return the approval with this id or unambiguous beginning of it."""
        return unambiguous(await self._all(reads.approval(reference)), reference, lambda found: found.approval_id)

    async def approvals(self, *, waiting_only: bool = True) -> list[Approval]:
        """Return approvals, oldest first."""
        return await self._all(reads.approvals(waiting_only))

    async def agents(self) -> list[dict[str, str]]:
        """Return this node's agents: name, via, host, first_seen, last_seen."""
        return await self._all(reads.agents())

    async def count_records(self) -> dict[str, int]:
        """Return the number of records of others per status."""
        return dict(await self._all(reads.record_counts()))

    async def rejected_records(self, limit: int = 50) -> list[tuple[str, str, str]]:
        """Return (received, record id, reason) of records that were not accepted, newest first."""
        return await self._all(reads.rejected_records(limit))

    async def _all(self, read: Read[T]) -> list[T]:
        try:
            return values(read, await self._db.execute_fetchall(read.sql, read.parameters), self.path)
        except sqlite3.DatabaseError as error:
            raise fault(error, self.path) from error

    async def _one(self, read: Read[T]) -> T | None:
        found = await self._all(read)
        return found[0] if found else None
