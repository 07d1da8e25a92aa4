"""The lines of one file that a filter lets through, found from its end towards its beginning."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import Final

from meshcore.journal.filtering import Filter
from meshcore.journal.index import LineIndex
from meshcore.journal.line import Line

AT_ONCE: Final = 200  # lines


class Matches:
    """Rows that are lines of an index; 0 is the first match of what was added since, as in the index itself."""

    def __init__(self, index: LineIndex, wanted: Filter) -> None:
        self.index = index
        self._wanted = wanted
        self._back = array("q")  # numbers of lines, falling
        self._ahead = array("q")  # rising
        self._begun = self._next = index.end
        self._last = self._block = index.last_block  # the next one to look through

    @property
    def first(self) -> int:
        return -len(self._back)

    @property
    def end(self) -> int:
        return len(self._ahead)

    @property
    def progress(self) -> float:
        """Return how much of the file was looked through, 0 to 1."""
        return (self._last - self._block) / (self._last - self.index.first_block + 1)

    def step(self) -> bool:
        """Look through a little more, new lines first; return whether there is more. Raises FilterError."""
        if self._next < self.index.end:
            for line in self.index.lines(self._next, AT_ONCE):
                if self._wanted.matches(line.text):
                    self._ahead.append(self._next)
                self._next += 1
        elif self._block >= self.index.first_block:
            self._look_back()
        return self._next < self.index.end or self._block >= self.index.first_block

    def _look_back(self) -> None:
        first, count, data = self.index.block(self._block)
        count = min(count, self._begun - first)
        # The first line of a block may begin in the block before, with what is looked for.
        lines = self.index.lines(first, count if self._wanted.may_match(data) else min(count, 1))
        for at in range(len(lines) - 1, -1, -1):
            if self._wanted.matches(lines[at].text):
                self._back.append(first + at)
        self._block -= 1

    def lines(self, first: int, count: int) -> list[Line]:
        """Return up to `count` matching lines from row `first` on."""
        rows = range(max(first, self.first), min(first + count, self.end))
        return [line for row in rows for line in self.index.lines(self.number(row), 1)]

    def number(self, row: int) -> int:
        """Return which line of the index a row is."""
        return self._ahead[row] if row >= 0 else self._back[-row - 1]

    def row_at(self, number: int) -> int:
        """Return the row of a line of the index, or of the first match behind it; `end` where there is none."""
        if number >= self._begun:
            return bisect_left(self._ahead, number)
        return -bisect_right(self._back, -number, key=int.__neg__)
