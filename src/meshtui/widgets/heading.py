"""The columns of a list: how wide each is in a line, and the line of their titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

from meshtui.widgets.cells import fit

GAP = 2  # cells between columns
MARGIN = 1  # before the first


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its least `width`, and its share of spare width (`flex`, 0: none).

    Where a terminal is narrow, columns with the highest `priority` number are left out first; 0 always stays.
    """

    title: str
    width: int
    flex: int = 0
    priority: int = 0
    right: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """The line of titles, and where in it the title lies by which the list is sorted."""

    text: str
    start: int = 0
    end: int = 0


def widths(columns: Sequence[Column], width: int) -> list[int]:
    """Return each column's width in a line of `width` cells, 0 for those that are left out."""
    shown = list(range(len(columns)))

    def needed() -> int:
        return sum(columns[i].width for i in shown) + GAP * max(0, len(shown) - 1)

    while needed() > width and any(columns[i].priority for i in shown):
        shown.remove(max(shown, key=lambda i: (columns[i].priority, i)))
    found = [columns[i].width if i in shown else 0 for i in range(len(columns))]
    spare, shares = width - needed(), sum(columns[i].flex for i in shown)
    flexible = [i for i in shown if columns[i].flex]
    if not flexible:
        return found
    given = 0
    for i in flexible:
        part = spare * columns[i].flex // shares
        found[i] = max(1, found[i] + part)
        given += part
    found[flexible[-1]] = max(1, found[flexible[-1]] + spare - given)
    return found


def column_at(columns: Sequence[Column], spans: Sequence[int], x: int) -> Column | None:
    """Return the column under a cell of a line, the gap after it included."""
    end = MARGIN
    for column, span in zip(columns, spans, strict=True):
        end += span + GAP if span else 0
        if span and x < end:
            return column
    return None


def heading(
    columns: Sequence[Column], spans: Sequence[int], *, by: str = "", descending: bool = False, note: str = ""
) -> Heading:
    """Return the line of titles, with an arrow at the one `by` which the list is sorted.

    `note` stands beside the title of the widest column, as far as it fits. An arrow that a column has no room for
    stands in the gap beside it.
    """
    line, begin, end = " " * MARGIN, 0, 0
    widest = max(range(len(spans)), key=lambda i: spans[i], default=-1)
    for i, (column, span) in enumerate(zip(columns, spans, strict=True)):
        if not span:
            continue
        title = fit(column.title, min(span, cell_len(column.title)))
        if column.title == by:
            arrow = "↓" if descending else "↑"
            space = " " if cell_len(title) + 2 <= span else ""
            title = f"{arrow}{space}{title}" if column.right else f"{title}{space}{arrow}"
        start = max(len(line) + span - len(title), 0) if column.right else len(line)
        after = len(line) + span + GAP
        line = line[:start].ljust(start) + title
        if column.title == by:
            begin, end = start, len(line)
        if i == widest and note and (room := after - GAP - len(line) - GAP) > 0:
            line += " " * GAP + fit(note, min(room, cell_len(note)))
        line = line.ljust(after)
    return Heading(line, begin, end)
