"""What the tests of following share: a reader that notes what it is given, and files that are written to."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from meshcore.journal.tail import Notice, Tail
from meshcore.testing import FakeClock


def append(path: Path, *lines: str) -> None:
    """Append whole lines."""
    with path.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)


def numbered(first: int, count: int, what: str = "line") -> list[str]:
    """Return lines that differ."""
    return [f'{{"n": {number}, "what": "{what}"}}' for number in range(first, first + count)]


class Reader:
    """Follows files and keeps what came."""

    def __init__(self, *paths: Path, clock: FakeClock | None = None, **options: Any) -> None:
        self.clock = clock or FakeClock()
        self.tail = Tail(paths, clock=self.clock, **options)
        self.texts: list[str] = []
        self.by_path: dict[Path, list[str]] = {}
        self.notices: list[Notice] = []

    def read(self, limit: int = 1 << 20) -> list[str]:
        """Take all that is there; return the texts that were new."""
        before = len(self.texts)
        while True:
            batch = self.tail.poll(limit)
            for one in batch.lines:
                self.texts.append(one.line.text)
                self.by_path.setdefault(one.path, []).append(one.line.text)
            self.notices += batch.notices
            if not batch.more:
                return self.texts[before:]

    def kinds(self) -> Counter[str]:
        """Count the notices by kind."""
        return Counter(notice.kind for notice in self.notices)

    def stop(self) -> None:
        """Save how far everything was read, and let go."""
        self.tail.save()
        self.tail.close()


def open_descriptors() -> int:
    """Return how many files this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
