"""What the terminal's feed does while nothing happens: it looks at files, and asks neither store nor another thread."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshcore.config import Settings, load
from meshcore.node import Node
from meshcore.safety.halt import halt
from meshcore.store import queries
from meshcore.store.async_store import AsyncStore
from meshcore.store.read import Read
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui import feed as module
from meshtui.feed import Feed

LOOKS = 60  # one a second


class Counted:
    """A feed whose clock stands still: how often it looked, and what it asked."""

    def __init__(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        self.feed = Feed(settings, lambda message: None, FakeClock())
        self.asked: Counter[str] = Counter()
        self.looks = 0
        self._news = asyncio.Event()
        ask, changed, aside = AsyncStore.ask, self.feed._changed, asyncio.to_thread

        async def counted(store: AsyncStore, read: Read[Any]) -> list[Any]:
            self.asked[read.sql] += 1
            return await ask(store, read)

        async def counted_aside(call: Callable[..., Any], *arguments: Any) -> Any:
            self.asked["another thread"] += 1
            return await aside(call, *arguments)

        async def looked() -> bool:
            self.looks += 1
            self._news.set()
            return await changed()

        monkeypatch.setattr(AsyncStore, "ask", counted)
        monkeypatch.setattr(asyncio, "to_thread", counted_aside)
        monkeypatch.setattr(self.feed, "_changed", looked)

    async def after(self, looks: int) -> None:
        """Wait until it looked so many times more."""
        until = self.looks + looks
        while self.looks < until:
            self._news.clear()
            await asyncio.wait_for(self._news.wait(), 20)

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds."""
        for _ in range(100):
            if true():
                return
            await self.after(1)
        raise AssertionError("it was not seen")


@asynccontextmanager
async def counted(root: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counted]:
    """Give a feed that has shown what there is: a home, and a bridge."""
    monkeypatch.setattr(module, "LOOK_EVERY_SECONDS", 0.001)
    monkeypatch.setattr(module, "HISTORY_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(module, "SNAPSHOT_PAUSE_SECONDS", 0.0)
    settings = replace(load(home=str(root / "home"), bridge=str(root / "bridge.db")), operator=root / "operator")
    with Node(settings) as node:
        node.require_bridge()
    found = Counted(settings, monkeypatch)
    running = asyncio.create_task(found.feed.run())
    try:
        await found.until(lambda: bool(found.feed.snapshot.bridge.joined))
        await found.after(5)
        yield found
    finally:
        found.feed.stop()
        await asyncio.wait_for(running, 20)


async def test_where_nothing_happens_nothing_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted(tmp_path, monkeypatch) as quiet:
        quiet.asked.clear()
        await quiet.after(LOOKS)
        assert not quiet.asked


async def test_what_is_new_in_the_bridge_alone_costs_no_question_to_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counted(tmp_path, monkeypatch) as quiet:
        quiet.asked.clear()
        with Node(replace(quiet.feed.settings, home=tmp_path / "other", agent="other")) as other:
            other.require_bridge()
        await quiet.until(lambda: quiet.feed.snapshot.bridge.joined == 2)
        assert not quiet.asked[queries.figures().sql]


async def test_what_comes_into_the_store_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted(tmp_path, monkeypatch) as quiet:
        with closing(Store(quiet.feed.home.store)) as other:
            other.events.add("fault", data={"what": "written by another process"})
            last = other.events.last()
        await quiet.until(lambda: quiet.feed.snapshot.seq == last)


async def test_the_switch_is_shown_and_so_is_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted(tmp_path, monkeypatch) as quiet:
        operator = quiet.feed.settings.operator
        halt(operator, "the disk is on fire")
        await quiet.until(lambda: "on fire" in quiet.feed.snapshot.halted)
        (operator / "HALT").unlink()
        await quiet.until(lambda: not quiet.feed.snapshot.halted)


async def test_a_bridge_that_is_gone_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with counted(tmp_path, monkeypatch) as quiet:
        path = quiet.feed.settings.bridge.path
        assert path is not None
        for file in path.parent.glob(f"{path.name}*"):
            if file.is_file():
                file.unlink()
        await quiet.until(lambda: "gone" in quiet.feed.snapshot.bridge.fault)
