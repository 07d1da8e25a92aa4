"""Sign what waits in the outbox and put it on the bridge."""

from __future__ import annotations

from meshcore.bridge.base import Publication
from meshcore.errors import BadRecordError
from meshcore.exchange.bodies import SkillBody
from meshcore.knowledge.interchange import skill_to_old
from meshcore.model import Json, Record
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.safety.records import sign, verify
from meshcore.store.rows import OutboxRow

BATCH_ROWS = 100


def publish(node: Node) -> int:
    """Sign what waits in the outbox and put it on the bridge; return how many. Raises BridgeUnavailableError.

    A row is signed once and its text kept, so that a crash at any point, or another process at the same time,
    publishes it once.
    """
    sent = 0
    while node.store.outbox.waiting(1):
        bridge = node.require_bridge()
        publications: list[Publication] = []
        with node.store.transaction():
            node.renew_identity()
            rows = node.store.outbox.waiting(BATCH_ROWS)
            for row in rows:
                try:
                    publications.append(_publication(node, row))
                except BadRecordError as error:
                    # Later it would be no better, and what is behind it must not wait for it.
                    node.store.events.add("fault", data={"what": f"not told to the others: {error}"})
        bridge.publish(publications)
        with node.store.transaction():
            node.store.outbox.mark_published([row.seq for row in rows])
            for publication in publications:
                if publication.kind == "skill":
                    data = {"record": publication.record.record_id}
                    node.store.events.add("skill.published", skill_id=publication.skill_id, data=data)
        sent += len(publications)
    return sent


def _publication(node: Node, row: OutboxRow) -> Publication:
    record = _signed(node, row)
    if row.kind != SkillBody.kind:
        return Publication(record, row.kind)
    skill_id = SkillBody.from_json(row.body).skill.skill_id
    return Publication(record, row.kind, _for_old_readers(node, skill_id), skill_id)


def _signed(node: Node, row: OutboxRow) -> Record:
    if row.record is not None:
        return verify(row.record)
    record = sign(row.kind, row.body, node.store.outbox.next_author_seq(), node.identity, node.clock)
    node.store.outbox.keep_signed(row.seq, record)
    return record


def _for_old_readers(node: Node, skill_id: str) -> dict[str, Json] | None:
    known = node.store.skills.find(skill_id)
    if known is None:
        return None
    old = skill_to_old(known)
    ruling = Policy.load(None).check(old["resolution"], "own")
    return old if ruling.action_type and ruling.decision in ("run", "approve") else None
