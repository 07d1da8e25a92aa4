"""One log as a person pages through it: any line by number while it grows, is rotated, and is filtered.

Rows are numbered from where the log ended when it was opened, so that a row keeps its number while lines are added at
the end and counted towards the beginning. Counting and filtering go in short steps, for a thread of the caller's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from meshcore.clock import Clock, SystemClock
from meshcore.journal.filtering import Filter, FilterError
from meshcore.journal.generations import Change, Generation, Generations, Identity
from meshcore.journal.index import LineIndex
from meshcore.journal.line import Line
from meshcore.journal.matches import Matches
from meshcore.journal.tail import nearest_folder

MOST_FILES: Final = 4  # that can be paged through: the one under the name, and those that it was before
SHOWN_BYTES: Final = 64 * 1024  # of one line
QUIET_SECONDS: Final = 1.0  # after which a last line without an end is shown
STEP_SECONDS: Final = 0.01


class Part(Protocol):
    """Numbered lines, `first` to `end`, that one without."""

    @property
    def first(self) -> int: ...

    @property
    def end(self) -> int: ...

    def lines(self, first: int, count: int) -> list[Line]: ...


@dataclass(frozen=True, slots=True)
class Place:
    """A row, by the file that it stands in: what stays right when rows before it come or go."""

    identity: Identity
    number: int


class Rows:
    """The lines of several files behind one another; the rows of the first are numbered as it numbers them.

    They stay those that were known when this was made, whatever is counted, added or found meanwhile.
    """

    def __init__(self, parts: Sequence[tuple[Identity, Part]]) -> None:
        # A thread may be counting: asked twice, a file would give two answers, and its rows would not fit together.
        known = [(identity, part, part.first, part.end) for identity, part in parts]
        self.first = known[0][2] if known else 0
        self._parts: list[tuple[int, Identity, Part, int, int]] = []
        start = self.first
        for identity, part, first, end in known:
            self._parts.append((start, identity, part, first, end))
            start += end - first
        self.end = start

    def __len__(self) -> int:
        return self.end - self.first

    def lines(self, first: int, count: int) -> list[Line]:
        """Return up to `count` lines from row `first` on; those that are not there are left out."""
        found: list[Line] = []
        for start, _, part, known_from, known_to in self._parts:
            begin = max(first, start) - start + known_from
            end = min(first + count - start + known_from, known_to)
            if begin < end:
                found += part.lines(begin, end - begin)
        return found

    def place(self, row: int) -> Place | None:
        """Return where a row stands; None for one that is not there."""
        for start, identity, _, first, end in self._parts:
            if start <= row < start + end - first:
                return Place(identity, row - start + first)
        return None

    def row(self, place: Place) -> int | None:
        """Return the row of a place; None where its file is no longer among these."""
        for start, identity, _, first, _ in self._parts:
            if identity == place.identity:
                return start + place.number - first
        return None


@dataclass(slots=True)
class _File:
    """One file of the log: open for as long as it can be paged through, also when nobody follows it any more."""

    descriptor: int
    identity: Identity
    index: LineIndex
    generation: Generation | None
    matches: Matches | None = None


@dataclass(frozen=True, slots=True)
class _Unfinished:
    """A last line that has had no end for a while, as a part of one row."""

    line: Line
    first: int = 0
    end: int = 1

    def lines(self, first: int, count: int) -> list[Line]:
        return [self.line] if first <= 0 < first + count else []


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh found: whether anything is another than before, and what became of the file, in words."""

    changed: bool = False
    said: tuple[str, ...] = ()


@dataclass(slots=True)
class Document:
    """A log that is followed; `refresh` and the rows are the owner's, `count` and `search` may run in a thread."""

    path: Path
    clock: Clock = field(default_factory=SystemClock)
    fault: str = ""
    _generations: Generations = field(init=False)
    _files: list[_File] = field(init=False, default_factory=list)
    _filter: Filter | None = field(init=False, default=None)
    _unfinished: _Unfinished | None = field(init=False, default=None)
    _lock: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._generations = Generations(self.path, self.clock)

    @property
    def folders(self) -> frozenset[Path]:
        """Return where news of the log are to be heard."""
        return frozenset({nearest_folder(self.path)})

    @property
    def is_there(self) -> bool:
        """Say whether there is a file under the name now."""
        return self._generations.current is not None

    def refresh(self) -> Refreshed:
        """Find out what became of the log since the last time."""
        before = self._state()
        said: list[str] = []
        opened = bool(self._files)
        changes = self._generations.look()
        if changes:
            with self._lock:
                for change in changes:
                    said += self._take(change, opened)
                while len(self._files) > MOST_FILES:
                    os.close(self._files.pop(0).descriptor)
        for file in self._files:
            if file.generation is not None:
                file.index.grow(file.generation.size)
                file.generation.offset = file.generation.read_to = file.generation.size
        self._look_at_end()
        return Refreshed(self._state() != before or bool(changes), tuple(said))

    def _state(self) -> tuple[object, ...]:
        return (*((file.identity, file.index.size) for file in self._files), self._unfinished)

    @property
    def rows(self) -> Rows:
        """Return all lines that are known."""
        parts: list[tuple[Identity, Part]] = [(file.identity, file.index) for file in self._files]
        return Rows(parts + self._end())

    @property
    def matched(self) -> Rows:
        """Return the lines that the filter lets through, as far as the log was looked through."""
        parts: list[tuple[Identity, Part]] = [
            (file.identity, file.matches) for file in self._files if file.matches is not None
        ]
        return Rows(parts + (self._end() if self._unfinished is not None and self._fits(self._unfinished.line) else []))

    def _fits(self, line: Line) -> bool:
        try:
            return self._filter is not None and self._filter.matches(line.text)
        except FilterError:
            return False

    def _end(self) -> list[tuple[Identity, Part]]:
        return [] if self._unfinished is None else [((0, 0), self._unfinished)]

    def _take(self, change: Change, opened: bool) -> Iterator[str]:
        generation = change.generation
        self.fault = change.reason if change.kind == "unreadable" else ""
        if change.kind == "opened" and generation is not None:
            known = next((file for file in self._files if file.identity == generation.identity), None)
            if known is not None:
                known.generation = generation
                return
            descriptor = os.dup(generation.descriptor)
            self._files.append(self._opened(descriptor, generation))
            if opened:
                yield "another file has taken its place; the lines go on in it"
        elif change.kind == "restarted" and generation is not None:
            for at, file in enumerate(self._files):
                if file.generation is generation:
                    self._files[at] = self._opened(file.descriptor, generation)
            yield "it was truncated, and begins anew"
        elif change.kind == "closed":
            for file in self._files:
                if file.generation is generation:
                    file.generation = None
        elif change.kind == "gone":
            yield "it is gone; it is waited for"
        elif change.kind == "unreadable":
            yield f"it cannot be read ({change.reason})"

    def _opened(self, descriptor: int, generation: Generation) -> _File:
        index = LineIndex(descriptor, SHOWN_BYTES)
        matches = Matches(index, self._filter) if self._filter is not None else None
        return _File(descriptor, generation.identity, index, generation, matches)

    def _look_at_end(self) -> None:
        self._unfinished = None
        if self._files and (generation := self._files[-1].generation) is not None:
            quiet = self.clock.monotonic() - generation.grew >= QUIET_SECONDS
            line = self._files[-1].index.unfinished() if quiet else None
            self._unfinished = _Unfinished(line) if line is not None and line.text.strip() else None

    # --- counting and filtering -------------------------------------------------------------------------------------

    @property
    def is_counted(self) -> bool:
        """Say whether all lines are known."""
        return all(file.index.complete for file in self._files)

    @property
    def counted(self) -> float:
        """Return how much has been counted, 0 to 1."""
        return min((file.index.progress for file in self._files), default=1.0)

    @property
    def blank(self) -> int:
        """Return how many blank lines were passed over."""
        return sum(file.index.blank for file in self._files)

    def know(self, lines: int) -> None:
        """Count as far as needed to know so many lines at the end."""
        for file in reversed(self._files):
            file.index.index_for(lines)
            lines -= file.index.end - file.index.first
            if lines <= 0:
                return

    def count(self) -> bool:
        """Count some lines more towards the beginning; return whether any are left."""
        return self._for_a_while(lambda: any(file.index.index_back() for file in reversed(self._files)))

    def set_filter(self, wanted: Filter | None) -> None:
        """Look for what a filter lets through; None or an empty one looks for nothing."""
        with self._lock:
            self._filter = wanted or None
            for file in self._files:
                file.matches = Matches(file.index, self._filter) if self._filter is not None else None

    def search(self) -> bool:
        """Look through some lines more for what the filter lets through; return whether any are left.

        Raises FilterError where an expression takes too long.
        """
        return self._for_a_while(
            lambda: any(file.matches.step() for file in reversed(self._files) if file.matches is not None)
        )

    @property
    def searched(self) -> float:
        """Return how much of the log was looked through, 0 to 1."""
        return min((file.matches.progress for file in self._files if file.matches is not None), default=1.0)

    def matching_row(self, row: int) -> int:
        """Return where in `matched` a row of `rows` is, or the first match behind it."""
        place = self.rows.place(row)
        matched = self.matched
        if place is None:
            return matched.end
        found = matched.end
        for file in reversed(self._files):
            if file.matches is None:
                continue
            if file.identity == place.identity:
                at = matched.row(Place(place.identity, file.matches.row_at(place.number)))
                return found if at is None else at
            at = matched.row(Place(file.identity, file.matches.first))
            found = found if at is None else at
        return found

    def row_of_match(self, row: int) -> int | None:
        """Return where in `rows` a row of `matched` is."""
        place = self.matched.place(row)
        if place is None:
            return None
        for file in self._files:
            if file.matches is not None and file.identity == place.identity:
                return self.rows.row(Place(place.identity, file.matches.number(place.number)))
        return self.rows.end - 1  # the line without an end

    def _for_a_while(self, step: Callable[[], bool]) -> bool:
        with self._lock:
            until = self.clock.monotonic() + STEP_SECONDS
            while step():
                if self.clock.monotonic() >= until:
                    return True
            return False

    def close(self) -> None:
        """Let go of every file."""
        with self._lock:
            self._generations.close()
            for file in self._files:
                os.close(file.descriptor)
            self._files.clear()
