"""Small repairs in a project, each in its bounds: an environment is made, an example copied, a stale lock removed."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from meshcore.home import open_plain_file
from meshcore.knowledge.program import program_name
from meshcore.policy.action_type import ActionType
from meshcore.policy.argv_patterns import Found, new_interpreter, real_name
from meshcore.policy.question import PlannedStep, Question, Target
from meshcore.policy.renderers import Argv, Bounded, OnPaths, holds, shortened, trusted_program
from meshcore.policy.tracked import as_tracked, is_ignored, repository

STALE_AFTER_S: Final = 600.0
_LARGEST_EXAMPLE: Final = 1 << 20  # bytes
_LARGEST_SCRIPT: Final = 1 << 24  # bytes
_LONGEST_LINE: Final = 256  # bytes


class MakeEnvironment(Bounded):
    """Makes the virtual environment whose program was called, or that was to be activated, and is not there."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield why the folder is not to be made unasked."""
        name = found.of("VENV")[0]
        here = Path(os.path.realpath(question.cwd))
        sources = question.argv[:1] == ("source",) and question.argv[1:] == (f"{name}/bin/activate",)
        called = Path(os.path.normpath(here / question.argv[0])) if question.argv else here
        if not sources and (called.parent != here / name / "bin" or "/" not in question.argv[0]):
            yield f"what failed is no program of {shortened(name)}"
        if os.path.lexists(here / name):
            yield f"{shortened(name)} is there already"

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return the folder, for Python's own module and not for a file of that name in the project."""
        return ("-I", "-m", "venv", *found.of("VENV"))


class BoundedOnPaths(OnPaths):
    """Does through descriptors what its bounds allow; outside of them, for a person, what was written."""

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the step in its place; as it is written where something is missing."""
        step, target = super().render(action, found, question, argv)
        return step and (step if holds(self.missing(found, question)) else replace(step, place=())), target


class CopyExample(BoundedOnPaths):
    """Copies a tracked example to the ignored file that it is one of, where none is there."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield why the example is not to be copied unasked."""
        yield from super().missing(found, question)
        here = Path(question.cwd)
        (example,), (name,) = found.of("EXAMPLE"), found.of("NEWFILE")
        if os.path.normpath(real_name(example)) != os.path.normpath(name):
            yield f"{shortened(example)} is no example of {shortened(name)}"
        if os.path.lexists(here / name):
            yield f"{shortened(name)} is there already"
        if as_tracked(here / example, _LARGEST_EXAMPLE) is None:
            yield f"{shortened(example)} is not as git tracks it"
        elif not is_ignored(here / name, trusted_program("git") or "git"):
            yield f"git does not ignore {shortened(name)}"


class MendScript(BoundedOnPaths):
    """Mends a script whose first line names an interpreter that is not found: by its line ends, or by its path."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield why the script's first line is not what keeps it from starting."""
        yield from super().missing(found, question)
        (script,), (name,) = found.of("MENDING"), found.of("NEWFILE")
        try:
            with open_plain_file(Path(question.cwd, name), _LARGEST_SCRIPT, follow=False) as file:
                first = file.readline(_LONGEST_LINE)
        except (OSError, ValueError):
            yield f"{shortened(name)} cannot be read"
            return
        new = new_interpreter(script)
        if not first.startswith(b"#!"):
            yield f"{shortened(name)} names no interpreter"
        elif not new and not first.endswith(b"\r\n"):
            yield f"{shortened(name)} has the line ends of this system"
        elif new and _interpreter(first) != _interpreter(new.encode()):
            yield f"{shortened(name)} is for another interpreter than {shortened(new[2:])}"
        elif new and not os.access(new[2:].split()[0], os.X_OK):
            yield f"{shortened(new[2:])} is not here"


def _interpreter(line: bytes) -> str:
    """Return the name of the interpreter in a script's first line, without folder and version."""
    words = line[2:].decode("ascii", "replace").split()
    if words[1:] and program_name(words[0]) == "env":
        words = words[1:]
    return program_name(words[0]) if words else ""


class RemoveLock(Bounded):
    """Removes a repository's lock that a process left behind: it is old, and nobody can be holding it."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield why the lock may be held."""
        lock = self._lock(found, question)
        root = repository(Path(question.cwd, "any"))
        if root is None or os.path.realpath(lock) != f"{os.path.realpath(root)}/.git/index.lock":
            yield "it is not the lock of this repository"
            return
        try:
            status = lock.lstat()
        except OSError:
            yield "there is no lock"
            return
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
            yield "it is no plain file"
        elif time.time() - status.st_mtime < STALE_AFTER_S:
            yield f"it is younger than {STALE_AFTER_S / 60:.0f} minutes"
        elif why := _held(status):
            yield why

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return the lock by its path; rm is asked about nothing."""
        return ("-f", "--", *found.of("LOCK"))

    def bound(self, step: PlannedStep, found: Found, question: Question) -> PlannedStep:
        """Return the removal below the repository, which looks at the lock's age once more."""
        root = os.path.realpath(repository(self._lock(found, question)) or question.cwd)
        return replace(step, argv=(step.argv[0], ".git/index.lock"), place=(root, "."))

    def _lock(self, found: Found, question: Question) -> Path:
        return Path(question.cwd, found.of("LOCK")[0])


def _held(lock: os.stat_result) -> str:
    """Say who may hold a lock: any process of git, whose ever it is, and whoever has the file open."""
    if not Path("/proc/self/comm").exists():
        return "it cannot be known here whether a process holds it"
    for process in Path("/proc").glob("[0-9]*"):
        try:
            name = (process / "comm").read_text(errors="replace").strip()
            if name == "git" or name.startswith("git-"):
                return f"a git process runs (process {process.name})"
            held = any(os.path.samestat(lock, file.stat()) for file in (process / "fd").iterdir() if file.exists())
        except OSError:  # it has ended, or is another user's
            continue
        if held:
            return f"process {process.name} holds it"
    return ""
