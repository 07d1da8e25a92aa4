"""Receive what other nodes said: check it, store it, acknowledge it.

Nothing that arrives is believed before its signature holds. Bad input is what its reader or handler says is bad: it is
rejected, and the receipt says so. Any other error there is a fault of ours, and no judgement of the record: it is kept
as `faulted`, without a receipt, while others go on; another version, or `meshtui maintenance`, takes it in again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from meshcore import __version__
from meshcore.bridge.base import Batch, Bridge, Delivery
from meshcore.bridge.limits import MAX_TEXT
from meshcore.clock import from_text, to_text
from meshcore.errors import (
    BadRecordError,
    BadSkillError,
    BridgeUnavailableError,
    ConfigurationError,
    MeshError,
    UsageError,
)
from meshcore.exchange.bodies import Body
from meshcore.exchange.chains import Heard, count_known, count_link, end_chain, listen
from meshcore.exchange.control_bodies import RotationBody
from meshcore.exchange.handlers import KINDS, LEGACY_KIND, Kind, Speaker, Taken, legacy_skill, take_legacy_skill
from meshcore.exchange.publish import BATCH_ROWS, publish, publish_lost
from meshcore.exchange.purge import erase_here
from meshcore.exchange.quotas import Quotas
from meshcore.exchange.report import tell_report
from meshcore.model import Receipt, ReceiptStatus, Record
from meshcore.node import Node
from meshcore.safety.records import Author, author_of, verify
from meshcore.safety.visible_text import visible
from meshcore.store.chains import Chain
from meshcore.trust.authors import meet, trust_in
from meshcore.trust.standing import note_fixes, reweigh
from meshcore.trust.synced import missing

PULL_SECONDS = 0.02
HANGS_SECONDS = 0.5  # after which a bridge that failed did not fail at once
SCAN_SECONDS = 0.5  # that a look may go past rows which are not to be read now
SEARCH_SECONDS = 60.0  # after which the whole log is read again for the sake of what is still missing
_LOOKED_AFTER = 256  # of this node's newest control records, where the bridge has forgotten how far it had come
_MOST_UNDELIVERED = 100_000  # rows looked through for what this node has not acknowledged


@dataclass(frozen=True, slots=True)
class Pulled:
    """What one look at the bridge brought: rows by what became of them, and whether more wait."""

    stored: int = 0
    ignored: int = 0
    rejected: int = 0
    more: bool = False
    faulted: int = 0


def pull(node: Node, *, seconds: float = PULL_SECONDS) -> Pulled:
    """Receive what waits, at least one batch, at most `seconds` long. Raises BridgeUnavailableError.

    What nodes of the own operator and enrolled ones say comes first, and makes this node synced; see `quotas`.

    Every row is committed to the home's store before it is acknowledged: a crash between the two delivers it again,
    and again is harmless.
    """
    bridge, me = node.require_bridge(), node.identity.node.public
    heard: Heard | None = None
    started = node.clock.monotonic()
    counts = {"stored": 0, "ignored": 0, "rejected": 0}
    faulted, looked_back = 0, False
    take_in_again(node)
    bridge_id = bridge.bridge_id

    def elapsed() -> float:
        return node.clock.monotonic() - started

    quotas = Quotas(node, bridge, bridge_id, lambda: elapsed() < seconds)
    while True:
        before = _cursor(node, bridge_id)
        batch = bridge.receive(me, before, BATCH_ROWS, quotas.wants)
        if batch.end < before:
            _begin_anew(node, bridge_id, f"the bridge ends at {batch.end}, and {before} had been read")
            publish_lost(node)
            quotas = Quotas(node, bridge, bridge_id, lambda: elapsed() < seconds)
            continue
        if quotas.introduce():
            continue
        if batch.acknowledged < before and not looked_back:
            # Receipts were lost, maybe with more: others may have filled up a log that was restored from a backup.
            looked_back = True
            acknowledge_held(node, bridge)
            publish_lost(node, _LOOKED_AFTER)
            node.store.bridge_cursors.set(bridge_id, batch.acknowledged)
            continue
        receipts = _keep(node, bridge_id, before, batch, quotas)
        faulted += len(batch.deliveries) - len(receipts)
        for receipt in receipts:
            counts[receipt.status] += 1
        if receipts or batch.cursor > batch.acknowledged:
            bridge.acknowledge(me, receipts, batch.cursor)
        if not batch.more:
            if heard is None:
                heard = listen(node, bridge.members(node.store.authors.own()))
                if heard.lacks(node):
                    continue  # what they name may have been published since the log was read
            heard.keep(node)
            heard = Heard()
            if _search(node, bridge_id):
                continue
            _say_what_is_missing(node)
            node.note_sync()
            for receipt in _read_waiting(node, bridge, quotas):
                counts[receipt.status] += 1
        if not batch.more or elapsed() >= (seconds if batch.deliveries else max(seconds, SCAN_SECONDS)):
            note_fixes(node)
            return Pulled(counts["stored"], counts["ignored"], counts["rejected"], batch.more, faulted)


def _read_waiting(node: Node, bridge: Bridge, quotas: Quotas) -> list[Receipt]:
    """Take in what was passed over before, as far as the quotas of this minute and the time go."""
    me, taken = node.identity.node.public, []
    while (after := quotas.first_waiting()) is not None:
        batch = bridge.receive(me, after, BATCH_ROWS, quotas.wants_of_waiting)
        with node.store.transaction():
            receipts = take_in(node, batch.deliveries)
            quotas.note_read(batch.cursor, to_end=not batch.more)
            quotas.keep()
        if receipts:
            bridge.acknowledge(me, receipts, 0)
        taken += receipts
    return taken


def _search(node: Node, bridge_id: str) -> bool:
    """Begin to read the whole log once more where something is missing, at once and then now and again.

    It may lie where this home has read before. What a fault of ours has kept out is known to be here.
    """
    chains, faulted = node.store.chains, node.store.records.faulted_of
    found = [chain for chain in chains.not_whole() if chain.received_to < chain.named and _is_due(node, chain)]
    found = [chain for chain in found if chains.count_lacking(chain) > faulted(chain.node)]
    if not found:
        return False
    with node.store.transaction():
        for chain in found:
            chains.note_search(chain)
        node.store.bridge_cursors.set(bridge_id, 0)
    return True


def _say_what_is_missing(node: Node) -> None:
    """Tell, once each time, that records are missing, or are no longer; a fault of ours has told of itself."""
    faulted = node.store.records.faulted_of
    now = "; ".join(one.text for one in missing(node) if one.fork or one.count > faulted(one.node))
    before = node.store.state.get()["not_synced"]
    if now != before:
        with node.store.transaction():
            node.store.state.set(not_synced=now)
            what = f"not synced: {now}; what it might withdraw runs unattended no more" if now else "synced again"
            node.store.events.add("fault", data={"what": what})


def _is_due(node: Node, chain: Chain) -> bool:
    ago = (node.clock.now() - from_text(chain.searched_at)).total_seconds() if chain.searched_at else SEARCH_SECONDS
    return chain.searched < chain.named or not 0 <= ago < SEARCH_SECONDS


def _cursor(node: Node, bridge_id: str) -> int:
    """Return how far this home has read a bridge, by its own account, which holds what was taken in."""
    cursors = node.store.bridge_cursors
    found = cursors.find(bridge_id)
    if found is None and cursors.has_any():
        _begin_anew(node, bridge_id, "the bridge is another one than before")
    return found or 0


def _begin_anew(node: Node, bridge_id: str, why: str) -> None:
    with node.store.transaction():
        node.store.events.add("fault", data={"what": f"{why}: it is read from its beginning"})
        node.store.bridge_cursors.set(bridge_id, 0)
        node.store.lanes.set_waiting(bridge_id, {})


def _keep(node: Node, bridge_id: str, before: int, batch: Batch, quotas: Quotas) -> list[Receipt]:
    """Take in a batch and move the cursor in one transaction; say once where rows were pruned that were never read."""
    if not batch.deliveries and batch.cursor <= before:
        return []
    cursors = node.store.bridge_cursors
    with node.store.transaction():
        if before < batch.pruned_to and cursors.note_pruned(bridge_id, batch.pruned_to):
            what = f"summaries up to {batch.pruned_to} were pruned from the bridge; this home has read up to {before}"
            node.store.events.add("fault", data={"what": what})
        receipts = take_in(node, batch.deliveries)
        cursors.set(bridge_id, max(before, batch.cursor))
        quotas.keep()
    return receipts


def take_in(node: Node, deliveries: Sequence[Delivery], *, late: bool = False) -> list[Receipt]:
    """Check and store rows of the bridge, each whole or else as rejected; return a receipt for each.

    What is urgent is taken in first, else each in the order of the log. All are on the disk before this returns: what
    is acknowledged survives a power cut. A row that a fault of ours kept out has no receipt. `late`: what the rows'
    authors said after them may have been taken in before.
    """
    # A row that comes again need not be read again: a home that starts anew meets all that it has.
    known = {row.seq: row for row in deliveries if not late and node.store.records.has(row.record.record_id)}
    fresh = [_read(row, late) for row in deliveries if row.seq not in known]
    for row in known.values():
        count_known(node, row.record)
    receipts = [_receipt(node, seq, "stored") for seq in known]
    if fresh:
        with node.store.transaction(durable=True):
            for message in sorted(fresh, key=lambda message: not message.urgent):
                if (receipt := _take_in_one(node, message)) is not None:
                    receipts.append(receipt)
            for skill_id in dict.fromkeys(message.weighs for message in fresh if message.weighs):
                _weigh(node, skill_id)
    return sorted(receipts, key=lambda receipt: receipt.seq)


def _receipt(node: Node, seq: int, status: ReceiptStatus, reason: str = "") -> Receipt:
    return Receipt(seq, node.identity.node.public, status, to_text(node.clock.now()), reason)


def take_in_again(node: Node) -> int:
    """Take in what a fault of another version had kept out, at most a batch, and acknowledge it; return how many."""
    records = node.store.records
    faulted = records.faulted(__version__, BATCH_ROWS)
    if not faulted:
        return 0
    with node.store.transaction(durable=True):
        records.forget_faulted(record.record_id for record in faulted)
        take_in(node, [Delivery(0, record, "", "mesh" if record.key else "legacy") for record in faulted], late=True)
    if node.bridge is not None:
        acknowledge_held(node, node.bridge)
    return len(faulted)


def acknowledge_held(node: Node, bridge: Bridge) -> list[Receipt]:
    """Give the receipts that the bridge still waits for from this node, for what its home holds; return them."""
    me = node.identity.node.public
    receipts = [
        _receipt(node, row.seq, status)
        for row in bridge.undelivered(_MOST_UNDELIVERED)
        if row.node == me and (status := node.store.records.receipt_status(row.record_id)) is not None
    ]
    bridge.acknowledge(me, receipts, 0)
    return receipts


@dataclass(frozen=True, slots=True)
class _Message:
    """A row of the bridge that was read, once: its record, as far as it holds, and what takes it in."""

    seq: int
    record: Record
    take: Callable[[Node], Taken]  # raises BadRecordError or BadSkillError where it is not acceptable
    urgent: bool = False
    is_verified: bool = False
    weighs: str = ""  # the skill whose outcomes are to be counted anew, "" for none


def _read(delivery: Delivery, late: bool) -> _Message:
    record = delivery.record
    try:
        if delivery.size:
            raise BadRecordError(f"of {delivery.size} bytes, more than {MAX_TEXT}")
        if delivery.origin == "legacy":
            record = replace(record, kind=LEGACY_KIND)
            return _Message(delivery.seq, record, partial(take_legacy_skill, known=legacy_skill(record.text)))
        if not record.text:  # its body was erased; the record that says so comes too
            return _Message(delivery.seq, record, lambda node: "ignored")
        record = verify(record)
        author, kind = author_of(record), KINDS.get(record.kind)
        body = kind.body.from_json(record.body) if kind else None
        take = partial(_take_said, record=record, author=author, kind=kind, body=body, late=late)
        weighs = kind.weighs(body) if kind and kind.weighs and body else ""
        return _Message(delivery.seq, record, take, kind is not None and kind.urgent, is_verified=True, weighs=weighs)
    except Exception as error:  # whose it is, is told where the row is taken in
        return _Message(delivery.seq, record, partial(_refuse, reason=error), is_verified=bool(record.author))


def _take_said(
    node: Node, record: Record, author: Author, kind: Kind[Body] | None, body: Body | None, late: bool
) -> Taken:
    meet(node, record, author)
    count_link(node, record)
    if kind is None or body is None or node.store.purges.is_purged(record.record_id, record.author):
        return "ignored"
    own = trust_in(node, author.node).state == "own"
    taken = kind.take(node, body, Speaker(author.node, author.operator, record.author_seq, own, record.created, late))
    if record.kind == RotationBody.kind and taken == "stored":
        end_chain(node, record)
    return taken


def _refuse(node: Node, reason: Exception) -> Taken:
    raise reason


def _take_in_one(node: Node, message: _Message) -> Receipt | None:
    record, records = message.record, node.store.records
    try:
        if records.has(record.record_id):
            return _receipt(node, message.seq, "stored")
        with node.store.transaction():
            taken = message.take(node)
            records.add(record, taken)
            if record.author and node.store.purges.is_purged(record.record_id, record.author):
                erase_here(node, record.record_id, record.author, record.author)
        return _receipt(node, message.seq, taken)
    except (BadRecordError, BadSkillError) as error:
        reason = visible(str(error), limit=200)
        records.add(record, "rejected", reason)
        if message.is_verified:
            with suppress(BadRecordError):
                count_link(node, record)  # it came, whatever it is
        return _receipt(node, message.seq, "rejected", reason)
    except Exception as error:
        if not _is_ours(error):
            raise
        _keep_faulted(node, record, error)
        return None


def _weigh(node: Node, skill_id: str) -> None:
    """Count a skill's outcomes anew: all that one batch has brought, since each count reads all of them."""
    try:
        with node.store.transaction():
            reweigh(node, skill_id)
    except Exception as error:
        if not _is_ours(error):
            raise
        what = f"skill {skill_id[:12]} was not weighed anew, by a fault of meshtui {_where(error)}: report it"
        node.store.events.add("fault", data={"what": what})


def _is_ours(error: Exception) -> bool:
    """Tell a fault of this code from one of the disk, of locks or of memory, after which all of a batch comes again."""
    if isinstance(error, sqlite3.DatabaseError):
        return isinstance(error, sqlite3.DataError | sqlite3.IntegrityError | sqlite3.ProgrammingError)
    return not isinstance(error, MeshError | OSError | MemoryError)


def _where(error: Exception) -> str:
    from traceback import extract_tb  # slow to load, and hardly ever needed

    last = extract_tb(error.__traceback__)[-1]
    what = f"{type(error).__name__} at {last.filename.rpartition('/')[2]}:{last.lineno}: {error}"
    return visible(f"{__version__} {what}", limit=200, keep_newlines=False)


def _keep_faulted(node: Node, record: Record, error: Exception) -> None:
    reason = _where(error)
    if node.store.records.add(record, "faulted", reason):
        which = f"record {record.record_id[:12]} was not taken in, by a fault of meshtui {reason}"
        node.store.events.add("fault", data={"what": f"{which}; it is kept for a version without the fault: report it"})


def exchange(node: Node) -> Pulled:
    """Publish and pull once, quietly: a bridge that cannot be used is noted in `node.bridge_fault`.

    What others said is heard also where this node cannot say anything: it may be a revocation. A bridge that has not
    answered in time is not asked again.
    """
    started = node.clock.monotonic()
    try:
        publish(node)
        node.tend()
    except (BridgeUnavailableError, ConfigurationError) as error:
        node.note_bridge_fault(error)
        if node.clock.monotonic() - started >= HANGS_SECONDS:
            return Pulled()
    except MeshError as error:
        node.store.events.add("fault", data={"what": str(error)})
    try:
        pulled = _pull_as_member(node)
        tell_report(node)
        return pulled
    except (BridgeUnavailableError, ConfigurationError) as error:
        node.note_bridge_fault(error)
    except MeshError as error:
        node.store.events.add("fault", data={"what": str(error)})
    return Pulled()


def _pull_as_member(node: Node) -> Pulled:
    """Receive what waits; a node that was forgotten meanwhile joins again first."""
    try:
        return pull(node)
    except UsageError:
        node.join_again()
        return pull(node)
