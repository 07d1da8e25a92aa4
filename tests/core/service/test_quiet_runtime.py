"""What a runtime does while nothing happens: next to nothing; and that it sees at its next look what does happen."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import pytest

from meshcore import sight
from meshcore.config import BridgeAddress, Settings
from meshcore.home import Home
from meshcore.node import Node
from meshcore.safety.halt import halt
from meshcore.service import runtime
from meshcore.service.runtime import Runtime, files_of
from meshcore.store.store import Store
from meshcore.testing import FakeClock

LOOKS = 60  # one a second


class Counted:
    """A runtime whose clock goes on by a second, or not at all, with each look: how often it looked, and at what."""

    def __init__(self, node: Node, clock: FakeClock, seconds: float) -> None:
        self.runtime = Runtime(node)
        self.looks = self.whole_looks = self.statements = 0
        self._is_quiet = self.runtime._is_quiet
        self._clock, self._seconds = clock, seconds
        self._news = asyncio.Event()
        self.runtime._is_quiet = self._look  # type: ignore[method-assign]
        node.store.incidents._db._connection.set_trace_callback(self._count)

    def _count(self, _: str) -> None:
        self.statements += 1

    def _look(self) -> bool:
        self._clock.advance(self._seconds)
        is_quiet = self._is_quiet()
        self.looks += 1
        self.whole_looks += not is_quiet
        self._news.set()
        return is_quiet

    async def after(self, looks: int) -> None:
        """Wait until it looked so many times more."""
        until = self.looks + looks
        while self.looks < until:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 20)

    async def until_quiet(self) -> None:
        """Wait until a look finds nothing."""
        for _ in range(100):
            seen = self.whole_looks
            await self.after(2)
            if self.whole_looks == seen:
                return
        raise AssertionError("each look finds something")

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds, for a few looks."""
        for _ in range(5):
            if true():
                return
            await self.after(1)
        raise AssertionError("it was not seen")


def settings(root: Path, name: str = "a") -> Settings:
    return Settings(
        home=root / name,
        operator=root / "operator",
        bridge=BridgeAddress.of(root / "bridge.db"),
        agent=name,
        host="host1",
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look without waiting, and take every file for one that was written a second ago, as it mostly is."""
    monkeypatch.setattr(runtime, "LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(sight, "STEP_NS", 0)


@asynccontextmanager
async def counted(root: Path, seconds: float) -> AsyncIterator[Counted]:
    clock = FakeClock()
    with Node(settings(root), clock) as node:
        found = Counted(node, clock, seconds)
        task = asyncio.create_task(found.runtime.run())
        try:
            await found.after(5)
            await found.until_quiet()
            yield found
        finally:
            found.runtime.stop()
            await asyncio.wait_for(task, 20)


async def test_where_nothing_happens_a_look_asks_the_store_nothing(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=0) as quiet:
        before = quiet.statements, quiet.whole_looks
        await quiet.after(LOOKS)
        assert (quiet.statements, quiet.whole_looks) == before


async def test_of_a_quiet_minute_only_signs_of_life_and_what_is_behind_them_are_left(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=1) as quiet:
        before = quiet.whole_looks
        await quiet.after(LOOKS)
        beats, backstops = LOOKS / runtime.BEAT_EVERY_SECONDS, LOOKS / runtime.BACKSTOP_SECONDS
        # Its own sign of life is something new in the bridge, which the next look finds.
        assert 0 < quiet.whole_looks - before <= 2 * beats + backstops + 1


async def test_the_switch_is_seen_at_the_next_look(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=0) as quiet:
        node = quiet.runtime.node
        assert "on fire" not in node.store.state.get()["report"]
        halt(tmp_path / "operator", "the disk is on fire")
        await quiet.until(lambda: "on fire" in node.store.state.get()["report"])
        (tmp_path / "operator/HALT").unlink()
        await quiet.until(lambda: "on fire" not in node.store.state.get()["report"])


async def test_what_another_process_writes_into_the_store_is_told_at_the_next_look(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=0) as quiet:
        with closing(Store(Home(tmp_path / "a").store)) as other:
            other.events.add("fault", data={"what": "written by another process"})
        journal = Home(tmp_path / "a").journal
        await quiet.until(lambda: "written by another process" in journal.read_text())


async def test_what_is_written_into_the_bridge_without_a_ring_is_taken_in_at_the_next_look(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=0) as quiet:
        with closing(sqlite3.connect(tmp_path / "bridge.db.mesh.db")) as hostile, hostile:
            hostile.execute("INSERT INTO log SELECT 1, 'r', 'skill', 'mesh', 'k', 's', '2026-11-22', 'no record'")
        with Node(settings(tmp_path, "b")) as other:
            bridge = other.require_bridge()
            await quiet.until(lambda: bridge.statistics().rejected == 1)


async def test_a_row_of_an_old_program_is_on_the_bridge_at_the_next_look(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=0) as quiet:
        with closing(sqlite3.connect(tmp_path / "bridge.db")) as old, old:
            old.execute(
                "INSERT INTO enhanced_messages (message_id, from_connection, to_connection, from_app, to_app, priority,"
                " content, status, created_time) VALUES ('m1', 'x', 'all', 'eventrelay', 'all', 'high', '{}',"
                " 'pending', '2026-11-22T08:00:00')"
            )
        with Node(settings(tmp_path, "b")) as other:
            bridge = other.require_bridge()
            await quiet.until(lambda: bridge.statistics().records == 1)


async def test_a_bridge_that_is_gone_is_told_at_the_next_look(tmp_path: Path) -> None:
    async with counted(tmp_path, seconds=0) as quiet:
        for file in tmp_path.glob("bridge.db*"):
            if file.is_file():
                file.unlink()
        journal = Home(tmp_path / "a").journal
        await quiet.until(lambda: "is gone" in journal.read_text())


def test_a_bridge_afar_has_no_files_here(tmp_path: Path) -> None:
    def named(bridge: BridgeAddress) -> set[str]:
        return {path.name for path in files_of(replace(settings(tmp_path), bridge=bridge))}

    everywhere = {"store.db-wal", "HALT", "managed.toml"}
    assert named(BridgeAddress.parse("ssh://host")) == everywhere
    of_bridge = {"bridge.db", "bridge.db-wal", "bridge.db.mesh.db", "bridge.db.mesh.db-wal", "state.db-wal"}
    assert named(BridgeAddress.of(tmp_path / "bridge.db")) == everywhere | of_bridge
