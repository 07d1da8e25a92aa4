"""Validation that goes on: its beat, what changed in between, real folders."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core.runs import samples

from meshcore.runs.watching import FolderChanges, keep_validating
from meshcore.testing import FakeClock


class Script:
    """Changes as a test tells them: each step lets time pass and names what changed."""

    def __init__(self, clock: FakeClock, steps: list[tuple[float, set[str]]]) -> None:
        self.waits: list[float] = []
        self._clock = clock
        self._steps: Iterator[tuple[float, set[str]]] = iter(steps)

    def wait(self, seconds: float) -> frozenset[str] | None:
        self.waits.append(seconds)
        step = next(self._steps, None)
        if step is None:
            return None
        self._clock.advance(seconds if step[0] < 0 else step[0])
        return frozenset(step[1])


WHOLE = -1.0  # as long as was asked for


def watch(steps: list[tuple[float, set[str]]], interval: float = 10, takes: float = 0) -> tuple[list[str], list[float]]:
    clock, log = FakeClock(), []
    begun = clock.monotonic()

    def everything() -> None:
        log.append(f"all at {clock.monotonic() - begun:g}")
        clock.advance(takes)

    script = Script(clock, steps)
    keep_validating(everything, lambda runs: log.append(",".join(sorted(runs))), script, clock, interval)
    return log, script.waits


def test_everything_is_validated_on_a_beat_that_does_not_drift() -> None:
    log, waits = watch([(WHOLE, set())] * 3, takes=3)
    assert log == ["all at 0", "all at 10", "all at 20", "all at 30"]
    assert waits == [7, 7, 7, 7]


def test_what_changed_is_validated_in_between_and_the_beat_stays() -> None:
    log, waits = watch([(4, {"b", "a"}), (WHOLE, set()), (1, {"c"})])
    assert log == ["all at 0", "a,b", "all at 10", "c"]
    assert waits == [10, 6, 10, 9]


def test_beats_that_were_slept_through_are_not_made_up_for() -> None:
    log, waits = watch([(35, set()), (WHOLE, set())])
    assert log == ["all at 0", "all at 35", "all at 40"]
    assert waits == [10, 5, 10]


@pytest.mark.parametrize("interval", [0.0, -5.0, 0.2])
def test_an_interval_below_a_second_is_raised(interval: float) -> None:
    assert watch([], interval)[1] == [1]


def told(root: Path, change: Callable[[], object]) -> frozenset[str] | None:
    """Return what is told after a change."""
    changes = FolderChanges(root, threading.Event())
    changes.start()
    change()
    return changes.wait(30)


def test_a_changed_artifact_names_its_run(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    samples.write_run(root, "other")
    artifact = samples.write_run(root, "run-1") / "gold_review.yaml"
    assert told(root, lambda: artifact.write_text(samples.REVIEW)) == frozenset({"run-1"})


def test_a_new_run_is_named_and_then_watched(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    changes = FolderChanges(root, threading.Event())
    changes.start()
    run = samples.write_run(root, "new")
    assert changes.wait(30) == frozenset({"new"})
    (run / "step_graph.json").write_text("{}")
    assert changes.wait(30) == frozenset({"new"})


def test_the_log_and_other_files_are_no_change_of_a_run(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    run = samples.write_run(root, "run-1")

    def write() -> None:
        (root / "validation_log.jsonl").write_text("x")
        (run / "log.jsonl").write_text("x")
        (run / "step_graph.json").write_text("{}")

    assert told(root, write) == frozenset({"run-1"})


def test_a_root_that_is_not_there_is_waited_for(tmp_path: Path) -> None:
    root = tmp_path.resolve() / "later"
    changes = FolderChanges(root, threading.Event())
    assert changes.wait(0) == frozenset()
    samples.write_run(root)
    changes.start()
    (root / "run-1" / "step_graph.json").write_text("{}")
    assert changes.wait(30) == frozenset({"run-1"})


def test_a_signal_ends_the_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert FolderChanges(tmp_path, stop).wait(60) is None
    assert FolderChanges(tmp_path / "gone", stop).wait(60) is None
