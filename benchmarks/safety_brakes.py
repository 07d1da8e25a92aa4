"""Rows about time: how soon nothing is applied any more, and what all checks before a fix cost."""

from __future__ import annotations

import os
import select
import signal
import struct
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar
from unittest import mock

from scripts.testbed.terminal import environment_of

from benchmarks.propagation import milliseconds
from benchmarks.safety_rows import Row, meshtui, run
from meshcore.clock import SystemClock, to_text
from meshcore.config import BridgeAddress, Settings
from meshcore.exchange.receive import exchange
from meshcore.healing import ruling
from meshcore.healing.capture import capture_incident
from meshcore.healing.executor import Executor
from meshcore.healing.healer import Healer
from meshcore.healing.ruling import stop_reason
from meshcore.healing.teaching import teach
from meshcore.knowledge import matching
from meshcore.model import AgentInfo, Circumstances, Incident, KnownSkill
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.policy.question import PlannedStep
from meshcore.process.passthrough import Passed
from meshcore.process.sandbox import Containment
from meshcore.testing import outcome
from meshcore.trust.standing import reweigh

STOP = "kill switch and revocation: ≤ 1 s on the host"
CHECKS = "all checks for one match and decision: ≤ 2 ms at p99"
PEER = "peer@there"
PATIENCE_SECONDS = 10.0
WARM_UP_SECONDS = 0.3
SKILLS, QUICK_SKILLS = 2_000, 300
MEETINGS, QUICK_MEETINGS = 1_000, 200  # incidents, each of another skill
_TIME = struct.Struct("d")

T = TypeVar("T")


def brake_rows(quick: bool) -> list[Row]:
    """Measure both."""
    return [_stop(), _checks(QUICK_SKILLS if quick else SKILLS, QUICK_MEETINGS if quick else MEETINGS)]


# --- stopping ---------------------------------------------------------------------------------------------------------


def settings_of(folder: Path) -> Settings:
    """Return the settings of the home that `environment_of` names."""
    return Settings(folder / "home", folder / "operator", BridgeAddress.of(folder / "bridge.db"), "agent@here", "here")


@dataclass
class Applier:
    """A process that applies one skill again and again until it may not; it tells when each application began."""

    process: int
    pipe: int

    def began(self, patience: float) -> list[float]:
        """Return when applications began (monotonic), until the process stops or patience ends."""
        times: list[float] = []
        until = time.monotonic() + patience
        while (left := until - time.monotonic()) > 0:
            if select.select([self.pipe], [], [], left)[0]:
                data = os.read(self.pipe, 1 << 12)
                if not data:
                    break
                times += [value for (value,) in _TIME.iter_unpack(data[: len(data) // _TIME.size * _TIME.size])]
        return times


@contextmanager
def applying(folder: Path, skill_id: str) -> Iterator[Applier]:
    """Keep a process at work that applies a skill, through the real executor and its last check before each start."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        os.close(reading)
        _apply_for_ever(folder, skill_id, writing)
    os.close(writing)
    try:
        yield Applier(process, reading)
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(reading)


def _apply_for_ever(folder: Path, skill_id: str, pipe: int) -> None:
    try:
        with Node(settings_of(folder)) as node:
            executor = Executor(node.clock, folder / "state", Containment())
            incident = _met(node, folder, 0)
            found = matching.matches(incident.signature, node.store.skills)
            match = next(one for one in found if one.skill_id == skill_id)
            while True:
                began = time.monotonic()
                step = PlannedStep(("/bin/true",))
                done = executor.apply(
                    [step], cwd=str(folder), environment={}, before_exec=lambda: stop_reason(node, incident, match, {})
                )
                if done.stopped:
                    break
                os.write(pipe, _TIME.pack(began))
    finally:
        os._exit(0)


def stops_after(command: Callable[[KnownSkill], Sequence[str]]) -> tuple[float | None, int]:
    """Return how long after a command was started the last application began, and how many there were before it.

    The skill is another node's. None where the command failed, or applying went on.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Node(replace(settings_of(folder), home=folder / "peer", agent=PEER, host="there")) as peer:
            known, _ = teach(peer, _error(0), "pip install module0")
            exchange(peer)
        with Node(settings_of(folder)) as node:
            exchange(node)
        with applying(folder, known.skill.skill_id) as applier:
            before = applier.began(WARM_UP_SECONDS)
            started = time.monotonic()
            done = run(meshtui(*command(known)), environment_of(folder))
            after = applier.began(PATIENCE_SECONDS)
        if done.returncode or time.monotonic() - started >= PATIENCE_SECONDS or not before:
            return None, len(before)
        return max([0.0, *(began - started for began in after)]), len(before)


def _stop() -> Row:
    commands: dict[str, Callable[[KnownSkill], Sequence[str]]] = {
        "halt": lambda known: ("halt", "enough"),
        "skill withdrawn": lambda known: ("skills", "quarantine", known.skill.skill_id),
        "author revoked": lambda known: ("trust", "revoke", PEER),
    }
    figure, count = {}, 0
    for name, command in commands.items():
        seconds, before = stops_after(command)
        figure[name] = None if seconds is None else round(seconds, 3)
        count += before
    how = (
        f"another process applies a peer's skill through the real executor, {count} times before; seconds from the "
        "start of `meshtui halt`, `skills quarantine` or `trust revoke` (its own start-up included) to the last "
        "application that began; None: the command failed, or applying went on"
    )
    met = all(value is not None and value <= 1.0 for value in figure.values())
    return Row(STOP, figure, met, how)


# --- what the checks cost ---------------------------------------------------------------------------------------------


class Stopwatch:
    """Adds up the time that some functions take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def around(self, function: Callable[..., T]) -> Callable[..., T]:
        """Return the function, timed."""

        def timed(*arguments: object, **options: object) -> T:
            began = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                self.seconds += time.perf_counter() - began

        return timed


def _checks(skills: int, meetings: int) -> Row:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / ".git").mkdir()
        with Node(settings_of(folder)) as node:
            with node.store.transaction():
                known = [teach(node, _error(number), f"mkdir -p folder{number}")[0] for number in range(skills)]
                for one in known[::2]:
                    _verify(node, one)
            exchange(node)
            healer = Healer(node, Policy.load(None), Executor(node.clock, folder / "state", Containment()), {})
            taken = {"verified on three hosts": _timed(node, healer, folder, range(0, meetings, 2))}
            taken["new to the mesh, a place claimed"] = _timed(node, healer, folder, range(1, meetings, 2))
    checks = [one for took in taken.values() for one, _ in took]
    figure = {"checks_p99_ms": milliseconds(checks, 99)}
    for kind, took in taken.items():
        figure[f"{kind}: p50"] = milliseconds([one for one, _ in took], 50)
        figure[f"{kind}: p99"] = milliseconds([one for one, _ in took], 99)
        figure[f"{kind}, events written: p99"] = milliseconds([whole for _, whole in took], 99)
    p99 = figure["checks_p99_ms"]
    how = (
        f"{len(checks)} incidents on {skills} skills and an SQLite bridge: match, policy, brakes and canary inside "
        "Healer.consider; milliseconds"
    )
    return Row(CHECKS, figure, p99 is not None and p99 <= 2.0, how)


def _timed(node: Node, healer: Healer, folder: Path, numbers: Iterable[int]) -> list[tuple[float, float]]:
    """Return, per incident, the seconds of its checks, and those until the decision was written down."""
    taken = []
    for number in numbers:
        incident, watch = _met(node, folder, number), Stopwatch()
        healer.open(incident, node.clock.monotonic())
        exchange(node)
        with (
            mock.patch("meshcore.healing.answers.matches", watch.around(matching.matches)),
            mock.patch("meshcore.healing.healer.rule", watch.around(ruling.rule)),
            mock.patch("meshcore.healing.healer.put", watch.around(ruling.put)),
        ):
            began = time.perf_counter()
            considered = healer.consider(incident, "auto", first_look=True)
            taken.append((watch.seconds, time.perf_counter() - began))
        if considered.ruling is None or considered.ruling.decision != "run":
            raise AssertionError(f"expected to be run: {considered.ruling}")
    return taken


def _error(number: int) -> str:
    return f"ModuleNotFoundError: No module named 'module{number}'"


def _verify(node: Node, known: KnownSkill) -> None:
    for number in range(3):
        done = outcome(
            outcome_id=f"{known.label}-{number}",
            skill_id=known.skill.skill_id,
            host=f"host{number}",
            node=node.identity.node.public,
            slots=known.skill.example_slots,
            circumstances=Circumstances(),
        )
        node.store.outcomes.add(done, own_operator=True)
    reweigh(node, known.skill.skill_id)


def _met(node: Node, folder: Path, number: int) -> Incident:
    now = to_text(SystemClock().now())
    traceback = f'Traceback (most recent call last):\n  File "app{number}.py", line 1, in <module>\n{_error(number)}\n'
    passed = Passed(1, traceback.encode(), False, now, now, 0.1, "null")
    who = AgentInfo(node.name, "shell", node.settings.host)
    return capture_incident(passed, ("python", f"app{number}.py"), cwd=str(folder), env={}, agent=who)
