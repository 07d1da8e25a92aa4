"""Any order of publishing, receiving, acknowledging, crashing and forgetting, compared with a plain model."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.core.bridge.helpers import ALICE, BOB, CAROL, member, publication, receive

from meshcore.bridge.base import Batch
from meshcore.bridge.memory import MemoryBridge
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.model import Receipt
from meshcore.testing import FakeClock

NODES = [ALICE, BOB, CAROL]
nodes = st.sampled_from(NODES)


class BridgeMachine(RuleBasedStateMachine):
    """Three nodes on one SQLite bridge, each in a process of its own; beside it the bridge in memory as the model."""

    @initialize()
    def open(self) -> None:
        self.clock = FakeClock()
        self.folder = Path(tempfile.mkdtemp())
        self.model = MemoryBridge(self.clock)
        self.bridges = {node: self.opened() for node in NODES}
        self.seen: dict[str, list[int]] = {node: [] for node in NODES}
        self.batches: dict[str, Batch] = {}
        self.sent: list[tuple[str, int]] = []
        for node in NODES:
            self.join(node)

    def opened(self) -> SqliteBridge:
        return SqliteBridge(self.folder / "b.db", clock=self.clock, doorbell=False)

    @rule(node=nodes)
    def join(self, node: str) -> None:
        for bridge in (self.bridges[node], self.model):
            bridge.join(member(node))

    @rule(author=nodes, count=st.integers(1, 4))
    def publish(self, author: str, count: int) -> None:
        fresh = [(author, len(self.sent) + n) for n in range(count)]
        self.sent += fresh
        batch = [publication(*item) for item in fresh]
        assert self.bridges[author].publish(batch) == self.model.publish(batch)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), sender=nodes)
    def publish_again(self, data: st.DataObject, sender: str) -> None:
        again = [publication(*data.draw(st.sampled_from(self.sent)))]
        assert self.bridges[sender].publish(again) == self.model.publish(again)

    @rule(node=nodes, limit=st.integers(1, 5))
    def receive(self, node: str, limit: int) -> None:
        if self.is_joined(node):
            self.batches[node] = receive(self.bridges[node], node, limit)
            assert self.batches[node] == receive(self.model, node, limit)

    @rule(node=nodes, status=st.sampled_from(["stored", "ignored", "rejected"]))
    def acknowledge(self, node: str, status: str) -> None:
        batch = self.batches.pop(node, None)
        if batch is None or not self.is_joined(node):
            return
        receipts = [Receipt(d.seq, node, status, "t") for d in batch.deliveries]  # type: ignore[arg-type]
        for bridge in (self.bridges[node], self.model):
            bridge.acknowledge(node, receipts, batch.cursor)
        self.seen[node] += [d.seq for d in batch.deliveries]

    @rule(node=nodes)
    def crash(self, node: str) -> None:
        self.batches.pop(node, None)
        self.bridges[node].close()
        self.bridges[node] = self.opened()

    @rule(node=nodes)
    def forget(self, node: str) -> None:
        self.batches.pop(node, None)
        assert self.bridges[ALICE].forget(node) == self.model.forget(node)
        self.seen[node] = []

    @rule(days=st.integers(1, 5))
    def pass_time(self, days: int) -> None:
        self.clock.advance(days * 24 * 3600)

    @rule(seconds=st.integers(1, 100_000))
    def step_back(self, seconds: int) -> None:
        self.clock.advance(-seconds)

    @invariant()
    def both_tell_the_same(self) -> None:
        bridge = self.bridges[BOB]
        assert bridge.members() == self.model.members()
        assert bridge.undelivered() == self.model.undelivered()
        ours, theirs = bridge.statistics(), self.model.statistics()
        assert (ours.records, ours.expected, ours.received, ours.rejected) == (
            theirs.records,
            theirs.expected,
            theirs.received,
            theirs.rejected,
        )

    @invariant()
    def nothing_acknowledged_comes_again(self) -> None:
        for seqs in self.seen.values():
            assert len(seqs) == len(set(seqs))

    def is_joined(self, node: str) -> bool:
        return node in {m.node for m in self.model.members()}

    def teardown(self) -> None:
        for node, bridge in self.bridges.items():
            if self.is_joined(node):
                batch = receive(bridge, node, 10_000)
                received = [*self.seen[node], *(d.seq for d in batch.deliveries)]
                others = [n + 1 for n, (author, _) in enumerate(self.sent) if author != node]
                assert received == others
        for bridge in self.bridges.values():
            bridge.close()
        shutil.rmtree(self.folder)


BridgeMachine.TestCase.settings = settings(
    max_examples=15, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
test_any_order_of_events_agrees_with_the_model = BridgeMachine.TestCase
