"""For tests of the mesh and of whatever embeds it: a clock that moves when told, builders, a bridge in memory."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from meshcore.bridge.memory import MemoryBridge
from meshcore.clock import to_text
from meshcore.knowledge.matching import IndexEntry, index_entry
from meshcore.knowledge.signature import VERSION
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

__all__ = ["FakeClock", "MemoryBridge", "MemoryIndex", "incident", "known_skill", "outcome", "signature", "skill"]

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


class MemoryIndex:
    """Skills in memory, where `match` may look them up."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[KnownSkill, IndexEntry]] = {}
        self._shapes: dict[str, Counter[str]] = defaultdict(Counter)
        self._keys: dict[str, dict[str, None]] = defaultdict(dict)

    def __len__(self) -> int:
        return len(self._known)

    def add(self, known: KnownSkill) -> None:
        """Add a skill, or replace what is known of it."""
        skill_id = known.skill_id
        self.discard(skill_id)
        entry = index_entry(known)
        self._known[skill_id] = (known, entry)
        self._shapes[entry.bucket][entry.shape] += 1
        for key in entry.keys:
            self._keys[key][skill_id] = None

    def discard(self, skill_id: str) -> None:
        """Remove a skill; one that is not there is no error."""
        found = self._known.pop(skill_id, None)
        if found is None:
            return
        entry = found[1]
        self._shapes[entry.bucket] -= Counter({entry.shape: 1})
        for key in entry.keys:
            self._keys[key].pop(skill_id, None)
            if not self._keys[key]:
                del self._keys[key]

    def get(self, skill_id: str) -> KnownSkill | None:
        """Return a skill by its id."""
        found = self._known.get(skill_id)
        return found[0] if found else None

    def now(self) -> str:
        return ""

    def shapes(self, bucket: str) -> Sequence[str]:
        return list(self._shapes.get(bucket, ()))

    def lookup(self, keys: Sequence[str], limit: int) -> Sequence[KnownSkill]:
        found: dict[str, KnownSkill] = {}
        for key in keys:
            for skill_id in self._keys.get(key, ()):
                found[skill_id] = self._known[skill_id][0]
                if len(found) >= limit:
                    return list(found.values())
        return list(found.values())


def signature(name: str = "django") -> Signature:
    """Return the signature of a Python module that is missing."""
    return Signature(
        VERSION, "ModuleNotFoundError", "No module named <name>", (Slot("name", name),), f"No module named '{name}'"
    )


def skill(name: str = "django", **changes: Any) -> Skill:
    """Return the skill that installs a missing module; `changes` are fields of Skill."""
    fields: dict[str, Any] = {
        "signature_version": VERSION,
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
