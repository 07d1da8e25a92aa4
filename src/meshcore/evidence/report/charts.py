"""Charts as values: what is drawn, without how. Every chart has a title and says in a sentence what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from meshcore.evidence.monitor.log import Hole

Tone = Literal["first", "again", "good", "bad", "wait", "quiet", "muted"]
"""The meaning of a colour; a shape or a label says the same."""


MOST_MARKS = 1_500  # of a timeline that are drawn one by one; more are drawn as columns, without their texts


@dataclass(frozen=True, slots=True)
class Mark:
    """Something in a lane: when it began, when it was over (None where it is not), and what a pointer is told."""

    at: datetime
    until: datetime | None
    tone: Tone
    text: str


@dataclass(frozen=True, slots=True)
class Lane:
    """One row of a timeline."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Lanes:
    """What happened when, a lane for each agent; `holes` are times without a record."""

    title: str
    about: str
    start: datetime
    end: datetime
    lanes: tuple[Lane, ...]
    holes: tuple[Hole, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """A part of each column."""

    label: str
    tone: Tone
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Counts per bucket of `step` seconds from `start` on, stacked."""

    title: str
    about: str
    start: datetime
    step: float
    series: tuple[Series, ...]
    holes: tuple[Hole, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Measured seconds of one kind."""

    label: str
    tone: Tone
    seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How measured times are spread, on a logarithmic axis: a dot each, or a histogram of many."""

    title: str
    about: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A number over time that holds until the next point."""

    label: str
    tone: Tone
    points: tuple[tuple[datetime, int], ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Numbers over time; nothing is drawn across a hole."""

    title: str
    about: str
    start: datetime
    end: datetime
    lines: tuple[Line, ...]
    holes: tuple[Hole, ...] = ()


Chart = Lanes | Columns | Spread | Lines
