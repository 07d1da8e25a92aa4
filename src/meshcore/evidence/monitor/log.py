"""The monitor's log as a series: snapshots, and the holes between them."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from meshcore.clock import from_text
from meshcore.model import Json

TESTS = ("total", "passed", "failed", "errors", "missing")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One pass of a monitor. What it did not say, or said in another type, is None; `mesh` is {} in old records."""

    at: datetime
    bridge_present: bool | None
    entries: int | None
    handled: int | None
    resolved: int | None
    skills_error: str
    tests: Mapping[str, int]
    manifest_bytes: int | None
    mesh: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hole:
    """A time without a snapshot, longer than the beat: both ends, its length, and how many beats it swallowed."""

    since: datetime
    until: datetime
    seconds: float
    missed: int


@dataclass(frozen=True, slots=True)
class Growth:
    """A counter of the log from its first to its last snapshot; `added` is what it rose by, restarts included."""

    first: int | None
    last: int | None
    added: int


@dataclass(frozen=True, slots=True)
class Course:
    """The log in figures: span and beat in seconds (the median interval), holes, and how the counters grew."""

    snapshots: int
    first: datetime | None
    last: datetime | None
    span: float
    beat: float | None
    holes: tuple[Hole, ...]
    entries: Growth
    handled: Growth
    resolved: Growth
    tests: Mapping[str, int]
    unreadable_skills: int


def snapshot_of(record: Mapping[str, Json]) -> Snapshot:
    """Read one record of the old format. Raises ValueError where it has no usable time."""
    skills, tests, mesh = (_object(record.get(name)) for name in ("skills_snapshot", "tests_summary", "mesh"))
    stats, present, error = _object(skills.get("stats")), record.get("bridge_db_present"), skills.get("error")
    return Snapshot(
        at=_moment(record.get("timestamp")),
        bridge_present=present if isinstance(present, bool) else None,
        entries=_count(skills.get("skill_count")),
        handled=_count(stats.get("total_errors_handled")),
        resolved=_count(stats.get("auto_resolved")),
        skills_error=error if isinstance(error, str) else "",
        tests={name: _count(tests.get(name)) or 0 for name in TESTS},
        manifest_bytes=_count(record.get("manifest_size_bytes")),
        mesh=mesh,
    )


def _moment(value: Json) -> datetime:
    if not isinstance(value, str):
        raise ValueError("no timestamp")
    try:
        return from_text(value)
    except ValueError:
        raise ValueError(f"timestamp {value[:40]!r} is no time") from None


def _object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _count(value: Json) -> int | None:
    return value if type(value) is int and value >= 0 else None


def missed_beats(seconds: float, beat: float) -> int:
    """Return how many beats are missing between two that are `seconds` apart."""
    return max(0, round(seconds / beat) - 1) if beat > 0 else 0


def usual_beat(moments: Sequence[datetime]) -> float | None:
    """Return the median interval between moments in order, in seconds; None for fewer than two."""
    intervals = [(b - a).total_seconds() for a, b in pairwise(moments)]
    return statistics.median(intervals) if intervals else None


def holes(moments: Sequence[datetime], beat: float | None = None) -> tuple[Hole, ...]:
    """Return where at least one beat is missing between moments in order; the beat is the usual one unless given."""
    usual = usual_beat(moments) if beat is None else beat
    if not usual:
        return ()
    return tuple(
        Hole(a, b, seconds, missed)
        for a, b in pairwise(moments)
        if (missed := missed_beats(seconds := (b - a).total_seconds(), usual))
    )


def course(found: Sequence[Snapshot]) -> Course:
    """Return a log in figures; its snapshots come by time."""
    moments = [snapshot.at for snapshot in found]
    return Course(
        snapshots=len(found),
        first=moments[0] if moments else None,
        last=moments[-1] if moments else None,
        span=(moments[-1] - moments[0]).total_seconds() if moments else 0.0,
        beat=usual_beat(moments),
        holes=holes(moments),
        entries=_growth([s.entries for s in found]),
        handled=_growth([s.handled for s in found]),
        resolved=_growth([s.resolved for s in found]),
        tests={name: sum(s.tests[name] for s in found) for name in TESTS},
        unreadable_skills=sum(bool(s.skills_error) for s in found),
    )


def _growth(series: Sequence[int | None]) -> Growth:
    known = [value for value in series if value is not None]
    if not known:
        return Growth(None, None, 0)
    # A counter that fell was started anew: what it shows then was added since.
    added = sum(b - a if b >= a else b for a, b in pairwise(known))
    return Growth(known[0], known[-1], added)
