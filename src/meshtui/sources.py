"""What works behind the screen: the feed, and the runtime where this process is to have it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

from meshcore.errors import MeshError
from meshcore.home import Home

if TYPE_CHECKING:
    from textual.app import App

    from meshcore.clock import Clock
    from meshcore.config import Settings
    from meshtui.embedding import EmbeddedRuntime
    from meshtui.feed import Feed
    from meshtui.snapshot import Snapshot

MOST_BEFORE_DRAWN_SECONDS = 1.0  # that all the rest waits for the first data: on a slow line that may take long
LOOK_EVERY_SECONDS = 0.01


class Sources:
    """Starts feed and runtime once the first screen is painted, and ends both in order.

    What is there comes first: the feed reads the store, the screen asks for its rows, and only then nodes, bridge and
    runtime are loaded. A home in which nothing is yet is shown as that, and made behind it.

    `embed`: run the home's runtime here, whenever no other process does. `fault` is told of an error and of whether
    the screen can go on without what failed.
    """

    def __init__(
        self,
        app: App[int],
        settings: Settings,
        clock: Clock,
        *,
        embed: bool,
        fault: Callable[[MeshError, bool], None],
    ) -> None:
        self.feed: Feed | None = None
        self._app = app
        self._settings = settings
        self._clock = clock
        self._embed = embed
        self._fault = fault
        self._runtime: EmbeddedRuntime | None = None
        self._is_handed_over = False  # then nothing takes it up again, though nobody has it
        self._looked = False
        self._drawn = asyncio.Event()

    def start(self) -> None:
        """Show what is there, and start what goes on behind it."""
        home = Home(self._settings.home)
        if not self._embed or home.store.exists() or home.skills_file.exists():
            self._start_feed()
        else:
            from meshtui.messages import SnapshotTaken
            from meshtui.snapshot import of_nothing

            self._app.post_message(SnapshotTaken(of_nothing(self._settings)))

    def look(self, snapshot: Snapshot) -> None:
        """Let the rest begin once something is drawn; take the runtime over where the process that had it has ended."""
        if not self._looked:
            self._looked = True
            self._app.call_after_refresh(self._wait_for_rows)
            if self._embed:
                self._app.run_worker(self._run_behind(), name="runtime", group="feed", exit_on_error=False)
        if self._embed and self._runtime is None and not self._is_handed_over and _is_free(snapshot):
            self._start_runtime()

    def wake(self) -> None:
        """Let the feed look now."""
        if self.feed is not None:
            self.feed.wake()

    def stop(self) -> None:
        """Let the feed end."""
        if self.feed is not None:
            self.feed.stop()

    def close(self) -> bool:
        """End the runtime; return False where it took too long."""
        return self._runtime is None or self._runtime.stop()

    @property
    def carrying(self) -> tuple[str, ...]:
        """Return the commands of the approvals that this process carries out now."""
        return self._runtime.carrying if self._runtime is not None else ()

    def begin_nothing(self) -> None:
        """Carry out nothing more than what is being carried out."""
        if self._runtime is not None:
            self._runtime.begin_nothing()

    async def hand_over(self) -> None:
        """End the runtime in order; once taken back, it is taken up where nobody else has it, see `look`."""
        self._is_handed_over = True
        runtime, self._runtime = self._runtime, None
        if runtime is not None:
            await asyncio.to_thread(runtime.stop)

    def take_back(self) -> None:
        """Let `look` take the runtime up again."""
        self._is_handed_over = False

    def _start_runtime(self) -> None:
        from meshtui.embedding import EmbeddedRuntime

        def ready() -> None:
            self._app.call_later(self._start_feed)

        def ended(fault: MeshError | None) -> None:
            self._app.call_later(self._runtime_ended, fault)

        self._runtime = EmbeddedRuntime(self._settings, ready, ended)
        self._runtime.start()

    async def _run_behind(self) -> None:
        await self._until_drawn()
        if self._runtime is None and not self._is_handed_over:
            self._start_runtime()

    async def _until_drawn(self) -> None:
        """Return once the first data are drawn: figures, and the rows that the screen then asks for."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drawn.wait(), MOST_BEFORE_DRAWN_SECONDS)

    async def _wait_for_rows(self) -> None:
        asked = [worker for worker in self._app.workers if worker.group == "rows.load"]

        async def wait() -> None:
            while not all(worker.is_finished for worker in asked):
                await asyncio.sleep(LOOK_EVERY_SECONDS)
            self._app.call_after_refresh(self._drawn.set)

        self._app.run_worker(wait(), name="first data", group="feed", exit_on_error=False)

    def _runtime_ended(self, fault: MeshError | None) -> None:
        self._runtime = None
        if fault is not None:
            self._fault(fault, self.feed is not None)
        self.wake()

    def _start_feed(self) -> None:
        if self.feed is not None:
            self.feed.wake()
            return
        from meshtui.feed import Feed

        self.feed = Feed(self._settings, self._app.post_message, clock=self._clock, shown=self._until_drawn)
        self._app.run_worker(self._run_feed(self.feed), name="feed", group="feed", exit_on_error=False)

    async def _run_feed(self, feed: Feed) -> None:
        from meshcore.store.async_store import NotMadeError

        try:
            await feed.run()
        except MeshError as error:
            if isinstance(error, NotMadeError) and self._embed and self._runtime is None:
                self.feed = None  # until the runtime has made it
                self._start_runtime()
            else:
                self._fault(error, False)


def _is_free(snapshot: Snapshot) -> bool:
    """Tell whether a home wants a runtime; one that cannot be read is left alone, and no other made in its place."""
    return snapshot.runtime == "none" and not snapshot.fault
