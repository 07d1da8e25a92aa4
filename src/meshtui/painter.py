"""What a terminal is to show against what it was sent: only cells that changed are sent, and only the newest frame.

Whatever Textual writes is read as an old terminal would read it: moves, styles and texts become cells of a grid, and
everything else passes by as it is. So a slow line costs frames, never memory or the answer to a key, and nothing here
depends on how Textual paints.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from rich.cells import cell_len

Cell = tuple[str, str]
"""What stands in a cell ("" behind a wide character), and the numbers of its style."""

BLANK: Final[Cell] = (" ", "")
NEAR_CELLS = 5  # cells that are sent again where moving over them costs as much
_TOKEN = re.compile(
    r"\x1b\[(?P<move>[0-9;]*)H|\x1b\[(?P<style>[0-9;]*)m"
    r"|(?P<other>\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]P^_].*?(?:\x07|(?<!\x1b)\x1b\\)|\x1b[^\[\]P^_]"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f])"
    r"|(?P<text>[^\x00-\x1f]+)",
    re.DOTALL,
)
_SYNCHRONISED = ("\x1b[?2026h", "\x1b[?2026l")
_ENTER, _LEAVE = "\x1b[?1049h", "\x1b[?1049l"


class Painter:
    """A terminal's screen of `width` × `height`, as it is wanted and as it was sent. Not safe between threads."""

    def __init__(self, width: int, height: int) -> None:
        self._wanted: list[list[Cell]] = []
        self._sent: list[list[Cell] | None] = []
        self._changed: set[int] = set()
        self._other: list[str] = []
        self._cursor = (0, 0)
        self._is_parked = False  # the cursor was moved, and nothing written there
        self._style = ""
        self._synchronises = False
        self.resize(width, height)

    @property
    def has_news(self) -> bool:
        """Tell whether there may be something to send."""
        return bool(self._other or self._changed)

    @property
    def lines(self) -> list[str]:
        """Return what is wanted, as text."""
        return ["".join(char for char, _ in row) for row in self._wanted]

    def resize(self, width: int, height: int) -> None:
        """Take another size; what the terminal shows then is not known."""
        self.width, self.height = max(1, width), max(1, height)
        rows = self._wanted[: self.height]
        self._wanted = [[*row[: self.width], *[BLANK] * (self.width - len(row))] for row in rows]
        self._wanted += [[BLANK] * self.width for _ in range(self.height - len(rows))]
        self.forget()

    def forget(self) -> None:
        """Take nothing as sent: all is sent with the next frame."""
        self._sent = [None] * self.height
        self._changed = set(range(self.height))

    def take(self, text: str) -> None:
        """Read what is written to the terminal."""
        for found in _TOKEN.finditer(text):
            kind = found.lastgroup
            if kind == "text":
                self._write(found[0])
            elif kind == "style":
                codes = found["style"]
                self._style = "" if codes in ("", "0") else f"{self._style};{codes}" if self._style else codes
            elif kind == "move":
                line, _, column = found["move"].partition(";")
                self._cursor, self._is_parked = (int(column or 1) - 1, int(line or 1) - 1), True
            elif found[0] in _SYNCHRONISED:
                self._synchronises = True
            else:
                if found[0] == _ENTER:
                    self.forget()
                self._other.append(found[0])

    def _write(self, text: str) -> None:
        x, y = self._cursor
        cells: list[Cell] = []
        style = self._style
        for char in text:
            width = 1 if char < "\x7f" else cell_len(char)
            if width:
                cells.append((char, style))
                cells += [("", style)] * (width - 1)
            elif cells:
                cells[-1] = (cells[-1][0] + char, style)
        self._cursor = x + len(cells), y
        self._is_parked = False
        if cells and 0 <= y < self.height and 0 <= x < self.width:
            row, end = self._wanted[y], min(x + len(cells), self.width)
            if x and not row[x][0]:  # of a wide character one half is none
                row[x - 1] = BLANK
            if end < self.width and not row[end][0]:
                row[end] = BLANK
            if x + len(cells) > self.width and not cells[end - x][0]:
                cells[end - x - 1] = BLANK
            row[x:end] = cells[: end - x]
            self._changed.add(y)

    def frame(self) -> str:
        """Return what brings the terminal from what it was sent to what is wanted, and take it as sent."""
        parts, self._other = self._other, []
        if _LEAVE in parts:  # what is on a screen that is left does not matter any more
            self._changed.clear()
            return "".join(parts)
        cells: list[str] = []
        style = ""
        for y in sorted(self._changed):
            row, before = self._wanted[y], self._sent[y]
            for start, end in _runs(row, before):
                cells.append(f"\x1b[{y + 1};{start + 1}H")
                for char, codes in row[start:end]:
                    if codes != style:
                        cells.append(_change(style, codes))
                        style = codes
                    cells.append(char)
            self._sent[y] = list(row)
        self._changed.clear()
        if cells:
            if style:
                cells.append("\x1b[0m")
            x, y = self._cursor
            if self._is_parked and (x or y):  # where an input method shows what it composes
                cells.append(f"\x1b[{y + 1};{x + 1}H")
            begin, end_of = _SYNCHRONISED if self._synchronises else ("", "")
            parts += [begin, *cells, end_of]
        return "".join(parts)


def _runs(row: list[Cell], before: list[Cell] | None) -> list[tuple[int, int]]:
    """Return the beginnings and ends of what changed in a line, near ones joined, wide characters whole."""
    if before is None:
        return [(0, len(row))]
    if row == before:
        return []
    found: list[tuple[int, int]] = []
    for x, (new, old) in enumerate(zip(row, before, strict=True)):
        if new is old or new == old:
            continue
        start = x - 1 if x and not new[0] else x
        if found and start - found[-1][1] <= NEAR_CELLS:
            found[-1] = found[-1][0], x + 1
        else:
            found.append((start, x + 1))
    return [(start, end + 1 if end < len(row) and not row[end][0] else end) for start, end in found]


@lru_cache(4096)
def _change(before: str, after: str) -> str:
    """Return the sequence from one style to another, the shorter of what differs and all of it."""
    whole = f"\x1b[0;{after}m" if after else "\x1b[0m"
    (attributes, front, back), old = _parsed(after), _parsed(before)
    if attributes != old[0]:
        return whole
    part = [*([front or "39"] if front != old[1] else []), *([back or "49"] if back != old[2] else [])]
    return min(whole, f"\x1b[{';'.join(part)}m", key=len)


@lru_cache(4096)
def _parsed(codes: str) -> tuple[frozenset[str], str, str]:
    """Return the attributes of a style, its foreground and its background, each as its numbers."""
    front = back = ""
    attributes: set[str] = set()
    numbers = codes.split(";") if codes else []
    at = 0
    while at < len(numbers):
        one = numbers[at]
        length = {"2": 5, "5": 3}.get(numbers[at + 1], 1) if one in ("38", "48") and at + 1 < len(numbers) else 1
        value, at = ";".join(numbers[at : at + length]), at + length
        if one == "0":
            front, back, attributes = "", "", set()
        elif one == "38" or (one.isdecimal() and (30 <= int(one) <= 39 or 90 <= int(one) <= 97)):
            front = "" if one == "39" else value
        elif one == "48" or (one.isdecimal() and (40 <= int(one) <= 49 or 100 <= int(one) <= 107)):
            back = "" if one == "49" else value
        else:
            attributes.add(value)
    return frozenset(attributes), front, back
