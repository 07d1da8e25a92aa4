"""The header: what it says, and what it leaves out where a terminal is narrow."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from meshcore.store.green import Green
from meshtui.snapshot import NOT_YET, BridgeView, RunsView, Snapshot
from meshtui.widgets.header import banners, duration, fitted, header_parts

NOW = datetime(2026, 11, 22, 8, 0, 30, tzinfo=UTC)
FULL = Snapshot(
    seq=9,
    at="2026-11-22T08:00:00.000000Z",
    figures={"incidents.verified": 17, "incidents.fix_failed": 2},
    skills=17,
    first=Green(17, 41.0),
    again=Green(17, 3.4),
    bridge=BridgeView("b.db", joined=5, seen=4),
    runs=RunsView(12, 12),
    mode="auto",
    runtime="embedded",
)


def line(snapshot: Snapshot, width: int) -> str:
    return "".join(text for text, _ in fitted(header_parts(snapshot, NOW), width))


def test_what_is_not_known_yet_is_no_figure_and_no_fault() -> None:
    begun = Snapshot(figures={"incidents.open": 3}, skills=2, bridge=BridgeView("b.db", fault=NOT_YET))
    assert line(begun, 200) == (
        "… bridge   nodes …   skills 2   undelivered …   needs you 0   verified 0 of 3   to green –   mode …"
    )
    assert banners(begun, "", 0) == []


def test_that_records_are_missing_is_said_at_every_width_and_above_everything() -> None:
    lacking = replace(FULL, not_synced=("1 control record of c on host1 missing (number 2)",))
    for width in (40, 80, 200):
        assert "NOT SYNCED" in line(lacking, width)
    assert ("fault", "not synced: 1 control record of c on host1 missing (number 2)") in [
        (kind, text.partition(" —")[0]) for kind, text in banners(lacking, "", 0)
    ]


def test_a_wide_line_says_everything() -> None:
    assert line(FULL, 200) == (
        "● bridge   nodes 4/5   skills 17   undelivered 0   needs you 0   verified 17 of 19"
        "   to green first 41 s · again 3.4 s (n=17)   runs 12/12   mode auto"
    )


def test_the_entries_of_the_skills_file_are_said_where_they_differ_and_there_is_room() -> None:
    many = replace(FULL, entries=1149)
    assert "skills 17 (1,149 entries)   undelivered" in line(many, 200)
    assert line(many, 118) == line(FULL, 118) and line(many, 80) == line(FULL, 80)
    assert line(replace(FULL, entries=17), 200) == line(FULL, 200)


def test_the_design_size_keeps_every_figure() -> None:
    said = line(FULL, 118)
    for part in ("nodes 4/5", "skills 17", "17", "again 3.4 s (n=17)", "runs 12/12", "auto", "undeliv"):
        assert part in said, said


def test_eighty_columns_keep_what_a_person_must_know() -> None:
    said = line(replace(FULL, bridge=replace(FULL.bridge, undelivered=3)), 78)
    for part in ("4/5", "✓ 17/19", "undeliv", "3", "auto"):
        assert part in said, said


def test_a_bridge_that_is_gone_and_a_lower_mode_stand_out() -> None:
    parts = {part.forms[0]: part.tone for part in header_parts(replace(FULL, mode="off"), NOW)}
    assert parts["mode off"] == "urgent"
    gone = replace(FULL, bridge=BridgeView("b.db", fault="not a database"))
    assert line(gone, 200).startswith("✗ no bridge")


def test_that_a_home_is_only_looked_at_is_said_at_every_width() -> None:
    for width in (58, 78, 118):
        assert "READ ONLY" in "".join(text for text, _ in fitted(header_parts(FULL, NOW, readonly=True), width))


def test_its_age_is_said_once_it_is_old() -> None:
    assert "last event" not in line(FULL, 300)
    old = replace(FULL, at="2026-11-21T07:00:00.000000Z")
    assert "last event 2026-11-21 07:00" in line(old, 300)


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(60, 220))
def test_a_line_never_exceeds_its_terminal_from_eighty_columns_on(skills: int, undelivered: int, width: int) -> None:
    snapshot = replace(FULL, skills=skills, bridge=replace(FULL.bridge, undelivered=undelivered))
    if width >= 80:
        assert cell_len(line(snapshot, width)) <= width


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.44, "3.4 s"), (41.2, "41 s"), (150, "2.5 min"), (900, "15 min"), (9000, "2 h")]
)
def test_seconds_are_said_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_banners_say_halt_fault_and_frozen_in_this_order_and_nothing_of_it_can_steer_a_terminal() -> None:
    snapshot = replace(FULL, halted="be \x1b]52;c;aGk=\x07 careful", fault="locked")
    said = banners(snapshot, "08:00:00 UTC", 2)
    assert [kind for kind, _ in said] == ["halted", "fault", "frozen"]
    assert "\x1b" not in said[0][1]
    assert "2 new events since" in said[2][1]
    assert banners(FULL, "", 0) == []


def test_a_runtime_that_shows_no_sign_of_life_is_said_with_since_when() -> None:
    silent = replace(FULL, runtime="attached", holder=7, silent="2026-11-22T08:00:01.000000Z")
    [(kind, text)] = banners(silent, "", 0)
    assert kind == "fault" and "process 7 runs this home and shows no sign of life since 08:00:01 UTC" in text
    [(_, text)] = banners(replace(silent, stopped=True), "", 0)
    assert "is stopped" in text
