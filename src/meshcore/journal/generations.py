"""What a path has meant since it was followed: the file there now, and those that it was before rotation.

A log is rotated by renaming it, by replacing it, by deleting and making it again, or by copying and truncating it. A
file that was renamed is kept open until it has been quiet for a while, since its writer may not have noticed yet.
Truncation shows in the size, or where the file has grown again, in its first bytes. What is written between the last
look at a file and its truncation is in the copy only; so is what a rewriting with the same first bytes hides. That is
the copytruncate race, and nobody who reads beside logrotate can win it.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final, Literal

from meshcore.clock import Clock

HEAD: Final = 1024  # bytes at the beginning by which a file is known again
QUIET_SECONDS: Final = 60.0  # after which a rotated file is closed
MOST_OPEN: Final = 8  # rotated files of one path
TICK_NS: Final = 100_000_000  # of the clock by which a file system dates a folder, with room
CLOSED_LOOK_SECONDS: Final = 1.0  # how often it is asked whether a closed one has grown
UNFOLLOWED: Final = (".gz", ".xz", ".bz2", ".zst", ".zip", ".lock", ".tmp", ".swp", ".swo", ".swx", "~", "#")

Identity = tuple[int, int]  # device, inode
Head = tuple[int, str]  # how many of the first bytes, and their hash
Known = tuple[str, Head]  # a file's name, and how it began
ChangeKind = Literal["opened", "restarted", "closed", "gone", "unreadable"]


def is_followed(name: str) -> bool:
    """Say whether a file of that name may be a log: not packed, not a lock, not an editor's own."""
    return not (name.startswith((".", "#")) or name.endswith(UNFOLLOWED))


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a file was read: which file, how it begins, and the place."""

    identity: Identity
    head: Head
    offset: int


class Generation:
    """One file that a path means or meant, open to the end of its use; `size` is that of the last look."""

    def __init__(self, descriptor: int, path: Path, now: float) -> None:
        found = os.fstat(descriptor)
        self.descriptor = descriptor
        self.path = path  # where it was found; it may have been renamed since
        self.identity: Identity = (found.st_dev, found.st_ino)
        self.size = 0
        self.offset = 0  # kept by whoever reads it: where to go on another time
        self.read_to = 0  # kept likewise: all before has been read; behind `offset` there may be half a line
        self.grew = now  # when it last did
        self._head = b""
        self.refresh(now)

    def refresh(self, now: float) -> bool:
        """Look at the file; return False if it was truncated since the last time, and is to be read anew."""
        found = os.fstat(self.descriptor)
        if found.st_size == self.size and not self.size:
            return True
        if found.st_size < self.size or not self.is_same():
            self.size, self.offset, self.read_to, self._head, self.grew = found.st_size, 0, 0, b"", now
            self._remember()
            return False
        if found.st_size > self.size:
            self.size, self.grew = found.st_size, now
            self._remember()
        return True

    def is_same(self) -> bool:
        """Say whether the file still begins as it did."""
        return os.pread(self.descriptor, len(self._head), 0) == self._head

    def is_deleted(self) -> bool:
        """Say whether no name leads to the file any more."""
        return os.fstat(self.descriptor).st_nlink == 0

    def mark(self) -> Mark:
        """Return what is needed to go on from here another time."""
        return Mark(self.identity, (len(self._head), _hash(self._head)), self.offset)

    def is_at(self, mark: Mark) -> bool:
        """Say whether this is the file that was marked, neither truncated nor rewritten since."""
        length, digest = mark.head
        if self.identity != mark.identity or self.size < max(mark.offset, length):
            return False
        return not digest or _hash(os.pread(self.descriptor, length, 0)) == digest

    def read(self, offset: int, length: int) -> bytes | None:
        """Return bytes up to the size of the last look; None if the file was truncated meanwhile."""
        data = os.pread(self.descriptor, max(0, min(length, self.size - offset)), offset)
        intact = os.fstat(self.descriptor).st_size >= offset + len(data) and self.is_same()
        return data if intact and (data or offset >= self.size) else None

    def close(self) -> None:
        """Let go of the file."""
        os.close(self.descriptor)

    def _remember(self) -> None:
        if len(self._head) < HEAD:
            self._head = os.pread(self.descriptor, min(HEAD, self.size), 0)


def _hash(head: bytes) -> str:
    return blake2b(head, digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a path: a file was opened, truncated, closed for good, is gone, or cannot be read."""

    kind: ChangeKind
    path: Path
    generation: Generation | None = None
    reason: str = ""


class Generations:
    """One path, and the files that it has meant; `look` finds out what became of them.

    `from_start`: what the file holds already is to be read too; a file that appears later always is. `marks` say where
    earlier reading ended, `known` what lay beside the file then; both are empty the first time.
    """

    def __init__(
        self,
        path: Path,
        clock: Clock,
        *,
        from_start: bool = False,
        marks: Sequence[Mark] = (),
        known: Mapping[Identity, Known] | None = None,
    ) -> None:
        self.path = path
        self._clock = clock
        self._from_start = from_start or bool(marks)
        self._marks = {mark.identity: mark for mark in marks}
        self._live: list[Generation] = []  # the oldest first
        self._current: Generation | None = None
        self._closed: dict[Identity, tuple[Path, Mark, int]] = {}  # and the size then
        self._closed_due = 0.0
        self._known: dict[Identity, Known] = dict(self._beside()) if known is None else dict(known)
        self._folder_state: tuple[int, ...] = ()
        self._fault = ""

    @property
    def live(self) -> tuple[Generation, ...]:
        """Return the files that are open, the oldest first."""
        return tuple(self._live)

    @property
    def current(self) -> Generation | None:
        """Return the file that the path means now."""
        return self._current

    def known(self) -> dict[Identity, Known]:
        """Return what lies beside the file and is not to be read, or was."""
        deleted = {one.identity for one in self._live if one.is_deleted()}
        return {identity: known for identity, known in self._known.items() if identity not in deleted}

    def marks(self) -> list[Mark]:
        """Return how far each file was read that can be found again, those that were closed included."""
        return [
            *(mark for _, mark, _ in self._closed.values()),
            *(one.mark() for one in self._live if not one.is_deleted()),
        ]

    def look(self) -> list[Change]:
        """Find out what became of the path since the last time; costs some microseconds where that is nothing."""
        changes: list[Change] = []
        now = self._clock.monotonic()
        found = self._identity()
        folder_changed = self._folder_changed()
        if self._current is None or found != self._current.identity:
            changes += self._follow(found, now)
        elif folder_changed:
            self._set_copies_aside()
        if self._marks:  # what was marked and is not there now will never be: its inode may be given to another file
            changes += self._between(None, now, marked_only=True)
            self._marks.clear()
        if folder_changed:
            self._forget_deleted()
        self._from_start = True
        changes += self._reopen(now)
        for generation in self._live:
            if not generation.refresh(now):
                changes.append(Change("restarted", self.path, generation))
        changes += self._close_quiet(now)
        return changes

    def close(self) -> None:
        """Close every file."""
        for generation in self._live:
            generation.close()
        self._live.clear()
        self._current = None

    def _identity(self) -> Identity | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def _follow(self, found: Identity | None, now: float) -> Iterator[Change]:
        """Open what the path means now, and what it meant between two looks."""
        was_there, self._current = self._current is not None, None
        try:
            descriptor = _open(self.path)
        except FileNotFoundError:
            if was_there:
                yield Change("gone", self.path)
            return
        except OSError as error:
            reason = error.strerror or type(error).__name__
            if reason != self._fault and found is not None:
                self._fault = reason
                yield Change("unreadable", self.path, reason=reason)
            return
        self._fault = ""
        current = Generation(descriptor, self.path, now)
        open_already = next((one for one in self._live if one.identity == current.identity), None)
        stayed = open_already is not None or current.identity in self._marks
        yield from self._between(current.identity, now, marked_only=stayed)
        if open_already is not None:  # renamed away, and back
            current.close()
            self._current = open_already
            return
        self._closed.pop(current.identity, None)
        self._current = current
        yield self._begin(current, from_start=self._from_start)

    def _between(self, current: Identity | None, now: float, *, marked_only: bool) -> Iterator[Change]:
        """Open what was rotated away before anybody saw it, the oldest first."""
        missed = []
        for identity, path in self._siblings():
            if identity == current or any(one.identity == identity for one in self._live) or identity in self._closed:
                continue
            if identity in self._marks or (not marked_only and self._is_new(identity, path)):
                with suppress(OSError):
                    missed.append(Generation(_open(path), path, now))
        for generation in sorted(missed, key=_age):
            yield self._begin(generation, from_start=True)

    def _begin(self, generation: Generation, *, from_start: bool) -> Change:
        mark = self._marks.pop(generation.identity, None)
        if mark is not None and generation.is_at(mark):
            generation.offset = mark.offset
        elif not from_start:
            generation.offset = generation.size
        self._live.append(generation)
        self._known[generation.identity] = generation.path.name, generation.mark().head
        return Change("opened", generation.path, generation)

    def _is_new(self, identity: Identity, path: Path) -> bool:
        """Say whether a file was never seen: another inode, or one that was given to a file of another name.

        A known file that holds something else under its old name was written anew where it lies, as a copy is.
        """
        if identity not in self._known:
            return True
        name, head = self._known[identity]
        return name != path.name and head != _head_of(path, head[0])

    def _set_copies_aside(self) -> None:
        """Remember what came to lie beside the file while it stayed where it was: a copy of it, or nothing of ours."""
        beside = dict(self._beside())
        if self._current is not None and self._identity() == self._current.identity:
            live = {one.identity: (one.path.name, one.mark().head) for one in self._live}
            self._known = {**live, **beside}

    def _forget_deleted(self) -> None:
        """Know only what is there: the inode of a deleted file may be given to the next one."""
        there = {identity for identity, _ in self._siblings()} | {one.identity for one in self._live}
        self._known = {identity: known for identity, known in self._known.items() if identity in there}

    def _beside(self) -> Iterator[tuple[Identity, Known]]:
        for identity, path in self._siblings():
            with suppress(OSError):
                yield identity, (path.name, _head_of(path))

    def _folder_changed(self) -> bool:
        try:
            found = self.path.parent.stat()
        except OSError:
            return False
        state = found.st_dev, found.st_ino, found.st_mtime_ns
        changed = state != self._folder_state
        # The file system's clock ticks slowly: what changes twice within a tick looks as after the first time.
        self._folder_state = state if abs(time.time_ns() - found.st_mtime_ns) > TICK_NS else ()
        return changed

    def _siblings(self) -> Iterator[tuple[Identity, Path]]:
        """Yield the plain files beside the path whose names begin with its name."""
        with suppress(OSError), os.scandir(self.path.parent) as entries:
            for entry in entries:
                if entry.name.startswith(self.path.name) and entry.name != self.path.name and is_followed(entry.name):
                    with suppress(OSError):
                        found = entry.stat()
                        if stat.S_ISREG(found.st_mode):
                            yield (found.st_dev, found.st_ino), Path(entry.path)

    def _reopen(self, now: float) -> Iterator[Change]:
        """Open a rotated file again that has grown although it had been closed."""
        if not self._closed or now < self._closed_due:
            return
        self._closed_due = now + CLOSED_LOOK_SECONDS
        where = dict(self._siblings())
        for identity, (_, mark, size) in list(self._closed.items()):
            del self._closed[identity]
            path = where.get(identity)
            with suppress(OSError):
                if path is None:
                    continue
                if path.stat().st_size <= size:
                    self._closed[identity] = path, mark, size
                    continue
                generation = Generation(_open(path), path, now)
                if generation.is_at(mark):
                    generation.offset = mark.offset
                    self._live.insert(0, generation)
                    yield Change("opened", path, generation)
                else:
                    generation.close()

    def _close_quiet(self, now: float) -> Iterator[Change]:
        rotated = [one for one in self._live if one is not self._current]
        for at, generation in enumerate(rotated):
            enough = now - generation.grew >= QUIET_SECONDS or len(rotated) - at > MOST_OPEN
            if not enough or generation.read_to < generation.size:
                continue
            mark = generation.mark()
            self._known.pop(mark.identity, None)
            for identity, path in self._siblings():
                if identity == mark.identity:
                    self._closed[identity] = path, mark, generation.size
                    self._known[identity] = path.name, mark.head
            self._live.remove(generation)
            generation.close()
            yield Change("closed", generation.path, generation)


def _open(path: Path) -> int:
    """Open a plain file to read. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a plain file", str(path))
    return descriptor


def _head_of(path: Path, length: int = HEAD) -> Head:
    descriptor = _open(path)
    try:
        head = os.pread(descriptor, length, 0)
    finally:
        os.close(descriptor)
    return len(head), _hash(head)


def _age(generation: Generation) -> tuple[int, int]:
    """Return what sorts the oldest first: when it was last written, and `.2` before `.1`."""
    number = generation.path.suffix.removeprefix(".")
    changed = os.fstat(generation.descriptor).st_mtime_ns
    return changed, -int(number) if number.isascii() and number.isdigit() and len(number) < 9 else 0
