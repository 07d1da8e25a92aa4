"""Whose control records are missing here, and what follows: nothing runs unattended while one might withdraw it."""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.model import KnownSkill
from meshcore.node import Node
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
    name = f"{row.name or row.node[:12]}" + (f" on {row.host}" if row.host else "")
    who = (chain.node, name, row.operator, row.own_operator)
    if chain.fork:
        return Missing(*who, fork=chain.fork)
    chains = node.store.chains
    return Missing(*who, chains.count_lacking(chain), tuple(chains.lacking(chain, SHOWN_NUMBERS)))


def not_synced(node: Node, known: KnownSkill) -> list[str]:
    """Return why a skill may not run unattended now: own nodes' records stop all, others' stop their own."""
    of_author = {known.author, trust_in(node, known.author).operator} - {""}
    return [
        f"not synced: {one.text}, and it might withdraw this; see `meshtui doctor`"
        for one in missing(node)
        if one.own or {one.node, one.operator} & of_author
    ]
