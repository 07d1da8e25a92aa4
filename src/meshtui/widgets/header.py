"""The line at the top: how the mesh stands, shortened sensibly where a terminal is narrow; and the banners under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget

from meshcore.clock import Clock, from_text
from meshtui.host import host_of
from meshtui.widgets.cells import plain
from meshtui.widgets.changes import changed_regions

if TYPE_CHECKING:
    from meshcore.store.green import Green
    from meshtui.snapshot import BridgeView, Snapshot

GAP = "   "
NARROW_GAP = "  "
OLD_SECONDS = 300.0
TONES = ("gone", "there", "urgent", "warning", "accent", "dim", "error")


@dataclass(frozen=True, slots=True)
class Part:
    """One figure: how it is written, the longest form first, and its tone, "" for the usual one.

    Those of a lower `weight` shrink first.
    """

    forms: tuple[str, ...]
    tone: str = ""
    weight: int = 0


def duration(seconds: float) -> str:
    """Return seconds as people say them: `3.4 s`, `41 s`, `2.5 min`, `3 h`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min" if seconds >= 600 else f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.0f} h"


def clock_time(at: datetime, now: datetime) -> str:
    """Return a moment as short as it is still clear: the time today, else the day too. UTC."""
    return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"


def _green(first: Green, again: Green) -> tuple[str, ...]:
    def of(green: Green) -> str:
        return "–" if green.median is None else duration(green.median)

    if not first.n and not again.n:
        return ("to green –", "")
    short = f"again {of(again)} (n={again.n})" if again.n else f"first {of(first)} (n={first.n})"
    both = f"first {of(first)} · again {of(again)} (n={again.n})" if again.n else short
    return (f"to green {both}", both, short, "")


def _skills(snapshot: Snapshot) -> tuple[str, ...]:
    short = f"skills {snapshot.skills:,}"
    if snapshot.entries in (0, snapshot.skills):
        return (short,)
    return (f"{short} ({snapshot.entries:,} {'entry' if snapshot.entries == 1 else 'entries'})", short)


def _bridge(bridge: BridgeView) -> Part:
    if bridge.unknown == "…":
        return Part(("… bridge", "…"), "dim", 9)
    return Part(("✗ no bridge", "✗"), "gone", 9) if bridge.fault else Part(("● bridge", "●"), "there", 9)


def header_parts(snapshot: Snapshot, now: datetime, *, readonly: bool = False) -> list[Part]:
    """Return the figures of a snapshot in the order in which they stand; `readonly`: the home is only looked at."""
    bridge, asked, mode = snapshot.bridge, snapshot.needs_you, snapshot.mode or "…"
    unread = "–" if snapshot.fault else ""
    parts = [
        *([Part(("READ ONLY",), "urgent", 9)] if readonly else []),
        _bridge(bridge),
        *([Part(("NOT SYNCED",), "gone", 9)] if snapshot.not_synced else []),
        Part((f"nodes {bridge.unknown or f'{bridge.seen}/{bridge.joined}'}",), "", 5),
        Part(("skills –",) if unread else _skills(snapshot), "", 0),
        Part(
            (
                f"undelivered {bridge.unknown or f'{bridge.undelivered:,}'}",
                f"undeliv. {bridge.unknown or f'{bridge.undelivered:,}'}",
                "",
            ),
            "warning" if bridge.undelivered else "",
            7 if bridge.undelivered else 3,
        ),
        Part(
            (f"needs you {unread or asked.figure}", *([] if asked.count else [""])),
            "urgent" if asked.count else "",
            8 if asked.count else 4,
        ),
        Part(
            (
                f"verified {unread or f'{snapshot.verified:,} of {snapshot.handled:,}'}",
                f"✓ {unread or f'{snapshot.verified:,}/{snapshot.handled:,}'}",
            ),
            "",
            6,
        ),
        Part(("to green –", "") if unread else _green(snapshot.first, snapshot.again), "accent", 3),
    ]
    if snapshot.runs is not None:
        bad = snapshot.runs.valid < snapshot.runs.total
        parts.append(Part((f"runs {snapshot.runs.valid}/{snapshot.runs.total}", ""), "error" if bad else "", 7))
    parts.append(Part((f"mode {mode}", mode), "" if mode in ("auto", "…") else "urgent", 1))
    if snapshot.runtime == "attached":
        parts.append(Part((f"attached to {snapshot.holder}", "attached"), "dim", 3))
    elif snapshot.runtime == "none":
        parts.append(Part(("no runtime",), "warning", 4))
    if age := _age(snapshot, now):
        parts.append(Part((f"last event {age}", ""), "dim", 0))
    return parts


def _age(snapshot: Snapshot, now: datetime) -> str:
    try:
        at = from_text(snapshot.at)
    except ValueError:
        return ""
    return clock_time(at, now) if (now - at).total_seconds() > OLD_SECONDS else ""


def fitted(parts: Sequence[Part], width: int) -> list[tuple[str, str]]:
    """Return (text, tone) of what fits into a line, gaps between: first shorter gaps, then shorter forms."""
    level = [0] * len(parts)
    gap = GAP

    def texts() -> list[tuple[str, str]]:
        return [(part.forms[at], part.tone) for part, at in zip(parts, level, strict=True) if part.forms[at]]

    def length() -> int:
        found = texts()
        return sum(cell_len(text) for text, _ in found) + len(gap) * (len(found) - 1)

    while length() > width:
        if gap == GAP:
            gap = NARROW_GAP
            continue
        shrinkable = [i for i, part in enumerate(parts) if level[i] < len(part.forms) - 1]
        if not shrinkable:
            break
        level[min(shrinkable, key=lambda i: (parts[i].weight + 3 * level[i], -i))] += 1
    for at in sorted(range(len(parts)), key=lambda i: -parts[i].weight):
        while level[at]:  # what fits after all, the weightiest first
            level[at] -= 1
            if length() > width:
                level[at] += 1
                break
    line: list[tuple[str, str]] = []
    for number, pair in enumerate(texts()):
        if number:
            line.append((gap, ""))
        line.append(pair)
    return line


class HeaderLine(Widget):
    """The header's figures. Only the cells that changed are drawn again."""

    DEFAULT_CSS = """
    HeaderLine {
        & > .header--gone { color: $error; text-style: bold; }
        & > .header--there { color: $success; }
        & > .header--urgent { color: $warning; text-style: bold; }
        & > .header--warning { color: $warning; }
        & > .header--accent { color: $accent; }
        & > .header--dim { color: $dim; }
        & > .header--error { color: $error; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"header--{tone}" for tone in TONES}

    def __init__(self, clock: Clock) -> None:
        super().__init__(id="header")
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._age_timer: Timer | None = None
        self._cells: list[tuple[str, str]] = []
        self._on_screen: Strip | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot; its age is looked at once more when it has become old."""
        self._snapshot = snapshot
        self._draw()
        if self._age_timer is not None:
            self._age_timer.stop()
        self._age_timer = self.set_timer(OLD_SECONDS + 1, self._draw, name="age")

    def on_resize(self) -> None:
        self._draw()

    def render_line(self, y: int) -> Strip:
        self._on_screen = line = self._line()
        return line

    def _line(self) -> Strip:
        width = self.size.width
        segments = [Segment(text, self._style(tone)) for text, tone in self._cells]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _style(self, tone: str) -> Style:
        return self.get_component_rich_style(f"header--{tone}") if tone else self.rich_style

    def _draw(self) -> None:
        if self._snapshot is None or not self.size.width:
            return
        parts = header_parts(self._snapshot, self._clock.now(), readonly=host_of(self).readonly)
        self._cells = fitted(parts, self.size.width)
        for region in changed_regions(self._on_screen, self._line(), 0):
            self.refresh(region)


def halted_line(snapshot: Snapshot) -> str:
    """Return what is said on every screen while everything is halted, "" where it is not."""
    return f"HALTED: {plain(snapshot.halted)} — nothing is applied; K resumes" if snapshot.halted else ""


def banners(snapshot: Snapshot, frozen: str, waiting: int) -> list[tuple[str, str]]:
    """Return (class, text) of what must be said above everything else."""
    found = []
    if snapshot.halted:
        found.append(("halted", halted_line(snapshot)))
    if snapshot.not_synced:
        missing = "; ".join(map(plain, snapshot.not_synced))
        found.append(("fault", f"not synced: {missing} — what it might withdraw waits for you; see `meshtui doctor`"))
    if snapshot.fault:
        found.append(("fault", f"cannot be read: {plain(snapshot.fault)}"))
    if snapshot.bridge.lost:
        found.append(("fault", f"bridge: {plain(snapshot.bridge.fault)}"))
    if snapshot.stopped:
        what = f"process {snapshot.holder} runs this home and is stopped: nothing is received or carried out"
        found.append(("fault", f"{what}; fg, or kill -CONT {snapshot.holder}"))
    elif snapshot.silent:
        since = f"shows no sign of life since {snapshot.silent[11:19]} UTC: perhaps nothing is received or carried out"
        found.append(("fault", f"process {snapshot.holder} runs this home and {since}; see what it does, or end it"))
    if frozen:
        more = f", {waiting:,} new event{'s' if waiting != 1 else ''} since" if waiting else ""
        found.append(("frozen", f"frozen at {frozen}{more} — F goes on"))
    return found
