"""The runtime: it receives, publishes, survives a bridge that goes away, and leaves in order."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from meshcore.clock import to_text
from meshcore.config import BridgeAddress, Settings
from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.exchange.receive import exchange, pull
from meshcore.healing.teaching import teach
from meshcore.node import Node
from meshcore.service import runtime
from meshcore.service.holding import holder, silent_since
from meshcore.service.runtime import Runtime, RuntimeHeldError, RuntimeLock
from meshcore.testing import FakeClock

ERROR = "ModuleNotFoundError: No module named 'django'"
FIX = "pip install django"


class Watched:
    """A running runtime, and a way to wait for what it tells."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.events: list[Event] = []
        self._news = asyncio.Event()
        self.runtime = Runtime(node, on_event=self._hear)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    async def wait_for(self, kind: str, fits: Callable[[Event], bool] = lambda _: True) -> Event:
        """Return the first event of a kind that fits, now or later."""
        while True:
            for event in self.events:
                if event.kind == kind and fits(event):
                    return event
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 20)


def settings(root: Path, name: str, bridge: str = "bridge.db") -> Settings:
    return Settings(
        home=root / name,
        operator=root / "operator",
        bridge=BridgeAddress.of(root / "shared" / bridge),
        agent=name,
        host="host1",
    )


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the runtime look and retry often, so that no test waits for a second to pass."""
    monkeypatch.setattr(runtime, "LOOK_EVERY_SECONDS", 0.02)
    monkeypatch.setattr(runtime, "RETRY_FIRST_SECONDS", 0.01)
    monkeypatch.setattr(runtime, "RETRY_MOST_SECONDS", 0.02)
    (tmp_path / "shared").mkdir()


@asynccontextmanager
async def running(node: Node) -> AsyncIterator[Watched]:
    watched = Watched(node)
    task = asyncio.create_task(watched.runtime.run())
    try:
        await watched.wait_for("runtime.started")
        yield watched
    finally:
        watched.runtime.stop()
        await asyncio.wait_for(task, 20)


async def until(true: Callable[[], bool], step: Callable[[], Awaitable[None]]) -> None:
    """Take steps until something holds."""
    for _ in range(2000):
        if true():
            return
        await step()
    raise AssertionError("it never came true")


async def a_moment() -> None:
    await asyncio.sleep(0.005)


async def test_what_another_node_tells_is_received_acknowledged_and_told(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a, Node(settings(tmp_path, "b")) as b:
        async with running(b) as watched:
            known, _ = teach(a, ERROR, FIX)
            exchange(a)
            event = await watched.wait_for("skill.received", lambda e: e.skill_id == known.skill.skill_id)
            assert event.data["own"] is True
            bridge = a.require_bridge()
            await until(lambda: bridge.statistics().undelivered == 0, a_moment)


async def test_what_is_queued_by_somebody_without_the_key_is_published(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a:
        async with running(a) as watched:
            a_hook = Node(settings(tmp_path, "a"))
            known, _ = teach(a_hook, ERROR, FIX)
            a_hook.close()
            await watched.wait_for("skill.published", lambda e: e.skill_id == known.skill.skill_id)


async def test_the_skills_file_and_the_journal_are_kept_up_to_date(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a:
        async with running(a):
            other_process = Node(settings(tmp_path, "a"))
            teach(other_process, ERROR, FIX)
            other_process.close()
            await until(lambda: "django" in a.home.skills_file.read_text(), a_moment)
        kinds = a.home.journal.read_text()
        assert "runtime.started" in kinds
        assert "runtime.stopped" in kinds


async def test_a_second_runtime_of_a_home_says_who_holds_it(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a:
        async with running(a):
            assert holder(a.home.runtime_lock) == os.getpid()
            with (
                Node(settings(tmp_path, "a")) as again,
                pytest.raises(RuntimeHeldError, match=f"process {os.getpid()}"),
            ):
                await Runtime(again).run()
        assert holder(a.home.runtime_lock) is None


async def test_a_runtime_shows_that_it_lives_and_others_see_when_it_does_not(tmp_path: Path) -> None:
    clock = FakeClock()
    with Node(settings(tmp_path, "a"), clock) as node:
        lock = node.home.runtime_lock
        async with running(node) as watched:
            await watched.wait_for("runtime.started")
            assert silent_since(lock, clock) == ""
            clock.advance(4)
            shown = lock.stat().st_mtime
            watched.runtime._ring.set()  # it looks again
            while lock.stat().st_mtime == shown:
                await asyncio.sleep(0)
            assert silent_since(lock, clock) == ""
        last = to_text(clock.now())
        clock.advance(5)
        assert silent_since(lock, clock) == ""
        clock.advance(0.5)
        assert silent_since(lock, clock) == last
    assert silent_since(tmp_path / "none", clock) == ""


def test_a_lock_that_was_left_behind_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "runtime.lock"
    path.write_text("4711\n")
    assert holder(path) is None
    lock = RuntimeLock(path)
    lock.take()
    assert holder(path) == os.getpid()
    lock.release()
    assert holder(path) is None


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    (tmp_path / "runtime.lock").symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"):
        RuntimeLock(tmp_path / "runtime.lock").take()
    assert precious.read_text() == "precious"


async def test_a_bridge_that_goes_away_is_said_once_and_found_again(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    with Node(settings(tmp_path, "a")) as a, Node(settings(tmp_path, "b")) as b:
        b.require_bridge()
        async with running(a) as watched:
            await until(lambda: a.connected, a_moment)
            shared.rename(tmp_path / "away")
            shared.write_text("a file where the folder was")
            fault = await watched.wait_for("fault")
            assert "bridge" in str(fault.data["what"])
            tries = watched.runtime
            await until(lambda: tries._retry_after > runtime.RETRY_FIRST_SECONDS, a_moment)
            for _ in range(20):
                await a_moment()
            assert len([e for e in watched.events if e.kind == "fault"]) == 1
            known, _ = teach(a, ERROR, FIX)
            shared.unlink()
            (tmp_path / "away").rename(shared)
            await watched.wait_for("skill.published", lambda e: e.skill_id == known.skill.skill_id)
        b.disconnect()
        exchange(b)
        assert b.store.skills.find(known.skill.skill_id) is not None


async def test_a_runtime_starts_without_its_bridge_and_drains_without_it(tmp_path: Path) -> None:
    (tmp_path / "shared").rmdir()
    (tmp_path / "shared").write_text("no folder")
    with Node(settings(tmp_path, "a")) as a:
        async with running(a) as watched:
            await watched.wait_for("fault")
        assert [event.kind for event in watched.events][-1] == "runtime.stopped"


async def test_a_fault_of_the_store_does_not_end_the_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Node(settings(tmp_path, "a")) as a, Node(settings(tmp_path, "b")) as b:
        failures = iter([MeshError("store.db: not stored (database or disk is full); free space or try again")])
        real = b.store.records.add

        def full_once(*arguments: Any) -> bool:
            for failure in failures:
                raise failure
            return real(*arguments)

        monkeypatch.setattr(b.store.records, "add", full_once)
        async with running(b) as watched:
            known, _ = teach(a, ERROR, FIX)
            exchange(a)
            await watched.wait_for("fault", lambda e: "disk is full" in str(e.data["what"]))
            await watched.wait_for("skill.received", lambda e: e.skill_id == known.skill.skill_id)


async def test_a_node_that_was_forgotten_while_it_runs_joins_again(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a, Node(settings(tmp_path, "b")) as b:
        async with running(b) as watched:
            await until(lambda: b.connected, a_moment)
            assert a.require_bridge().forget(b.identity.node.public)
            known, _ = teach(a, ERROR, FIX)
            exchange(a)
            await watched.wait_for("skill.received", lambda e: e.skill_id == known.skill.skill_id)
        assert {member.name for member in a.require_bridge().members()} == {"a", "b"}


async def test_a_runtime_publishes_again_what_the_bridge_has_lost_of_this_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "BEAT_EVERY_SECONDS", 0.0)
    with Node(settings(tmp_path, "a")) as a, Node(settings(tmp_path, "b")) as b:
        teach(a, ERROR, FIX)
        exchange(a)
        with closing(sqlite3.connect(tmp_path / "shared/bridge.db.mesh.db")) as hostile, hostile:
            hostile.execute("DELETE FROM log")
        async with running(a) as watched:
            await watched.wait_for("fault", lambda e: "had lost 1 control record" in str(e.data))
            await until(lambda: bool(pull(b).stored), a_moment)
        assert b.store.skills.count() == 1


async def test_an_idle_runtime_lets_nothing_grow(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a:
        async with running(a) as watched:
            await until(lambda: a.connected and a.home.journal.exists(), a_moment)
            for _ in range(20):
                await a_moment()
            before, events = sizes(tmp_path), len(watched.events)
            for _ in range(60):
                await a_moment()
            assert sizes(tmp_path) == before
            assert len(watched.events) == events


def sizes(root: Path) -> dict[str, int]:
    return {str(path.relative_to(root)): path.stat().st_size for path in root.rglob("*") if path.is_file()}


async def test_what_a_killed_process_left_unfinished_is_marked_at_the_start(tmp_path: Path) -> None:
    with Node(settings(tmp_path, "a")) as a:
        a.store.tries.intend("f" * 16, "0" * 16, "0" * 64, "policy", {}, "/venv", "1:another boot:1")
        async with running(a) as watched:
            event = await watched.wait_for("try.outcome")
            assert event.data["result"] == "unknown"
        assert a.store.tries.unfinished() == []
