"""A bridge without files, for tests and for whoever embeds the core: the same behaviour, inside one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from meshcore.bridge.base import CLAIM_SECONDS, Batch, BridgeStatistics, Delivery, Member, Publication, Undelivered
from meshcore.bridge.legacy.table import is_complete
from meshcore.bridge.sqlite.bridge import BATCH_CHARACTERS
from meshcore.bridge.sqlite.log import EXPECTED_WITHIN, check_text
from meshcore.clock import Clock, to_text
from meshcore.errors import UsageError
from meshcore.model import Receipt, Record


@dataclass
class _Row:
    delivery: Delivery
    kind: str
    expected: set[str]
    receipts: dict[str, Receipt] = field(default_factory=dict)

    @property
    def missing(self) -> list[str]:
        return sorted(self.expected - self.receipts.keys())


@dataclass
class _Log:
    bridge_id: str = field(default_factory=lambda: os.urandom(16).hex())
    rows: list[_Row] = field(default_factory=list)
    members: dict[str, Member] = field(default_factory=dict)
    legacy: set[int] = field(default_factory=set)
    claims: dict[str, dict[str, tuple[datetime, bool]]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)


class MemoryBridge:
    """A `Bridge` in memory; `peer` gives another process's view of the same log."""

    def __init__(self, clock: Clock, log: _Log | None = None) -> None:
        self.clock = clock
        self._log = log or _Log()
        self._noticed = 0

    def peer(self) -> MemoryBridge:
        """Return another handle on the same log."""
        return MemoryBridge(self.clock, self._log)

    @property
    def bridge_id(self) -> str:
        return self._log.bridge_id

    def join(self, member: Member) -> None:
        check_text(member.record)
        with self._log.changed:
            now, before = self._now(), self._log.members.get(member.node)
            joined_at, cursor = (before.joined_at, before.cursor) if before else (now, 0)
            self._log.members[member.node] = replace(member, joined_at=joined_at, seen_at=now, cursor=cursor)

    def beat(self, node: str) -> None:
        with self._log.changed:
            self._log.members[node] = replace(self._member(node), seen_at=self._now())

    def publish(self, publications: Sequence[Publication]) -> list[int]:
        for item in publications:
            check_text(item.record)
        seqs = []
        with self._log.changed:
            for item in publications:
                seq = self._append(item.record, item.kind)
                if item.legacy_skill is not None and is_complete(item.legacy_skill):
                    self._log.legacy.add(seq)
                seqs.append(seq)
            self._log.changed.notify_all()
        return seqs

    def publish_legacy(self, content: str) -> int:
        """Append what an old program broadcast, and ring; return its seq."""
        with self._log.changed:
            seq = self._append(Record(content, "", ""), "legacy")
            row = self._log.rows[seq - 1]
            row.delivery = replace(row.delivery, origin="legacy")
            self._log.changed.notify_all()
        return seq

    def receive(self, node: str, limit: int = 100) -> Batch:
        with self._log.changed:
            start, end = self._member(node).cursor, len(self._log.rows)
            taken: list[Delivery] = []
            size = 0
            for row in self._log.rows[start:]:
                if row.delivery.record.key == node:
                    continue
                length = len(row.delivery.record.text)
                if len(taken) == limit or (taken and size + length > BATCH_CHARACTERS):
                    return Batch(tuple(taken), True, taken[-1].seq)
                size += length
                taken.append(row.delivery)
            self._noticed = max(self._noticed, end)
            return Batch(tuple(taken), False, max(start, end))

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        with self._log.changed:
            member = self._member(node)
            for receipt in receipts:
                if 0 < receipt.seq <= len(self._log.rows):
                    self._log.rows[receipt.seq - 1].receipts.setdefault(node, replace(receipt, node=node))
            reached = max(member.cursor, min(cursor, len(self._log.rows)))
            self._log.members[node] = replace(member, seen_at=self._now(), cursor=reached)

    def wait(self, timeout: float) -> bool:
        with self._log.changed:
            is_news = self._log.changed.wait_for(lambda: len(self._log.rows) > self._noticed, max(0.0, timeout))
            self._noticed = len(self._log.rows)
            return is_news

    def fileno(self) -> int:
        return -1

    def members(self) -> list[Member]:
        with self._log.changed:
            return sorted(self._log.members.values(), key=lambda member: (member.joined_at, member.node))

    def forget(self, node: str) -> bool:
        with self._log.changed:
            for row in self._log.rows:
                if node not in row.receipts:
                    row.expected.discard(node)
            return self._log.members.pop(node, None) is not None

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        with self._log.changed:
            missing = [
                Undelivered(row.delivery.seq, row.delivery.record.record_id, row.kind, node, row.delivery.published_at)
                for row in self._log.rows
                for node in row.missing
            ]
        return missing[:limit]

    def receipts(self, record_id: str) -> list[Receipt]:
        with self._log.changed:
            found = [
                receipt
                for row in self._log.rows
                if row.delivery.record.record_id == record_id
                for receipt in row.receipts.values()
            ]
        return sorted(found, key=lambda receipt: (receipt.seq, receipt.at, receipt.node))

    def claim(self, skill_id: str, host: str, places: int) -> bool:
        with self._log.changed:
            now = self.clock.now()
            held = {
                place: (at, failed)
                for place, (at, failed) in self._log.claims.get(skill_id, {}).items()
                if failed or (now - at).total_seconds() <= CLAIM_SECONDS
            }
            self._log.claims[skill_id] = held
            if host in held:
                return not held[host][1]
            if len(held) >= places:
                return False
            held[host] = (now, False)
        return True

    def settle_claim(self, skill_id: str, host: str, *, verified: bool) -> None:
        with self._log.changed:
            held = self._log.claims.get(skill_id, {})
            if verified:
                held.pop(host, None)
            elif host in held:
                held[host] = (held[host][0], True)

    def statistics(self) -> BridgeStatistics:
        with self._log.changed:
            rows = self._log.rows
            expected = sum(len(row.expected) for row in rows)
            missing = [row for row in rows if row.missing]
            undelivered = sum(len(row.missing) for row in missing)
            return BridgeStatistics(
                self.bridge_id,
                len(rows),
                len(self._log.members),
                expected,
                expected - undelivered,
                sum(receipt.status == "rejected" for row in rows for receipt in row.receipts.values()),
                undelivered,
                missing[0].delivery.published_at if missing else "",
                len(self._log.legacy),
                len(self._log.legacy),
            )

    def close(self) -> None:
        """Nothing is held."""

    def _append(self, record: Record, kind: str) -> int:
        # A reader gets what was signed, nothing that the publisher's process knew beside it.
        bare = Record(record.text, record.key, record.sig)
        for row in self._log.rows:
            if row.delivery.record == bare:
                return row.delivery.seq
        seq, now = len(self._log.rows) + 1, self.clock.now()
        since = to_text(now - EXPECTED_WITHIN)
        expected = {m.node for m in self._log.members.values() if m.node != record.key and m.seen_at >= since}
        self._log.rows.append(_Row(Delivery(seq, bare, to_text(now)), kind, expected))
        return seq

    def _member(self, node: str) -> Member:
        member = self._log.members.get(node)
        if member is None:
            raise UsageError(f"node {node[:12]} has not joined this bridge, or was forgotten; start it again to join")
        return member

    def _now(self) -> str:
        return to_text(self.clock.now())
