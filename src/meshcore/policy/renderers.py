"""How a typed action becomes what is executed: one class for each way, named by `render` in policy.toml."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from meshcore.knowledge.acts import makes_source
from meshcore.knowledge.program import program_name
from meshcore.knowledge.spelling import plain_spelling
from meshcore.policy.action_type import ActionType
from meshcore.policy.argv_patterns import Found
from meshcore.policy.known_packages import is_well_known
from meshcore.policy.locked_requirements import names_of, read_locked
from meshcore.policy.question import PlannedStep, Question, Target, given_name

TRUSTED_FOLDERS = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/opt/homebrew/bin"

Argv = tuple[str, ...]

_LOOKING: Final = {"sed": ("--sandbox",), "lsof": ("-n",), "netstat": ("-n",)}


class Renderer:
    """Executes a command as it is written, by its program in a folder of the system."""

    shut_in = ""
    """Why it cannot be done contained, in words."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield what this way of executing lacks to go unattended, in words."""
        yield from ()

    def doubts(self, step: PlannedStep, found: Found, question: Question) -> Iterator[str]:
        """Yield what the very step that would be executed lacks to go unattended, in words."""
        yield from ()

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return what is given to the program."""
        return argv[1:]

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the step to execute, None where its program is not installed, and what the step changes."""
        project = question.project_target
        target = Target(" ".join(found.of("SERVICE")), "service") if action.declared == "services" else project
        where = trusted_program(argv[0])
        if where is None:
            return None, project
        writable = (project.path,) if action.writes else ()
        return PlannedStep((where, *self.arguments(argv, found)), writable, action.network), target


class Bounded(Renderer):
    """Executes a command in a form of our own where its bounds hold; as it is written, for a person, where not."""

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the step to execute, None where its program is not installed, and what the step changes."""
        step, target = super().render(action, found, question, argv)
        return step and self.bound(step, found, question) if holds(self.missing(found, question)) else step, target

    def bound(self, step: PlannedStep, found: Found, question: Question) -> PlannedStep:
        """Return the step as it is executed where nothing is missing."""
        return step


class OnPaths(Renderer):
    """Changes what paths of the project name, and follows no link."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield each path that leads through a link."""
        here = Path(os.path.realpath(question.cwd))
        for name in (name for kind in ("FOLDER", "NEWFILE", "SOURCE") for name in found.of(kind)):
            if os.path.realpath(here / name) != os.path.normpath(here / name):
                yield f"{shortened(name)} leads through a link"

    def doubts(self, step: PlannedStep, found: Found, question: Question) -> Iterator[str]:
        """Yield a reason where an empty file would take the place of code: then nothing fails, and nothing works."""
        if makes_source(step.argv):
            yield "an empty file of source only hides what is missing"

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the step to execute, with the place that its paths must not leave."""
        step, target = super().render(action, found, question, argv)
        root, folder = os.path.realpath(question.project_target.path), os.path.realpath(question.cwd)
        return step and replace(step, place=(root, os.path.relpath(folder, root))), target


class Look(Renderer):
    """Runs what only looks: sed in its sandbox, pip without what lies in the folder, sockets without their names."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield a reason where sed has no sandbox."""
        if found.of("SED") and os.uname().sysname != "Linux":
            yield "sed has no sandbox here"

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the step to execute; pip is run by the system's Python, isolated."""
        if program_name(argv[0]) != "pip":
            return super().render(action, found, question, argv)
        return super().render(action, found, question, ("python3", "-I", "-m", "pip", *argv[1:]))

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return the arguments, behind those that let sed run, read or write nothing, and others ask no name server."""
        return (*_LOOKING.get(argv[0], ()), *argv[1:])


class InstallPackage(Renderer):
    """Installs a package, wheels only, by the pip of the incident's virtual environment."""

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the environment's pip with what to install; nothing where it is not known which environment."""
        python = question.install_python
        if not python:
            return None, question.project_target
        folder = str(Path(python).parents[1])
        # -I: a file named pip.py in the project is not taken for pip.
        pip = (python, "-I", "-m", "pip", "install", "--only-binary=:all:", "--no-input")
        what = self.requirements(found, question)
        # Not in the project: there an archive that is named as the package, or a setup.cfg, would be read.
        step = PlannedStep(
            (*pip, "--disable-pip-version-check", *what), (folder,), action.network, folder="/", wheels=True
        )
        return step, Target(folder, "venv")

    def requirements(self, found: Found, question: Question) -> Argv:
        """Return what pip is to install."""
        return found.of("PACKAGE")


class InstallLocked(InstallPackage):
    """Installs what a file of the project pins by hash: from a copy of our own, which holds nothing but that.

    Where there is no such copy, a person is asked about the file as it is, without an option that was not taught.
    """

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the environment's pip with the copy; with the file itself, for a person, where there is none."""
        step, target = super().render(action, found, question, argv)
        path = Path(question.cwd, found.of("PATH")[0])
        copy, _ = read_locked(path)
        if step and copy:
            words = (*step.argv, "--require-hashes", "--no-deps", "-r", given_name(copy))
            return replace(step, argv=words, given=copy), target
        hashes = ("--require-hashes",) if "--require-hashes" in found.words else ()
        pip = (question.install_python, "-I", "-m", "pip", "install", "--no-input", *hashes, "-r", str(path))
        # Its lines may name folders of the project, which are built there.
        own = question.project_target.path
        return step and replace(step, argv=pip, writable=(*step.writable, own), folder=""), target

    def doubts(self, step: PlannedStep, found: Found, question: Question) -> Iterator[str]:
        """Yield why there is no copy, and each package in it that nobody knows."""
        if not step.given:
            name = found.of("PATH")[0]
            yield f"{shortened(name)} {read_locked(Path(question.cwd, name))[1] or 'has just changed'}"
        for package in names_of(step.given):
            if not is_well_known(package):
                yield f"{shortened(package)} is no well-known package"


class InstallProject(InstallPackage):
    """Installs the project itself, which runs what the project builds itself with: a person is asked each time."""

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the environment's pip with the folder, in which it may write."""
        step, target = super().render(action, found, question, argv)
        folder = f"{question.cwd}{found.of('HERE')[0][1:]}"
        pip = (question.install_python, "-I", "-m", "pip", "install", "--no-input", "-e", folder)
        writable = (question.project_target.path, question.cwd)
        return step and replace(step, argv=pip, writable=(*step.writable, *writable), folder=""), target


class GitCommand(Renderer):
    """Runs git so that nothing of the repository is executed."""

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield a reason where what git would change does not lie in the project's own folder."""
        repository = Path(question.project, ".git")
        if repository.is_symlink() or not repository.is_dir():
            yield "the project is no repository of its own"

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return the command's arguments behind those that switch hooks, the file monitor and every transport off.

        A repository that lacks an object on purpose would fetch it, by a command that its own settings name; and a
        folder that looks like a bare repository is none.
        """
        names = ("", *(f"{name}." for name in ("ext", "fd", "file", "git", "http", "https", "ssh")))
        never = tuple(word for name in names for word in ("-c", f"protocol.{name}allow=never"))
        none = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "safe.bareRepository=explicit")
        return (*(word for setting in none for word in ("-c", setting)), *never, *argv[1:])


class OnHost(Renderer):
    """Asks a service of the host."""

    shut_in = "in a container the host's services are out of reach"

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return the arguments, for docker behind those that keep a look on this host."""
        here = ("--context", "default") if argv[0] == "docker" and not found.of("SERVICE") else ()
        return (*here, *argv[1:])


class FreePort(Renderer):
    """Asks the processes that hold a port to end."""

    shut_in = "no container holds what it ends, so a person says so each time"

    def missing(self, found: Found, question: Question) -> Iterator[str]:
        """Yield a reason where this is root."""
        if os.geteuid() == 0:
            yield "root would end processes of every user"

    def render(
        self, action: ActionType, found: Found, question: Question, argv: Argv
    ) -> tuple[PlannedStep | None, Target]:
        """Return the step to execute, which changes no file."""
        step, target = super().render(action, found, question, argv)
        return step and replace(step, host=True), target

    def arguments(self, argv: Argv, found: Found) -> Argv:
        """Return the port, and the signal that lets a process tidy up."""
        return ("-k", "-TERM", *found.of("TCPPORT"))


def holds(missing: Iterator[str]) -> bool:
    """Say whether nothing is missing."""
    return next(missing, None) is None


def shortened(word: str) -> str:
    """Return a word for a sentence, at most 40 characters of it."""
    return word if len(word) <= 40 else word[:39] + "…"


def plan_as_written(question: Question) -> tuple[PlannedStep, ...]:
    """Return what a person would approve: each step with its program's absolute path, () where one is not found.

    What installs with pip does so in the failed command's virtual environment, never in the system's Python.
    """
    steps = []
    for argv in question.match.action.steps:
        arguments = _of_pip(argv)
        where = trusted_program(argv[0]) or _of_project(argv[0], question) or _of_user(argv[0], question)
        if arguments is not None and question.install_python:
            folder = str(Path(question.install_python).parents[1])
            steps.append(PlannedStep((question.install_python, "-I", "-m", "pip", *arguments), (folder,), True))
        elif arguments is None and where is not None:
            steps.append(PlannedStep((where, *argv[1:]), (question.project_target.path,), True))
        else:
            return ()
    return tuple(steps)


def _of_project(name: str, question: Question) -> str | None:
    """Return the path of a program that a person names by its path in the project, None for any other."""
    path = Path(question.cwd, name)
    inside = bool(question.project) and path.resolve().is_relative_to(Path(question.project).resolve())
    own_python = program_name(name) == "python" and (path.parents[1] / "pyvenv.cfg").is_file()
    return os.path.normpath(path) if "/" in name and (inside or own_python) and os.access(path, os.X_OK) else None


def _of_user(name: str, question: Question) -> str | None:
    """Return the path of a program that the failed command's PATH has in a folder of this user's own, for a person.

    What lies in the project, or where others may write, is none.
    """
    folders = [one for one in question.incident.environment.get("PATH", "").split(":") if one.startswith("/")]
    found = shutil.which(name, path=":".join(folders)) if "/" not in name and folders else None
    if found is None:
        return None
    named, real = Path(os.path.normpath(found)), Path(found).resolve()
    roots = [one for root in (question.project, question.cwd) if root for one in (Path(root), Path(root).resolve())]
    if any(path.is_relative_to(root) for path in (named, real) for root in roots):
        return None
    statuses = [path.stat() for path in (named.parent, real.parent, real)]
    safe = all(one.st_uid in (0, os.geteuid()) and not one.st_mode & stat.S_IWOTH for one in statuses)
    return found if safe else None


def _of_pip(argv: Argv) -> Argv | None:
    """Return what a command gives to pip, None for another program and where a person means the system's packages."""
    plain = plain_spelling(argv)
    return plain[1:] if program_name(plain[0]) == "pip" and "--break-system-packages" not in argv else None


@lru_cache(maxsize=256)
def trusted_program(name: str) -> str | None:
    """Return the absolute path of a program in a folder of the system, never in the project or the caller's PATH."""
    return shutil.which(name, path=TRUSTED_FOLDERS) if "/" not in name else None
