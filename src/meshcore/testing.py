"""For tests of the mesh and of whatever embeds it: a clock that moves when told, builders, a bridge in memory."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from meshcore.bridge.memory import MemoryBridge
from meshcore.clock import to_text
from meshcore.model import (
    Action,
    AgentInfo,
    Circumstances,
    Incident,
    KeySlot,
    KnownSkill,
    Outcome,
    Signature,
    Skill,
    Slot,
)

__all__ = ["FakeClock", "MemoryBridge", "incident", "known_skill", "outcome", "signature", "skill"]

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class FakeClock:
    """A clock that moves when told."""

    def __init__(self, start: datetime = START, monotonic: float = 1000.0) -> None:
        self.wall = start
        self.seconds = monotonic

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += timedelta(seconds=seconds)
        self.seconds += seconds

    def set_wall(self, moment: datetime) -> None:
        """Set the wall clock, as a person or NTP does; monotonic time goes on as before."""
        self.wall = moment


def signature(name: str = "django") -> Signature:
    """Return the signature of a Python module that is missing."""
    return Signature(
        1, "ModuleNotFoundError", "No module named <name>", (Slot("name", name),), f"No module named '{name}'"
    )


def skill(name: str = "django", **changes: Any) -> Skill:
    """Return the skill that installs a missing module; `changes` are fields of Skill."""
    fields: dict[str, Any] = {
        "signature_version": 1,
        "error_type": "ModuleNotFoundError",
        "template": "No module named <name>",
        "key_slots": (KeySlot(0, "name", name),),
        "action": Action("argv", (("pip", "install", name),)),
        "example_line": f"ModuleNotFoundError: No module named '{name}'",
        "example_slots": (Slot("name", name),),
    }
    return Skill(**{**fields, **changes})


def known_skill(name: str = "django", **changes: Any) -> KnownSkill:
    """Return that skill as taught here and confirmed; `changes` are fields of KnownSkill."""
    fields: dict[str, Any] = {"skill": skill(name), "own_operator": True, "confirmed": True}
    return KnownSkill(**{**fields, **changes})


def incident(number: int = 1, name: str = "django", **changes: Any) -> Incident:
    """Return the failure of `python app.py` for want of a module; `changes` are fields of Incident."""
    fields: dict[str, Any] = {
        "incident_id": f"{number:016x}",
        "opened": to_text(START),
        "agent": AgentInfo("agent_a_test", "shell", "host1"),
        "argv": ("python", "app.py"),
        "cwd": "/srv/app",
        "exit_code": 1,
        "signature": signature(name),
        "excerpt": f"ModuleNotFoundError: No module named '{name}'",
        "circumstances": Circumstances("debian", "python", "python", "venv", "yes"),
    }
    return Incident(**{**fields, **changes})


def outcome(number: int = 1, **changes: Any) -> Outcome:
    """Return the outcome of a try that was verified on host1; `changes` are fields of Outcome."""
    fields: dict[str, Any] = {
        "outcome_id": f"{number:016x}",
        "incident_id": f"{number:016x}",
        "skill_id": skill().skill_id,
        "result": "verified",
        "at": to_text(START),
        "node": "a" * 64,
        "host": "host1",
        "agent": "agent_a_test",
        "circumstances": Circumstances("debian", "python", "python", "venv", "yes"),
        "seconds": 2.5,
        "slots": (Slot("name", "django"),),
        "actor": "policy",
    }
    return Outcome(**{**fields, **changes})
