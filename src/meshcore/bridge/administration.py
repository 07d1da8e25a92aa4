"""What the owner of a bridge with logins does with it; engines without logins have nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Granted:
    """A host's login, and its new password: `line` is what goes into a password file of that host."""

    login: str
    line: str


@dataclass(frozen=True, slots=True)
class Access:
    """A login with its nodes, and how many sessions it has now."""

    login: str
    nodes: tuple[str, ...]
    sessions: int


@dataclass(frozen=True, slots=True)
class Holder:
    """A session that keeps others from publishing."""

    login: str
    process: int


@dataclass(frozen=True, slots=True)
class State:
    """A bridge as its server sees it."""

    server: str
    access: tuple[Access, ...]
    holders: tuple[Holder, ...]


class Administration(Protocol):
    """Every method may raise MeshError."""

    def script(self) -> str:
        """Return what `make` would run, for a person to read and run."""
        ...

    def make(self) -> str:
        """Make the bridge, or bring an older one to this version; return in words what was done."""
        ...

    def grant(self, host: str, nodes: Sequence[str]) -> Granted:
        """Let a host in: give it a login with a new password that speaks for these nodes and no others.

        Raises UsageError for what is no node's id, and for a node that speaks for another login.
        """
        ...

    def revoke(self, host: str) -> int:
        """Keep a host out from now on; what it said stays. Return for how many nodes it spoke."""
        ...

    def state(self) -> State:
        """Return who may speak, and who keeps others from it. Any login may ask."""
        ...
