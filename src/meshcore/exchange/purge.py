"""A body is erased for good: here, in the journal, on the bridge and, by a signed record, at all others.

The record keeps its id, its author and its number, so that nothing seems to be withheld.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meshcore.errors import UsageError
from meshcore.exchange.control_bodies import PurgeBody
from meshcore.journal.erasing import erase_lines
from meshcore.knowledge.migration import other_reading
from meshcore.node import Node
from meshcore.store.purges import Told


def purge(node: Node, found: Sequence[Told], why: str) -> int:
    """Erase what these records said, here and now, and queue it for all others; return how many were published.

    What waits in the outbox unsigned is withdrawn. Raises UsageError where there is nothing.
    """
    if not found:
        raise UsageError("no record of this home is called that; `meshtui bridge outgoing` and the screens show ids")
    node.project()
    sent = [told for told in found if told.record_id]
    for told in sent:
        body = PurgeBody(told.record_id, told.author, told.kind, why, told.epoch, told.number)
        node.store.outbox.add(body.kind, body.to_json())
        erase_here(node, told.record_id, told.author, node.identity.node.public, found=told)
    for told in found:
        if not told.record_id:
            node.store.purges.withdraw(told)
            erase_told(node, told)
    return len(sent)


def erase_here(node: Node, record_id: str, author: str, by_node: str, *, found: Told | None = None) -> None:
    """Erase what a record said from this home's store and journal; what is still to come of it is kept out."""
    node.store.purges.note(record_id, author, by_node)
    me = node.identity.node.public
    held = [found] if found else node.store.purges.find(record_id, me)
    for told in held:
        if told.author == author:
            erase_told(node, told)


def erase_told(node: Node, told: Told) -> None:
    """Erase what one record said and what this home made of it, a skill by other rules of reading as well."""
    other = other_reading(node.store, told.subject) if told.kind == "skill" else ""
    node.store.purges.overwrite()
    seqs = node.store.purges.erase(told)
    if other:
        seqs += node.store.purges.erase(replace(told, record_id="", subject=other))
    erase_lines(node.home.journal, sorted(set(seqs)))


def erase_on_bridge(node: Node, body: PurgeBody) -> None:
    """Erase an own record on the bridge, and what programs of the earlier system were shown of it.

    What another operator's node said stays there for theirs.
    """
    row = node.store.authors.get(body.author)
    if body.author != node.identity.node.public and (row is None or not row.own_operator):
        return
    node.require_bridge().erase(body.record_id)
    if (old := node.old_programs) is not None and body.told == "skill":
        old.erase(body.record_id)
