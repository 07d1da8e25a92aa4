"""What of a store becomes messages of the terminal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from meshcore.clock import to_text
from meshcore.journal.timeline import Timeline
from meshcore.store.store import Store
from meshcore.store.views import newest_entries, timeline_marks
from meshcore.testing import START, FakeClock
from meshtui.feed import put_mark


def test_a_gap_of_the_monitor_is_a_hole_of_the_timeline(store: Store, clock: FakeClock) -> None:
    store.events.add("runtime.started")
    store.events.add("monitor.snapshot", data={"mesh": {}})
    since = to_text(START + timedelta(seconds=20))
    clock.advance(60)
    store.events.add("monitor.snapshot", data={"mesh": {"gap": {"since": since, "seconds": 40.0, "missed": 3}}})
    timeline = Timeline()
    found = store.answers(timeline_marks(0, 10))
    for mark in found:
        put_mark(timeline, mark, "node")
    begin = START.timestamp()
    assert [mark.kind for mark in found] == ["runtime.started", "monitor.snapshot"]
    assert timeline.holes(begin, begin + 80, 8, running=True) == [False] * 2 + [True] * 4 + [False] * 2


@pytest.mark.parametrize("since", ["soon", 5, "", {"x": 1}])
def test_a_gap_without_a_usable_time_is_none(since: object, store: Store) -> None:
    store.events.add("runtime.started")
    store.events.add("monitor.snapshot", data={"mesh": {"gap": {"since": since}}})
    timeline = Timeline()
    for mark in store.answers(timeline_marks(0, 10)):
        put_mark(timeline, mark, "node")
    begin = START.timestamp()
    assert timeline.holes(begin - 40, begin + 40, 8, running=True) == [False] * 8


def test_the_entries_are_those_that_a_monitor_saw_last(store: Store) -> None:
    assert store.answers(newest_entries()) == []
    for count in (7, 1149):
        store.events.add("monitor.snapshot", data={"skills_snapshot": {"skill_count": count}})
    assert store.answers(newest_entries()) == [1149]
    store.events.add("monitor.snapshot", data={"skills_snapshot": {"error": "invalid_json"}})
    assert store.answers(newest_entries()) == [0]
