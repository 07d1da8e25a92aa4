"""The timeline: a lane per agent, time to the right, one column per bucket; shape and colour both say what happened."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding
from textual.strip import Strip
from textual.widget import Widget

from meshcore.journal.timeline import MARK_KINDS, MarkKind, Timeline
from meshtui.widgets.cells import fit, plain
from meshtui.widgets.changes import changed_regions

SHAPES: Mapping[MarkKind, str] = {
    "failed": "●",
    "learned": "◆",
    "received": "▼",
    "verified": "✓",
    "fix_failed": "✗",
    "needs_you": "!",
}
WORDS: Mapping[MarkKind, str] = {
    "failed": "failed",
    "learned": "learned",
    "received": "received",
    "verified": "verified",
    "fix_failed": "fix failed",
    "needs_you": "needs you",
}
HOLE, LINE = "░", "─"
MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
RANGES: tuple[tuple[str, float], ...] = (
    ("1 min", MINUTE),
    ("5 min", 5 * MINUTE),
    ("15 min", 15 * MINUTE),
    ("1 h", HOUR),
    ("6 h", 6 * HOUR),
    ("24 h", DAY),
    ("7 days", 7 * DAY),
    ("30 days", 30 * DAY),
    ("all", math.inf),
)
DEFAULT_RANGE = 3
LEAST_SECONDS = 60.0
_TICKS = (5, 10, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400, 30 * 86400, 365 * 86400)
_LEAST_COLUMNS_PER_TICK = 12


@dataclass(frozen=True, slots=True)
class Window:
    """The part of time that is shown: it ends at `end`, aligned to whole columns so that columns do not flicker."""

    start: float
    end: float
    columns: int

    @property
    def seconds(self) -> float:
        """Return what one column stands for."""
        return (self.end - self.start) / self.columns


def window(timeline: Timeline, range_index: int, edge: float, columns: int) -> Window:
    """Return the window of a range that holds `edge` in its last column."""
    columns = max(1, columns)
    length = RANGES[range_index][1]
    if math.isinf(length):
        length = max(LEAST_SECONDS, (edge - (timeline.first if timeline.first is not None else edge)) * 1.02)
    width = length / columns
    end = (math.floor(edge / width) + 1) * width
    return Window(end - length, end, columns)


def ticks(window: Window) -> list[tuple[int, str]]:
    """Return (column, label) of round moments, at most one in a dozen columns."""
    step = next((s for s in _TICKS if s / window.seconds >= _LEAST_COLUMNS_PER_TICK), _TICKS[-1])
    form = "%H:%M:%S" if step < MINUTE else "%H:%M" if step < DAY else "%d %b"
    found = []
    at = math.ceil(window.start / step) * step
    while at < window.end:
        found.append((int((at - window.start) / window.seconds), f"{datetime.fromtimestamp(at, UTC):{form}}"))
        at += step
    return found


class TimelineView(Widget, can_focus=True):
    """Draws a `Timeline`. `range_index` is one of `RANGES`; `panned` the fixed right edge, None while it follows."""

    DEFAULT_CSS = """
    TimelineView {
        width: 100%; background: $background; color: $foreground;
        & > .timeline--title { color: $foreground; text-style: bold; }
        &:focus > .timeline--title { color: $accent; }
        & > .timeline--dim { color: $dim; }
        & > .timeline--lane { color: $foreground; }
        & > .timeline--chosen { color: $accent; text-style: bold; }
        & > .timeline--line { color: $faint; }
        & > .timeline--hole { color: $dim; }
        & > .timeline--failed { color: $error; }
        & > .timeline--learned { color: $learned; text-style: bold; }
        & > .timeline--received { color: $received; }
        & > .timeline--verified { color: $success; text-style: bold; }
        & > .timeline--fix-failed { color: $error; text-style: bold; }
        & > .timeline--needs-you { color: $warning; text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar = [
        Binding("up,k", "lane(-1)", show=False),
        Binding("down,j", "lane(1)", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "timeline--title",
        "timeline--dim",
        "timeline--line",
        "timeline--hole",
        "timeline--lane",
        "timeline--chosen",
        *(f"timeline--{kind.replace('_', '-')}" for kind in MARK_KINDS),
    }

    def __init__(self) -> None:
        super().__init__(id="timeline")
        self.timeline = Timeline()
        self.range_index = DEFAULT_RANGE
        self.panned: float | None = None
        self.now = 0.0
        self.running = True
        self._chosen = ""
        self._lines: list[Strip] = []
        self._lines_for: tuple[object, ...] = ()

    # --- what is shown --------------------------------------------------------------------------------------------

    @property
    def edge(self) -> float:
        """Return the right edge: fixed by panning, else the newest of the last event and the last look at the clock."""
        if self.panned is not None:
            return self.panned
        return max(self.now, self.timeline.last or 0.0)

    @property
    def chosen(self) -> str:
        """Return the lane under the cursor, which is the first until another one is chosen; "" where there is none."""
        lanes = self.timeline.lanes()
        return self._chosen if self._chosen in lanes else next(iter(lanes), "")

    def action_lane(self, by: int) -> None:
        """Put the cursor on another of the lanes that are shown."""
        if lanes := self.timeline.lanes()[: max(1, self.size.height - 2)]:
            at = lanes.index(self.chosen) if self.chosen in lanes else 0
            self._chosen = lanes[max(0, min(len(lanes) - 1, at + by))]
            self.redraw()

    def on_focus(self) -> None:
        self.redraw()

    def on_blur(self) -> None:
        self.redraw()

    def zoom(self, by: int) -> None:
        """Show a longer (1) or shorter (-1) range."""
        self.range_index = max(0, min(len(RANGES) - 1, self.range_index + by))
        self.redraw()

    def pan(self, by: int) -> None:
        """Move by a quarter of what is shown, back (-1) or on (1); never beyond the newest."""
        shown = window(self.timeline, self.range_index, self.edge, self._columns)
        newest = max(self.now, self.timeline.last or 0.0)
        edge = self.edge + by * (shown.end - shown.start) / 4
        self.panned = None if edge >= newest else edge
        self.redraw()

    def go_to(self, moment: float) -> None:
        """Show a moment, in the middle where there is something after it."""
        shown = window(self.timeline, self.range_index, self.edge, self._columns)
        edge = moment + (shown.end - shown.start) / 2
        self.panned = None if edge >= max(self.now, self.timeline.last or 0.0) else edge
        self.redraw()

    def follow(self, now: float) -> None:
        """Show the present again."""
        self.now, self.panned = now, None
        self.redraw()

    def redraw(self) -> None:
        """Draw anew those lines that changed."""
        if not self.size.width:
            return
        before, after = self._lines, self._render_all()
        self._lines = after
        if len(before) != len(after):
            self.refresh(layout=True)
            return
        for y, (old, new) in enumerate(zip(before, after, strict=True)):
            for region in changed_regions(old, new, y):
                self.refresh(region)

    def wanted_height(self, room: int) -> int:
        """Return how many lines the timeline would take of `room`: title, lanes, axis."""
        return 2 + max(1, min(len(self.timeline.lanes()) or 1, max(1, room - 2)))

    # --- drawing --------------------------------------------------------------------------------------------------

    def on_resize(self) -> None:
        self._lines = self._render_all()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._lines = []

    def render_line(self, y: int) -> Strip:
        if len(self._lines) != self.size.height or self._lines[0].cell_length != self.size.width:
            self._lines = self._render_all()
        return self._lines[y] if y < len(self._lines) else Strip.blank(self.size.width, self.rich_style)

    @property
    def _label_width(self) -> int:
        longest = max((cell_len(plain(lane)) for lane in self.timeline.lanes()), default=8)
        return min(longest, max(8, self.size.width // 5))

    @property
    def _columns(self) -> int:
        return max(1, self.size.width - self._label_width - 4)

    def _render_all(self) -> list[Strip]:
        width, height = self.size.width, self.size.height
        if width < 20 or height < 3:
            return [Strip.blank(width, self.rich_style) for _ in range(height)]
        shown = window(self.timeline, self.range_index, self.edge, self._columns)
        lanes = self.timeline.lanes()
        room = height - 2
        lines = [self._title(shown, width, len(lanes) - room if len(lanes) > room else 0)]
        holes = self.timeline.holes(shown.start, shown.end, shown.columns, running=self.running)
        lines += [self._lane(lane, shown, holes, width) for lane in lanes[:room]]
        if not lanes:
            lines.append(self._lane("", shown, holes, width))
        lines += [self._axis(shown, width)]
        lines += [Strip.blank(width, self.rich_style) for _ in range(height - len(lines))]
        return lines

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"timeline--{name.replace('_', '-')}")

    def _title(self, shown: Window, width: int, hidden: int) -> Strip:
        name = RANGES[self.range_index][0]
        end = datetime.fromtimestamp(self.edge, UTC)
        left = f" {'everything' if name == 'all' else f'last {name}' if self.panned is None else name}"
        until = f" until {end:%H:%M:%S}" if self.panned is None else f" until {end:%Y-%m-%d %H:%M:%S} ( . now)"
        more = f" · +{hidden} agent{'s' if hidden > 1 else ''}, z shows all" if hidden else ""
        segments = [Segment(left, self._style("title")), Segment(until + " UTC" + more, self._style("dim"))]
        legend = self._legend(width - sum(cell_len(s.text) for s in segments) - 2)
        used = sum(cell_len(s.text) for s in [*segments, *legend])
        segments.append(Segment(" " * max(1, width - used - 1), self.rich_style))
        return Strip([*segments, *legend]).adjust_cell_length(width, self.rich_style)

    def _legend(self, room: int) -> list[Segment]:
        for words in (WORDS, {**WORDS, "fix_failed": "fix ✗"}, None):
            found: list[Segment] = []
            for kind in MARK_KINDS:
                text = f"{SHAPES[kind]} " if words else SHAPES[kind]
                found.append(Segment(text, self._style(kind)))
                found.append(Segment(f"{words[kind]}  " if words else " ", self._style("dim")))
            found += [Segment(HOLE, self._style("hole")), Segment(" not watched" if words else "", self._style("dim"))]
            if sum(cell_len(s.text) for s in found) <= room:
                return found
        return []

    def _lane(self, lane: str, shown: Window, holes: Sequence[bool], width: int) -> Strip:
        here = self.has_focus and lane == self.chosen
        mark = "▸" if here else " "
        label = Segment(f"{mark}{fit(plain(lane), self._label_width)}  ", self._style("chosen" if here else "lane"))
        segments = [label]
        buckets = self.timeline.buckets(lane, shown.start, shown.end, shown.columns)
        line, hole = self._style("line"), self._style("hole")
        for bucket, is_hole in zip(buckets, holes, strict=True):
            kind = bucket.leading
            if kind is not None:
                segments.append(Segment(SHAPES[kind], self._style(kind)))
            else:
                segments.append(Segment(HOLE, hole) if is_hole else Segment(LINE, line))
        return Strip(segments).simplify().adjust_cell_length(width, self.rich_style)

    def _axis(self, shown: Window, width: int) -> Strip:
        text = [" "] * shown.columns
        for column, label in ticks(shown):
            if column + len(label) + 1 <= shown.columns and all(c == " " for c in text[max(0, column - 1) : column]):
                text[column : column + len(label) + 1] = list("╵" + label)
        lead = " " * (self._label_width + 3)
        return Strip([Segment(lead + "".join(text), self._style("dim"))]).adjust_cell_length(width, self.rich_style)
