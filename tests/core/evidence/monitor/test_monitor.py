"""The monitor: the old record with its keys and types, a beat that does not drift, and no fault that ends it."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Collection, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.bridge.base import Member, Publication
from meshcore.bridge.open import open_bridge
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.config import BridgeAddress, ConfiguredCheck
from meshcore.errors import BridgeUnavailableError, MeshError
from meshcore.evidence.monitor.jsonl import read_lines
from meshcore.evidence.monitor.monitor import Gap, Options, Scene, beats, keep, skills_snapshot, take
from meshcore.home import Home
from meshcore.knowledge.interchange import put
from meshcore.model import Record
from meshcore.store.store import Store
from meshcore.testing import START, FakeClock, incident, known_skill

OLD_KEYS = ["timestamp", "bridge_db_present", "skills_snapshot", "tests", "tests_summary"]
A, B = "a" * 64, "b" * 64


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture
def scene(home: Home, tmp_path: Path, clock: FakeClock) -> Iterator[Scene]:
    store = Store(home.store, clock)
    yield Scene(home, BridgeAddress.of(tmp_path / "bridge.db"), store)
    store.close()


@pytest.fixture
def options(home: Home) -> Options:
    return Options(home.root / "log.jsonl")


def test_the_record_has_the_old_keys_and_types_and_one_new_object(
    scene: Scene, options: Options, clock: FakeClock
) -> None:
    scene.home.skills_file.write_text('{"skills": [{}, {}], "stats": {"total_errors_handled": 8, "auto_resolved": 1}}')
    check = ConfiguredCheck("mine.py", (sys.executable, "-c", "print('fine')"))
    record = take(scene, Options(options.log, [check], include_manifest=True), clock)
    assert list(record) == [*OLD_KEYS, "manifest_size_bytes", "mesh"]
    assert record["timestamp"] == "2026-11-22T08:00:00+00:00"
    assert record["bridge_db_present"] is False
    assert record["skills_snapshot"] == {"skill_count": 2, "stats": {"total_errors_handled": 8, "auto_resolved": 1}}
    assert record["tests"] == [
        {"script": "mine.py", "status": "passed", "stdout": "fine", "stderr": "", "returncode": 0}
    ]
    assert record["tests_summary"] == {"total": 1, "passed": 1, "failed": 0, "errors": 0, "missing": 0}
    manifest = scene.home.root / "COLLECTIVE_LEARNING_MANIFEST.md"
    assert record["manifest_size_bytes"] == manifest.stat().st_size


def test_without_manifest_and_checks_the_record_is_as_the_old_one_was(
    scene: Scene, options: Options, clock: FakeClock
) -> None:
    record = take(scene, options, clock)
    assert list(record) == [*OLD_KEYS, "mesh"]
    assert record["tests"] == []
    assert not list(scene.home.root.glob("*.md"))


def test_the_real_records_have_the_same_keys_and_types(
    scene: Scene, options: Options, clock: FakeClock, shared: Path
) -> None:
    scene.home.skills_file.write_bytes((shared / "seed-data/skills_database.json").read_bytes())
    check = ConfiguredCheck("mine.py", (sys.executable, "-c", ""))
    ours = take(scene, Options(options.log, [check], include_manifest=True), clock)
    first = next(iter(read_lines(shared / "seed-data/collective_learning_monitor_log.jsonl"))).value
    assert first is not None
    del ours["mesh"]
    assert shape(ours) == shape({**first, "tests": first["tests"][:1]})
    assert ours["skills_snapshot"]["skill_count"] == 9


def shape(value: object) -> object:
    """Return a value with every leaf replaced by its type."""
    if isinstance(value, dict):
        return [(key, shape(inner)) for key, inner in value.items()]
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize("content", [b"", b"{half", b"\xff\xfe", b"[]", b"{}", b"[" * 100_000, b'{"skills": 3}'])
def test_a_broken_skills_file_is_recorded_as_that_and_left_alone(home: Home, content: bytes) -> None:
    home.skills_file.write_bytes(content)
    assert skills_snapshot(home.skills_file) == {"error": "invalid_json"}
    assert home.skills_file.read_bytes() == content


def test_a_missing_skills_file_is_recorded_as_that(home: Home) -> None:
    assert skills_snapshot(home.skills_file) == {}


def test_new_facts_are_counted_from_the_store(scene: Scene, options: Options, clock: FakeClock) -> None:
    assert scene.store is not None
    put(scene.store, known_skill())
    bad = put(scene.store, known_skill("flask"))
    scene.store.skills.set_state(bad.skill_id, "quarantined", "policy")
    for number, (again, seconds) in enumerate([(False, 90.0), (True, 2.0), (True, 4.0)]):
        scene.store.incidents.open(incident(number), A)
        scene.store.incidents.set_state(f"{number:016x}", "verified", again=again, seconds=seconds)
    mesh = take(scene, options, clock)["mesh"]
    assert (mesh["unique_skills"], mesh["quarantined"], mesh["approvals_waiting"]) == (2, 1, 0)
    assert mesh["time_to_green"]["first"] == {"n": 1, "median": 90.0, "p90": 90.0, "min": 90.0, "max": 90.0}
    assert mesh["time_to_green"]["again"] == {"n": 2, "median": 3.0, "p90": 4.0, "min": 2.0, "max": 4.0}
    assert mesh["sizes"]["store"] > 0
    assert "agents_joined" not in mesh


def test_who_joined_who_is_seen_and_who_lacks_what_comes_from_the_bridge(
    scene: Scene, options: Options, clock: FakeClock
) -> None:
    bridge = open_bridge(scene.address, clock=clock)
    for node, name in ((A, "agent_a_test"), (B, "agent_b_test")):
        bridge.join(Member(node, name, "host1", Record(f"hello {name}", node, "")))
    published = clock.now()
    bridge.publish([Publication(Record("a skill", A, "", kind="skill", author=A), "skill")])
    clock.advance(50)
    bridge.beat(A)
    clock.advance(30)
    mesh = take(Scene(scene.home, scene.address, scene.store, bridge), options, clock)["mesh"]
    bridge.close()
    assert (mesh["agents_joined"], mesh["agents_seen"]) == (2, 1)
    assert mesh["undelivered_total"] == sum(mesh["undelivered"].values()) > 0
    assert mesh["undelivered"]["agent_b_test"] > 0
    assert mesh["oldest_undelivered"].startswith(published.isoformat()[:19])


def test_agents_of_the_same_name_are_told_apart(scene: Scene, options: Options, clock: FakeClock) -> None:
    bridge = open_bridge(scene.address, clock=clock)
    for node in (A, B):
        bridge.join(Member(node, "ci", "host1", Record(f"hello {node}", node, "")))
    mesh = take(Scene(scene.home, scene.address, scene.store, bridge), options, clock)["mesh"]
    bridge.close()
    assert list(mesh["undelivered"]) == ["ci (aaaaaaaa)", "ci (bbbbbbbb)"]


def test_a_bridge_that_fails_costs_its_own_facts_only(scene: Scene, options: Options, clock: FakeClock) -> None:
    class LostBridge(SqliteBridge):
        def members(self, also: Collection[str] = ()) -> list[Member]:
            raise BridgeUnavailableError("the bridge is locked")

    bridge = LostBridge(Path(scene.address.url), clock=clock)
    record = take(Scene(scene.home, scene.address, scene.store, bridge), options, clock)
    bridge.close()
    assert record["mesh"]["faults"] == ["the bridge is locked"]
    assert record["mesh"]["unique_skills"] == 0


def test_without_a_store_the_record_is_still_made_and_kept(home: Home, options: Options, clock: FakeClock) -> None:
    scene = Scene(home, BridgeAddress.of(home.root / "bridge.db"), None, None, "the store is damaged")
    record = take(scene, Options(options.log, include_manifest=True), clock)
    keep(record, scene, options)
    assert record["mesh"] == {"sizes": {}, "faults": ["the store is damaged"]}
    assert [line.value for line in read_lines(options.log)] == [record]


def test_a_pass_is_one_line_of_the_log_and_the_same_event_in_store_and_journal(
    scene: Scene, options: Options, clock: FakeClock
) -> None:
    record = take(scene, options, clock)
    keep(record, scene, options)
    keep(record, scene, options)
    assert [line.value for line in read_lines(options.log)] == [record, record]
    assert scene.store is not None
    events = [event for event in scene.store.events.after(0) if event.kind == "monitor.snapshot"]
    assert [dict(event.data) for event in events] == [record, record]
    last = json.loads(scene.home.journal.read_text().splitlines()[-1])
    assert {name: last[name] for name in record} == record


def test_a_log_that_cannot_be_written_costs_the_event_nothing(
    scene: Scene, options: Options, clock: FakeClock, tmp_path: Path
) -> None:
    record = take(scene, options, clock)
    with pytest.raises(MeshError):
        keep(record, scene, Options(tmp_path / "missing" / "log.jsonl"))
    assert scene.store is not None
    assert [event.kind for event in scene.store.events.after(0)] == ["monitor.snapshot"]


def test_a_store_that_cannot_be_written_costs_the_log_nothing(
    scene: Scene, options: Options, clock: FakeClock, home: Home
) -> None:
    hasty = Store(home.store, clock, busy_timeout=0.01)
    other = sqlite3.connect(home.store, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    blocked = Scene(home, scene.address, hasty)
    record = take(blocked, options, clock)
    with pytest.raises(MeshError, match="locked"):
        keep(record, blocked, options)
    other.close()
    hasty.close()
    assert [line.value for line in read_lines(options.log)] == [record]


@pytest.mark.parametrize("loss", ["deleted", "truncated", "rotated"])
def test_a_log_that_went_away_between_two_passes_is_begun_anew(
    scene: Scene, options: Options, clock: FakeClock, loss: str
) -> None:
    record = take(scene, options, clock)
    keep(record, scene, options)
    if loss == "deleted":
        options.log.unlink()
    elif loss == "truncated":
        options.log.write_bytes(b"")
    else:
        options.log.rename(options.log.with_suffix(".1"))
    keep(record, scene, options)
    assert [line.value for line in read_lines(options.log)] == [record]


# --- the beat ---------------------------------------------------------------------------------------------------------


def test_the_first_pass_is_at_once_and_the_last_waits_for_nothing(clock: FakeClock) -> None:
    slept: list[float] = []
    assert list(beats(clock, slept.append, 300, 1)) == [None]
    assert slept == []


@given(st.lists(st.floats(0, 299), min_size=1, max_size=60), st.floats(0, 0.2))
def test_the_beat_does_not_drift_whatever_passes_take(durations: list[float], oversleeping: float) -> None:
    clock = FakeClock()
    starts = []
    for gap, duration in zip(
        beats(clock, lambda seconds: clock.advance(seconds + oversleeping), 300, len(durations)),
        durations,
        strict=True,
    ):
        starts.append(clock.monotonic() - 1000.0)
        clock.advance(duration)
        assert gap is None
    assert all(0 <= start - number * 300 <= oversleeping + 0.01 for number, start in enumerate(starts))


def test_a_pass_that_took_several_beats_is_told_as_a_gap_and_the_grid_stays(clock: FakeClock) -> None:
    starts, gaps = [], []
    for gap in beats(clock, clock.advance, 10, 4):
        starts.append(clock.monotonic() - 1000)
        gaps.append(gap)
        if len(starts) == 2:
            clock.advance(34)
    assert starts == [0, 10, 50, 60]
    assert gaps == [None, None, Gap(START + timedelta(seconds=10), START + timedelta(seconds=50), 40, 3), None]


def test_a_machine_that_slept_is_told_though_its_monotonic_clock_stood_still(clock: FakeClock) -> None:
    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        if clock.monotonic() == 1000 + 2 * 300:
            clock.set_wall(clock.now() + timedelta(hours=8.8))

    gaps = list(beats(clock, sleep, 300, 4))
    assert [gap is not None for gap in gaps] == [False, False, True, False]
    assert gaps[2] is not None
    assert gaps[2].missed == 106
    assert "no pass between 2026-11-22T08:05:00Z and 2026-11-22T16:58:00Z (31980 s" in str(gaps[2])


def test_a_gap_stands_in_the_record(scene: Scene, options: Options, clock: FakeClock) -> None:
    gap = Gap(START, START + timedelta(hours=1), 3600.0, 11)
    record = take(scene, options, clock, gap=gap)
    assert record["mesh"]["gap"] == {"since": "2026-11-22T08:00:00.000000Z", "seconds": 3600.0, "missed": 11}


def test_a_clock_that_was_set_back_is_no_gap(clock: FakeClock) -> None:
    def sleep(seconds: float) -> None:
        clock.advance(seconds)
        clock.set_wall(START - timedelta(days=1))

    assert list(beats(clock, sleep, 300, 3)) == [None, None, None]


def test_a_very_long_interval_is_slept_in_parts(clock: FakeClock) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)

    list(beats(clock, sleep, 10_000, 2))
    assert sum(slept) == 10_000
    assert max(slept) <= 3600
