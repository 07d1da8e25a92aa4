"""What happened, as rows: every change of state writes its event in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from meshcore.model import Json

EventKind = Literal[
    "agent.joined",
    "approval.carried",
    "approval.elsewhere",
    "approval.resolved",
    "approval.rule",
    "approval.taken_back",
    "approval.waiting",
    "author.state",
    "fault",
    "history.imported",
    "hook.answered",
    "hook.taken",
    "incident.matched",
    "incident.opened",
    "incident.state",
    "maintenance.done",
    "mesh.halted",
    "mesh.mode",
    "mesh.resumed",
    "monitor.requested",
    "monitor.snapshot",
    "node.joined",
    "outcome.received",
    "outcome.reported",
    "record.purged",
    "record.rejected",
    "runs.validated",
    "runtime.started",
    "runtime.stopped",
    "skill.confirmed",
    "skill.learned",
    "skill.published",
    "skill.received",
    "skill.state",
    "skills_file.broken",
    "try.decided",
    "try.intent",
    "try.outcome",
    "validation.requested",
]


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened on this node, or that it learnt of; `seq` orders, `at` is only shown."""

    seq: int
    at: str
    kind: EventKind
    incident_id: str = ""
    skill_id: str = ""
    agent: str = ""
    data: Mapping[str, Json] = field(default_factory=dict)

    def to_json(self) -> dict[str, Json]:
        """Return the event as the journal holds it, empty references left out."""
        head: dict[str, Json] = {"seq": self.seq, "at": self.at, "kind": self.kind}
        for name in ("incident_id", "skill_id", "agent"):
            if value := getattr(self, name):
                head[name] = value
        return {**head, **{k: v for k, v in self.data.items() if k not in head}}
