"""Builders for the bridge's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import pytest
from tests.core.bridge.ssh.in_process import WithOwner

from meshcore.bridge import open
from meshcore.bridge.base import Batch, Bridge, Member, OldSkill, Publication
from meshcore.bridge.legacy.gateway import LegacyGateway
from meshcore.bridge.legacy.table import OldFile
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.clock import Clock
from meshcore.config import BridgeAddress
from meshcore.model import Json, Receipt, Record, canonical
from meshcore.testing import FakeClock

SERVICES = {"postgresql": pytest.mark.services}
"""Engines that are asked only by `make test-services`."""
ALICE, BOB, CAROL, DAVE = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


ENGINES = {
    "memory": "memory:{root}",
    "sqlite": "sqlite://{root}/bridge.db",
    "ssh": "ssh://hub{root}/bridge.db",
    "postgresql": "",  # a database for each folder, see `server.url_of`
}
"""Where each engine keeps a bridge for a test that has a folder of its own."""
OF_ONE_PROCESS = {"memory"}


def asked(*more: str) -> list[object]:
    """Return every engine, marked where it needs a service."""
    return [pytest.param(name, marks=SERVICES.get(name.partition(" ")[0], ())) for name in (*ENGINES, *more)]


class ToldClock(FakeClock):
    """A clock that tells where time goes by; an engine with a clock of its own is set by it."""

    def __init__(self) -> None:
        super().__init__()
        self.tell: Callable[[datetime], None] = lambda now: None

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self.tell(self.now())


@contextmanager
def set_up(engine: str, root: Path, clock: ToldClock) -> Iterator[None]:
    """Have what an engine needs beside a folder."""
    if engine != "postgresql":
        yield
        return
    from scripts.testbed import postgres as server

    if why := server.why_not():
        pytest.skip(why)
    server.url_of(root)
    clock.tell = lambda now: server.set_clock(root, now)
    clock.tell(clock.now())
    yield
    server.drop(root)


def open_at(url: str, root: Path, clock: Clock, *, doorbell: bool = True) -> Bridge:
    """Open the bridge of a test; that of another host through pipes, since nothing of it needs `ssh`."""
    if url.startswith("ssh:"):
        hub = open_at(ENGINES["sqlite"], root, clock, doorbell=doorbell)
        return WithOwner(hub)
    if not url:
        from scripts.testbed import postgres as server  # psycopg is an extra

        url = server.url_of(root)
    return open.open_bridge(BridgeAddress.parse(url.format(root=root)), clock=clock, deadline=5.0, doorbell=doorbell)


def record(author: str = ALICE, number: int = 1, **body: Json) -> Record:
    """Return a record of a node; its signature is a stand-in, the bridge looks at none."""
    text = canonical({"author": author, "author_seq": number, "body": body})
    return Record(text, author, f"{number:0128x}")


def publication(author: str = ALICE, number: int = 1, kind: str = "skill") -> Publication:
    return Publication(record(author, number), kind)


def skill(label: int = 1, **changes: Json) -> dict[str, Json]:
    """Return a complete SKILL of the old format."""
    return {
        "id": label,
        "error_type": "ModuleNotFoundError",
        "pattern": "No module named 'django'",
        "resolution": "pip install django",
        "context": "demo",
        "created": "2026-11-22T09:00:00.000000",
        "usage_count": 0,
        "success_rate": 100.0,
        **changes,
    }


def broadcast(
    bridge: Bridge, gateway: LegacyGateway, author: str = ALICE, number: int = 1, **changes: Json
) -> Publication:
    """Publish a skill and let old programs see it, as whoever publishes does."""
    published = publication(author, number)
    (seq,) = bridge.publish([published])
    gateway.show([OldSkill(seq, published.record, skill(number, **changes), f"{number:064x}")])
    return published


def member(node: str, name: str = "") -> Member:
    return Member(node, name or f"node-{node[:1]}", "host1", record(node, 0, hello=True))


def receive(bridge: Bridge, node: str, limit: int = 100) -> Batch:
    """Receive what the node has not acknowledged."""
    reader = bridge.member(node)
    return bridge.receive(node, reader.cursor if reader else 0, limit)


def take(bridge: Bridge, node: str, limit: int = 100) -> list[str]:
    """Receive and acknowledge everything that waits; return the texts in order."""
    texts: list[str] = []
    while True:
        batch = receive(bridge, node, limit)
        receipts = [Receipt(d.seq, node, "stored", "") for d in batch.deliveries]
        bridge.acknowledge(node, receipts, batch.cursor)
        texts += [d.record.text for d in batch.deliveries]
        if not batch.more:
            return texts


def open_bridge(path: Path, clock: Clock | None = None) -> SqliteBridge:
    """Return a bridge that polls fast and gives up soon."""
    old = OldFile(path, 0.1)
    return SqliteBridge(path, clock=clock or FakeClock(), deadline=0.1, poll=0.02, prepare=old.check)
