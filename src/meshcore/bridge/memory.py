"""A bridge without files, for tests and for whoever embeds the core: the same behaviour, inside one process."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from meshcore.bridge.base import (
    Batch,
    BridgeStatistics,
    Claim,
    Compacted,
    Delivery,
    Member,
    Origin,
    Pruned,
    Publication,
    Undelivered,
    Wants,
)
from meshcore.bridge.limits import (
    BATCH_CHARACTERS,
    CLAIM_SECONDS,
    DEADLINE_SECONDS,
    EXPECTED_WITHIN,
    MOST_MEMBERS,
    MOST_SCANNED,
    SEEN_SECONDS,
    before,
    check_text,
    is_summary,
    not_joined,
    took_too_long,
)
from meshcore.clock import Clock, from_text, to_text
from meshcore.config import BridgeAddress
from meshcore.model import Receipt, Record
from meshcore.store.retention import SUMMARIES


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
    rows: dict[int, _Row] = field(default_factory=dict)  # by seq, in order
    end: int = 0
    pruned_to: int = 0
    writes: int = 0
    members: dict[str, Member] = field(default_factory=dict)
    claims: dict[str, dict[str, tuple[datetime, Claim]]] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)


class MemoryBridge:
    """A `Bridge` in memory; `peer` gives another process's view of the same log."""

    def __init__(self, clock: Clock, log: _Log | None = None, deadline: float = DEADLINE_SECONDS) -> None:
        self.clock = clock
        self.deadline = deadline
        self._log = log or _Log()
        self._noticed = 0

    def peer(self) -> MemoryBridge:
        """Return another handle on the same log."""
        return MemoryBridge(self.clock, self._log, self.deadline)

    @property
    def bridge_id(self) -> str:
        return self._log.bridge_id

    def join(self, member: Member) -> None:
        check_text(member.record)
        with self._held(writes=True):
            now, known = self._now(), self._log.members.get(member.node)
            bare = Member(member.node, member.name, member.host, member.record, now, now)
            if known is not None:
                bare = replace(bare, joined_at=known.joined_at, cursor=known.cursor, state=known.state)
            self._log.members[member.node] = bare

    def beat(self, node: str, state: Record | None = None) -> None:
        if state is not None:
            check_text(state)
        with self._held(writes=True):
            known = self._member(node)
            said = _bare(state) if state is not None else known.state
            self._log.members[node] = replace(known, seen_at=self._now(), state=said)

    def publish(self, publications: Sequence[Publication], state: Record | None = None) -> list[int]:
        for record in (*(item.record for item in publications), *([state] if state else ())):
            check_text(record)
        with self._held(writes=True):
            seqs = [self._append(item.record, item.kind, item.origin) for item in publications]
            if state is not None and (known := self._log.members.get(state.key)) is not None:
                self._log.members[state.key] = replace(known, seen_at=self._now(), state=_bare(state))
            self._log.changed.notify_all()
        return seqs

    def receive(self, node: str, after: int, limit: int = 100, wants: Wants = lambda seq, key: True) -> Batch:
        with self._held() as log:
            acknowledged = self._member(node).cursor
            taken: list[Delivery] = []
            size, scanned, cursor = 0, 0, after
            for seq, row in log.rows.items():
                if seq <= after:
                    continue
                scanned += 1
                key = row.delivery.record.key
                if key != node and wants(seq, key):
                    size += len(row.delivery.record.text)
                    if len(taken) == limit or (taken and size > BATCH_CHARACTERS):
                        return Batch(tuple(taken), True, cursor, log.end, log.pruned_to, acknowledged)
                    taken.append(row.delivery)
                cursor = seq
                if scanned == MOST_SCANNED:
                    return Batch(tuple(taken), True, cursor, log.end, log.pruned_to, acknowledged)
            self._noticed = max(self._noticed, log.end)
            return Batch(tuple(taken), False, max(after, log.end), log.end, log.pruned_to, acknowledged)

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        with self._held(writes=True) as log:
            member, now = self._member(node), self._now()
            for receipt in receipts:
                if receipt.seq in log.rows:
                    log.rows[receipt.seq].receipts.setdefault(node, replace(receipt, node=node, at=now))
            reached = max(member.cursor, min(cursor, log.end))
            log.members[node] = replace(member, seen_at=now, cursor=reached)

    def wait(self, timeout: float) -> bool:
        with self._held() as log:
            is_news = log.changed.wait_for(lambda: log.end > self._noticed, max(0.0, timeout))
            self._noticed = log.end
            return is_news

    def fileno(self) -> int:
        return -1

    def drain(self) -> bool:
        return self.wait(0)

    def ring(self) -> None:
        with self._held() as log:
            log.changed.notify_all()

    def stamp(self) -> object:
        return self._log.writes

    def members(self, also: Collection[str] = ()) -> list[Member]:
        with self._held() as log:
            found = sorted(log.members.values(), key=lambda member: (member.joined_at, member.node))
        others = [one for one in found if one.node not in also][:MOST_MEMBERS]
        return [self._aged(one) for one in found if one.node in also or one in others]

    def member(self, node: str) -> Member | None:
        with self._held() as log:
            found = log.members.get(node)
            return None if found is None else self._aged(found)

    def _aged(self, member: Member) -> Member:
        age = self._age(from_text(member.seen_at))
        return replace(member, age=age, seen=age <= SEEN_SECONDS)

    def _age(self, since: datetime) -> float:
        return max(0.0, (self.clock.now() - since).total_seconds())

    def forget(self, node: str) -> bool:
        with self._held(writes=True) as log:
            for row in log.rows.values():
                if node not in row.receipts:
                    row.expected.discard(node)
            return log.members.pop(node, None) is not None

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        with self._held() as log:
            missing = [
                Undelivered(seq, row.delivery.record.record_id, row.kind, node, row.delivery.published_at)
                for seq, row in log.rows.items()
                for node in row.missing
            ]
        return missing[:limit]

    def published(self, record_id: str) -> str:
        with self._held() as log:
            times = (r.delivery.published_at for r in log.rows.values() if r.delivery.record.record_id == record_id)
            return next(times, "")

    def erase(self, record_id: str) -> int:
        with self._held(writes=True) as log:
            found = [row for row in log.rows.values() if row.delivery.record.record_id == record_id]
            for row in found:
                row.delivery = replace(row.delivery, record=replace(row.delivery.record, text=""))
        return len(found)

    def receipts(self, record_id: str) -> list[Receipt]:
        with self._held() as log:
            found = [
                receipt
                for row in log.rows.values()
                if row.delivery.record.record_id == record_id
                for receipt in row.receipts.values()
            ]
        return sorted(found, key=lambda receipt: (receipt.seq, receipt.at, receipt.node))

    def received(self, seqs: Sequence[int]) -> set[int]:
        with self._held() as log:
            rows = {seq: log.rows[seq] for seq in seqs if seq in log.rows}
            return {seq for seq, row in rows.items() if row.receipts and not row.missing}

    def statistics(self) -> BridgeStatistics:
        with self._held() as log:
            rows = log.rows.values()
            expected = sum(len(row.expected) for row in rows)
            missing = [row for row in rows if row.missing]
            undelivered = sum(len(row.missing) for row in missing)
            return BridgeStatistics(
                self.bridge_id,
                len(rows),
                len(log.members),
                expected,
                expected - undelivered,
                sum(receipt.status == "rejected" for row in rows for receipt in row.receipts.values()),
                undelivered,
                missing[0].delivery.published_at if missing else "",
            )

    def claim(
        self, claim: Record, skill_id: str, host: str, places: int, counts: Callable[[Claim], bool] = lambda claim: True
    ) -> bool:
        check_text(claim)
        with self._held(writes=True) as log:
            held = {host: row for host, row in self._live_claims(skill_id).items() if counts(row[1])}
            if host in held:
                return not held[host][1].failed
            if len(held) >= places:
                return False
            taken = Claim(skill_id, host, _bare(claim))
            log.claims[skill_id] = {**log.claims.get(skill_id, {}), host: (self.clock.now(), taken)}
        return True

    def claims(self, skill_id: str) -> list[Claim]:
        with self._held():
            return [found for _, found in self._live_claims(skill_id).values()]

    def settle_claim(self, settlement: Record, skill_id: str, host: str, *, verified: bool) -> None:
        check_text(settlement)
        with self._held(writes=True) as log:
            held = log.claims.setdefault(skill_id, {})
            if verified:
                held.pop(host, None)
            else:
                held[host] = (self.clock.now(), Claim(skill_id, host, _bare(settlement), failed=True))

    def writers(self) -> str:
        return "this process"

    def faults(self) -> list[str]:
        return []

    def integrity(self) -> list[tuple[str, str]]:
        return [("memory", "")]

    def prune(self, older_than: float, *, dry_run: bool = False) -> Pruned:
        with self._held(writes=True) as log:
            since = to_text(before(self.clock.now(), older_than))
            least = min((member.cursor for member in log.members.values()), default=0)
            old = [
                (seq, not row.missing and seq <= least)
                for seq, row in log.rows.items()
                if row.delivery.published_at < since
                and row.kind in SUMMARIES
                and row.delivery.origin == "mesh"
                and is_summary(row.delivery.record.text)
            ]
            gone = [seq for seq, is_received in old if is_received]
            if gone and not dry_run:
                log.pruned_to = max(log.pruned_to, gone[-1])
                for seq in gone:
                    del log.rows[seq]
            return Pruned(len(gone), len(old) - len(gone))

    def compact(self, *, dry_run: bool = False) -> Compacted:
        return Compacted("memory", 0, True)

    def sizes(self) -> Mapping[str, int]:
        return {}

    def row_counts(self) -> Mapping[str, int]:
        with self._held() as log:
            return {"log": len(log.rows), "members": len(log.members)}

    def close(self) -> None:
        """Do nothing: nothing is held."""

    @contextmanager
    def _held(self, *, writes: bool = False) -> Iterator[_Log]:
        if not self._log.changed.acquire(timeout=self.deadline):
            raise took_too_long("the bridge in memory", self.deadline)
        try:
            self._log.writes += writes
            yield self._log
        finally:
            self._log.changed.release()

    def _append(self, record: Record, kind: str, origin: Origin) -> int:
        # A reader gets what was signed, nothing that the publisher's process knew beside it.
        bare = _bare(record)
        for seq, row in self._log.rows.items():
            if row.delivery.record == bare:
                return seq
        now = self.clock.now()
        since = to_text(now - EXPECTED_WITHIN)
        expected = {m.node for m in self._log.members.values() if m.node != record.key and m.seen_at >= since}
        self._log.end += 1
        delivery = Delivery(self._log.end, bare, to_text(now), origin)
        self._log.rows[self._log.end] = _Row(delivery, kind, expected)
        return self._log.end

    def _live_claims(self, skill_id: str) -> dict[str, tuple[datetime, Claim]]:
        since = before(self.clock.now(), CLAIM_SECONDS)
        held = self._log.claims.get(skill_id, {})
        live = {host: (at, claim) for host, (at, claim) in held.items() if claim.failed or at >= since}
        return {host: (at, replace(claim, age=self._age(at))) for host, (at, claim) in live.items()}

    def _member(self, node: str) -> Member:
        member = self._log.members.get(node)
        if member is None:
            raise not_joined(node)
        return member

    def _now(self) -> str:
        return to_text(self.clock.now())


def _bare(record: Record) -> Record:
    return Record(record.text, record.key, record.sig)


class MemoryEngine:
    """The engine of `memory:` addresses: those of one name are one bridge in a process, those without are each new."""

    def __init__(self) -> None:
        self._named: dict[str, _Log] = {}

    def open(
        self, address: BridgeAddress, clock: Clock, deadline: float, doorbell: bool, prepare: Callable[[bool], None]
    ) -> MemoryBridge:
        _, _, name = address.url.partition(":")
        return MemoryBridge(clock, self._named.setdefault(name, _Log()) if name else None, deadline)

    def is_there(self, address: BridgeAddress) -> bool:
        return address.url.partition(":")[2] in self._named

    def files(self, address: BridgeAddress) -> Mapping[str, Path]:
        return {}


ENGINE = MemoryEngine()
