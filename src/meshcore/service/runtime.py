"""Everything that runs for one home: receive, acknowledge, publish, project, until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from meshcore import filelock
from meshcore.bridge.base import Bridge
from meshcore.bridge.open import written
from meshcore.bridge.shared import Sharing
from meshcore.config import Settings
from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.exchange.publish import publish, publish_lost
from meshcore.exchange.receive import pull
from meshcore.exchange.report import note_report, tell_report
from meshcore.filelock import FileLock
from meshcore.healing.outcomes import recover
from meshcore.home import Home
from meshcore.node import Node
from meshcore.safety.halt import halt_file
from meshcore.safety.managed import managed
from meshcore.service.approval_worker import Carrier
from meshcore.service.holding import holder
from meshcore.service.loops.base import Loop, Loops
from meshcore.service.notify import ServiceManager
from meshcore.sight import Sight
from meshcore.store.in_place import InPlace

LOOK_EVERY_SECONDS = 1.0
RETRY_FIRST_SECONDS = 1.0
RETRY_MOST_SECONDS = 30.0
BEAT_EVERY_SECONDS = 20.0
DRAIN_SECONDS = 4.0
BACKSTOP_SECONDS = 10.0  # between two whole looks where nothing tells that something is new
AFAR_LOST_SECONDS = 120.0
LINKS_LOOKED_AFTER = 16  # of this node's newest control records: whether the bridge still holds them


class RuntimeHeldError(MeshError):
    """Another process runs this home."""


class RuntimeLock(FileLock):
    """One runtime per home: held by the kernel, so that a killed holder leaves nothing behind."""

    def take(self) -> None:
        """Take the lock. Raises RuntimeHeldError that names the holder."""
        if not self.acquire():
            process = holder(self.path) or -1
            if filelock.is_stopped(process):
                raise RuntimeHeldError(
                    f"{self.path.parent}: process {process} runs this home and is stopped, so nothing is done; "
                    f"let it go on (fg, or kill -CONT {process}), or end it"
                )
            raise RuntimeHeldError(
                f"{self.path.parent}: process {process if process > 0 else '?'} runs this home already; "
                "stop it or name another with --home"
            )
        self.note(f"{os.getpid()}\n")


def files_of(settings: Settings) -> list[Path]:
    """Return the files in which others tell a home's runtime what is to be done: store, switches, bridge."""
    store = Home(settings.home).store
    here = [store.with_name(f"{store.name}-wal"), halt_file(settings.operator), managed().path]
    return [*here, *written(settings.bridge)]


class Runtime:
    """One node at work. `run` returns after `stop` was called, drained; what happens is told through `on_event`.

    `loops` recur beside it, each in a thread of its own (see `meshcore.service.loops`).
    """

    def __init__(
        self,
        node: Node,
        on_event: Callable[[Event], None] | None = None,
        manager: ServiceManager | None = None,
        loops: Sequence[Loop] = (),
    ) -> None:
        """`manager`: who has started this process and wants to know how it fares."""
        self.node = node
        self.on_event = on_event
        self._manager = manager or ServiceManager()
        self._loops = Loops(loops, node.home.store, node.clock)
        self._stopping = asyncio.Event()
        self._ring = asyncio.Event()
        self._told = node.store.events.last()
        self._lock = RuntimeLock(node.home.runtime_lock)
        self._in_place = InPlace(node.home.store)
        self._retry_at = 0.0
        self._retry_after = RETRY_FIRST_SECONDS
        self._fault = ""
        self._beat_at = self._look_at = self._lost_at = 0.0
        self._more = self._ripens = False
        self._sight = Sight(files_of(node.settings))
        self._stamp: object = None
        self._watched = -1
        self._carrier = Carrier(node)
        self._sharing = Sharing(node.home.state, node.settings.bridge)

    @property
    def carrying(self) -> tuple[str, ...]:
        """Return the commands of the approvals that are carried out now; from any thread."""
        return self._carrier.commands

    def begin_nothing(self) -> None:
        """Carry out what is being carried out, and nothing that is approved from now on; from any thread."""
        self._carrier.accepting = False

    def stop(self) -> None:
        """Ask the runtime to drain and return."""
        self._stopping.set()
        self._ring.set()

    async def run(self) -> None:
        """Work until `stop`. Raises RuntimeHeldError where another process runs this home."""
        self._lock.take()
        store = self.node.store
        try:
            recover(self.node)
            store.events.add("runtime.started", data={"pid": os.getpid(), "node": self.node.identity.node.public})
            self._loops.start()
            self._manager.ready()
            while not self._stopping.is_set():
                self._in_place.check()
                self._lock.show_life(self.node.clock.now().timestamp())
                more = not self._is_quiet() and self._look()
                self._manager.alive(self.node.clock.monotonic())
                if not more:
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_EVERY_SECONDS):
                            await self._ring.wait()
            self._manager.stopping()
            ended = asyncio.create_task(asyncio.to_thread(self._loops.stop))
            await asyncio.sleep(0)  # it is begun before what follows keeps the event loop busy
            await self._carrier.close()
            self._drain()
            await ended
            store.events.add("runtime.stopped", data={"pid": os.getpid()})
            self.node.project()
            self._tell()
        finally:
            self._loops.stop()
            await self._carrier.close()
            self._sharing.withdraw()
            self._watch(-1)
            self._lock.release()

    def _is_quiet(self) -> bool:
        """Tell whether a look would find nothing: nobody rang, no file is another, and no time has come."""
        node, now = self.node, self.node.clock.monotonic()
        is_rung = self._ring.is_set()
        self._ring.clear()
        is_new = self._sight.is_new(self._carrier.commands, node.connected)
        waits = self._more or self._ripens or self._loops.busy or node.settings.bridge.is_afar
        due = now >= (min(self._beat_at, self._look_at) if node.connected else self._retry_at)
        return not (is_rung or is_new or waits or due)

    def _look(self) -> bool:
        """Do what there is to do, and tell of it; True where more waits at the bridge."""
        more = self._tick()
        self._carrier.look()
        self._tell()
        return more

    def _tick(self) -> bool:
        node, now = self.node, self.node.clock.monotonic()
        more = False
        if node.connected or now >= self._retry_at:
            try:
                bridge = node.require_bridge()
                self._watch(bridge.fileno())
                if node.settings.bridge.is_afar:
                    self._sharing.share(bridge, node.identity.node.public)
                rings = node.settings.bridge.is_afar and self._watched >= 0
                is_news = self._is_written(bridge) | bridge.drain()
                if now >= self._beat_at:
                    note_report(node)
                    node.look_at_itself(bridge)
                    node.beat(bridge)
                    self._beat_at = now + BEAT_EVERY_SECONDS
                    if now >= self._lost_at:
                        publish_lost(node, LINKS_LOOKED_AFTER)
                        self._lost_at = now + (AFAR_LOST_SECONDS if rings else 0.0)
                # First: whoever keeps this node from speaking shall not keep it from hearing.
                if is_news or self._more or now >= self._look_at:
                    more = pull(node).more
                    self._look_at = now + (BACKSTOP_SECONDS if rings or self._stamp is not None else 0.0)
                tell_report(node)
                publish(node)
                self._ripens = node.tend()
                self._retry_after = RETRY_FIRST_SECONDS
                self._fault, self._more = "", more
            except MeshError as error:
                self._lose_bridge(str(error), now)
        try:
            self._loops.attend(node.store)
            node.project()
            node.forget_printed()
        except MeshError:
            self._sight.forget()  # it was not done
        return more

    def _is_written(self, bridge: Bridge) -> bool:
        """Tell whether anybody wrote to a bridge on this host since the last look at it."""
        before, self._stamp = self._stamp, None if self.node.settings.bridge.is_afar else bridge.stamp()
        return self._stamp is not None and self._stamp != before

    def _lose_bridge(self, reason: str, now: float) -> None:
        self._watch(-1)
        self._sharing.withdraw()
        self.node.disconnect()
        if reason != self._fault:
            with contextlib.suppress(MeshError):
                self.node.store.events.add("fault", data={"what": reason})
                self._fault = reason
        self._look_at = self._lost_at = 0.0
        self._stamp = None
        # A server that comes back is not asked by all at once.
        self._retry_at = now + self._retry_after * random.uniform(0.5, 1.0)  # noqa: S311
        self._retry_after = min(self._retry_after * 2, RETRY_MOST_SECONDS)

    def _watch(self, descriptor: int) -> None:
        if descriptor == self._watched:
            return
        loop = asyncio.get_running_loop()
        if self._watched >= 0:
            loop.remove_reader(self._watched)
        if descriptor >= 0:
            loop.add_reader(descriptor, self._ring.set)
        self._watched = descriptor

    def _tell(self) -> None:
        while events := self.node.store.events.after(self._told):
            self._told = events[-1].seq
            if self.on_event is not None:
                for event in events:
                    self.on_event(event)

    def _drain(self) -> None:
        node = self.node
        if not node.connected:
            return
        with contextlib.suppress(MeshError):
            publish(node)
            pull(node, seconds=DRAIN_SECONDS)
