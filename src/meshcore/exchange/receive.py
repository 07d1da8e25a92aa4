"""Receive what other nodes said: check it, store it, acknowledge it.

Nothing that arrives is believed before its signature holds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from meshcore.bridge.base import Delivery
from meshcore.clock import to_text
from meshcore.errors import BadRecordError, BadSkillError, BridgeUnavailableError, ConfigurationError, MeshError
from meshcore.exchange.bodies import Body
from meshcore.exchange.handlers import KINDS, LEGACY_KIND, Kind, Speaker, Taken, legacy_skill, take_legacy_skill
from meshcore.exchange.publish import BATCH_ROWS, publish
from meshcore.model import Receipt, Record
from meshcore.node import Node
from meshcore.safety.records import Author, author_of, verify
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

    What is urgent is taken in first, else each in the order of the log. All are on the disk before this returns: what
    is acknowledged survives a power cut.
    """
    if not deliveries:
        return []
    messages = sorted((_read(delivery) for delivery in deliveries), key=lambda message: not message.urgent)
    with node.store.transaction(durable=True):
        receipts = [_take_in_one(node, message) for message in messages]
    return sorted(receipts, key=lambda receipt: receipt.seq)


@dataclass(frozen=True, slots=True)
class _Message:
    """A row of the bridge that was read, once: its record, as far as it holds, and what takes it in."""

    seq: int
    record: Record
    take: Callable[[Node], Taken]  # raises BadRecordError or BadSkillError where it is not acceptable
    urgent: bool = False


def _read(delivery: Delivery) -> _Message:
    record = delivery.record
    try:
        if delivery.origin == "legacy":
            record = replace(record, kind=LEGACY_KIND)
            return _Message(delivery.seq, record, partial(take_legacy_skill, known=legacy_skill(record.text)))
        record = verify(record)
        author, kind = author_of(record), KINDS.get(record.kind)
        body = kind.body.from_json(record.body) if kind else None
        take = partial(_take_said, record=record, author=author, kind=kind, body=body)
        return _Message(delivery.seq, record, take, urgent=kind is not None and kind.urgent)
    except (BadRecordError, BadSkillError) as error:
        return _Message(delivery.seq, record, partial(_refuse, reason=error))


def _take_said(node: Node, record: Record, author: Author, kind: Kind[Body] | None, body: Body | None) -> Taken:
    meet(node, record, author)
    if kind is None or body is None:
        return "ignored"
    own = trust_in(node, author.node).state == "own"
    return kind.take(node, body, Speaker(author.node, author.operator, record.author_seq, own))


def _refuse(node: Node, reason: MeshError) -> Taken:
    raise reason


def _take_in_one(node: Node, message: _Message) -> Receipt:
    me, at = node.identity.node.public, to_text(node.clock.now())
    try:
        if node.store.records.has(message.record.record_id):
            return Receipt(message.seq, me, "stored", at)
        with node.store.transaction():
            taken = message.take(node)
            node.store.records.add(message.record, taken)
        return Receipt(message.seq, me, taken, at)
    except (BadRecordError, BadSkillError) as error:
        reason = visible(str(error), limit=200)
        node.store.records.add(message.record, "rejected", reason)
        return Receipt(message.seq, me, "rejected", at, reason)


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
