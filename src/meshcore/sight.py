"""Whether anything is new in some files, so that what did not change need not be read.

The kernel notes when a file was last changed, to a few milliseconds: two changes within that time may look like one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

STEP_NS = 100_000_000  # more than the kernel's clock of files takes from one step to the next

Stamp = tuple[int, int, int]
"""Inode, size, and when file or attributes were last changed (ns), which no program can set."""


class Sight:
    """Files, there or not, as they were when last looked at."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = tuple(map(str, paths))
        self._seen: object = None

    def is_new(self, *others: object) -> bool:
        """Look; tell whether a file, or one of the other values, is another than at the last look, as at the first."""
        stamps = [stamp(path) for path in self._paths]
        found = (*stamps, *others)
        is_new, self._seen = found != self._seen, found
        if is_new and any(one is not None and abs(time.time_ns() - one[2]) < STEP_NS for one in stamps):
            self._seen = None  # what is written now might not show: the next look counts as one at something new
        return is_new

    def forget(self) -> None:
        """Let the next look find something new."""
        self._seen = None


def stamp(path: str) -> Stamp | None:
    """Return a value that is another one once a file was changed or replaced; None where none can be seen."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns
