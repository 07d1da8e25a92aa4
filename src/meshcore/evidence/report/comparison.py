"""The section of a report that compares two ranges: counts, intervals, and a verdict or "too few to say"."""

from __future__ import annotations

from collections.abc import Iterator

from meshcore.evidence.compare import LEAST, TOO_FEW, Comparison, Interval, Period
from meshcore.evidence.report import format as words
from meshcore.evidence.report.model import Cell, Column, Section, Table


def section(found: Comparison) -> Section:
    """Return the comparison as a section."""
    changes = Table(
        "change",
        "What changed, with 95 % intervals",
        (
            Column("what"),
            Column("estimate", "ratio"),
            Column("low", "ratio"),
            Column("high", "ratio"),
            Column("verdict"),
        ),
        (
            ("share of repeats, after − before", *_change(found.share_difference, 0.0)),
            ("median time to green, after ÷ before", *_change(found.time_ratio, 1.0)),
        ),
    )
    both = (found.before, found.after)
    repeats = Table(
        "repeats",
        "Failures and repeats, before and after",
        (
            Column("range"),
            Column("days", "ratio"),
            Column("failures", "count"),
            Column("repeats", "count"),
            Column("share of repeats", "share"),
            Column("low", "share"),
            Column("high", "share"),
            Column("repeats a day", "ratio"),
            Column("answered by a known fix", "count"),
        ),
        tuple(_repeats(side) for side in both),
    )
    times = Table(
        "times",
        "Time to green, before and after",
        (
            Column("range"),
            Column("verified", "count"),
            Column("timed", "count"),
            Column("median", "seconds"),
            Column("p90", "seconds"),
            Column("min", "seconds"),
            Column("max", "seconds"),
        ),
        tuple(_times(side) for side in both),
    )
    return Section(
        "comparison",
        "Before and after",
        (
            "A repeat is a failure whose error had been met before, anywhere in these exports;"
            f" paths, numbers and hosts in it are noise. Below {LEAST} on a side nothing is compared.",
            *_compared_in_words(found),
            "Shares: Wilson's score interval, their difference Newcombe's (1998, method 10). Times: ratio of medians,"
            " distribution-free (Price and Bonett, 2002).",
        ),
        (),
        (repeats, times, changes),
    )


def _compared_in_words(found: Comparison) -> Iterator[str]:
    before, after = found.before, found.after
    if found.share_difference is None:
        yield (
            f"Rate of repeats: {TOO_FEW} ({before.repeats} of {words.of(before.incidents, 'failure')} before,"
            f" {after.repeats} of {after.incidents} after)."
        )
    else:
        change = found.share_difference
        yield (
            f"Repeats were {words.share(before.repeats / before.incidents)} of failures before"
            f" ({before.repeats} of {before.incidents}) and {words.share(after.repeats / after.incidents)} after"
            f" ({after.repeats} of {after.incidents}): {_points(change.value)} points"
            f" (95 % interval {_points(change.low)} to {_points(change.high)})."
        )
    if found.time_ratio is None:
        yield f"Time to green: {TOO_FEW} (n = {before.to_green.n} before, {after.to_green.n} after)."
    else:
        ratio = found.time_ratio
        yield (
            f"The median time to green went from {words.span(before.to_green.median)} to"
            f" {words.span(after.to_green.median)}: {ratio.value:.2g} times as long"
            f" (95 % interval {ratio.low:.2g} to {ratio.high:.2g}; n = {before.to_green.n} and {after.to_green.n})."
        )


def _repeats(side: Period) -> tuple[Cell, ...]:
    rate = side.repeat_share
    return (
        str(side.range),
        side.days,
        side.incidents,
        side.repeats,
        side.repeats / side.incidents if side.incidents else None,
        rate.low if rate else None,
        rate.high if rate else None,
        side.repeats / side.days,
        side.answered,
    )


def _times(side: Period) -> tuple[Cell, ...]:
    green = side.to_green
    return (str(side.range), side.verified, green.n, green.median, green.p90, green.min, green.max)


def _points(share: float) -> str:
    """Return a difference of shares in points, with its sign."""
    return f"{share * 100:+.1f}".replace("-", "−")


def _change(found: Interval | None, same: float) -> tuple[Cell, ...]:
    """Return estimate, interval and verdict; `same` is the estimate of no change."""
    if found is None:
        return (None, None, None, TOO_FEW)
    verdict = "less" if found.high < same else "more" if found.low > same else "no change can be told from chance"
    return (found.value, found.low, found.high, verdict)
