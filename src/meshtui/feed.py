"""The only place where store, journal and bridge become messages of the terminal.

An asynchronous task sees what is new in the store of one home and posts messages; it never looks at objects of the
running loop, so the terminal shows the same whether it embeds the runtime or another process has it. It is woken by
changes of the store's files, with a look at their sizes once a second behind it; where nothing changed, nothing is
posted.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message

from meshcore.clock import Clock, SystemClock
from meshcore.config import Settings
from meshcore.errors import ConfigurationError, MeshError
from meshcore.events import Event
from meshcore.filelock import is_alive, is_stopped
from meshcore.home import Home
from meshcore.journal.timeline import Timeline, put_mark
from meshcore.safety import halt as switch
from meshcore.safety.halt import halt_file
from meshcore.service.holding import holder, silent_since
from meshcore.sight import stamp
from meshcore.store import queries, views
from meshcore.store.async_store import AsyncStore
from meshcore.store.green import Green, green
from meshcore.store.in_place import InPlace, Stamp
from meshtui.inbox import Inbox
from meshtui.messages import EventsSeen, IncidentsChanged, SnapshotTaken, TimelineGrown
from meshtui.snapshot import NOT_YET, NOTHING_TOLD, BridgeView, EffectView, Snapshot
from meshtui.storeview import StoreReader, effect_of

if TYPE_CHECKING:
    from meshcore.model import Mode
    from meshcore.node import Node
    from meshcore.service.fleet import FleetNode
    from meshtui.bridgeview import BridgeReader, Receipted

HISTORY_AFTER_SECONDS = 0.25  # what the pane shows first is read before the whole past
LOOK_EVERY_SECONDS = 1.0
MEMBERS_EVERY_SECONDS = 30.0  # a node that died says nothing: it is missed by the clock
EFFECT_EVERY_SECONDS = 30.0
EFFECT_SHARE = 0.002  # of one core that asking about every incident may take, however many there are
NO_EFFECT = ("monitor.", "runtime.", "fault")  # of events
SNAPSHOT_PAUSE_SECONDS = 0.5
SETTLE_SECONDS = 0.03  # the file system tells of a commit a little before it can be read
BATCH = 1000
MARKS = 5000


class Feed:
    """The store of one home as messages, until `stop`."""

    def __init__(
        self,
        settings: Settings,
        post: Callable[[Message], object],
        clock: Clock | None = None,
        shown: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """`shown` returns once the first snapshot, and what the screen then asks for, is drawn."""
        self.settings = settings
        self.home = Home(settings.home)
        self.clock = clock or SystemClock()
        self.timeline = Timeline()
        self.store: AsyncStore | None = None
        self.snapshot = Snapshot()
        self._post = post
        self.inbox = Inbox(settings, self._age)
        self._shown = shown
        self._node: Node | None = None  # only in its own thread, as its connection demands
        self._brakes_thread = ThreadPoolExecutor(1, "feed.brakes")
        self._woken = asyncio.Event()
        self._stopping = False
        self._seq = 0
        self._marked = 0
        self._green: tuple[Green, Green] = (Green(), Green())
        self._entries = 0
        self._effect: tuple[EffectView, ...] = ()
        self._told = NOTHING_TOLD
        self._effect_due = -math.inf
        self._effect_is_old = True
        self._bridge_view = BridgeView(settings.bridge.shown, fault=NOT_YET)
        self._bridge_read_at = -math.inf
        self._reading: asyncio.Task[None] | None = None
        self._sizes: dict[str, object] = {}
        self._read: Stamp | None = None  # the store's file as it was when reading it anew last went well
        self._is_old = False  # what is shown, which is taken anew at `_take_due`, or with the next event
        self._take_due = -math.inf
        self._stored = StoreReader()
        self._damage = ""  # what was found when it was read, until the file is another

    def _age(self) -> None:
        self._is_old = True
        self._woken.set()

    @cached_property
    def bridge(self) -> BridgeReader:
        """Return what reads the bridge."""
        from meshtui.bridgeview import BridgeReader  # with nodes, keys and engines: after the store

        return BridgeReader(self.settings.bridge, self.clock)

    def wake(self) -> None:
        """Look now; to be called in the feed's own thread."""
        self._woken.set()

    def stop(self) -> None:
        """Let `run` return."""
        self._stopping = True
        self._woken.set()

    async def run(self) -> None:
        """Post what the store holds, then the rest, and what changes, until `stop`. Raises NotMadeError, MeshError."""
        self._in_place = InPlace(self.home.store)
        self._read = self._in_place.stamp()
        self.store = await AsyncStore.open(self.home.store)
        watcher = asyncio.create_task(self._watch(), name="feed.watch")
        try:
            self._seq = await self.store.one(queries.last_event()) or 0
            await self._take_green()
            await self._take_entries()
            if self._shown is not None:
                await self._take(self._of_store)
                await self._shown()
            await self._take()
            pause = HISTORY_AFTER_SECONDS
            while not self._stopping:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
                woken = self._woken.is_set()
                self._woken.clear()
                for read in (partial(self._look, woken=woken), self._take_effect, self._mark):
                    if not self._stopping:
                        await self._without_fault(read)
                pause = self._pause()
        finally:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
            if self._reading is not None:
                self._reading.cancel()
            self.inbox.close()
            await self.store.close()
            if "bridge" in vars(self):
                await asyncio.to_thread(self.bridge.close)
            await asyncio.get_running_loop().run_in_executor(self._brakes_thread, self._close_node)
            self._brakes_thread.shutdown(wait=False)

    async def fleet(self) -> list[FleetNode]:
        """Return every node of the bridge, and what is wrong with it. Raises MeshError."""

        def look() -> list[FleetNode]:
            return self.bridge.fleet(self._opened())

        return await asyncio.get_running_loop().run_in_executor(self._brakes_thread, look)

    async def receipted(self, records: Sequence[tuple[str, str]]) -> list[Receipted]:
        """Return who has received these records (id and kind), and how long after they were published."""

        return await asyncio.to_thread(self.bridge.receipted, records)

    async def _without_fault(self, read: Callable[[], Awaitable[None]]) -> None:
        """Read, and say what is wrong where that fails: what was shown before stays."""
        try:
            await read()
        except MeshError as error:
            if isinstance(error, ConfigurationError):  # it lasts, whatever else can be read
                self._damage = str(error)
            self._tell_fault(str(error))

    def _tell_fault(self, why: str) -> None:
        # The switch is shown whatever is wrong with the home.
        halted = switch.halted(self.settings.operator) or self.snapshot.halted
        self._show(replace(self.snapshot, fault=why, halted=halted))

    def _show(self, snapshot: Snapshot) -> None:
        if snapshot != self.snapshot:
            self.snapshot = snapshot
            self._post(SnapshotTaken(snapshot))

    def _pause(self) -> float:
        return max(0.0, self._take_due - _real_time()) if self._is_old else LOOK_EVERY_SECONDS

    # --- looking --------------------------------------------------------------------------------------------------

    async def _look(self, *, woken: bool) -> None:
        self.inbox.look()
        self._is_old |= await self._changed()
        if self.snapshot.fault:  # mended meanwhile, perhaps: what was opened before may not be able to tell
            await self._take()
            if self.snapshot.fault:
                self._is_old = False  # it is looked at again all the same, and not at once
                return
        if not (woken or self._is_old):
            return
        events = await self._new_events()
        if not events and woken:
            await asyncio.sleep(SETTLE_SECONDS)
            events = await self._new_events()
        if events:
            self._effect_is_old |= any(not event.kind.startswith(NO_EFFECT) for event in events)
            self._post(EventsSeen(events))
            if any(event.kind == "monitor.snapshot" for event in events):
                await self._take_entries()
            await self._tell_incidents(events)
        if events or (self._is_old and _real_time() >= self._take_due):
            self._is_old = False
            await self._take()
            self._take_due = _real_time() + SNAPSHOT_PAUSE_SECONDS
            await asyncio.sleep(SNAPSHOT_PAUSE_SECONDS if events else 0)

    async def _new_events(self) -> list[Event]:
        assert self.store is not None
        found: list[Event] = []
        while batch := await self.store.ask(queries.events_after(self._seq, BATCH)):
            self._seq = batch[-1].seq
            found += batch
        return found

    async def _tell_incidents(self, events: Iterable[Event]) -> None:
        assert self.store is not None
        ids = list(dict.fromkeys(event.incident_id for event in events if event.incident_id))
        if any(event.kind in ("incident.state", "try.outcome") for event in events):
            await self._take_green()
        for start in range(0, len(ids), BATCH // 2):
            found = await self.store.ask(views.incident_briefs_of(ids[start : start + BATCH // 2]))
            self._post(IncidentsChanged(found))

    async def _mark(self) -> None:
        """Put new marks on the timeline; a long history comes in pieces, so that keys are answered meanwhile."""
        assert self.store is not None
        while not self._stopping and self._marked < self._seq:
            found = await self.store.ask(views.timeline_marks(self._marked, MARKS))
            for mark in found:
                put_mark(self.timeline, mark, self.settings.agent)
            if found:
                self._marked = found[-1].seq
                self._post(TimelineGrown())
            if len(found) < MARKS:
                self._marked = max(self._marked, self._seq)  # what lies before was looked at: once is enough
                return

    async def _changed(self) -> bool:
        """Tell whether a file behind the snapshot is another than at the last call, or the members are due."""
        before, self._sizes = self._sizes, await self._fingerprints()
        if "bridge" not in before or before["bridge"] != self._sizes["bridge"]:
            self._bridge_read_at = -math.inf
        members_due = self.clock.monotonic() - self._bridge_read_at >= MEMBERS_EVERY_SECONDS
        return members_due or before != self._sizes

    async def _fingerprints(self) -> dict[str, object]:
        files: Mapping[str, Path] = {
            "store": self.home.store.with_name(self.home.store.name + "-wal"),
            "file": self.home.store,
            "halt": halt_file(self.settings.operator),
        }
        found: dict[str, object] = {name: stamp(str(path)) for name, path in files.items()}
        at_hand = self.bridge.is_at_hand
        found["bridge"] = self.bridge.stamp() if at_hand else await asyncio.to_thread(self.bridge.stamp)
        if (process := self.snapshot.holder) != os.getpid():
            silent = silent_since(self.home.runtime_lock, self.clock)
            found["holder"] = is_alive(process), is_stopped(process), silent
        return found

    async def _watch(self) -> None:
        from meshcore.journal.news import FolderNews

        news = FolderNews(frozenset({self.home.store.name, self.home.store.name + "-wal"}))
        try:
            while True:
                await news.wait(frozenset({self.home.root}), math.inf)
                self._woken.set()
        finally:
            news.close()

    # --- the snapshot ---------------------------------------------------------------------------------------------

    async def _take_green(self) -> None:
        assert self.store is not None
        found = dict(await self.store.ask(green()))
        self._green = found.get(False, Green()), found.get(True, Green())

    async def _take_entries(self) -> None:
        assert self.store is not None
        self._entries = await self.store.one(views.newest_entries()) or 0

    async def _take_effect(self) -> None:
        """Ask about every incident, now and then while something happens, and never before the first snapshot."""
        started = self.clock.monotonic()
        if not self._effect_is_old or started < self._effect_due:
            return
        assert self.store is not None
        self._effect_is_old = False
        self._effect, self._told = await effect_of(self.store)
        took = self.clock.monotonic() - started
        self._effect_due = started + max(EFFECT_EVERY_SECONDS, took / EFFECT_SHARE)
        await self._take()

    async def _take(self, taken: Callable[[], Awaitable[Snapshot]] | None = None) -> None:
        """Take a snapshot, the whole one unless another is named, and post it where it says something new."""
        try:
            await self._read_anew()
            self._show(replace(await (taken or self._snapshot)(), fault=self._damage))
        except MeshError as error:
            self._tell_fault(str(error))

    async def _read_anew(self) -> None:
        """Forget what is remembered of the store's file where somebody wrote into it. Raises MeshError."""
        assert self.store is not None
        found = self._in_place.stamp()
        if found != self._read:
            self._in_place.check()
            await self.store.renew()
            if self._damage:  # which another connection remembers too
                await asyncio.get_running_loop().run_in_executor(self._brakes_thread, self._close_node)
            self._read, self._damage = found, ""

    async def _read_bridge(self) -> None:
        before, self._bridge_view = self._bridge_view, await asyncio.to_thread(self.bridge.read)
        if self.settings.bridge.is_afar and self._bridge_view != before:
            self._woken.set()

    async def _snapshot(self) -> Snapshot:
        mode, halted, not_synced = await asyncio.get_running_loop().run_in_executor(self._brakes_thread, self._brakes)
        if self.clock.monotonic() - self._bridge_read_at >= MEMBERS_EVERY_SECONDS:
            self._bridge_read_at = self.clock.monotonic()
            if not self.settings.bridge.is_afar:
                await self._read_bridge()
            elif self._reading is None or self._reading.done():  # what this host knows is not to wait for another
                self._reading = asyncio.create_task(self._read_bridge())
        pid = holder(self.home.runtime_lock)
        return replace(
            await self._of_store(),
            bridge=self._bridge_view,
            mode=mode,
            halted=halted,
            not_synced=not_synced,
            runtime="none" if pid is None else "embedded" if pid == os.getpid() else "attached",
            holder=pid or 0,
            stopped=pid is not None and is_stopped(pid),
            silent="" if pid in (None, os.getpid()) else silent_since(self.home.runtime_lock, self.clock),
        )

    async def _of_store(self) -> Snapshot:
        """Return what the store holds; mode, bridge and runtime are not known yet."""
        assert self.store is not None
        files = self._sizes.get("store"), self._sizes.get("file")
        return replace(
            await self._stored.read(self.store, files, anew=bool(self.snapshot.fault)),
            node=self.settings.agent,
            entries=self._entries,
            effect=self._effect,
            told=self._told,
            first=self._green[0],
            again=self._green[1],
            needs_you=await self.inbox.read(self.store),
            bridge=self._bridge_view,
            halted=switch.halted(self.settings.operator),
        )

    def _opened(self) -> Node:
        if self._node is None:
            from meshcore.node import Node

            self._node = Node(self.settings, self.clock)
        return self._node

    def _brakes(self) -> tuple[Mode, str, tuple[str, ...]]:
        """Return mode, halt and what is missing as the loop takes them: rows count as far as their signatures do."""
        from meshcore.trust.ceilings import mode_here
        from meshcore.trust.halting import halted
        from meshcore.trust.synced import missing

        node = self._opened()
        return mode_here(node), halted(node), tuple(one.text for one in missing(node))

    def _close_node(self) -> None:
        if self._node is not None:
            self._node.close()
            self._node = None


def _real_time() -> float:
    return asyncio.get_running_loop().time()
