"""Loops of the runtime: they beat, answer what a person asks for, survive their own faults, and stop at once."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.runs import samples

from meshcore import sight
from meshcore.clock import Clock, SystemClock
from meshcore.config import BridgeAddress, ConfiguredCheck, MonitorSettings, Settings, ValidatorSettings
from meshcore.errors import MeshError
from meshcore.evidence.monitor.monitor import LOG_NAME, Options
from meshcore.knowledge.interchange import put, read_skills_file
from meshcore.node import Node
from meshcore.runs import validate
from meshcore.runs.history import request_validation
from meshcore.service.loops import base, monitor
from meshcore.service.loops.base import Loops, Say, Work
from meshcore.service.loops.monitor import MonitorLoop
from meshcore.service.loops.validator import ValidatorLoop
from meshcore.store.store import Store
from meshcore.store.views import run_results
from meshcore.testing import FakeClock, known_skill

PATIENCE_SECONDS = 20.0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    with Node(settings(tmp_path)) as node:
        yield node


def settings(root: Path) -> Settings:
    runs = ValidatorSettings(runs_root=root / "runs")
    return Settings(root / "home", root / "op", BridgeAddress.of(root / "bridge.db"), "a", "host1", validator=runs)


def until(true: Callable[[], bool]) -> None:
    """Return once something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end
        time.sleep(0.005)


def faults(store: Store) -> list[str]:
    return [str(event.data["what"]) for event in store.events.after(0) if event.kind == "fault"]


class Steps:
    """Lets a loop wait for the test, and the clock move by what was waited for."""

    def __init__(self, clock: FakeClock, beats: int) -> None:
        self.clock = clock
        self.left = beats
        self.waited: list[float] = []

    def wait(self, seconds: float, stop: threading.Event) -> None:
        self.waited.append(seconds)
        self.left -= 1
        if self.left <= 0:
            stop.set()
        self.clock.advance(seconds)


def nothing(_: str) -> None:
    return


def test_the_monitor_keeps_its_beat_while_passes_take_time(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = monitor.monitor_pass

    def slow(settings: Settings, options: object, clock: FakeClock, *others: Any, **named: Any) -> monitor.Taken:
        clock.advance(7.5)
        return real(settings, options, clock, *others, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(monitor, "monitor_pass", slow)
    Node(settings(tmp_path), clock).close()
    steps = Steps(clock, 4)
    MonitorLoop(settings(tmp_path), clock, steps.wait).run(threading.Event(), nothing)
    assert steps.waited == [292.5] * 4
    lines = [json.loads(line) for line in (tmp_path / "home" / LOG_NAME).read_text().splitlines()]
    assert [line["timestamp"] for line in lines] == [
        "2026-11-22T08:00:07+00:00",
        "2026-11-22T08:05:07+00:00",
        "2026-11-22T08:10:07+00:00",
        "2026-11-22T08:15:07+00:00",
    ]


def test_passes_over_an_unchanged_skills_file_read_it_once(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sight, "STEP_NS", 0)
    with Node(settings(tmp_path), clock) as node:
        put(node.store, known_skill("django"))
        node.project()
        file = node.home.skills_file
    read: list[Path] = []

    def counted(path: Path) -> Any:
        read.append(path)
        return read_skills_file(path)

    monkeypatch.setattr("meshcore.evidence.monitor.monitor.read_skills_file", counted)
    steps = Steps(clock, 4)
    MonitorLoop(settings(tmp_path), clock, steps.wait).run(threading.Event(), nothing)
    assert read == [file]
    lines = [json.loads(line) for line in (tmp_path / "home" / LOG_NAME).read_text().splitlines()]
    assert [line["skills_snapshot"]["skill_count"] for line in lines] == [1] * 4


def test_a_pass_sees_a_skill_that_came_since_the_last_one(tmp_path: Path, clock: FakeClock) -> None:
    home = settings(tmp_path)
    with Node(home, clock) as node:
        put(node.store, known_skill("django"))
        node.project()

        def learn(seconds: float, stop: threading.Event) -> None:
            put(node.store, known_skill("flask"))
            node.store.events.add("skill.learned", skill_id="f" * 64)
            steps.wait(seconds, stop)

        steps = Steps(clock, 2)
        MonitorLoop(home, clock, learn).run(threading.Event(), nothing)
    lines = [json.loads(line) for line in (tmp_path / "home" / LOG_NAME).read_text().splitlines()]
    assert [line["skills_snapshot"]["skill_count"] for line in lines] == [1, 2]


def test_a_log_that_cannot_be_written_is_said_once_and_the_beat_goes_on(tmp_path: Path, clock: FakeClock) -> None:
    Node(settings(tmp_path), clock).close()
    (tmp_path / "home" / LOG_NAME).mkdir()
    said: list[str] = []
    steps = Steps(clock, 3)
    MonitorLoop(settings(tmp_path), clock, steps.wait).run(threading.Event(), said.append)
    assert len(steps.waited) == 3
    assert len(said) == 3
    assert "name another" in said[0]


def test_what_a_person_asks_for_is_done_now_and_readable(node: Node, tmp_path: Path) -> None:
    samples.write_run(tmp_path / "runs", "run-1")
    (samples.write_run(tmp_path / "runs", "run-2") / "step_graph.json").write_text("{")
    quiet = replace(node.settings, monitor=MonitorSettings(enabled=False), validator=ValidatorSettings(enabled=False))
    loops = Loops([MonitorLoop(quiet, node.clock), ValidatorLoop(quiet, node.clock)], node.home.store, node.clock)
    loops.start()
    try:
        request_validation(node.store, ["run-2"], "ann", tmp_path / "runs")
        loops.attend(node.store)
        until(lambda: len(node.store.answers(run_results())) == 1)
        [state] = node.store.answers(run_results())
        assert (state.run, state.status) == ("run-2", "failed")
        assert state.errors[0].startswith("step_graph.json: ")
        request_validation(node.store, None, "ann")
        until(lambda: attended(loops, node.store) and any("--runs-root" in what for what in faults(node.store)))
    finally:
        loops.stop()


def attended(loops: Loops, store: Store) -> bool:
    loops.attend(store)
    return True


def test_the_validator_validates_at_once_what_changes_later(node: Node, tmp_path: Path) -> None:
    samples.write_run(tmp_path / "runs", "run-1")
    loops = Loops([ValidatorLoop(node.settings, node.clock)], node.home.store, node.clock)
    loops.start()
    try:
        until(lambda: [s.status for s in node.store.answers(run_results())] == ["passed"])
        (tmp_path / "runs" / "run-1" / "step_graph.json").write_text("{")
        until(lambda: [s.status for s in node.store.answers(run_results())] == ["failed"])
    finally:
        loops.stop()
    log = (tmp_path / "runs" / validate.LOG_NAME).read_text().splitlines()
    assert [json.loads(line)["status"] for line in log][-1] == "failed"


class Failing:
    """A loop that fails a few times, and then works."""

    name = "failing"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.works = threading.Event()

    def run(self, stop: threading.Event, say: Say) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.works.set()
        stop.wait()

    def asked(self, store: Store) -> Work | None:
        return None


def test_a_loop_that_fails_is_said_and_begun_again(store: Store, tmp_path: Path) -> None:
    loop = Failing(MeshError("no luck"), MeshError("no luck"), ZeroDivisionError("by zero"))
    loops = Loops([loop], store.path, SystemClock(), retry_seconds=0.001)
    loops.start()
    assert loop.works.wait(PATIENCE_SECONDS)
    loops.stop()
    assert faults(store) == ["the failing: no luck", "the failing: ZeroDivisionError: by zero"]


def test_a_check_that_runs_is_ended_when_the_loops_stop(node: Node, tmp_path: Path) -> None:
    began = tmp_path / "began"
    program = f"import pathlib, time; pathlib.Path({str(began)!r}).touch(); time.sleep(600)"
    check = ConfiguredCheck("long", (sys.executable, "-S", "-c", program))

    def only_that(_: Settings) -> Options:
        return Options(node.home.root / LOG_NAME, (check,))

    loops = Loops([MonitorLoop(node.settings, node.clock, options=only_that)], node.home.store, node.clock)
    loops.start()
    until(began.exists)
    loops.stop()
    [line] = (node.home.root / LOG_NAME).read_text().splitlines()
    [entry] = json.loads(line)["tests"]
    assert (entry["status"], entry["returncode"]) == ("error", None)
    assert "because the monitor stops" in entry["stderr"]


class Stuck:
    """A loop that hears nothing."""

    name = "stuck"

    def __init__(self) -> None:
        self.let_go = threading.Event()

    def run(self, stop: threading.Event, say: Say) -> None:
        self.let_go.wait()

    def asked(self, store: Store) -> Work | None:
        return None


def test_a_loop_that_does_not_end_is_left_behind(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "STOP_SECONDS", 0.01)
    loop = Stuck()
    loops = Loops([loop], store.path, clock)
    loops.start()
    loops.stop()
    assert any(thread.name == "meshtui stuck" for thread in threading.enumerate())
    loop.let_go.set()
