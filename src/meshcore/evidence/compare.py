"""Before against after: how often an error came again and how long it took to green, with intervals or not at all.

Shares: each with Wilson's score interval (E. B. Wilson, "Probable inference, the law of succession, and statistical
inference", JASA 22, 1927); their difference with Newcombe's hybrid of the two (R. G. Newcombe, "Interval estimation for
the difference between independent proportions", method 10, Statistics in Medicine 17, 1998). Times: the ratio of the
medians, distribution-free (R. M. Price, D. G. Bonett, "Distribution-free confidence intervals for difference and ratio
of medians", Journal of Statistical Computation and Simulation 72, 2002). All intervals are at 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from statistics import NormalDist, median

from meshcore.errors import UsageError
from meshcore.evidence.distribution import Distribution, distribution
from meshcore.evidence.slice.gather import moment_of
from meshcore.evidence.slice.rows import IncidentRow
from meshcore.knowledge.signature import read

LEAST = 10  # failures, or measured times, on each side: below that no comparison is made
TOO_FEW = "too few to say"
_Z = NormalDist().inv_cdf(0.975)
_SHORTEST_SECONDS = 1e-3


@dataclass(frozen=True, slots=True)
class Range:
    """A range of time: from `since` on, before `until`."""

    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M} to {self.until:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Period:
    """One side: its failures, how many errors had been met before (`repeats`), how many a known fix answered.

    `repeat_share` is None where there are too few failures, `days` is the length of the range.
    """

    range: Range
    days: float
    incidents: int
    repeats: int
    answered: int
    verified: int
    repeat_share: Interval | None
    to_green: Distribution


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both sides and what changed: the difference of the shares (after − before) and the ratio of the medians.

    None means too few to say. Ratio 0.1: after, it took a tenth of the time.
    """

    before: Period
    after: Period
    share_difference: Interval | None
    time_ratio: Interval | None


def parse_range(text: str) -> Range:
    """Read `FROM..TO`, each a date or a time (UTC unless it says otherwise). Raises UsageError."""
    ends = text.split("..")
    since, until = (parse_time(end) for end in ends) if len(ends) == 2 else (None, None)
    if since is None or until is None:
        raise UsageError(f"{text[:60]!r} is no range; write FROM..TO, for example 2026-11-01..2026-11-08")
    if since >= until:
        raise UsageError(f"{text[:60]}: no time lies in it; name the earlier end first")
    return Range(since, until)


def parse_time(text: str) -> datetime:
    """Read a date or time (UTC unless it says otherwise). Raises UsageError."""
    found = moment_of(text.strip())
    if found is None:
        raise UsageError(f"{text[:60]!r} is no time; write 2026-11-22 or 2026-11-22T08:00")
    return found


def compare(incidents: Sequence[IncidentRow], before: Range, after: Range) -> Comparison:
    """Compare two ranges; what came before either still counts as met before. Raises UsageError where they overlap."""
    if before.since < after.until and after.since < before.until:
        raise UsageError(f"{before} and {after} overlap; compare two ranges that do not")
    timed = sorted(((moment_of(row.opened), row) for row in incidents), key=lambda pair: (pair[0] is None, pair[0]))
    seen: set[tuple[str, ...]] = set()
    met: list[tuple[datetime, IncidentRow, bool]] = []
    for at, row in timed:
        if at is not None:
            key = _error(row.line)
            met.append((at, row, key in seen))
            seen.add(key)
    first, second = _period(met, before), _period(met, after)
    return Comparison(
        first,
        second,
        share_difference(first.repeats, first.incidents, second.repeats, second.incidents),
        median_ratio(_seconds(met, after), _seconds(met, before)),
    )


@lru_cache(maxsize=1 << 14)
def _error(line: str) -> tuple[str, ...]:
    """Return what makes two error lines the same: paths, numbers and hosts are noise."""
    found = read(line)
    names = (slot.value for slot in found.slots if slot.kind in ("name", "identifier"))
    return (found.error_type, found.template, *names)


def _inside(met: Sequence[tuple[datetime, IncidentRow, bool]], within: Range) -> list[tuple[IncidentRow, bool]]:
    return [(row, repeat) for at, row, repeat in met if within.since <= at < within.until]


def _seconds(met: Sequence[tuple[datetime, IncidentRow, bool]], within: Range) -> list[float]:
    return [row.seconds for row, _ in _inside(met, within) if row.seconds is not None]


def _period(met: Sequence[tuple[datetime, IncidentRow, bool]], within: Range) -> Period:
    found = _inside(met, within)
    repeats = sum(repeat for _, repeat in found)
    return Period(
        range=within,
        days=(within.until - within.since).total_seconds() / 86_400,
        incidents=len(found),
        repeats=repeats,
        answered=sum(row.again for row, _ in found),
        verified=sum(row.state == "verified" for row, _ in found),
        repeat_share=wilson(repeats, len(found)) if len(found) >= LEAST else None,
        to_green=distribution(_seconds(met, within)),
    )


def wilson(hits: int, n: int) -> Interval:
    """Return a share with Wilson's score interval. Raises ValueError for n of 0."""
    if n <= 0:
        raise ValueError("a share of nothing")
    p, z2 = hits / n, _Z * _Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = _Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Interval(p, max(0.0, middle - half), min(1.0, middle + half))


def share_difference(hits_before: int, before: int, hits_after: int, after: int) -> Interval | None:
    """Return after − before with Newcombe's interval, None where a side has fewer than `LEAST`."""
    if min(before, after) < LEAST:
        return None
    a, b = wilson(hits_after, after), wilson(hits_before, before)
    difference = a.value - b.value
    low = difference - math.hypot(a.value - a.low, b.high - b.value)
    high = difference + math.hypot(a.high - a.value, b.value - b.low)
    return Interval(difference, low, high)


def median_ratio(of: Sequence[float], to: Sequence[float]) -> Interval | None:
    """Return median(of) ÷ median(to) with Price and Bonett's interval, None where a side has fewer than `LEAST`."""
    if min(len(of), len(to)) < LEAST:
        return None
    logs = [sorted(math.log(max(value, _SHORTEST_SECONDS)) for value in side) for side in (of, to)]
    difference = median(logs[0]) - median(logs[1])
    half = _Z * math.hypot(*(_error_of_median(side) for side in logs))
    return Interval(math.exp(difference), math.exp(difference - half), math.exp(difference + half))


def _error_of_median(ordered: Sequence[float]) -> float:
    """Return the standard error of the median of sorted values, from two of them (Price and Bonett, 2002)."""
    n = len(ordered)
    rank = max(1, round((n + 1) / 2 - math.sqrt(n)))
    below = _binomial_tail(rank - 1, n)
    return (ordered[n - rank] - ordered[rank - 1]) / (2 * NormalDist().inv_cdf(1 - below))


def _binomial_tail(k: int, n: int) -> float:
    """Return P(X ≤ k) for n fair coins."""
    logs = [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) - n * math.log(2) for i in range(k + 1)]
    return math.fsum(math.exp(value) for value in logs)
