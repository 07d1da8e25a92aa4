"""What happened when, per lane, in buckets: sorted times and bisection, so that a million events cost no more than ten.

Times are seconds since the epoch. Pure: marks are added in any order, buckets are asked for at any scale.
"""

from __future__ import annotations

import contextlib
import math
from array import array
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from meshcore.clock import from_text

if TYPE_CHECKING:
    from meshcore.store.views import Mark

MarkKind = Literal["failed", "learned", "received", "verified", "fix_failed", "needs_you"]
MARK_KINDS: tuple[MarkKind, ...] = ("failed", "learned", "received", "verified", "fix_failed", "needs_you")

RESULTS: Mapping[str, MarkKind] = {"verified": "verified", "fix_failed": "fix_failed"}
EVENTS: Mapping[str, MarkKind] = {
    "incident.opened": "failed",
    "skill.learned": "learned",
    "skill.received": "received",
    "approval.waiting": "needs_you",
}


def mark_kind(event_kind: str, result: str) -> MarkKind | None:
    """Return what an event is on a timeline, None where it is not on it. `result` is that of an outcome."""
    if event_kind in ("try.outcome", "outcome.received"):
        return RESULTS.get(result)
    return EVENTS.get(event_kind)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many marks of each kind lie in one column; kinds without any are left out."""

    counts: Mapping[MarkKind, int] = field(default_factory=dict)

    @property
    def leading(self) -> MarkKind | None:
        """Return the kind that is shown: what waits or failed for good, then whether every failure was healed."""
        counts = self.counts
        if not counts:
            return None
        if counts.get("needs_you"):
            return "needs_you"
        if counts.get("fix_failed"):
            return "fix_failed"
        if counts.get("failed", 0) > counts.get("verified", 0):
            return "failed"
        return next(kind for kind in ("verified", "learned", "received", "failed") if counts.get(kind))


class Timeline:
    """Marks per lane and kind, and when nobody watched."""

    def __init__(self) -> None:
        self._lanes: dict[str, dict[MarkKind, array[float]]] = {}
        self._last: dict[str, float] = {}
        self._starts: array[float] = array("d")
        self._stops: array[float] = array("d")
        self._all: array[float] = array("d")
        self._unwatched: list[tuple[float, float]] = []
        self.first: float | None = None
        self.last: float | None = None

    def __len__(self) -> int:
        return sum(len(times) for lane in self._lanes.values() for times in lane.values())

    def add(self, lane: str, kind: MarkKind, at: float) -> None:
        """Put a mark on a lane; a lane appears with its first mark."""
        _insert(self._lanes.setdefault(lane, {}).setdefault(kind, array("d")), at)
        self._last[lane] = max(at, self._last.get(lane, at))
        self.note(at)

    def note(self, at: float) -> None:
        """Note that something happened then, whether or not it is on a lane."""
        _insert(self._all, at)
        self.first = at if self.first is None else min(at, self.first)
        self.last = at if self.last is None else max(at, self.last)

    def runtime_started(self, at: float) -> None:
        """Note that from now on somebody listened to the bridge."""
        _insert(self._starts, at)
        self.note(at)

    def runtime_stopped(self, at: float) -> None:
        """Note that from now on nobody listened to the bridge."""
        _insert(self._stops, at)
        self.note(at)

    def unwatched(self, since: float, until: float) -> None:
        """Note that a monitor missed beats between two times: the machine slept, or was too busy to look."""
        insort(self._unwatched, (since, until))

    def lanes(self) -> list[str]:
        """Return the lanes, those with the newest marks first."""
        return sorted(self._lanes, key=lambda lane: (-self._last[lane], lane))

    def buckets(self, lane: str, start: float, end: float, columns: int) -> list[Bucket]:
        """Return `columns` buckets of equal length between two times; the first includes `start`, the last `end`."""
        found: list[dict[MarkKind, int]] = [{} for _ in range(columns)]
        if columns <= 0 or end <= start:
            return [Bucket(counts) for counts in found]
        width = (end - start) / columns
        for kind, times in self._lanes.get(lane, {}).items():
            before = bisect_left(times, start)
            for column in range(columns):
                edge = end if column == columns - 1 else start + (column + 1) * width
                upto = bisect_right(times, edge) if column == columns - 1 else bisect_left(times, edge)
                if upto > before:
                    found[column][kind] = upto - before
                before = max(before, upto)
        return [Bucket(counts) for counts in found]

    def holes(self, start: float, end: float, columns: int, *, running: bool) -> list[bool]:
        """Return for each bucket whether nobody listened to the bridge, or a monitor missed its beats, throughout it.

        A runtime that was killed is taken to have ended with the last event before the next start. Before the first
        event nothing is known, which is no hole. `running`: somebody listens now.
        """
        if columns <= 0 or end <= start or self.first is None:
            return [False] * max(0, columns)
        width = (end - start) / columns
        gaps = _joined([*self._unwatched, *self._gaps(running=running)])
        found = []
        for column in range(columns):
            begin, finish = start + column * width, start + (column + 1) * width
            found.append(any(gap <= begin and finish <= until for gap, until in gaps))
        return found

    def _gaps(self, *, running: bool) -> list[tuple[float, float]]:
        gaps: list[tuple[float, float]] = []
        since = self.first
        for at, started in sorted([(at, True) for at in self._starts] + [(at, False) for at in self._stops]):
            if not started:
                since = at if since is None else since
                continue
            if since is None:  # no stop was written since the last start: it was killed
                since = self._all[bisect_left(self._all, at) - 1]
            gaps.append((since, at))
            since = None
        if not running:
            gaps.append((self.last or 0.0 if since is None else since, math.inf))
        return gaps


def _joined(gaps: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return gaps in order, those that overlap or touch as one."""
    found: list[tuple[float, float]] = []
    for since, until in sorted(gaps):
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(until, found[-1][1]))
        else:
            found.append((since, until))
    return found


def _insert(times: array[float], at: float) -> None:
    if times and at < times[-1]:
        insort(times, at)
    else:
        times.append(at)


def put_mark(timeline: Timeline, mark: Mark, node: str) -> None:
    """Put what happened on a timeline; what belongs to no agent goes on the lane of the node."""
    try:
        at = from_text(mark.at).timestamp()
    except ValueError:
        return
    if mark.kind == "runtime.started":
        timeline.runtime_started(at)
    elif mark.kind == "runtime.stopped":
        timeline.runtime_stopped(at)
    elif mark.kind == "monitor.snapshot":
        with contextlib.suppress(ValueError):
            timeline.unwatched(from_text(mark.since).timestamp(), at)
    elif (kind := mark_kind(mark.kind, mark.result)) is not None:
        timeline.add(mark.agent or node, kind, at)
    else:
        timeline.note(at)
