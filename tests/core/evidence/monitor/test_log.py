"""The monitor's log as a series: what it says, where it is silent."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.evidence.monitor.jsonl import read_lines
from meshcore.evidence.monitor.log import Snapshot, course, holes, missed_beats, snapshot_of

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


def record(minute: float, **changes: Any) -> dict[str, Any]:
    return {
        "timestamp": (START + timedelta(minutes=minute)).isoformat(timespec="seconds"),
        "bridge_db_present": True,
        "skills_snapshot": {"skill_count": 3, "stats": {"total_errors_handled": 5, "auto_resolved": 1}},
        "tests": [],
        "tests_summary": {"total": 2, "passed": 1, "failed": 1, "errors": 0, "missing": 0},
        **changes,
    }


def written(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in records))
    return path


def read(path: Path) -> list[Snapshot]:
    return [snapshot_of(line.value) for line in read_lines(path) if line.value is not None]


def test_the_real_log_is_told_with_its_holes_and_what_really_grew(shared: Path) -> None:
    found = course(read(shared / "seed-data/collective_learning_monitor_log.jsonl"))
    assert found.snapshots == 579
    assert round(found.span / 86400, 1) == 4.5
    assert (found.entries.first, found.entries.last) == (7, 1149)
    assert found.handled.added == 1142
    assert (found.resolved.first, found.resolved.last, found.resolved.added) == (1, 1, 0)
    assert found.beat == 309.0
    assert round(max(hole.seconds for hole in found.holes) / 3600, 1) == 8.8
    assert found.tests["passed"] == found.tests["total"] == 1142
    assert len(found.holes) == 23


@pytest.mark.parametrize("skills", [{}, {"error": "invalid_json"}, [], "text", {"skill_count": "3", "stats": [1]}])
def test_skills_that_could_not_be_read_are_unknown_not_zero(skills: object) -> None:
    snapshot = snapshot_of(record(0, skills_snapshot=skills))
    assert (snapshot.entries, snapshot.handled, snapshot.resolved) == (None, None, None)
    assert snapshot.skills_error == ("invalid_json" if skills == {"error": "invalid_json"} else "")


def test_a_counter_that_was_started_anew_still_adds_up(tmp_path: Path) -> None:
    def counted(minute: int, handled: int) -> dict[str, Any]:
        return record(minute, skills_snapshot={"skill_count": 1, "stats": {"total_errors_handled": handled}})

    log = written(tmp_path / "log.jsonl", counted(0, 5), counted(5, 9), counted(10, 2), counted(15, 3))
    assert course(read(log)).handled.added == 4 + 2 + 1


def test_an_empty_log_has_no_figures_and_no_holes(tmp_path: Path) -> None:
    found = course(read(written(tmp_path / "log.jsonl")))
    assert (found.snapshots, found.first, found.beat, found.holes, found.entries.last) == (0, None, None, (), None)


def test_a_hole_is_where_a_whole_beat_is_missing() -> None:
    minutes = [0, 5, 10, 16, 21, 81, 86]
    [hole] = holes([START + timedelta(minutes=minute) for minute in minutes])
    assert (hole.since, hole.until) == (START + timedelta(minutes=21), START + timedelta(minutes=81))
    assert (hole.seconds, hole.missed) == (3600, 11)


@given(st.floats(0.001, 1e9), st.integers(1, 1000))
def test_as_many_beats_are_missing_as_did_not_come(beat: float, number: int) -> None:
    assert missed_beats(beat * number, beat) == number - 1
