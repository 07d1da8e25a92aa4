"""Driving the app in a test: a home in a folder, an app on it without a terminal, and what it was told, to wait for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from textual.app import App
from textual.message import Message
from textual.pilot import Pilot

from meshcore.clock import Clock
from meshcore.config import Settings, load
from meshtui.app import MeshApp
from meshtui.messages import SnapshotTaken, TimelineGrown
from meshtui.themes import DARK

M = TypeVar("M", bound=Message)
WAIT_SECONDS = 20.0


def settings_in(root: Path, **values: str) -> Settings:
    """Return settings whose home, operator and bridge lie in a folder."""
    return load(
        environment={
            "MESHTUI_OPERATOR_DIR": str(root / "operator"),
            "MESHTUI_PACKS": "off",
            "MESHTUI_HOME": str(root / "home"),
            "MESHTUI_BRIDGE": str(root / "bridge.db"),
            "MESHTUI_AGENT": "dev@dev1",
            "MESHTUI_HOST": "dev1",
            "HOME": str(root),
            **values,
        }
    )


class Told:
    """The messages that came by, in order, and a way to wait for the next."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self._came = asyncio.Event()

    def __call__(self, message: Message) -> None:
        self.messages.append(message)
        self._came.set()

    def of(self, kind: type[M]) -> list[M]:
        """Return those of one kind."""
        return [message for message in self.messages if isinstance(message, kind)]

    async def until(self, true: Callable[[], bool], what: str) -> None:
        """Return once something holds, looked at whenever a message came. Raises AssertionError."""
        async with asyncio.timeout(WAIT_SECONDS):
            while not true():
                self._came.clear()
                if not true():
                    await self._came.wait()
        assert true(), what


def text_of(app: App[Any]) -> str:
    """Return what is on the screen of an app, a line each."""
    width, height = app.size
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip)[:width].rstrip() for strip in strips[:height])


class Shown:
    """An app that is shown, its pilot and what it was told."""

    def __init__(self, app: MeshApp, pilot: Pilot[int], told: Told) -> None:
        self.app = app
        self.pilot = pilot
        self.told = told

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, true: Callable[[], bool], what: str) -> None:
        await self.told.until(true, what)
        await self.pilot.pause()

    def text(self) -> str:
        """Return what is on the screen, a line each."""
        return text_of(self.app)


def _is_whole(told: Told) -> bool:
    """Tell whether a snapshot came that says more than what the store holds, or why nothing can be said."""
    return any(message.snapshot.mode or message.snapshot.fault for message in told.of(SnapshotTaken))


@asynccontextmanager
async def shown(
    settings: Settings,
    clock: Clock | None = None,
    *,
    size: tuple[int, int] = (120, 36),
    embed: bool = False,
    theme: str = DARK,
    app_class: type[MeshApp] = MeshApp,
) -> AsyncIterator[Shown]:
    """Show the app on a home, and wait until it has drawn its first whole snapshot and its timeline."""
    told = Told()
    app = app_class(settings, embed=embed, clock=clock)
    app.theme = theme
    try:
        async with app.run_test(size=size, notifications=True, message_hook=told) as pilot:
            it = Shown(app, pilot, told)
            await it.until(lambda: _is_whole(told), "a snapshot")
            if app.feed is not None and app.feed.snapshot.seq:
                await it.until(lambda: bool(told.of(TimelineGrown)), "a timeline")
            for worker in [worker for worker in app.workers if worker.group == "rows.load"]:
                await worker.wait()
            await pilot.pause()
            yield it
    finally:
        app.close()
