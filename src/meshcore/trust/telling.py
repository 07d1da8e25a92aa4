"""Whose words about a project's commands agents are told: own nodes', and those of whom the operator said so.

Light: a hook asks. Nothing runs on such a word, so no signature is asked for: what it could change, a program that
can write the store changes more directly.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.store.store import Store
from meshcore.trust.modes import AUTHOR
from meshcore.trust.store_keys import REVOKED, TOLD


@dataclass(frozen=True, slots=True)
class Teller:
    """An author: the name that it gives itself, whether it is an own node, and whether agents are told its words."""

    name: str
    own: bool
    tells: bool


def teller(store: Store, author: str) -> Teller | None:
    """Return who an author is, None for one that nobody heard, was revoked, switched off or came with another key."""
    row = store.authors.get(author)
    if row is None or row.changed or store.controls.get(AUTHOR + row.operator) == "off":
        return None
    keys = [key for key in (row.node, row.operator) if key]
    if any(store.controls.get(REVOKED + key) for key in keys):
        return None
    return Teller(row.name, row.own_operator, row.own_operator or is_told(store, row.node, row.operator))


def is_told(store: Store, node: str, operator: str) -> bool:
    """Tell whether the operator lets agents be told what a node, or an operator's nodes, say."""
    return any(store.controls.get(TOLD + key) for key in (node, operator) if key)
