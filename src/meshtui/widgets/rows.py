"""A list of any length: columns that give way by priority, a cursor kept by id, live updates that do not jump.

Only the rows on the screen are ever made (line API), so 100,000 cost no more than 20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshtui.host import host_of
from meshtui.widgets.cells import fit, plain
from meshtui.widgets.changes import changed_regions
from meshtui.widgets.heading import GAP, Column, column_at, heading, widths

UNREAD = "–  the home cannot be read: what there is, is not known"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell's text, as it came from outside, and its tone: a component class of `Rows` without its prefix."""

    text: str
    tone: str = ""


Row = Sequence[Cell | str]


class _OfRow(Message):
    """Something about a row of a list."""

    def __init__(self, rows: Rows, row_id: str) -> None:
        super().__init__()
        self.rows, self.row_id = rows, row_id

    @property
    def control(self) -> Rows:
        return self.rows


class Rows(ScrollView, can_focus=True):
    """A list under headings. `enter` or a click posts `Chosen`; moving the cursor posts `Moved`."""

    DEFAULT_CSS = """
    Rows {
        width: 100%; background: $background; color: $foreground; overflow-x: hidden;
        & > .rows--head { color: $dim; }
        & > .rows--sorted { color: $foreground; }
        & > .rows--cursor { background: $panel; color: $foreground; text-style: bold; }
        & > .rows--cursor-blurred { background: $surface; color: $foreground; }
        & > .rows--found { color: $accent; text-style: underline; }
        & > .rows--good { color: $success; }
        & > .rows--bad { color: $error; }
        & > .rows--warn { color: $warning; }
        & > .rows--dim { color: $dim; }
        & > .rows--accent { color: $accent; }
        & > .rows--learned { color: $learned; }
        & > .rows--strong { text-style: bold; }
    }
    """
    TONES: ClassVar[tuple[str, ...]] = ("good", "bad", "warn", "dim", "accent", "learned", "strong")
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "rows--head",
        "rows--sorted",
        "rows--cursor",
        "rows--cursor-blurred",
        "rows--found",
        *(f"rows--{tone}" for tone in TONES),
    }
    BINDINGS = [  # noqa: RUF012  as Textual has it
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home,g", "edge(0)", show=False),
        Binding("end,G", "edge(-1)", show=False),
        Binding("enter", "choose", show=False),
    ]
    index: reactive[int] = reactive(0, repaint=False)

    class Chosen(_OfRow):
        """A row was chosen."""

    class Moved(_OfRow):
        """The cursor stands on another row."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Rows.Moved) and message.rows is self.rows

    class HeadingChosen(Message):
        """A column's heading was clicked."""

        def __init__(self, rows: Rows, title: str) -> None:
            super().__init__()
            self.rows, self.title = rows, title

        @property
        def control(self) -> Rows:
            return self.rows

    def __init__(
        self,
        columns: Sequence[Column],
        row_of: Callable[[str], Row],
        *,
        empty: str = "",
        id: str | None = None,
        follows_first: bool = True,
    ) -> None:
        """`row_of` makes a row from its id; it is called for rows that are drawn or looked through only.

        `follows_first`: a cursor on the first row stays on the first, whichever that is; else on its row everywhere.
        """
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.row_of = row_of
        self.empty = empty
        self.finding = ""
        self.sorted_by = ("", False)  # a column's title, and whether the greatest comes first
        self.marked: list[str] = []  # what is done next is done to these, where there are any
        self.note = ""  # said beside the widest column's heading
        self._least = 1 if follows_first else 0
        self._ids: Sequence[str] = ()
        self._shown: Sequence[str] = ()
        self._place: dict[str, int] = {}
        self._texts: dict[str, str] = {}
        self._on_screen: dict[int, Strip] = {}  # what was drawn last, by line

    # --- what is listed -------------------------------------------------------------------------------------------

    @property
    def shown(self) -> Sequence[str]:
        """Return the ids that are listed now, those left out by `find` not among them."""
        return self._shown

    @property
    def selected(self) -> str:
        """Return the id under the cursor, "" where nothing is listed."""
        return self._shown[self.index] if 0 <= self.index < len(self._shown) else ""

    def set_ids(self, ids: Sequence[str], changed: Sequence[str] | None = None) -> None:
        """List these rows; the cursor stays on its row, or on the first (see `follows_first`).

        `changed` are ids whose row says something else than before (None: all).
        """
        if changed is None:
            self._texts.clear()
        else:
            for row_id in changed:
                self._texts.pop(row_id, None)
        before, self._ids = self._shown, ids
        self._filter()
        self._keep(before)

    def mark(self) -> None:
        """Mark the row under the cursor, or take the mark back, and go on to the next."""
        if row_id := self.selected:
            self.marked = [one for one in self.marked if one != row_id] + ([] if row_id in self.marked else [row_id])
            self.action_move(1)
            self._draw_changed()

    def unmark(self, ids: Sequence[str] | None = None) -> None:
        """Take the marks of these rows back (None: all)."""
        self.marked = [one for one in self.marked if ids is not None and one not in ids]
        self._draw_changed()

    def find(self, text: str) -> None:
        """List only rows that contain a text (any case)."""
        self.finding = text
        before = self._shown
        self._filter()
        self._keep(before)

    def select(self, row_id: str) -> None:
        """Put the cursor on a row, if it is listed."""
        if (place := self._place.get(row_id)) is not None:
            self.index = place

    def text_of(self, row_id: str) -> str:
        """Return a row as text, its cells separated by two spaces."""
        return self.as_text(self.row_of(row_id))

    @staticmethod
    def as_text(row: Row) -> str:
        """Return the cells of a row as text, separated by two spaces."""
        cells = [plain(cell if isinstance(cell, str) else cell.text).strip() for cell in row]
        return "  ".join(filter(None, cells))

    def _filter(self) -> None:
        wanted = self.finding.casefold()
        if not wanted:
            self._shown = self._ids
        else:
            self._shown = [row_id for row_id in self._ids if wanted in self._searchable(row_id)]
        self._place = {row_id: place for place, row_id in enumerate(self._shown)}

    def _searchable(self, row_id: str) -> str:
        found = self._texts.get(row_id)
        if found is None:
            found = self._texts[row_id] = self.text_of(row_id).casefold()
        return found

    def _keep(self, before: Sequence[str]) -> None:
        """Leave cursor and first visible row where they were, whatever came above them."""
        old_index, top = self.index, round(self.scroll_y)
        cursor = before[old_index] if self._least <= old_index < len(before) else ""
        anchor = before[top] if 0 < top < len(before) else ""
        self._set_length()
        if anchor in self._place and self._place[anchor] != top:
            self.scroll_to(y=self._place[anchor], animate=False, immediate=True)
        index = self._place.get(cursor, min(old_index, max(0, len(self._shown) - 1)) if cursor else 0)
        self.set_reactive(Rows.index, index)
        self._draw_changed()
        if self.selected != (before[old_index] if old_index < len(before) else ""):
            self.post_message(self.Moved(self, self.selected))

    def _set_length(self) -> None:
        """Tell how long the list is; all is laid out anew only where a scrollbar comes or goes."""
        size = Size(self.size.width, len(self._shown) + 1)
        height = self.size.height
        if height and (size.height > height) == (self.virtual_size.height > height):
            self.set_reactive(Rows.virtual_size, size)
            if self.show_vertical_scrollbar:
                self.vertical_scrollbar.window_virtual_size = size.height
        else:
            self.virtual_size = size

    # --- moving ---------------------------------------------------------------------------------------------------

    def validate_index(self, index: int) -> int:
        return max(0, min(index, len(self._shown) - 1))

    def watch_index(self, old: int, new: int) -> None:
        self._draw_line(old)
        self._draw_line(new)
        self._reveal(new)
        self.post_message(self.Moved(self, self.selected))

    def action_move(self, by: int) -> None:
        self.index += by

    def action_page(self, by: int) -> None:
        self.index += by * max(1, self.size.height - 2)

    def action_edge(self, end: int) -> None:
        self.index = len(self._shown) - 1 if end else 0

    def action_choose(self) -> None:
        if self.selected:
            self.post_message(self.Chosen(self, self.selected))

    def on_click(self, event: events.Click) -> None:
        place = round(self.scroll_y) + event.y - 1
        if event.y == 0 and (column := column_at(self.columns, self._spans(), event.x)) is not None:
            self.post_message(self.HeadingChosen(self, column.title))
        if event.y == 0 or place >= len(self._shown):
            return
        if place == self.index:
            self.action_choose()
        self.index = place

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._shown) + 1)
        self._reveal(self.index)

    def _reveal(self, index: int) -> None:
        room, top = max(1, self.size.height - 1), round(self.scroll_y)
        if index < top:
            self.scroll_to(y=index, animate=False, immediate=True)
        elif index >= top + room:
            self.scroll_to(y=index - room + 1, animate=False, immediate=True)

    def _draw_changed(self) -> None:
        """Draw those lines again that say something else than what is on the screen."""
        height = self.size.height
        if not self._on_screen:
            self.refresh()
            return
        for y in range(height):
            for region in changed_regions(self._on_screen.get(y), self._line(y), y):
                self.refresh(region)

    def _draw_line(self, index: int) -> None:
        line = index - round(self.scroll_y) + 1
        if 1 <= line < self.size.height:
            self.refresh(Region(0, line, self.size.width, 1))

    # --- drawing --------------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        self._on_screen[y] = line = self._line(y)
        return line

    def _spans(self) -> list[int]:
        return widths(
            self.columns, self.size.width - 2
        )  # a margin before the first, a scrollbar's place after the last

    def _noted(self) -> str:
        return " · ".join(filter(None, (f"{len(self.marked):,} marked" if self.marked else "", self.note)))

    def _heading(self, spans: Sequence[int]) -> Strip:
        by, descending = self.sorted_by
        found = heading(self.columns, spans, by=by, descending=descending, note=self._noted())
        head, chosen = (self.get_component_rich_style(f"rows--{name}") for name in ("head", "sorted"))
        parts = (
            (found.text[: found.start], head),
            (found.text[found.start : found.end], chosen),
            (found.text[found.end :], head),
        )
        return Strip([Segment(*part) for part in parts if part[0]]).simplify().adjust_cell_length(self.size.width, head)

    def _line(self, y: int) -> Strip:
        width = self.size.width
        base = self.rich_style
        spans = self._spans()
        if y == 0:
            return self._heading(spans)
        place = round(self.scroll_y) + y - 1
        if place >= len(self._shown):
            return self._nothing(y, width, base)
        row_id = self._shown[place]
        under, marker = base, " "
        if place == self.index:
            name = "rows--cursor" if self.has_focus else "rows--cursor-blurred"
            under, marker = self.get_component_rich_style(name), "▸"
        if row_id in self.marked:
            marker = "•"
        cells = []
        for column, span, cell in zip(self.columns, spans, self.row_of(row_id), strict=True):
            if not span:
                continue
            text, tone = (cell, "") if isinstance(cell, str) else (cell.text, cell.tone)
            style = under
            if tone:
                tint = self.get_component_rich_style(f"rows--{tone}", partial=True)
                style = under + Style(color=tint.color, bold=tint.bold, dim=tint.dim, italic=tint.italic)
            cells.append((fit(plain(text), span, right=column.right), style))
        return _strip(cells, width, under, marker)

    def _nothing(self, y: int, width: int, base: Style) -> Strip:
        text, snapshot = "", host_of(self).snapshot
        if y == 1 and not self._shown and snapshot is not None and snapshot.fault:
            text = UNREAD
        elif y == 1 and not self._shown:
            text = f"nothing here contains “{plain(self.finding)}”; esc shows all" if self.finding else self.empty
        style = self.get_component_rich_style("rows--dim") if text else base
        return Strip([Segment(fit(f" {text}", width), style)], width)


def _strip(cells: Sequence[tuple[str, Style]], width: int, base: Style, marker: str = " ") -> Strip:
    segments = [Segment(marker, base)]
    for text, style in cells:
        segments.append(Segment(text + " " * GAP, style))
    return Strip(segments).simplify().adjust_cell_length(width, base)
