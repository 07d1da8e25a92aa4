"""Session files of coding agents, read tolerantly: which commands ran, how they ended, and when.

What a line means is known to the module of the program; this reads lines, at most one of them in memory.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from meshcore.agents.base import Edited, Failure, Success, fields
from meshcore.model import Json

MAX_LINE = 8 << 20  # bytes: a longer line is passed over without being held
MAX_OUTPUT = 64 << 10  # characters of one command's output, its end
MAX_WAITING = 1000  # calls whose end is still to come
MAX_DEPTH = 6
_SKIP = 64 << 10


@dataclass(frozen=True, slots=True)
class Ended:
    """A command of the past, or a file that was edited, and when that ended, in seconds since 1970."""

    call: Failure | Success | Edited
    at: float


@dataclass(slots=True)
class Reading:
    """What reading has met so far: bytes, and lines that could not be read, counted, the first of them named.

    `version` is that of the program that wrote the file, as far as its lines tell; `versions` counts by it what could
    not be read.
    """

    read: int = 0
    broken: int = 0
    named: list[str] | None = None
    version: str = ""
    versions: dict[str, int] = field(default_factory=dict)

    def note(self, path: Path, line: int, why: str) -> None:
        """Count a line that cannot be used."""
        self.broken += 1
        self.versions[self.version] = self.versions.get(self.version, 0) + 1
        self.named = self.named or []
        if len(self.named) < 5:
            self.named.append(f"{path}:{line}: {why}")


@dataclass(frozen=True, slots=True)
class SessionFiles:
    """Where a program keeps its session files, which names they have, and how a file is read.

    `marks`: one of them is in every line that counts; `commands` reads the JSON objects of a file's lines. `place`
    returns the folder in which a file's commands ran, for programs whose lines do not tell it.
    """

    folder: Path
    name: re.Pattern[str]
    marks: tuple[bytes, ...]
    commands: Callable[[Iterator[Mapping[str, Json]]], Iterator[Ended]]
    place: Callable[[Path], str] | None = None

    def found(self) -> list[tuple[Path, int]]:
        """Return the session files with their sizes in bytes, by when they were written; links are not followed."""
        found = []
        for entry in _entries(str(self.folder), 0):
            if self.name.fullmatch(entry.name):
                status = entry.stat(follow_symlinks=False)
                found.append((status.st_mtime, Path(entry.path), status.st_size))
        return [(path, size) for _, path, size in sorted(found)]

    def read(self, path: Path, reading: Reading) -> Iterator[Ended]:
        """Yield the commands of one session file as they ended, one line in memory at a time. Raises OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(descriptor, "rb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                folder = self.place(path) if self.place else ""
                for one in self.commands(_objects(file, path, self.marks, reading)):
                    cwd = os.path.normpath(os.path.join(folder, one.call.cwd)) if folder else one.call.cwd  # noqa: PTH118
                    yield replace(one, call=replace(one.call, cwd=cwd)) if folder else one


def _entries(folder: str, depth: int) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except OSError:
        return
    for entry in inside:
        if entry.is_file(follow_symlinks=False):
            yield entry
        elif depth < MAX_DEPTH and entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path, depth + 1)


def _objects(file: BinaryIO, path: Path, marks: tuple[bytes, ...], reading: Reading) -> Iterator[Mapping[str, Json]]:
    number_of_line = 0
    while line := file.readline(MAX_LINE):
        number_of_line += 1
        reading.read += len(line)
        if len(line) == MAX_LINE and not line.endswith(b"\n"):
            reading.note(path, number_of_line, f"longer than {MAX_LINE >> 20} MiB, passed over")
            while rest := file.readline(_SKIP):
                reading.read += len(rest)
                if rest.endswith(b"\n"):
                    break
            continue
        if not any(mark in line for mark in marks):
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            if line.endswith(b"\n"):  # else it is being written just now
                reading.note(path, number_of_line, "no JSON, passed over")
            continue
        if isinstance(value, dict):
            version = value.get("version") or fields(value, "payload").get("cli_version")
            version = version or fields(value, "data").get("copilotVersion")
            if isinstance(version, str):
                reading.version = version[:40]
            yield value


def seconds(timestamp: Json) -> float | None:
    """Return a time in ISO 8601 in seconds since 1970, None for what is none."""
    try:
        return datetime.fromisoformat(timestamp).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None
