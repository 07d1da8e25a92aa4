"""A time as a person types it, and where it is in a log."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from meshcore.clock import from_text
from meshcore.errors import UsageError
from meshcore.journal.readable import readable

if TYPE_CHECKING:
    from meshcore.journal.document import Rows

FORMS = "14:05, yesterday 14:05, 2026-11-27 14:05 or -2h"
QUESTION = f"Go to which time (UTC)?  {FORMS}"
MOST_LINES = 1000  # in a row that name no time before the search gives them up
AT_ONCE = 50

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_BACK = re.compile(r"-\s*((?:\d{1,6}\s*(?:min|[smhdw])\s*)+)")
_PART = re.compile(r"(\d+)\s*(min|[smhdw])")
_WHEN = re.compile(r"(?:(today|yesterday|\d{4}-\d{2}-\d{2})(?:[ t]+|$))?(?:(\d{1,2}):(\d{2})(?::(\d{2}))?)?")


def moment_of(text: str, now: datetime) -> datetime:
    """Return the moment that a person means, in UTC; a time alone is the last one that was. Raises UsageError."""
    wanted, now = " ".join(text.casefold().split()), now.astimezone(UTC)
    try:
        if back := _BACK.fullmatch(wanted):
            seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(back[1]))
            return now - timedelta(seconds=seconds)
        found = _WHEN.fullmatch(wanted)
        if not wanted or found is None:
            raise ValueError
        day, *clock = found.groups(default="0")
        hour, minute, second = map(int, clock)
        days = {"0": now, "today": now, "yesterday": now - timedelta(days=1)}
        start = days[day] if day in days else datetime.fromisoformat(day)
        moment = start.replace(hour=hour, minute=minute, second=second, microsecond=0, tzinfo=UTC)
        return moment - timedelta(days=1) if day == "0" and moment > now else moment
    except (ValueError, OverflowError):
        raise UsageError(f"{text.strip()!r} is no time: type {FORMS}") from None


def row_at(rows: Rows, moment: datetime) -> int | None:
    """Return the first row of a log, which goes by time, that is not before a moment; None where no line names one."""
    low, high, known = rows.first, rows.end, False
    while low < high:
        middle = (low + high) // 2
        row, at = _next_time(rows, middle, high)
        known |= at is not None
        if at is None or at >= moment:
            high = middle
        else:
            low = row + 1
    return low if known else None


def _next_time(rows: Rows, first: int, end: int) -> tuple[int, datetime | None]:
    """Return the next row that names a time, and which."""
    for start in range(first, min(end, first + MOST_LINES), AT_ONCE):
        for row, line in enumerate(rows.lines(start, min(AT_ONCE, end - start)), start):
            try:
                return row, from_text(readable(line.text).at)
            except ValueError:
                continue
    return end, None
