"""What the policy is asked about a try, and what it answers."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meshcore.knowledge.parts import Parts
from meshcore.model import Incident, KnownSkill, Match, Verdict

EXIT_NOT_FOUND = 127  # of a shell, for a program
_CAUSE = re.compile(r"(?m)^ModuleNotFoundError: No module named '([\w.]{1,200})'$")
Author = Literal["self", "own", "peer"]

KIND_SEPARATOR = "+"
"""Between the action types of a ruling on several steps; each is held by its own mode."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One command as it will be executed: absolute program, what it may write, whether it needs the network.

    `place` of what acts on paths: the project without links, and the command's folder below it. Such a step is
    done through descriptors, so that no link that came after the decision is followed.
    `folder` is where it is started, "" for the command's own folder. `wheels`: it installs with pip, so that what
    would come can be looked into first.
    `host`: what it changes is no file, and no container holds it; it is never shut in, and waits where others would be.
    `given` is a text that the executor puts into a private file, for which the argument `given_name(given)` stands.
    """

    argv: tuple[str, ...]
    writable: tuple[str, ...] = ()
    network: bool = False
    place: tuple[str, ...] = ()
    given: str = ""
    folder: str = ""
    wheels: bool = False
    host: bool = False


def given_name(text: str) -> str:
    """Return the name of the private file that holds a text, the same for the same text."""
    return f"given-{hashlib.sha256(text.encode()).hexdigest()}.txt"


@dataclass(frozen=True, slots=True)
class Target:
    """What a fix would change: a virtual environment or a project folder; tries on one target never overlap."""

    path: str
    kind: str  # "venv", "project", "service"


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that policy looks at."""

    incident: Incident
    known: KnownSkill
    match: Match
    environment_python: str = ""  # absolute path of the virtual environment's python, "" where there is none
    environment_candidates: tuple[str, ...] = ()  # … where it is not known which: the pythons of those it may be
    project: str = ""  # absolute path of the project folder, "" where there is none
    inner_argv: tuple[str, ...] = ()  # what failed inside the incident's command, () for the command itself
    inner_cwd: str = ""  # the folder in which that ran, "" for the incident's
    in_general: bool = False  # the fix is known in general, and what is known so may be used

    @property
    def argv(self) -> tuple[str, ...]:
        """Return the command that failed, without what is wrapped around it."""
        return self.inner_argv or self.incident.argv

    @property
    def cwd(self) -> str:
        """Return the folder in which that command ran."""
        return self.inner_cwd or self.incident.cwd

    @property
    def has_environment(self) -> bool:
        """Say whether there is a virtual environment to change."""
        python = Path(self.environment_python)
        return bool(self.environment_python) and python.is_file() and (python.parents[1] / "pyvenv.cfg").is_file()

    @property
    def install_python(self) -> str:
        """Return the python into whose environment a person may let something be installed, "" where that is not one.

        The system's own is none.
        """
        if self.has_environment:
            return self.environment_python
        return self.environment_candidates[0] if len(self.environment_candidates) == 1 else ""

    @property
    def environment_doubt(self) -> str:
        """Say why no environment is changed unattended, "" where it is known which."""
        if self.has_environment:
            return ""
        if not self.environment_candidates:
            return "there is no virtual environment to change"
        folders = [str(Path(python).parents[1]) for python in self.environment_candidates]
        return f"it is not certain which virtual environment failed: {' or '.join(folders)}"

    @property
    def project_target(self) -> Target:
        """Return the project as what a fix would change, the folder of the command where there is no project."""
        return Target(self.project or self.cwd, "project")

    @property
    def named(self) -> tuple[str, ...]:
        """Return what the error names: its own parts, and what lacked.

        That is the module for want of which an ImportError was raised, or the program that was called by its path in
        an environment and is not there.
        """
        signature = self.incident.signature
        cause = _CAUSE.findall(self.incident.excerpt)[-1:] if signature.error_type == "ImportError" else ()
        called = Path(self.cwd, self.argv[0]) if self.argv and self.incident.exit_code == EXIT_NOT_FOUND else None
        lacks = called and (called.parents[1] / "pyvenv.cfg").is_file() and not called.exists()
        return (*(slot.value for slot in signature.slots), *cause, *((called.name,) if called and lacks else ()))

    def part(self, index: int) -> str:
        """Return what an action's reference to the error stands for here, "" where there is no such part."""
        try:
            return Parts(self.incident.signature.slots)[index].value
        except IndexError:
            return ""


@dataclass(frozen=True, slots=True)
class PolicyVerdict(Verdict):
    """What policy says, under which typed action, and exactly what would be executed."""

    action_type: str = ""
    plan: tuple[PlannedStep, ...] = ()
    target: Target | None = None
    depends: bool = False  # on what a failure shows, and on nothing else
