"""The runtime inside the terminal's process: in a thread with an event loop of its own, so that no key waits for it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshcore.config import Settings
from meshcore.errors import MeshError

if TYPE_CHECKING:
    from meshcore.service.runtime import Runtime

LEAVE_SECONDS = 1.8


class EmbeddedRuntime:
    """One runtime of one home; where another process has it, the thread ends at once and the home is ready to read.

    `ready` and `ended` are called in the runtime's thread: `ready` once the store can be opened, `ended` with one line
    ("" for an orderly end, also where another process runs the home) and the error behind it.
    """

    def __init__(
        self,
        settings: Settings,
        ready: Callable[[], None],
        ended: Callable[[MeshError | None], None],
    ) -> None:
        self._settings = settings
        self._ready = ready
        self._ended = ended
        self._stop: Callable[[], None] | None = None
        self._runtime: Runtime | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="runtime", daemon=True)

    def start(self) -> None:
        """Open the home and work."""
        self._thread.start()

    def stop(self, seconds: float = LEAVE_SECONDS) -> bool:
        """Let the runtime drain and end; False where that takes longer. What it did not do waits in the store."""
        self._stopping.set()
        stop = self._stop
        if stop is not None:
            stop()
        if self._thread.ident is not None:
            self._thread.join(seconds)
        return not self._thread.is_alive()

    @property
    def carrying(self) -> tuple[str, ...]:
        """Return the commands of the approvals that are carried out now."""
        return self._runtime.carrying if self._runtime is not None else ()

    def begin_nothing(self) -> None:
        """Carry out nothing more than what is being carried out."""
        if self._runtime is not None:
            self._runtime.begin_nothing()

    def _run(self) -> None:
        fault: MeshError | None = None
        try:
            self._work()
        except MeshError as error:
            fault = error
        except Exception as error:  # a fault of ours must be seen, and must not take the terminal with it
            fault = MeshError(f"the runtime ended by a fault of its own ({type(error).__name__}: {error})")
        if not self._stopping.is_set():
            self._ended(fault)

    def _work(self) -> None:
        from meshcore.node import Node

        with Node(self._settings) as node:
            self._ready()
            from meshcore.service.loops.settings import loops_of
            from meshcore.service.runtime import Runtime, RuntimeHeldError

            async def work() -> None:
                runtime = Runtime(node, loops=loops_of(node.settings, node.clock))
                loop = asyncio.get_running_loop()

                def stop() -> None:
                    loop.call_soon_threadsafe(runtime.stop)

                self._stop, self._runtime = stop, runtime
                if not self._stopping.is_set():
                    await runtime.run()

            try:
                asyncio.run(work())
            except RuntimeHeldError:
                return
            finally:
                self._stop = self._runtime = None
