"""What a loop of the runtime is, and how loops are kept going: each in a thread of its own, with files of its own.

A loop that fails is said, as an event `fault`, and begun again; what a person asks for runs beside the beat.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Protocol

from meshcore.clock import Clock
from meshcore.errors import MeshError
from meshcore.store.store import Store

RETRY_SECONDS = 5.0
STOP_SECONDS = 1.5  # what does not end within this time is left behind

Wait = Callable[[float, threading.Event], None]
"""Wait so many seconds, or until the event is set."""

Say = Callable[[str], None]
"""Say what is wrong, once as long as it stays so; an empty text: all is well."""

Work = Callable[[threading.Event, Say], None]


def wait_real(seconds: float, stop: threading.Event) -> None:
    """Wait on the clock of this machine."""
    stop.wait(seconds)


class Loop(Protocol):
    """Work that recurs."""

    @property
    def name(self) -> str:
        """Return what people call it."""
        ...

    def run(self, stop: threading.Event, say: Say) -> None:
        """Work at every beat until `stop` is set. What it raises is said, and it is begun again on a new beat."""
        ...

    def asked(self, store: Store) -> Work | None:
        """Take what a person wants done now; None where nothing is. Called by the runtime, at every look."""
        ...


class Loops:
    """Loops at work: begun, looked after, ended. Faults of theirs become events of the home's store."""

    def __init__(self, loops: Sequence[Loop], store: Path, clock: Clock, retry_seconds: float = RETRY_SECONDS) -> None:
        self._loops = loops
        self._store = store
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._stop = threading.Event()
        self._beating: list[threading.Thread] = []
        self._asked: dict[str, threading.Thread] = {}
        self._said: dict[str, str] = {}

    def start(self) -> None:
        """Begin every loop."""
        self._beating = [self._thread(loop.name, self._keep_going, loop) for loop in self._loops]

    def attend(self, store: Store) -> None:
        """Do what people ask for, one thing at a time for each loop. Raises MeshError for a store that fails."""
        for loop in self._loops:
            busy = self._asked.get(loop.name)
            if busy is not None and busy.is_alive():
                continue
            self._asked.pop(loop.name, None)
            if work := loop.asked(store):
                self._asked[loop.name] = self._thread(f"{loop.name}, asked for", self._once, loop, work)

    @property
    def busy(self) -> bool:
        """Tell whether something that was asked for is being done: what is asked for next waits for its end."""
        return bool(self._asked)

    def stop(self) -> None:
        """End every loop; wait at most `STOP_SECONDS` for all of them."""
        self._stop.set()
        until = time.monotonic() + STOP_SECONDS
        for thread in (*self._beating, *self._asked.values()):
            thread.join(max(0.0, until - time.monotonic()))

    def _thread(self, name: str, target: Callable[..., None], *arguments: object) -> threading.Thread:
        # Daemons: a pass that hangs on a dead disk must not keep the process.
        thread = threading.Thread(target=target, args=arguments, name=f"meshtui {name}", daemon=True)
        thread.start()
        return thread

    def _keep_going(self, loop: Loop) -> None:
        while not self._stop.is_set():
            self._once(loop, loop.run)
            self._stop.wait(self._retry_seconds)

    def _once(self, loop: Loop, work: Work) -> None:
        try:
            work(self._stop, lambda what: self._say(loop, what))
        except Exception as error:  # whatever it is, the others and the runtime go on
            self._say(loop, str(error) if isinstance(error, MeshError) else f"{type(error).__name__}: {error}")

    def _say(self, loop: Loop, what: str) -> None:
        if self._said.get(loop.name, "") == what:
            return
        if what:
            with suppress(Exception), closing(Store(self._store, self._clock)) as store:
                store.events.add("fault", data={"what": f"the {loop.name}: {what}"})
        self._said[loop.name] = what
