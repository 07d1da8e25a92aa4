"""What is on this machine now, as far as a hook may look: files, folders, programs. Every look is bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from meshcore.knowledge.corrections import Correction
from meshcore.knowledge.shell_words import program_words
from meshcore.knowledge.text import word_set
from meshcore.knowledge.typed import Typed, main_part
from meshcore.process.find_program import CannotStartError, find_program

_READ = 64_000  # bytes of a file
_MAX_FOLDERS = 200
MAX_NAMES = 20_000  # in one folder
_SKIPPED = word_set(
    "node_modules .git .venv venv env target dist build __pycache__ vendor .tox .mypy_cache site-packages"
)


class Ground:
    """What is on this machine: files, folders, programs."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = environment

    def exists(self, path: str) -> bool:
        """Tell whether there is such a file or folder."""
        return "\0" not in path and os.path.exists(path)  # noqa: PTH110

    def names(self, folder: str) -> list[str]:
        """Return the names in a folder, sorted; none where it cannot be read, or holds too many to look at."""
        return sorted(one.name for one in self._entries(folder))

    def folders(self, folder: str) -> list[str]:
        """Return the names of the folders in a folder, without those that hold nothing of a project's own."""
        names = [one.name for one in self._entries(folder) if one.is_dir(follow_symlinks=False)]
        return sorted(name for name in names if name not in _SKIPPED and not name.startswith("."))

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as found:
                entries = list(islice(found, MAX_NAMES + 1))
        except (OSError, ValueError):
            return []
        return entries if len(entries) <= MAX_NAMES else []

    def read(self, path: str) -> str:
        """Return the beginning of a file, "" where it cannot be read."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError):
            return ""
        try:
            return os.read(descriptor, _READ).decode("utf-8", "replace")
        except OSError:
            return ""
        finally:
            os.close(descriptor)

    def program(self, name: str, folder: str) -> str:
        """Return the path of a program, "" where there is none that may be executed."""
        try:
            return find_program(name, self.environment, folder)
        except CannotStartError:
            return ""

    def is_root(self) -> bool:
        """Tell whether commands run with all privileges."""
        return os.geteuid() == 0


@dataclass(frozen=True, slots=True)
class Case:
    """A command that has failed: as typed, as remembered, where the shell was, its checkout, and what it said."""

    command: str
    typed: Typed
    cwd: str
    root: str
    output: str
    ground: Ground

    @property
    def folder(self) -> str:
        """Return the folder in which the command runs, as it was typed."""
        return self.typed.folder or self.cwd

    @property
    def part(self) -> tuple[str, ...]:
        """Return the command's first simple command that does more than prepare, from its program on."""
        return program_words(main_part(self.typed))

    def above(self) -> Iterator[str]:
        """Yield the folders from the one above the command's up to the checkout's."""
        at = os.path.normpath(self.folder)
        while at != self.root and at.startswith(self.root.rstrip("/") + "/"):
            at = os.path.dirname(at)  # noqa: PTH120
            yield at

    def below(self) -> Iterator[str]:
        """Yield the folders of the checkout, one and two levels down."""
        first = self.ground.folders(self.root)[:_MAX_FOLDERS]
        yield from (f"{self.root}/{name}" for name in first)
        count = len(first)
        for name in first:
            for inner in self.ground.folders(f"{self.root}/{name}"):
                count += 1
                if count > _MAX_FOLDERS:
                    return
                yield f"{self.root}/{name}/{inner}"


Change = tuple[Correction, str, str]  # the change, why, and the whole command where the change does not make it
