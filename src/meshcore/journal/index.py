"""Any line of a file of any size, by number: opened at the end, counted backwards, never mapped into memory.

The file is cut into blocks, and for each block it is known how many lines end in it: 8 bytes for 128 KiB of log. Lines
are numbered from where the file ended when it was opened: 0 is the first that ended after that block began, -1 the one
before it, so that numbers stay what they are while the file grows and while its beginning is still being counted.
"""

from __future__ import annotations

import os
import re
import threading
from array import array
from bisect import bisect_left, bisect_right
from typing import Final

from meshcore.journal.line import BLANKS, MAX_LINE, Line, read_line

BLOCK: Final = 128 * 1024  # bytes
_CACHED: Final = 4  # blocks
_BLANK_LINE: Final = re.compile(rb"\n[ \t\r]*(?=\n)")


class LineIndex:
    """The lines of one open file; blank ones are counted, not numbered.

    The descriptor stays the caller's. Reading and `index_back` may run in threads of their own; `grow` is the owner's.
    """

    def __init__(self, descriptor: int, max_line: int = MAX_LINE) -> None:
        self._descriptor = descriptor
        self._max_line = max_line
        self.size = os.fstat(descriptor).st_size
        self._anchor = self.size // BLOCK  # the block in which the file ends now
        self._back = array("Q")  # lines in the i + 1 blocks before the anchor, together
        self._ahead = array("Q")  # lines in the anchor and the i blocks behind it, together
        self._blank_back = 0
        self._blank_ahead = array("Q")
        self._cache: dict[int, tuple[int, bytes, list[tuple[int, int]]]] = {}
        self._lock = threading.Lock()
        self._count_ahead()

    @property
    def first(self) -> int:
        """Return the number of the first line that is known; never above 0."""
        return -self._back[-1] if self._back else 0

    @property
    def end(self) -> int:
        """Return one more than the number of the last whole line."""
        return self._ahead[-1] if self._ahead else 0

    @property
    def complete(self) -> bool:
        """Say whether all lines from the beginning of the file on are known."""
        return len(self._back) == self._anchor

    @property
    def progress(self) -> float:
        """Return how much of the file has been counted, 0 to 1."""
        return 1.0 if self.complete else 1 - (self._anchor - len(self._back)) * BLOCK / self.size

    @property
    def blank(self) -> int:
        """Return how many blank lines were passed over so far."""
        return self._blank_back + (self._blank_ahead[-1] if self._blank_ahead else 0)

    def index_back(self, blocks: int = 1) -> bool:
        """Count so many blocks more towards the beginning; return whether any are left."""
        for _ in range(blocks):
            with self._lock:
                if self.complete:
                    return False
                lines, blank = self._count(self._anchor - 1 - len(self._back))
                self._blank_back += blank
                self._back.append((self._back[-1] if self._back else 0) + lines)
        return not self.complete

    def index_for(self, lines: int) -> None:
        """Count backwards until so many lines are known, or the beginning is reached."""
        while self.end - self.first < lines and self.index_back():
            pass

    def grow(self, size: int) -> None:
        """Take note that the file has so many bytes now, at least as many as before."""
        if size > self.size:
            self.size = size
            self._count_ahead()

    def lines(self, first: int, count: int) -> list[Line]:
        """Return up to `count` lines from number `first` on; those that are not known are left out."""
        found: list[Line] = []
        number, end = max(first, self.first), min(first + count, self.end)
        while number < end:
            block, place = self._place(number)
            ends = self._block(block)[2]
            if place >= len(ends):  # the file is no longer what it was: whoever follows it notices
                break
            for at in range(place, min(len(ends), place + end - number)):
                found.append(self._line(block, at))
                number += 1
        return found

    def block(self, at: int) -> tuple[int, int, bytes]:
        """Return a block: number of its first line, how many lines end in it, and its bytes; 0 is where 0 stands.

        Counts backwards as far as needed. Raises IndexError where there is none.
        """
        while at < -len(self._back) and self.index_back():
            pass
        if at < 0:
            before = self._back[-at - 2] if at < -1 else 0
            lines = self._back[-at - 1]
            return -lines, lines - before, self._bytes(self._anchor + at)
        before = self._ahead[at - 1] if at else 0
        return before, self._ahead[at] - before, self._bytes(self._anchor + at)

    @property
    def first_block(self) -> int:
        """Return the number of the block in which the file begins."""
        return -self._anchor

    @property
    def last_block(self) -> int:
        """Return the number of the block in which the file ends."""
        return len(self._ahead) - 1

    def unfinished(self) -> Line | None:
        """Return what is there of the last line, where it has no end yet."""
        start = self._start_before(self.size)
        return self._read(start, self.size) if start < self.size else None

    def _count_ahead(self) -> None:
        if self._ahead:
            self._ahead.pop()
            self._blank_ahead.pop()
        last = self.size // BLOCK
        for block in range(self._anchor + len(self._ahead), last + 1):
            lines, blank = self._count(block)
            self._ahead.append((self._ahead[-1] if self._ahead else 0) + lines)
            self._blank_ahead.append((self._blank_ahead[-1] if self._blank_ahead else 0) + blank)

    def _count(self, block: int) -> tuple[int, int]:
        """Return how many lines end in a block, and how many blank ones do."""
        data = self._bytes(block)
        lines = data.count(b"\n")
        if not lines:
            return 0, 0
        blank = len(_BLANK_LINE.findall(data))
        if self._first_is_blank(block, data, data.index(b"\n")):
            blank += 1
        return lines - blank, blank

    def _first_is_blank(self, block: int, data: bytes, end: int) -> bool:
        """Say whether the first line that ends in a block, at `end` in it, is blank from its beginning on."""
        if data[:end].strip(BLANKS):
            return False
        at = block * BLOCK
        while at:
            begin = max(0, at - 4096)
            piece = os.pread(self._descriptor, at - begin, begin)
            line = piece[piece.rfind(b"\n") + 1 :]
            if line.strip(BLANKS):
                return False
            if len(line) < len(piece):
                return True
            at = begin
        return True

    def _bytes(self, block: int) -> bytes:
        begin = block * BLOCK
        return os.pread(self._descriptor, max(0, min(BLOCK, self.size - begin)), begin)

    def _place(self, number: int) -> tuple[int, int]:
        """Return in which block a line ends, and the how manieth it is there."""
        if number >= 0:
            at = bisect_right(self._ahead, number)
            return self._anchor + at, number - (self._ahead[at - 1] if at else 0)
        at = bisect_left(self._back, -number)
        return self._anchor - 1 - at, self._back[at] + number

    def _block(self, block: int) -> tuple[int, bytes, list[tuple[int, int]]]:
        """Return a block: the file's size when it was read, its bytes, and (start, end) of its lines in it.

        The start is -1 for a line that begins in a block before.
        """
        with self._lock:
            cached = self._cache.pop(block, None)
            if cached is None or (cached[0] != self.size and len(cached[1]) < BLOCK):
                data = self._bytes(block)
                cached = self.size, data, self._ends(block, data)
            self._cache[block] = cached
            if len(self._cache) > _CACHED:
                del self._cache[next(iter(self._cache))]
            return cached

    def _ends(self, block: int, data: bytes) -> list[tuple[int, int]]:
        ends: list[tuple[int, int]] = []
        start, end = -1, data.find(b"\n")
        while end >= 0:
            blank = self._first_is_blank(block, data, end) if start < 0 else not data[start:end].strip(BLANKS)
            if not blank:
                ends.append((start, end))
            start = end + 1
            end = data.find(b"\n", start)
        return ends

    def _line(self, block: int, at: int) -> Line:
        _, data, ends = self._block(block)
        start, end = ends[at]
        begin = block * BLOCK
        if start < 0 or data[start] == 0:
            return self._read(begin + start if start >= 0 else self._start_before(begin), begin + end)
        return read_line(begin + start, data[start : min(end, start + self._max_line)], end - start)

    def _start_before(self, at: int) -> int:
        """Return where the line begins that the byte before `at` belongs to."""
        while at:
            begin = max(0, at - BLOCK)
            found = os.pread(self._descriptor, at - begin, begin).rfind(b"\n")
            if found >= 0:
                return begin + found + 1
            at = begin
        return 0

    def _read(self, start: int, end: int) -> Line:
        """Return the line between two places of the file; NUL bytes in front are passed over, however many."""
        at = start
        while at < end:
            kept = os.pread(self._descriptor, min(end - at, self._max_line), at)
            bare = kept.lstrip(b"\0")
            if bare or not kept:
                break
            at += len(kept)
        else:
            kept = b""
        return read_line(start, kept, end - start, at - start)
