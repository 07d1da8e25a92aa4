"""One row of policy.toml, read: a kind of thing that may be done unattended."""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.policy.argv_patterns import Form


@dataclass(frozen=True, slots=True)
class ActionType:
    """How the commands of one kind look, and what must be so before one goes unattended."""

    name: str
    summary: str
    forms: tuple[Form, ...]
    named: frozenset[str] = frozenset()
    declared: str = ""
    needs: str = ""
    render: str = ""
    writes: bool = False
    bounded: bool = False
    network: bool = False
    unattended: bool = True
