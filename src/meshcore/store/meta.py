"""Who this node is, how far it got, and what it last wrote into the old system's skills file."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from meshcore.store.database import Database
from meshcore.store.meta_key import MetaKey
from meshcore.store.read import Read

if TYPE_CHECKING:  # a class of such a type would cost each hook the whole of `typing`
    from typing import Unpack

    from meshcore.store.facts import NodeFacts, SkillsFileFacts


OWN_NODE = "coalesce((SELECT value FROM meta WHERE name='node'), '')"
"""Which node this is, as a term of a statement on other tables."""


def fact(key: MetaKey) -> Read[str]:
    """A fact of identity or schema."""
    return Read("SELECT value FROM meta WHERE name=?", lambda row: str(row[0]), (key,))


class Meta:
    """The table `meta`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: MetaKey) -> str:
        """Return a fact, "" where it is not known yet."""
        return self._db.one(fact(key)) or ""

    def set(self, key: MetaKey, value: str) -> None:
        """Store a fact."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?,?,?)", (key, value, self._db.now()))


class NodeState:
    """The one row of `node_state`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self) -> NodeFacts:
        """Return how far this node got."""
        return cast("NodeFacts", self._db.one(Read("SELECT * FROM node_state", dict)) or {})

    def set(self, **facts: Unpack[NodeFacts]) -> None:
        """Store some facts; the others stay."""
        columns = ", ".join(f"{name}=?" for name in facts)
        with self._db.transaction():
            self._db.execute(f"UPDATE node_state SET {columns}", tuple(cast("dict[str, str | int]", facts).values()))  # noqa: S608


class SkillsFile:
    """The one row of `skills_file`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self) -> SkillsFileFacts:
        """Return what is known of the file."""
        return cast("SkillsFileFacts", self._db.one(Read("SELECT * FROM skills_file", dict)) or {})

    def set(self, **facts: Unpack[SkillsFileFacts]) -> None:
        """Store some facts; the others stay."""
        columns = ", ".join(f"{name}=?" for name in facts)
        with self._db.transaction():
            self._db.execute(f"UPDATE skills_file SET {columns}", tuple(cast("dict[str, str]", facts).values()))  # noqa: S608
