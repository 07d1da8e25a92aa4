"""Time, injected: wall-clock times are UTC and only shown; intervals are monotonic."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol


class Clock(Protocol):
    """Where every reading of time comes from."""

    def now(self) -> datetime:
        """Return the wall-clock time, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never step back, from an arbitrary zero."""
        ...


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def to_text(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with microseconds, for example `2026-11-22T08:05:00.123456Z`."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote; a time without an offset is taken as UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def utc_text(text: object) -> str:
    """Return a time of another program as `to_text` writes it; one without an offset is local, "" is none at all."""
    try:
        return to_text(datetime.fromisoformat(text).astimezone(UTC)) if isinstance(text, str) else ""
    except (ValueError, OverflowError):
        return ""


@lru_cache(maxsize=1)
def boot_id() -> str:
    """Return what identifies this boot, so that monotonic times of different processes compare."""
    try:
        with open("/proc/sys/kernel/random/boot_id", "rb") as file:  # noqa: PTH123
            return file.read().decode("ascii").strip()
    except OSError:
        return ""
