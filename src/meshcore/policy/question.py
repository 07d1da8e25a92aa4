"""What the policy is asked about a try, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meshcore.knowledge.parts import Parts
from meshcore.model import Incident, KnownSkill, Match, Verdict

Author = Literal["own", "peer"]

KIND_SEPARATOR = "+"
"""Between the action types of a ruling on several steps; each is held by its own mode."""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """One command as it will be executed: absolute program, what it may write, whether it needs the network."""

    argv: tuple[str, ...]
    writable: tuple[str, ...] = ()
    network: bool = False


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
    project: str = ""  # absolute path of the project folder, "" where there is none

    @property
    def has_environment(self) -> bool:
        """Say whether there is a virtual environment to change."""
        python = Path(self.environment_python)
        return bool(self.environment_python) and python.is_file() and (python.parents[1] / "pyvenv.cfg").is_file()

    @property
    def project_target(self) -> Target:
        """Return the project as what a fix would change, the folder of the command where there is no project."""
        return Target(self.project or self.incident.cwd, "project")

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
