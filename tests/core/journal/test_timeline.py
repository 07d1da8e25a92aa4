"""What happened when, in buckets: against a plain count."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from meshcore.journal.timeline import MARK_KINDS, Bucket, Timeline, mark_kind

TIMES = st.floats(0, 1000, allow_nan=False, width=32)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(MARK_KINDS), TIMES)), TIMES, TIMES, st.integers(1, 90)
)
def test_buckets_count_what_lies_in_them(
    marks: list[tuple[str, str, float]], start: float, end: float, columns: int
) -> None:
    timeline = Timeline()
    for lane, kind, at in marks:
        timeline.add(lane, kind, at)  # type: ignore[arg-type]
    for lane in timeline.lanes():
        buckets = timeline.buckets(lane, start, end, columns)
        assert len(buckets) == columns
        found: Counter[str] = Counter()
        for bucket in buckets:
            found.update(bucket.counts)
        wanted = Counter(kind for where, kind, at in marks if where == lane and start <= at <= end and start < end)
        assert found == wanted


@given(st.lists(TIMES, min_size=1), st.integers(1, 60))
def test_a_mark_lies_in_the_column_of_its_time(times: list[float], columns: int) -> None:
    timeline = Timeline()
    for at in times:
        timeline.add("a", "failed", at)
    width = 1000 / columns
    for number, bucket in enumerate(timeline.buckets("a", 0, 1000, columns)):
        last = number == columns - 1
        inside = [at for at in times if number * width <= at and (at < (number + 1) * width or (last and at <= 1000))]
        assert bucket.counts.get("failed", 0) == len(inside)


def test_the_newest_lane_comes_first() -> None:
    timeline = Timeline()
    for lane, at in (("a", 1.0), ("b", 3.0), ("c", 2.0)):
        timeline.add(lane, "failed", at)
    assert timeline.lanes() == ["b", "c", "a"]


def test_a_column_shows_what_matters_most_in_it() -> None:
    assert Bucket({"failed": 2, "verified": 2}).leading == "verified"
    assert Bucket({"failed": 2, "verified": 1}).leading == "failed"
    assert Bucket({"failed": 1, "fix_failed": 1, "verified": 5}).leading == "fix_failed"
    assert Bucket({"needs_you": 1, "fix_failed": 1}).leading == "needs_you"
    assert Bucket({"learned": 1, "received": 1}).leading == "learned"
    assert Bucket().leading is None


def test_a_hole_is_where_nobody_listened_throughout_the_column() -> None:
    timeline = Timeline()
    timeline.runtime_started(0)
    timeline.runtime_stopped(30)
    timeline.runtime_started(60)
    timeline.add("a", "failed", 90)
    holes = timeline.holes(0, 100, 10, running=True)
    assert holes == [False] * 3 + [True] * 3 + [False] * 4
    assert timeline.holes(0, 200, 10, running=False) == [False, False, True, *[False] * 2, *[True] * 5]


def test_a_runtime_that_was_killed_ended_with_the_last_event_before_the_next_start() -> None:
    timeline = Timeline()
    timeline.runtime_started(0)
    timeline.add("a", "failed", 20)
    timeline.runtime_started(60)
    assert timeline.holes(0, 100, 10, running=True) == [False] * 2 + [True] * 4 + [False] * 4


def test_before_anything_happened_there_is_no_hole() -> None:
    assert Timeline().holes(0, 100, 4, running=False) == [False] * 4
    timeline = Timeline()
    timeline.add("a", "failed", 50)
    timeline.runtime_started(75)
    assert timeline.holes(0, 100, 4, running=True) == [False, False, True, False]


def test_where_a_monitor_missed_its_beats_is_a_hole_which_joins_those_that_touch_it() -> None:
    timeline = Timeline()
    timeline.runtime_started(0)
    timeline.unwatched(20, 35)
    timeline.runtime_stopped(35)
    timeline.runtime_started(50)
    timeline.unwatched(70, 80)
    timeline.add("a", "failed", 90)
    holes = timeline.holes(0, 100, 10, running=True)
    assert holes == [False] * 2 + [True] * 3 + [False] * 2 + [True] + [False] * 2


def test_what_an_event_is_on_a_timeline() -> None:
    assert mark_kind("try.outcome", "verified") == "verified"
    assert mark_kind("outcome.received", "fix_failed") == "fix_failed"
    assert mark_kind("try.outcome", "unknown") is None
    assert mark_kind("incident.opened", "") == "failed"
    assert mark_kind("fault", "") is None
