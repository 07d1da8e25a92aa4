"""What a line of a log is: where it stands, and what can be shown of it, whatever bytes it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

MAX_LINE: Final = 1 << 20  # bytes of one line that are kept; the rest is counted
BLANKS: Final = b" \t\r"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its place in the file in bytes, its length without the line end, and its text.

    `nul` NUL bytes in front (a hole of a crash, or of a writer that kept its place in a truncated file) are taken out
    of the text. `cut`: the line is longer than what is kept of it.
    """

    start: int
    size: int
    text: str
    nul: int = 0
    cut: bool = False


def read_line(start: int, kept: bytes, size: int, nul: int = 0) -> Line:
    """Return the line that begins at `start`; `kept` is its beginning behind `nul` NUL bytes, `size` its whole length.

    A cut falls between two characters. What is no UTF-8 becomes U+FFFD; a run of NUL bytes inside says how long it is.
    """
    if kept.startswith(b"\0"):
        without = kept.lstrip(b"\0")
        nul += len(kept) - len(without)
        kept = without
    cut = nul + len(kept) < size
    if cut:
        kept = _whole_characters(kept)
    else:
        bare = kept.rstrip(b"\r")
        size -= len(kept) - len(bare)
        kept = bare
    text = kept.decode("utf-8", "replace")
    if "\0" in text:
        text = _NULS.sub(lambda run: f"⟨{len(run[0]):,} NUL⟩", text)
    return Line(start, size, text, nul, cut)


_NULS: Final = re.compile(r"\0{4,}")


def _whole_characters(data: bytes) -> bytes:
    """Return the bytes without a character at their end that is not all there."""
    for back in range(1, min(4, len(data)) + 1):
        lead = data[-back]
        if lead & 0xC0 != 0x80:
            length = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1
            return data[:-back] if length > back else data
    return data


class Splitter:
    """Bytes of one file, in the pieces that they come in, as whole lines; at most `max_line` bytes are held.

    `offset` is where the line begins that is not whole yet: who goes on from there misses nothing. `blank` counts the
    lines without anything in them.
    """

    def __init__(self, offset: int = 0, max_line: int = MAX_LINE) -> None:
        self.offset = offset
        self.blank = 0
        self._max_line = max_line
        self._kept = bytearray()
        self._nul = 0
        self._size = 0  # bytes of the unfinished line that have been seen
        self._empty = True

    @property
    def end(self) -> int:
        """Return where the next piece belongs."""
        return self.offset + self._size

    def feed(self, data: bytes) -> list[Line]:
        """Take the next bytes of the file; return the lines that they finish."""
        lines = []
        *finished, rest = data.split(b"\n")
        for piece in finished:
            self._take(piece)
            if line := self._finish():
                lines.append(line)
        self._take(rest)
        return lines

    def unfinished(self) -> Line | None:
        """Return what is there of the line that has no end yet."""
        return read_line(self.offset, bytes(self._kept), self._size, self._nul) if self._size else None

    def _take(self, piece: bytes) -> None:
        self._size += len(piece)
        if not self._kept and piece.startswith(b"\0"):
            without = piece.lstrip(b"\0")
            self._nul += len(piece) - len(without)
            piece = without
        self._empty = self._empty and not piece.strip(BLANKS)
        if len(self._kept) < self._max_line:
            self._kept += piece[: self._max_line - len(self._kept)]

    def _finish(self) -> Line | None:
        line = None
        if self._empty and not self._nul:
            self.blank += 1
        else:
            line = self.unfinished()
        self.offset += self._size + 1
        self._kept.clear()
        self._nul = self._size = 0
        self._empty = True
        return line
