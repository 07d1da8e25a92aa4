"""Before against after: intervals that the literature gives, and "too few to say" where nothing can be said."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.clock import to_text
from meshcore.errors import UsageError
from meshcore.evidence.compare import Range, compare, median_ratio, parse_range, share_difference, wilson
from meshcore.evidence.slice.rows import IncidentRow
from meshcore.testing import START

DAY = timedelta(days=1)
BEFORE, AFTER = Range(START, START + DAY), Range(START + DAY, START + 2 * DAY)


def met(number: int, at: datetime, name: str, *, seconds: float | None = None, again: bool = False) -> IncidentRow:
    line = f"ModuleNotFoundError: No module named '{name}'"
    state = "open" if seconds is None else "verified"
    return IncidentRow(
        f"{number:016x}", "n", to_text(at), "a", "shell", "h", "", line, "x", 1, state, again, True, seconds=seconds
    )


def test_a_share_has_wilsons_interval() -> None:
    # 81 of 263: R. G. Newcombe, Statistics in Medicine 17 (1998) 857, table I.
    found = wilson(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


def test_a_difference_of_shares_has_newcombes_interval() -> None:
    # 56/70 − 48/80: R. G. Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10.
    found = share_difference(48, 80, 56, 70)
    assert found is not None
    assert (round(found.value, 4), round(found.low, 4), round(found.high, 4)) == (0.2, 0.0524, 0.3339)


def test_the_ratio_of_medians_is_covered_as_often_as_it_says() -> None:
    chance = random.Random(4)
    hits, rounds = 0, 600
    for _ in range(rounds):
        one, other = ([chance.lognormvariate(mu, 0.8) for _ in range(25)] for mu in (1.0, 2.0))
        found = median_ratio(one, other)
        assert found is not None
        hits += found.low <= 2.718281828**-1 <= found.high
    assert 0.92 <= hits / rounds <= 0.99


@given(st.lists(st.floats(0, 1e6), min_size=10, max_size=30), st.lists(st.floats(0, 1e6), min_size=10, max_size=30))
def test_an_interval_holds_its_estimate(one: list[float], other: list[float]) -> None:
    found = median_ratio(one, other)
    assert found is not None
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)


def test_a_repeat_is_an_error_that_was_met_before_also_before_the_range() -> None:
    rows = [met(n, START - DAY + timedelta(minutes=n), f"m{n}") for n in range(3)]
    rows += [met(10 + n, START + timedelta(minutes=n), f"m{n}") for n in range(12)]
    rows += [met(30 + n, START + DAY + timedelta(minutes=n), f"m{n}", seconds=2.0, again=True) for n in range(12)]
    found = compare(rows, BEFORE, AFTER)
    assert (found.before.incidents, found.before.repeats, found.before.answered) == (12, 3, 0)
    assert (found.after.repeats, found.after.answered, found.after.to_green.n) == (12, 12, 12)
    assert found.share_difference is not None
    assert found.share_difference.low > 0
    assert found.time_ratio is None


def test_paths_and_numbers_make_no_other_error() -> None:
    lines = ("can't open '/tmp/a/1.txt' at 10:22", "can't open '/srv/b/2.txt' at 11:40")
    rows = [
        IncidentRow(str(n), "n", to_text(START), "a", "s", "h", "", line, "x", 1, "open", False, True)
        for n, line in enumerate(lines)
    ]
    assert compare(rows, BEFORE, AFTER).before.repeats == 1


def test_too_few_is_said_and_not_computed() -> None:
    rows = [met(n, START + timedelta(minutes=n), "m", seconds=1.0) for n in range(9)]
    found = compare(rows, BEFORE, AFTER)
    assert (found.share_difference, found.time_ratio, found.before.repeat_share) == (None, None, None)
    assert (found.before.incidents, found.before.repeats, found.after.incidents) == (9, 8, 0)


def test_ranges_that_overlap_are_refused() -> None:
    with pytest.raises(UsageError, match="overlap"):
        compare([], Range(START, START + DAY), Range(START + DAY / 2, START + 2 * DAY))


@pytest.mark.parametrize("text", ["", "..", "2026-11-01", "2026-11-01..", "a..b", "1..2..3", "2026-13-01..2026-14-01"])
def test_what_is_no_range_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"no range|no time"):
        parse_range(text)


@pytest.mark.parametrize("text", ["2026-11-02..2026-11-01", "2026-11-02..2026-11-02"])
def test_a_reversed_or_empty_range_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no time lies in it"):
        parse_range(text)


def test_a_range_is_of_dates_or_times_in_utc() -> None:
    found = parse_range("2026-11-01..2026-11-01T12:30+02:00")
    assert found == Range(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, 10, 30, tzinfo=UTC))
