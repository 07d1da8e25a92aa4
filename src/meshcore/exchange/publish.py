"""Sign what waits in the outbox and put it on the bridge."""

from __future__ import annotations

from meshcore.bridge.base import OldSkill, Publication
from meshcore.bridge.limits import is_control
from meshcore.errors import BadRecordError
from meshcore.exchange.bodies import SkillBody
from meshcore.exchange.control_bodies import PurgeBody
from meshcore.exchange.inbox import queue_askings
from meshcore.exchange.purge import erase_on_bridge
from meshcore.knowledge.interchange import skill_to_old
from meshcore.model import ChainMark, Record
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.safety.records import verify
from meshcore.store.rows import OutboxRow

BATCH_ROWS = 100


def publish(node: Node) -> int:
    """Sign what waits in the outbox and put it on the bridge; return how many. Raises BridgeUnavailableError.

    A row is signed once and its text kept, so that a crash at any point, or another process at the same time,
    publishes it once. What a control record promises comes with it: the node's sign of life that names it. Programs of
    the earlier system are shown a skill before its row counts as published.
    """
    sent = 0
    queue_askings(node)
    while node.store.outbox.waiting(1):
        bridge = node.require_bridge()
        signed: list[tuple[OutboxRow, Record]] = []
        with node.store.transaction():
            node.renew_identity()
            rows = node.store.outbox.waiting(BATCH_ROWS)
            for row in rows:
                try:
                    signed.append((row, _signed(node, row)))
                except BadRecordError as error:
                    # Later it would be no better, and what is behind it must not wait for it.
                    node.store.events.add("fault", data={"what": f"not told to the others: {error}"})
            state = node.signed_beat(bridge, rows[-1].seq) if any(_is_link(record) for _, record in signed) else None
        seqs = bridge.publish([Publication(record, row.kind) for row, record in signed], state)
        skills = [
            (_skill_id(row), record, seq)
            for (row, record), seq in zip(signed, seqs, strict=True)
            if row.kind == SkillBody.kind
        ]
        old = (_for_old_programs(node, *skill) for skill in skills)
        node.show_old_programs([one for one in old if one is not None])
        for row, _ in signed:
            if row.kind == PurgeBody.kind:
                erase_on_bridge(node, PurgeBody.from_json(row.body))
        with node.store.transaction():
            node.store.outbox.mark_published([row.seq for row in rows])
            for skill_id, record, _ in skills:
                node.store.events.add("skill.published", skill_id=skill_id, data={"record": record.record_id})
        sent += len(signed)
    return sent


def publish_lost(node: Node, newest: int = 2**31) -> int:
    """Publish those of this node's newest control records again that the bridge holds no longer; return how many.

    Only those of the chain that goes on here: what was said on another bridge stays there. Raises
    BridgeUnavailableError.
    """
    bridge = node.require_bridge()
    sent = node.store.outbox.links_sent(node.chain(bridge).current().epoch, newest)
    lost = [seq for seq, record_id in sent if not bridge.published(record_id)]
    if lost:
        node.store.outbox.send_again(lost)
        what = f"the bridge had lost {len(lost)} control record{'s' if len(lost) > 1 else ''} of this node"
        node.store.events.add("fault", data={"what": f"{what}: published again"})
        publish(node)
    return len(lost)


def _skill_id(row: OutboxRow) -> str:
    return SkillBody.from_json(row.body).skill.skill_id


def _signed(node: Node, row: OutboxRow) -> Record:
    if row.record is not None:
        record = verify(row.record)
        if (old := _other_chain(node, record)) is None:
            return record
        node.store.own_chains.break_off(old.epoch, old.number)
    record = node.sign_statement(row.kind, row.body, is_link=is_control(row.kind, row.body))
    node.store.outbox.keep_signed(row.seq, record)
    return record


def _other_chain(node: Node, record: Record) -> ChainMark | None:
    """Return where a record belongs that was signed and not published, if that is a chain which goes on elsewhere.

    Here it would be a link without those before it. Nobody was promised the number that it has.
    """
    if not _is_link(record) or record.author != node.identity.node.public:
        return None
    current = node.chain(node.require_bridge()).current().epoch
    return record.chain if record.chain is not None and record.chain.epoch != current else None


def _is_link(record: Record) -> bool:
    return record.chain is not None and record.chain.is_link


def _for_old_programs(node: Node, skill_id: str, record: Record, seq: int) -> OldSkill | None:
    known = node.store.skills.find(skill_id)
    if known is None:
        return None
    old = skill_to_old(known)
    ruling = Policy.load(None).check(old["resolution"], "own")
    is_shown = ruling.action_type and ruling.decision in ("run", "approve")
    return OldSkill(seq, record, old, skill_id) if is_shown else None
