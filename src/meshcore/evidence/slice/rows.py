"""The slice as values: everything that the figures of a report are made of, one frozen row per thing.

Texts are redacted and visible, outputs are left out, commands are one line for people. A row names things by id, so a
stranger can follow every figure back: incident → outcome → skill → author.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from meshcore.model import Json


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose view this is: a node, its operator's public key, the range asked for ("" for open ends), and when.

    `labels` are the configuration's, `versions` those of the programs that wrote it.
    """

    node: str
    name: str
    host: str
    operator: str
    made_at: str
    since: str = ""
    until: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One failure. `again`: what answered it was known before. `own`: the node whose view this is met it.

    `seconds` is opening → verified, None if not verified; `own_seconds` is what the mesh itself took of it. `project`
    is the folder, empty outside a project or where it is not known (incidents of other nodes). `labels` are those of
    the node that met it, on own incidents only. `answered`: a known fix was named, or used. `taken`: it was run, by the
    agent or the mesh.
    """

    incident_id: str
    node: str
    opened: str
    agent: str
    via: str
    host: str
    project: str
    line: str
    command: str
    exit_code: int | None
    state: str
    again: bool
    own: bool
    skill_id: str = ""
    seconds: float | None = None
    own_seconds: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    answered: bool = False
    taken: bool = False


@dataclass(frozen=True, slots=True)
class StepRow:
    """One command that ran: a step of a fix, or the rerun."""

    command: str
    exit_code: int
    seconds: float


@dataclass(frozen=True, slots=True)
class OutcomeRow:
    """What a try of a skill on an incident did; `actor` is "policy" or the person who approved."""

    outcome_id: str
    incident_id: str
    skill_id: str
    result: str
    at: str
    node: str
    host: str
    agent: str
    actor: str = ""
    steps: tuple[StepRow, ...] = ()
    rerun: StepRow | None = None
    seconds: float | None = None
    own_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class SkillRow:
    """A skill: the error and the fix as texts, who said so first (a node id, "" for an old program) and since when."""

    skill_id: str
    label: int
    error: str
    fix: str
    author: str
    created: str
    state: str
    source: str


@dataclass(frozen=True, slots=True)
class AuthorRow:
    """A node that was heard: what it is called, its host, and its operator's public key ("" where none is enrolled)."""

    node: str
    name: str
    host: str
    operator: str
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class AgentRow:
    """A named member of a node."""

    node: str
    name: str
    via: str
    host: str
    first_seen: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class ApprovalRow:
    """What waited for a person of a node, and what became of it (`state` is "waiting" until it is settled)."""

    node: str
    approval_id: str
    incident_id: str
    skill_id: str
    command: str
    reasons: tuple[str, ...]
    asked: str
    state: str
    resolved: str
    actor: str


@dataclass(frozen=True, slots=True)
class GrowthRow:
    """What a node knew after it was taught or told something: `entries` counts every telling, `unique` the skills."""

    node: str
    at: str
    entries: int
    unique: int


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """One record of a monitor, in the old format without the checks' own output."""

    node: str
    record: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class ValidationRow:
    """One verdict on a run, from the validator's log."""

    node: str
    at: str
    run: str
    status: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class HookRow:
    """One answer that a hook gave to an agent's program."""

    node: str
    at: str
    agent: str
    incident_id: str
    skill_id: str
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """What an agent's session files showed when they were imported: retrospective, beside what was measured.

    `data` holds via, sessions, failures, and `seconds_to_green` (and `…_any`) as n, median, p90, min, max.
    """

    node: str
    at: str
    data: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Slice:
    """The evidence of one node or, merged, of several, for a range of time.

    `skipped` names lines of logs that could not be used; `contradictions` says where merged views differ.
    """

    origins: tuple[Origin, ...] = ()
    incidents: tuple[IncidentRow, ...] = ()
    outcomes: tuple[OutcomeRow, ...] = ()
    skills: tuple[SkillRow, ...] = ()
    authors: tuple[AuthorRow, ...] = ()
    agents: tuple[AgentRow, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()
    growth: tuple[GrowthRow, ...] = ()
    monitor: tuple[MonitorRow, ...] = ()
    validation: tuple[ValidationRow, ...] = ()
    hooks: tuple[HookRow, ...] = ()
    history: tuple[HistoryRow, ...] = ()
    skipped: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()


TABLES: Mapping[str, type] = {
    "incidents": IncidentRow,
    "outcomes": OutcomeRow,
    "skills": SkillRow,
    "authors": AuthorRow,
    "agents": AgentRow,
    "approvals": ApprovalRow,
    "growth": GrowthRow,
    "monitor": MonitorRow,
    "validation": ValidationRow,
    "hooks": HookRow,
    "history": HistoryRow,
}
"""The tables of a slice by name, in the order in which they are written."""
