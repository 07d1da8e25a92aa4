"""The lines of a log, of any number: what is on the screen is read from the file when it is drawn (line API).

Whoever owns it gives it `Rows` and tells it when they have changed. It follows the end until the person goes up, and
keeps the place where lines come, go, or are counted before it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshcore.clock import from_text
from meshcore.journal.document import Place, Rows
from meshcore.journal.line import Line
from meshcore.journal.readable import Readable, readable
from meshtui.widgets.cells import ELLIPSIS, fit, plain

GAP = "  "
LEVEL_WITHIN = 80  # characters of a line that is no record, in which its level stands
DRAWN = 4096  # characters of a line that are drawn at all
KIND_WIDTH, REFERENCE_WIDTH = 17, 8
WIDE = 100  # columns from which on a row has the day, and its reference

Spans = Sequence[tuple[int, int]]


class LogView(ScrollView, can_focus=True):
    """Rows of a log with a cursor. `enter` or a click on the cursor posts `Chosen`; moving it posts `Moved`."""

    DEFAULT_CSS = """
    LogView {
        width: 100%; background: $background; color: $foreground; overflow-x: hidden;
        & > .log--cursor { background: $panel; color: $foreground; text-style: bold; }
        & > .log--found { color: $accent; text-style: bold underline; }
        & > .log--time { color: $dim; }
        & > .log--good { color: $success; }
        & > .log--bad { color: $error; }
        & > .log--warn { color: $warning; }
        & > .log--learned { color: $learned; }
        & > .log--accent { color: $accent; }
        & > .log--dim { color: $dim; }
    }
    """
    TONES: ClassVar[tuple[str, ...]] = ("good", "bad", "warn", "learned", "accent", "dim")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--cursor",
        "log--found",
        "log--time",
        *(f"log--{tone}" for tone in TONES),
    }
    BINDINGS = [  # noqa: RUF012  as Textual has it
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "page(-1)", show=False),
        Binding("pagedown,ctrl+f", "page(1)", show=False),
        Binding("home,g", "top", show=False),
        Binding("end,G", "bottom", show=False),
        Binding("enter", "choose", show=False),
    ]

    class Chosen(Message):
        """The row under the cursor was chosen."""

    class Moved(Message):
        """The cursor, or what is followed, has changed."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, LogView.Moved)

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.following = True
        self.unseen = 0  # rows that came while the end was not followed
        self.empty = ""
        self.spans: Callable[[str], Spans] = _nothing
        self.cursor = -1  # a row
        self._rows = Rows(())
        self._first = self._end = 0
        self._drawn: tuple[int, int, list[Line]] = (0, 0, [])
        self._places: tuple[Place | None, Place | None] = (None, None)
        self._tops = 0  # the row at the top when it was last drawn

    # --- what is shown ----------------------------------------------------------------------------------------------

    @property
    def selected(self) -> Line | None:
        """Return the line under the cursor."""
        found = self._rows.lines(self.cursor, 1)
        return found[0] if found else None

    @property
    def top(self) -> int:
        """Return the row at the top."""
        return self._first + round(self.scroll_y)

    def show(self, rows: Rows, *, at: int | None = None) -> None:
        """Show other rows, with the cursor at a row of theirs, at the end by default."""
        self._rows = rows
        self.following, self.unseen = at is None or at >= rows.end - 1, 0
        self.cursor = rows.end - 1 if at is None else min(at, rows.end - 1)
        offset = self.cursor - self.top
        self._resize()
        room = max(1, self.size.height)
        self._go(self.cursor - (offset if 0 <= offset < room else room // 2))
        self._changed()

    def refresh_rows(self, rows: Rows, *, changed: bool = False) -> None:
        """Show the same rows as before, of which some have come, gone or been counted; `changed`: or say another."""
        cursor, top = (rows.row(place) if place is not None else None for place in self._places)
        grown = rows.end - self._end
        shift = rows.first != self._first or (cursor is not None and cursor != self.cursor)
        if not grown and not shift and len(rows) == self._end - self._first:
            self._rows = rows
            if changed:
                self._changed()
            return
        at_end_before = self._end - self._tops <= max(1, self.size.height)
        self._rows = rows
        if self.following:
            self.cursor = rows.end - 1
        else:
            self.unseen += max(0, grown)
            self.cursor = max(rows.first, min(self.cursor if cursor is None else cursor, rows.end - 1))
        self._resize()
        if self.following:
            self._go(rows.end - max(1, self.size.height))
        elif top is not None or shift:
            self._go(self._tops if top is None else top)
        if self.following or at_end_before or shift:
            self._changed()
        else:
            self._remember()
            self.post_message(self.Moved())

    def redraw(self) -> None:
        """Draw everything again: what is marked has changed."""
        self._drawn = (0, 0, [])
        self.refresh()

    def _resize(self) -> None:
        self._first, self._end = self._rows.first, self._rows.end
        self.virtual_size = Size(self.size.width, len(self._rows))

    def _changed(self) -> None:
        self._drawn = (0, 0, [])
        self._remember()
        self.refresh()
        self.post_message(self.Moved())

    def _remember(self) -> None:
        self._tops = self.top
        self._places = self._rows.place(self.cursor), self._rows.place(self.top)

    def _go(self, top: int) -> None:
        y = max(0, min(top, self._rows.end - max(1, self.size.height)) - self._first)
        self.scroll_to(y=y, animate=False, immediate=True, force=True)

    # --- moving -----------------------------------------------------------------------------------------------------

    def move_to(self, row: int) -> None:
        """Put the cursor on a row; at the last one, the end is followed again."""
        self.cursor = max(self._rows.first, min(row, self._rows.end - 1))
        self.following = self.cursor >= self._rows.end - 1
        if self.following:
            self.unseen = 0
        room = max(1, self.size.height)
        if self.cursor < self.top:
            self._go(self.cursor)
        elif self.cursor >= self.top + room:
            self._go(self.cursor - room + 1)
        self._changed()

    def action_move(self, by: int) -> None:
        self.move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        step = by * max(1, self.size.height - 1)
        self._go(self.top + step)
        self.move_to(self.cursor + step)

    def action_top(self) -> None:
        self.move_to(self._rows.first)

    def action_bottom(self) -> None:
        self.move_to(self._rows.end - 1)

    def action_choose(self) -> None:
        if self.selected is not None:
            self.post_message(self.Chosen())

    def on_click(self, event: events.Click) -> None:
        row = self.top + event.y
        if row == self.cursor:
            self.action_choose()
        elif row < self._rows.end:
            self.move_to(row)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if round(old_value) == round(new_value) or self.top == self._tops:
            return
        # Scrolled by wheel or bar: the cursor stays on the screen, and going up stops following.
        room = max(1, self.size.height)
        if new_value < old_value and self.top + room < self._rows.end:
            self.following = False
        self.cursor = max(self.top, min(self.cursor, self.top + room - 1, self._rows.end - 1))
        if self.cursor >= self._rows.end - 1:
            self.following, self.unseen = True, 0
        self._remember()
        self.post_message(self.Moved())

    def on_resize(self) -> None:
        self._resize()
        if self.following:
            self._go(self._rows.end - max(1, self.size.height))
        else:
            self.move_to(self.cursor)
        self._changed()

    # --- drawing ----------------------------------------------------------------------------------------------------

    def _visible(self) -> list[Line]:
        top, room = self.top, self.size.height
        if self._drawn[:2] != (top, room):
            self._drawn = top, room, self._rows.lines(top, room)
        return self._drawn[2]

    def render_line(self, y: int) -> Strip:
        width, base = self.scrollable_content_region.width, self.rich_style
        lines = self._visible()
        if y >= len(lines):
            text = self.empty if y == 0 and not len(self._rows) else ""
            style = self.get_component_rich_style("log--dim") if text else base
            return Strip([Segment(fit(f" {text}", width), style)], width)
        under, marker = base, " "
        if self.top + y == self.cursor:
            under, marker = self.get_component_rich_style("log--cursor"), "▸"
        segments = [Segment(marker, under)]
        cells = _cells(_row(lines[y]), width - 1)
        if len(cells) == 1 and not self.spans(cells[0][0].rstrip()):
            cells = levelled(cells[0][0])
        for text, tone in cells:
            style = under
            if tone:
                tint = self.get_component_rich_style(f"log--{tone}", partial=True)
                style = under + Style(color=tint.color, bold=tint.bold)
            segments += self._marked(text, style)
        return Strip(segments).adjust_cell_length(width, under)

    def _marked(self, text: str, style: Style) -> list[Segment]:
        found = self.get_component_rich_style("log--found", partial=True)
        marked = style + Style(color=found.color, bold=True, underline=True)
        parts: list[Segment] = []
        at = 0
        for start, end in self.spans(text.rstrip()):
            parts += [Segment(text[at:start], style), Segment(text[start:end], marked)]
            at = end
        # The ellipsis by itself: of a text that is all ASCII, rich keeps no piece when it is cropped.
        body = text[at:].removesuffix(ELLIPSIS)
        parts += Segment(body, style), Segment(text[at + len(body) :], style)
        return [part for part in parts if part.text]


def _nothing(_: str) -> Spans:
    return ()


def _row(line: Line) -> Readable:
    row = readable(line.text)
    text = row.text[:DRAWN]
    if line.nul:
        text = f"⟨{line.nul:,} NUL⟩ {text}"
    if line.cut:
        text = f"⟨{line.size:,} bytes⟩ {text}"
    return Readable(row.at, row.kind, row.tone, row.reference, text)


def _cells(row: Readable, width: int) -> list[tuple[str, str]]:
    """Return the parts of a row with their tones, together at most a little wider than the line."""
    if not row.at and not row.kind:
        return [(fit(plain(row.text), width), "")]
    when = _moment(row.at, width)
    cells = [(when, "time"), (GAP, "")]
    if row.kind:
        cells += [(fit(plain(row.kind), KIND_WIDTH), row.tone), (GAP, "")]
    if row.kind and width >= WIDE:
        cells += [(fit(plain(row.reference), REFERENCE_WIDTH), "dim"), (GAP, "")]
    room = width - sum(len(text) for text, _ in cells)
    return [*cells, (fit(plain(row.text), room), "")]


def levelled(text: str) -> list[tuple[str, str]]:
    """Return a line that is no record in parts: the level that it names at its beginning with a tone."""
    found = _LEVEL.search(text, 0, LEVEL_WITHIN)
    if found is None:
        return [(text, "")]
    tone = _LEVELS[found[0].upper()[:3]]
    return [(text[: found.start()], ""), (found[0], tone), (text[found.end() :], "")]


# A word of prose is no level: it stands in capitals, in brackets, or behind `level=`.
_NAMES = "FATAL|CRITICAL|CRIT|SEVERE|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE"
_LEVEL = re.compile(rf"(?<![\w.-])(?:{_NAMES})(?![\w-])|(?<=\[)(?i:{_NAMES})(?=\])|(?<=level=)(?i:{_NAMES})(?!\w)")
_LEVELS = {
    **dict.fromkeys(("FAT", "CRI", "SEV", "ERR"), "bad"),
    "WAR": "warn",
    **dict.fromkeys(("NOT", "INF"), "accent"),
    **dict.fromkeys(("DEB", "TRA"), "dim"),
}


def _moment(text: str, width: int) -> str:
    """Return a time in UTC, with its day where there is room; what is no time is cut to that size."""
    wide = width >= WIDE
    try:
        moment: datetime = from_text(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return fit(plain(text), 14 if wide else 8)
    return f"{moment:%m-%d %H:%M:%S}" if wide else f"{moment:%H:%M:%S}"
