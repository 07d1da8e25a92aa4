"""May this be done here, unattended? A ruling with its reasons in words."""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.model import Action, Decision, Incident, KnownSkill, Match, Mode


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
    """Everything that a ruling rests on; nothing else is looked at."""

    incident: Incident
    known: KnownSkill
    match: Match
    mode: Mode
    environment_python: str = ""  # absolute path of the virtual environment's python, "" where there is none
    project: str = ""  # absolute path of the project folder, "" where there is none
    halted: str = ""  # why, where the halt file or a halt row stands


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision on a try, why, under which typed action, and exactly what would be executed."""

    decision: Decision
    reasons: tuple[str, ...]
    action_type: str = ""
    plan: tuple[PlannedStep, ...] = ()
    target: Target | None = None


__all__ = ["Action", "PlannedStep", "Question", "Ruling", "Target"]
