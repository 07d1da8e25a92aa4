"""`q` and ctrl-z: what this process does for the home is waited for, or handed over, and never left half done."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Protocol

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from meshtui.host import Host
from meshtui.widgets.cells import plain

LOOK_SECONDS = 0.1


class Worker(Protocol):
    """What works behind the screen, as far as leaving concerns it; see `meshtui.sources`."""

    @property
    def carrying(self) -> tuple[str, ...]:
        """Return the commands that this process carries out now."""

    def begin_nothing(self) -> None:
        """Carry out nothing more than that."""

    async def hand_over(self) -> None:
        """End the runtime here, in order, so that another process may have it."""

    def take_back(self) -> None:
        """Let the runtime be taken up here again where nobody else has it."""


class Leaving(ModalScreen[str]):
    """A fix is running: wait for it, end it, or stay."""

    BINDINGS: ClassVar = [
        Binding("w", "dismiss('wait')", show=False),
        Binding("e", "dismiss('end')", show=False),
        Binding("escape,n,q", "dismiss('')", show=False),
    ]

    def __init__(self, commands: Sequence[str]) -> None:
        super().__init__()
        self._commands = tuple(commands)

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static("A fix is being applied by this process:", id="ask-question", markup=False)
            yield Static("\n".join(plain(command) for command in self._commands), markup=False)
            yield Static("w leave when it has ended    e end it and leave    esc stay", id="ask-keys", markup=False)


async def leave(host: Host, worker: Worker, go: Callable[[], None]) -> None:
    """Leave with `go`; where a fix runs, the person is asked first, and its end is waited for if they want that."""
    answer = await host.push_screen_wait(Leaving(worker.carrying)) if worker.carrying else "end"
    if answer == "wait":
        worker.begin_nothing()
        host.say("leaving as soon as the fix has ended")
        while worker.carrying:
            await asyncio.sleep(LOOK_SECONDS)
    if answer:
        go()


def run_outside(suspended: AbstractContextManager[None], arguments: Sequence[str], folder: str = "") -> None:
    """Run a `meshtui` command on the bare terminal while the app is suspended, and wait until it has been read."""
    with suspended:
        subprocess.run([sys.executable, "-m", "meshtui", *arguments], check=False, cwd=folder or None)
        sys.stdout.write("\nenter goes back to the terminal app ")
        sys.stdout.flush()
        sys.stdin.readline()


async def suspend(host: Host, worker: Worker, stop: Callable[[], None]) -> None:
    """Suspend the program with `stop`: not while a fix runs, and with the runtime handed over before."""
    if worker.carrying:
        fix = worker.carrying[0]
        host.say(f"not suspended: a fix runs ({fix}); ctrl-z again when it has ended", severity="warning")
        return
    await worker.hand_over()
    try:
        stop()  # returns when the program goes on
    finally:
        worker.take_back()
