"""The demo in the terminal's own panes: real processes play the story, and the terminal shows the second agent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from meshcore.clock import SystemClock
from meshcore.errors import EXIT_OK
from meshcore.filelock import holder
from meshtui.app import MeshApp
from meshtui.state import Opening
from meshtui.widgets.cells import plain

if TYPE_CHECKING:
    from textual.driver import Driver

    from meshcore.config import Settings

TICK_SECONDS = 1.0
LOOK_SECONDS = 0.1
LEFT_SECONDS = 3.0  # for the story's processes to end when the person leaves in the middle
NEXT = (
    "this is agent_b_test on the demo's mesh: enter opens an incident, 2 skills, 6 log, 8 fleet, ? keys, q leaves"
    "\n   yours: `meshtui` asks what you run; `meshtui run -- COMMAND` heals it"
)


class DemoApp(MeshApp):
    """The terminal of the second agent, with the story's newest line above its keys; `told` is all that was told.

    The home's runtime is the story's while it plays, and this process has it afterwards.
    """

    DEFAULT_CSS = "DemoApp #story { height: auto; width: 100%; background: $panel; padding: 0 1; }"

    def __init__(
        self, settings: Settings, story: Sequence[str], then: str = "", *, driver_class: type[Driver] | None = None
    ) -> None:
        """`story` is the command that plays it, and tells it on standard output; `then`: what becomes of it all."""
        super().__init__(settings, embed=True, driver_class=driver_class, opening=Opening(pane="overview"))
        self.told: list[str] = []
        self.code: int | None = None
        self._command = list(story)
        self._then = then
        self._process: asyncio.subprocess.Process | None = None
        self._begun = 0.0

    def compose(self) -> ComposeResult:
        for one in super().compose():
            if one.id == "hints":
                yield Static("two agents, one bridge: one is taught a fix, the other heals by itself", id="story")
            yield one

    def start_work(self) -> None:
        """Let the story begin, and show the home as soon as there is one."""
        self._begun = SystemClock().monotonic()
        self.set_interval(TICK_SECONDS, self._draw)
        self._play()
        self._show_home()

    def keep_state(self) -> None:
        """Keep nothing: the home is removed."""

    @work(group="demo.story")
    async def _play(self) -> None:
        self._process = process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        assert process.stdout is not None
        async for line in process.stdout:
            if text := plain(line.decode(errors="replace").rstrip()):
                self.told.append(text)
                self._draw()
        self.code = await process.wait()
        self._draw()

    @work(group="demo.home")
    async def _show_home(self) -> None:
        while holder(self.home.runtime_lock) is None and self.code is None:  # before, the home is being made
            await asyncio.sleep(LOOK_SECONDS)
        super().start_work()

    def _draw(self) -> None:
        if not self.told and self.code is None:
            return
        newest = self.told[-1] if self.told else ""
        if self.code is None:
            text = f"{SystemClock().monotonic() - self._begun:3.0f} s  {newest}"
        elif self.code == EXIT_OK:
            text = f"✓  healed at the second agent, verified by running the failed command again\n   {NEXT}{self._then}"
        else:
            text = f"✗  {newest}"
        self.query_one("#story", Static).update(text)

    async def end_story(self) -> None:
        """End the story's processes where it is not over."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), LEFT_SECONDS)
                return

    async def on_unmount(self) -> None:
        await self.end_story()


def story_command(*options: str) -> list[str]:
    """Return what plays the story as text."""
    return [sys.executable, "-m", "meshtui", "demo", "--plain", *options]
