"""Who this node is, how far it got, and what it last wrote into the old system's skills file."""

from __future__ import annotations

from typing import TypedDict, Unpack, cast

from meshcore.store import queries
from meshcore.store.database import Database
from meshcore.store.meta_key import MetaKey


class Meta:
    """The table `meta`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: MetaKey) -> str:
        """Return a fact, "" where it is not known yet."""
        return self._db.one(queries.meta(key)) or ""

    def set(self, key: MetaKey, value: str) -> None:
        """Store a fact."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?,?)", (key, value, self._db.now()))


class NodeFacts(TypedDict, total=False):
    """How far this node got. Times are UTC texts; "" is never, or none."""

    joined: str
    """Bridge, name and host that it last joined as."""
    skills_file_looked: str
    """When the old skills file was first looked at."""
    last_halt: str
    """The newest halt that was seen while the operator's key was protected; a signature covers this very text."""
    breaker_reset: str
    """Since when the circuit breaker counts."""
    time_seen: str
    """The highest time that this clock, or an own node, has shown."""
    pulled: str
    """When a hook last looked at the bridge."""
    journal_seq: int
    """The last event in the journal."""
    journal_fault: str
    """Why the journal is not written."""
    forgotten_incidents: int
    """How many own incidents retention removed."""
    forgotten_resolved: int
    """How many fixes that were verified unattended retention removed."""


class NodeState:
    """The one row of `node_state`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self) -> NodeFacts:
        """Return how far this node got."""
        return cast(NodeFacts, self._db.one(queries.node_state()) or {})

    def set(self, **facts: Unpack[NodeFacts]) -> None:
        """Store some facts; the others stay."""
        columns = ", ".join(f"{name}=?" for name in facts)
        with self._db.transaction():
            self._db.execute(f"UPDATE node_state SET {columns}", tuple(cast(dict[str, str | int], facts).values()))  # noqa: S608


class SkillsFileFacts(TypedDict, total=False):
    """The old system's skills file as it was last read or written here.

    `sha256` is of its bytes, "" for none. `shown` is `<last event>:<number of skills>`, "" where it is to be written
    anew. `ledger` is JSON (see `knowledge.interchange`).
    """

    sha256: str
    shown: str
    ledger: str


class SkillsFile:
    """The one row of `skills_file`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self) -> SkillsFileFacts:
        """Return what is known of the file."""
        return cast(SkillsFileFacts, self._db.one(queries.skills_file()) or {})

    def set(self, **facts: Unpack[SkillsFileFacts]) -> None:
        """Store some facts; the others stay."""
        columns = ", ".join(f"{name}=?" for name in facts)
        with self._db.transaction():
            self._db.execute(f"UPDATE skills_file SET {columns}", tuple(cast(dict[str, str], facts).values()))  # noqa: S608
