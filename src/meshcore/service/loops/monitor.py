"""The monitor: one pass over a home and its bridge, and its loop inside the runtime."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from meshcore.clock import Clock
from meshcore.config import LEAST_INTERVAL_SECONDS, Settings
from meshcore.errors import MeshError
from meshcore.evidence.monitor.checks import built_in
from meshcore.evidence.monitor.monitor import (
    LOG_NAME,
    Gap,
    Options,
    Scene,
    SkillsFile,
    beats,
    is_present,
    keep,
    take,
)
from meshcore.exchange.receive import exchange
from meshcore.home import Home
from meshcore.model import Json
from meshcore.node import Node
from meshcore.service.loops.base import Say, Wait, Work, wait_real
from meshcore.store.store import Store


@dataclass(frozen=True, slots=True)
class Taken:
    """One pass: its record, what went wrong in words, and whether the record was kept in log and journal."""

    record: dict[str, Json]
    faults: tuple[str, ...]
    kept: bool


def monitor_pass(
    settings: Settings,
    options: Options,
    clock: Clock,
    gap: Gap | None = None,
    *,
    catch_up: bool = False,
    skills_file: SkillsFile | None = None,
) -> Taken:
    """Take and keep one record; never raises for what is missing, broken or locked.

    `catch_up` reads the bridge first, where no runtime does that. A bridge that is not there is not made: the record
    says that it is missing. `skills_file` remembers what the pass before has read.
    """
    home = Home(settings.home)
    skills_file = skills_file or SkillsFile(home.skills_file)
    skills, present = skills_file.snapshot(), is_present(settings.bridge)
    try:
        with Node(settings, clock) as node:
            if present and catch_up:
                exchange(node)
            if "skill_count" in skills:
                node.project()
                skills = skills_file.snapshot()
            bridge = node.bridge if present else None
            scene = Scene(home, settings.bridge, node.store, bridge, node.bridge_fault)
            record = take(scene, options, clock, skills=skills, bridge_present=present, gap=gap)
            return _kept(record, scene, options)
    except MeshError as error:
        scene = Scene(home, settings.bridge, None, None, str(error))
    record = take(scene, options, clock, skills=skills, bridge_present=present, gap=gap)
    return _kept(record, scene, options)


def _kept(record: dict[str, Json], scene: Scene, options: Options) -> Taken:
    faults = tuple(record["mesh"].get("faults", ()))
    try:
        keep(record, scene, options)
    except MeshError as error:
        return Taken(record, (*faults, str(error)), False)
    return Taken(record, faults, True)


class _StoppedError(Exception):
    """Ends the wait for the next beat."""


class MonitorLoop:
    """A pass at once and at every beat; a pass whose record is not kept is a fault, and the beat goes on."""

    name = "monitor"

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        wait: Wait = wait_real,
        options: Callable[[Settings], Options] | None = None,
    ) -> None:
        """`options` says anew at each pass what it does; without it the settings do."""
        self._settings = settings
        self._options = options or options_of
        self._clock = clock
        self._wait = wait
        self._skills_file = SkillsFile(Home(settings.home).skills_file)
        self._one_at_a_time = threading.Lock()

    def run(self, stop: threading.Event, say: Say) -> None:
        """Work until `stop` is set."""
        if not self._settings.monitor.enabled:
            stop.wait()
            return

        def sleep(seconds: float) -> None:
            if not stop.is_set():
                self._wait(seconds, stop)
            if stop.is_set():
                raise _StoppedError

        interval = max(self._settings.monitor.interval_seconds, LEAST_INTERVAL_SECONDS)
        try:
            for gap in beats(self._clock, sleep, interval, 0):
                self._pass(stop, say, gap)
        except _StoppedError:
            return

    def asked(self, store: Store) -> Work | None:
        """Return None: nobody asks for a pass of the monitor."""
        return None

    def _pass(self, stop: threading.Event, say: Say, gap: Gap | None = None) -> None:
        with self._one_at_a_time:
            if stop.is_set():
                return
            options = replace(self._options(self._settings), stopped=stop.is_set)
            taken = monitor_pass(self._settings, options, self._clock, gap, skills_file=self._skills_file)
        say("" if taken.kept else taken.faults[-1])


def options_of(settings: Settings) -> Options:
    """Return what a pass inside the runtime does."""
    monitor = settings.monitor
    checks = (*built_in(), *settings.checks) if monitor.checks else ()
    return Options(Home(settings.home).root / LOG_NAME, checks, monitor.include_manifest)
