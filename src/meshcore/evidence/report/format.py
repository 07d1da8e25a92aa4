"""Figures in words: one way to write a count, a time span, a moment and a share, wherever a report shows one."""

from __future__ import annotations

from datetime import datetime

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0


def count(number: int) -> str:
    """Return a whole number with thousands separated."""
    return f"{number:,}"


def of(number: int, word: str, plural: str = "") -> str:
    """Return a count with its noun, for example `1 hole` or `12 holes`."""
    return f"{number:,} {word if number == 1 else plural or word + 's'}"


def span(seconds: float | None) -> str:
    """Return a time span at the precision that people read: `19 ms`, `3.4 s`, `4 min 10 s`, `8.8 h`, `4.5 days`."""
    if seconds is None:
        return "–"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.3g} s"
    if seconds < HOUR:
        whole = round(seconds)
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 and whole < 600 else "")
    if seconds < 2 * DAY:
        return f"{seconds / HOUR:.1f} h"
    return f"{seconds / DAY:.1f} days"


def bucket(seconds: float) -> str:
    """Return the name of a bucket of minutes, hours or days, for example `minute` or `3 hours`."""
    size, word = next(
        (size, word) for size, word in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")) if seconds >= size
    )
    number = round(seconds / size)
    return word if number == 1 else f"{number} {word}s"


def share(value: float | None) -> str:
    """Return a share as per cent."""
    return "–" if value is None else f"{value * 100:.3g} %"


def moment(at: datetime) -> str:
    """Return a moment (UTC) to the second."""
    return at.strftime("%Y-%m-%d %H:%M:%S")
