"""Whose control records are missing here, and what follows: nothing runs unattended while one might withdraw it.

A node whose signs of life are withheld too cannot be told from one that is switched off: when it last showed one is all
that can be said.
"""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.bridge.limits import SEEN_SECONDS
from meshcore.clock import from_text
from meshcore.model import KnownSkill
from meshcore.node import Node
from meshcore.store.authors import AuthorRow
from meshcore.store.chains import Chain
from meshcore.trust.authors import trust_in

SHOWN_NUMBERS = 5


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing of one author: the first numbers and how many there are, or the number that came twice (`fork`).

    `own`: a node of this operator, whose word withdraws and halts here.
    """

    node: str
    name: str
    operator: str
    own: bool
    count: int = 0
    numbers: tuple[int, ...] = ()
    fork: int = 0

    @property
    def text(self) -> str:
        """Return what is missing, in words."""
        if self.fork:
            return f"two records of {self.name} came as number {self.fork} of its chain"
        numbers = ", ".join(map(str, self.numbers)) + (", …" if self.count > len(self.numbers) else "")
        return f"{self.count} control record{'s' if self.count > 1 else ''} of {self.name} missing (number {numbers})"


def missing(node: Node) -> list[Missing]:
    """Return what is missing of own and enrolled nodes; of those that were withdrawn nothing is missed."""
    found = (_missing(node, chain) for chain in node.store.chains.not_whole())
    return [one for one in found if one is not None]


def _missing(node: Node, chain: Chain) -> Missing | None:
    row, trust = node.store.authors.get(chain.node), trust_in(node, chain.node)
    if row is None or trust.state in ("revoked", "unknown") or (trust.state == "changed" and not row.own_operator):
        return None
    who = (chain.node, _called(row), row.operator, row.own_operator)
    if chain.fork:
        return Missing(*who, fork=chain.fork)
    chains = node.store.chains
    return Missing(*who, chains.count_lacking(chain), tuple(chains.lacking(chain, SHOWN_NUMBERS)))


def not_synced(node: Node, known: KnownSkill) -> list[str]:
    """Return why a skill may not run unattended now: own nodes' records stop all, others' stop their own."""
    if not (found := missing(node)):
        return []
    of_author = {known.author, trust_in(node, known.author).operator} - {""}
    return [
        f"not synced: {one.text}, and it might withdraw this; see `meshtui doctor`"
        for one in found
        if one.own or {one.node, one.operator} & of_author
    ]


@dataclass(frozen=True, slots=True)
class Silent:
    """An own node whose last signed sign of life, made `since`, is older than that of one at work."""

    node: str
    name: str
    host: str
    since: str


def silent(node: Node) -> list[Silent]:
    """Return the own nodes that show no sign of life now: switched off, or theirs are withheld."""
    heard, now = node.store.chains.heartbeats(), node.clock.now()
    found = []
    for row in _own(node):
        beat = heard.get(row.node)
        if beat is not None and not (beat.created and (now - from_text(beat.created)).total_seconds() <= SEEN_SECONDS):
            found.append(Silent(row.node, row.name or row.node[:12], row.host, beat.created))
    return found


def without_promise(node: Node) -> list[str]:
    """Return the names of own nodes of version 0.1: their records have no numbers, so none is ever missed."""
    heard = node.store.chains.heartbeats()
    return [_called(row) for row in _own(node) if row.node not in heard and not node.store.chains.of(row.node)]


def _own(node: Node) -> list[AuthorRow]:
    """Return the other own nodes that still count: neither replaced nor withdrawn."""
    me = node.identity.node.public
    rows = [row for row in node.store.authors.all() if row.own_operator and not row.successor and row.node != me]
    return [row for row in rows if trust_in(node, row.node).state != "revoked"]


def _called(row: AuthorRow) -> str:
    return f"{row.name or row.node[:12]}" + (f" on {row.host}" if row.host else "")
