"""The lines that come to one or more files, each once, whatever rotation does to them.

`Tail.poll` reads what is there and never waits; `follow` waits for news of the folders and asks again once in a while,
since news can be lost. Nothing is read ahead of whoever takes the lines: what is not taken yet stays in the files.
"""

from __future__ import annotations

import fnmatch
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from meshcore.clock import Clock, SystemClock
from meshcore.journal.generations import Change, Generation, Generations, Identity, Mark, is_followed
from meshcore.journal.line import MAX_LINE, Line, Splitter
from meshcore.journal.offsets import Saved, read_offsets, write_offsets

BATCH: Final = 1 << 20  # bytes that one poll reads at most
BACKSTOP_SECONDS: Final = 1.0  # how often files are looked at without news
_PIECE: Final = 1 << 18

NoticeKind = Literal["opened", "truncated", "gone", "unreadable", "skipped"]


@dataclass(frozen=True, slots=True)
class Tailed:
    """One line, and the path under which its file is followed."""

    path: Path
    line: Line


@dataclass(frozen=True, slots=True)
class Notice:
    """What became of a followed path, for people: `detail` is a reason, or a number of lines."""

    path: Path
    kind: NoticeKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll found; `more`: there was more than it reads at once."""

    lines: tuple[Tailed, ...] = ()
    notices: tuple[Notice, ...] = ()
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.lines or self.notices)


class Tail:
    """Follows files; a path whose name holds `*`, `?` or `[` is a pattern for names in its folder.

    `from_start`: what is there already comes too. `offsets` is a file in which `save` writes how far everything was
    read, and from which the next Tail goes on. `max_backlog`: where more bytes than that wait in one file, the oldest
    are passed over, and a notice says how many lines that were.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        *,
        clock: Clock | None = None,
        from_start: bool = False,
        offsets: Path | None = None,
        max_line: int = MAX_LINE,
        max_backlog: int | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._offsets = offsets
        self._saved = read_offsets(offsets) if offsets else {}
        self._max_line = max_line
        self._max_backlog = max_backlog
        self._patterns: list[Path] = []
        self._followed: dict[Path, Generations] = {}
        self._splitters: dict[Generation, Splitter] = {}
        self._left: deque[Mark] = deque(maxlen=1000)  # files that were read and closed
        self._blank = 0
        for path in paths:
            if any(mark in path.name for mark in "*?["):
                self._patterns.append(path)
            else:
                self._add(path, from_start)
        self._find(from_start)

    @property
    def blank(self) -> int:
        """Return how many blank lines were passed over."""
        return self._blank + sum(splitter.blank for splitter in self._splitters.values())

    @property
    def folders(self) -> frozenset[Path]:
        """Return the folders in which there can be news; of one that is not there, the nearest above it."""
        return frozenset(nearest_folder(path) for path in (*self._followed, *self._patterns))

    def poll(self, limit: int = BATCH) -> Batch:
        """Return the lines that have come, about `limit` bytes of them, the older file of a path first."""
        notices: list[Notice] = []
        lines: list[Tailed] = []
        for path, generations in self._followed.items():
            for change in generations.look():
                notices += self._note(path, change)
        for path in self._find(from_start=True):
            for change in self._followed[path].look():
                notices += self._note(path, change)
        left = limit
        for path, generations in self._followed.items():
            for generation in generations.live:
                left -= self._read(path, generation, max(0, left), lines, notices)
        more = any(splitter.end < generation.size for generation, splitter in self._splitters.items())
        return Batch(tuple(lines), tuple(notices), more)

    def save(self) -> None:
        """Write how far everything was read. Raises OSError."""
        if self._offsets is None:
            return
        saved = {path: Saved(one.marks(), one.known()) for path, one in self._followed.items()}
        write_offsets(self._offsets, {**self._saved, **saved})

    def close(self) -> None:
        """Let go of every file."""
        for generations in self._followed.values():
            generations.close()
        self._splitters.clear()

    def _add(self, path: Path, from_start: bool) -> None:
        saved = self._saved.get(path)
        self._followed[path] = Generations(
            path,
            self._clock,
            from_start=from_start,
            marks=saved.marks if saved else (),
            known=saved.known if saved else None,
        )

    def _find(self, from_start: bool) -> list[Path]:
        """Follow what has come to match a pattern, but no file that is followed under another name."""
        added = []
        for path in [path for pattern in self._patterns for path in _matches(pattern)]:
            if path in self._followed or any(path.name.startswith(f"{one.name}.") for one in self._followed):
                continue
            with suppress(OSError):
                found = path.stat()
                if (found.st_dev, found.st_ino) not in self._read_already():
                    self._add(path, from_start)
                    added.append(path)
        return added

    def _read_already(self) -> set[Identity]:
        return {mark.identity for one in self._followed.values() for mark in one.marks()} | {
            mark.identity for mark in self._left
        }

    def _note(self, path: Path, change: Change) -> Iterator[Notice]:
        generation = change.generation
        if change.kind == "closed" and generation is not None:
            self._blank += self._splitters.pop(generation).blank
            if self._patterns:
                self._left.append(generation.mark())
        elif change.kind in ("opened", "restarted") and generation is not None:
            if generation in self._splitters:
                self._blank += self._splitters[generation].blank
            self._splitters[generation] = Splitter(generation.offset, self._max_line)
            yield Notice(path, "opened" if change.kind == "opened" else "truncated")
        elif change.kind == "gone":
            yield Notice(path, "gone")
        elif change.kind == "unreadable":
            yield Notice(path, "unreadable", change.reason)

    def _read(self, path: Path, generation: Generation, limit: int, lines: list[Tailed], notices: list[Notice]) -> int:
        """Read up to `limit` bytes of a file; return how many those were."""
        splitter = self._splitters[generation]
        done = 0
        if self._max_backlog is not None and generation.size - splitter.end > self._max_backlog:
            notices += self._pass_over(path, generation, splitter, self._max_backlog)
            splitter = self._splitters[generation]
        while done < limit and splitter.end < generation.size:
            data = generation.read(splitter.end, min(_PIECE, limit - done))
            if not data:
                break  # truncated meanwhile: the next look says so
            lines += [Tailed(path, line) for line in splitter.feed(data)]
            done += len(data)
        generation.offset, generation.read_to = splitter.offset, splitter.end
        return done

    def _pass_over(self, path: Path, generation: Generation, splitter: Splitter, keep: int) -> Iterator[Notice]:
        """Go to the first line of the newest `keep` bytes, counting what lies between."""
        at, passed, begins = splitter.end, 0, splitter.offset
        until = generation.size - keep
        while at < generation.size:
            data = generation.read(at, _PIECE)
            if not data:
                return
            if at + len(data) > until and (end := data.find(b"\n", max(0, until - at))) >= 0:
                passed += data.count(b"\n", 0, end + 1)
                begins = at + end + 1
                break
            passed += data.count(b"\n")
            at += len(data)
        if begins > splitter.offset:
            self._blank += splitter.blank
            self._splitters[generation] = Splitter(begins, self._max_line)
            yield Notice(path, "skipped", str(passed))


def nearest_folder(path: Path) -> Path:
    """Return the folder of a path, or the nearest one above it that is there."""
    return next(folder for folder in path.absolute().parents if folder.is_dir())


def _matches(pattern: Path) -> list[Path]:
    with suppress(OSError):
        names = sorted(entry.name for entry in pattern.parent.iterdir())
        return [pattern.parent / name for name in fnmatch.filter(names, pattern.name) if is_followed(name)]
    return []


class News(Protocol):
    """Where it is heard that something may have changed."""

    async def wait(self, folders: frozenset[Path], seconds: float) -> None:
        """Return when something may have changed in the folders since the last call, or after so many seconds."""
        ...


async def follow(tail: Tail, news: News) -> AsyncIterator[Batch]:
    """Yield what comes, for ever; each batch is taken before more is read."""
    while True:
        batch = tail.poll()
        if batch:
            yield batch
        if not batch.more:
            await news.wait(tail.folders, BACKSTOP_SECONDS)
