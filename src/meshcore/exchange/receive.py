"""Receive what other nodes said: check it, store it, acknowledge it.

Nothing that arrives is believed before its signature holds.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace

from meshcore.bridge.base import Delivery
from meshcore.clock import to_text
from meshcore.errors import BadRecordError, BadSkillError, BridgeUnavailableError, ConfigurationError, MeshError
from meshcore.exchange.handlers import HANDLERS, Taken, take_legacy_skill
from meshcore.exchange.publish import BATCH_ROWS, publish
from meshcore.model import Receipt
from meshcore.node import Node
from meshcore.safety.records import author_of, verify
from meshcore.safety.visible_text import visible
from meshcore.trust.authors import meet, trust_in

PULL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one look at the bridge brought: rows by what became of them, and whether more wait."""

    stored: int = 0
    ignored: int = 0
    rejected: int = 0
    more: bool = False


def pull(node: Node, *, seconds: float = PULL_SECONDS) -> Pulled:
    """Receive what waits, at least one batch, at most `seconds` long. Raises BridgeUnavailableError.

    Every row is committed to the home's store before it is acknowledged: a crash between the two delivers it again,
    and again is harmless.
    """
    bridge = node.require_bridge()
    started = node.clock.monotonic()
    counts = {"stored": 0, "ignored": 0, "rejected": 0}
    while True:
        batch = bridge.receive(node.identity.node.public, BATCH_ROWS)
        if batch.deliveries or batch.cursor:
            receipts = take_in(node, batch.deliveries)
            for receipt in receipts:
                counts[receipt.status] += 1
            if receipts or batch.cursor:
                bridge.acknowledge(node.identity.node.public, receipts, batch.cursor)
        if not batch.more:
            node.note_sync()
        if not batch.more or node.clock.monotonic() - started >= seconds:
            return Pulled(counts["stored"], counts["ignored"], counts["rejected"], batch.more)


def take_in(node: Node, deliveries: tuple[Delivery, ...]) -> list[Receipt]:
    """Check and store rows of the bridge, each whole or else as rejected; return a receipt for each.

    They are on the disk before this returns: what is acknowledged survives a power cut.
    """
    if not deliveries:
        return []
    urgent = [delivery for delivery in deliveries if _is_urgent(delivery)]
    rest = [delivery for delivery in deliveries if not _is_urgent(delivery)]
    with node.store.transaction(durable=True):
        receipts = [_take_in_one(node, delivery) for delivery in (*urgent, *rest)]
    return sorted(receipts, key=lambda receipt: receipt.seq)


def _is_urgent(delivery: Delivery) -> bool:
    """Tell whether a row looks like one that must be known before any skill of the same batch is taken in."""
    return any(f'"kind":"{kind}"' in delivery.record.text for kind in ("halt", "revocation", "rotation"))


_NOT_ACCEPTABLE = (
    BadRecordError,
    BadSkillError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
"""What a peer's data may cause. Faults of the disk or of locks are not among them: such a row is taken in later."""


def _take_in_one(node: Node, delivery: Delivery) -> Receipt:
    me, at = node.identity.node.public, to_text(node.clock.now())
    try:
        if node.store.records.has(delivery.record.record_id):
            return Receipt(delivery.seq, me, "stored", at)
        with node.store.transaction():
            return Receipt(delivery.seq, me, _take_in_checked(node, delivery), at)
    except _NOT_ACCEPTABLE as error:
        reason = visible(str(error), limit=200) or type(error).__name__
        node.store.records.add(delivery.record, "rejected", reason)
        return Receipt(delivery.seq, me, "rejected", at, reason)


def _take_in_checked(node: Node, delivery: Delivery) -> Taken:
    if delivery.origin == "legacy":
        taken = take_legacy_skill(node, delivery.record)
        node.store.records.add(replace(delivery.record, kind="legacy_skill"), taken)
        return taken
    record = verify(delivery.record)
    author = author_of(record)
    meet(node, record, author)
    own = trust_in(node, author.node).state == "own"
    handler = HANDLERS.get(record.kind)
    taken = handler(node, record, author, own) if handler else "ignored"
    node.store.records.add(record, taken)
    return taken


def exchange(node: Node) -> Pulled:
    """Publish and pull once, quietly: a bridge that cannot be used is noted in `node.bridge_fault`."""
    try:
        publish(node)
        node.tend()
        return pull(node)
    except (BridgeUnavailableError, ConfigurationError) as error:
        node.bridge_fault = str(error)
    except MeshError as error:
        node.store.events.add("fault", data={"what": str(error)})
    return Pulled()
