"""What screens list of a store: light rows, a page at a time, however many there are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from meshcore.events import Event
from meshcore.model import Action, IncidentState, SkillSource, SkillState, Slot
from meshcore.safety.model_json import action_from_json, slots_from_json
from meshcore.store.read import Read, marks
from meshcore.store.rows import Approval, approval_of_row, event_of_row, folder_of_text


@dataclass(frozen=True, slots=True)
class IncidentBrief:
    """One incident as a list shows it; `seconds` is to green.

    `action` answers it, None where none is known; it refers to `slots`, of which another node's incident has none
    (see `knowledge.filling.slots_told`). What kinds they are of is told by `example_slots`, those of the skill's own
    example (see `knowledge.parts.fix_for`).
    """

    seq: int
    incident_id: str
    opened: str
    agent: str
    host: str
    error_type: str
    template: str
    line: str
    state: IncidentState
    action: Action | None
    slots: tuple[Slot, ...]
    example_slots: tuple[Slot, ...]
    seconds: float | None
    again: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """One event as a timeline shows it: `agent` is "" where it belongs to the node; `result` is that of an outcome.

    `since` is when the gap that a monitor's snapshot tells of began.
    """

    seq: int
    at: str
    kind: str
    agent: str
    result: str
    since: str


TIMELINE_KINDS = (
    "approval.waiting",
    "incident.opened",
    "monitor.snapshot",
    "outcome.received",
    "runtime.started",
    "runtime.stopped",
    "skill.learned",
    "skill.received",
    "try.outcome",
)

_BRIEF = (
    "SELECT i.seq, i.incident_id, i.opened, i.agent, i.host, i.line, i.error_type, i.template, i.slots, i.state,"
    " i.seconds, i.again, json_extract(s.body, '$.action') AS action,"
    " json_extract(s.body, '$.example_slots') AS example"
    " FROM incidents i LEFT JOIN skills s USING (skill_id) "
)


def incident_briefs_of(incident_ids: Sequence[str]) -> Read[IncidentBrief]:
    """These incidents, newest first."""
    where = f"WHERE i.incident_id IN ({marks(incident_ids)})"
    return Read(f"{_BRIEF}{where} ORDER BY i.seq DESC", _brief, tuple(incident_ids))


def incident_briefs_at(nodes: Sequence[str], limit: int) -> Read[IncidentBrief]:
    """The incidents that these nodes met, newest first."""
    where = f"WHERE i.node IN ({marks(nodes)})"
    return Read(f"{_BRIEF}{where} ORDER BY i.seq DESC LIMIT ?", _brief, (*nodes, limit))


def newest_told(limit: int) -> Read[tuple[str, str]]:
    """Record id and kind of what this node published last, newest first."""
    sql = "SELECT record_id, kind FROM outbox WHERE published<>'' AND record_id<>'' ORDER BY seq DESC LIMIT ?"
    return Read(sql, lambda row: (str(row[0]), str(row[1])), (limit,))


def seconds_of(incident_id: str) -> Read[tuple[float | None, float | None]]:
    """An incident's seconds to green: whole, and the mesh's own part."""
    sql = "SELECT seconds, own_seconds FROM incidents WHERE incident_id=?"
    return Read(sql, lambda row: (row[0], row[1]), (incident_id,))


def timeline_marks(after: int, limit: int) -> Read[Mark]:
    """What a timeline shows, in order, from the event after `after`; of a monitor's snapshots those after a gap."""
    sql = (
        f"{_MARKS} WHERE e.seq>? AND e.kind IN ({marks(TIMELINE_KINDS)})"
        f" AND (e.kind<>'monitor.snapshot' OR {_GAP} IS NOT NULL) ORDER BY e.seq LIMIT ?"
    )
    return Read(sql, lambda row: Mark(*row), (after, *TIMELINE_KINDS, limit))


_GAP = "json_extract(e.data, '$.mesh.gap.since')"
_MARKS = f"""
SELECT e.seq, e.at, e.kind, coalesce(nullif(e.agent, ''), i.agent, ''), coalesce(json_extract(e.data, '$.result'), ''),
  CAST(coalesce({_GAP}, '') AS TEXT)
FROM events e LEFT JOIN incidents i ON e.incident_id<>'' AND i.incident_id=e.incident_id
"""  # noqa: S608 - a constant


def newest_event() -> Read[Event]:
    """The event with the highest seq."""
    return Read("SELECT * FROM events ORDER BY seq DESC LIMIT 1", event_of_row)


def newest_entries() -> Read[int]:
    """How many entries the skills file held when a monitor looked at it last; 0 where it could not be read."""
    sql = (
        "SELECT CAST(coalesce(json_extract(data, '$.skills_snapshot.skill_count'), 0) AS INTEGER) FROM events"
        " WHERE kind='monitor.snapshot' ORDER BY seq DESC LIMIT 1"
    )
    return Read(sql, lambda row: int(row[0]))


def records_about(incident_id: str) -> Read[tuple[str, str]]:
    """(record id, kind) of what this node has told others about an incident."""
    sql = (
        "SELECT record_id, kind FROM outbox WHERE record_id<>'' AND json_extract(body, '$.incident_id')=? ORDER BY seq"
    )
    return Read(sql, lambda row: (str(row[0]), str(row[1])), (incident_id,))


def _brief(row: sqlite3.Row) -> IncidentBrief:
    return IncidentBrief(
        row["seq"],
        row["incident_id"],
        row["opened"],
        row["agent"],
        row["host"],
        row["error_type"],
        row["template"],
        row["line"],
        cast(IncidentState, row["state"]),
        action_from_json(json.loads(row["action"])) if row["action"] else None,
        slots_from_json(json.loads(row["slots"])),
        slots_from_json(json.loads(row["example"] or "[]")),
        row["seconds"],
        bool(row["again"]),
    )


INCIDENT_BRIEFS: Read[IncidentBrief] = Read(_BRIEF, _brief)
"""Every incident, in no order."""


@dataclass(frozen=True, slots=True)
class SkillBrief:
    """One skill as a list shows it; `example_slots` are those of its own example.

    `author` is a node's id, "" for an old program; `name` is what that node is called, "" where it was never heard.
    """

    skill_id: str
    label: int
    state: SkillState
    source: SkillSource
    author: str
    name: str
    own_operator: bool
    confirmed: bool
    error_type: str
    line: str
    action: Action
    example_slots: tuple[Slot, ...]
    verified: int
    failed: int
    circumstances: tuple[str, ...]
    used: int
    last_used: str
    last_good: str


_SKILL = """
SELECT s.skill_id, s.label, s.state, s.source, s.author, coalesce(a.name, '') AS name, s.own_operator, s.confirmed,
       s.used, s.last_used, s.last_good, json_extract(s.body, '$.error_type') AS error_type,
       json_extract(s.body, '$.example_line') AS line, json_extract(s.body, '$.action') AS action,
       json_extract(s.body, '$.example_slots') AS slots, json_extract(s.body, '$.circumstances') AS circumstances,
       coalesce(json_extract(s.evidence, '$.verified'), 0) AS verified,
       coalesce(json_extract(s.evidence, '$.failed'), 0) AS failed
FROM skills s LEFT JOIN authors a ON a.node = s.author
"""


def _skill(row: sqlite3.Row) -> SkillBrief:
    found = json.loads(row["circumstances"])
    order = ("os_family", "program", "ecosystem", "scope")
    return SkillBrief(
        skill_id=row["skill_id"],
        label=row["label"],
        state=cast(SkillState, row["state"]),
        source=cast(SkillSource, row["source"]),
        author=row["author"],
        name=row["name"],
        own_operator=bool(row["own_operator"]),
        confirmed=bool(row["confirmed"]),
        error_type=row["error_type"],
        line=row["line"],
        action=action_from_json(json.loads(row["action"])),
        example_slots=slots_from_json(json.loads(row["slots"])),
        verified=row["verified"],
        failed=row["failed"],
        circumstances=tuple(dict.fromkeys(found[name] for name in order if found.get(name))),
        used=row["used"],
        last_used=row["last_used"],
        last_good=row["last_good"],
    )


SKILL_BRIEFS: Read[SkillBrief] = Read(_SKILL, _skill)
"""Every skill, forgotten ones too, in no order."""


def approvals_lately(settled: int) -> Read[Approval]:
    """Everything that waits for a person, oldest first, then the newest `settled` ones that do not."""
    sql = (
        "SELECT * FROM (SELECT * FROM approvals WHERE state='waiting' ORDER BY seq)"
        " UNION ALL SELECT * FROM (SELECT * FROM approvals WHERE state<>'waiting' ORDER BY seq DESC LIMIT ?)"
    )
    return Read(sql, approval_of_row, (settled,))


def approval_awaited(incident_id: str) -> Read[Approval]:
    """What an incident waits for a person to say, the oldest first; also where another incident asked for it."""
    sql = (
        "SELECT * FROM approvals WHERE state='waiting' AND (incident_id=?"
        " OR approval_id=(SELECT approval FROM incidents WHERE incident_id=?)) ORDER BY seq"
    )
    return Read(sql, approval_of_row, (incident_id, incident_id))


def approval_rejected(incident_id: str) -> Read[Approval]:
    """What was rejected last of an incident, where that was not taken back; also where another incident asked."""
    sql = (
        "SELECT * FROM approvals WHERE state='rejected' AND result='' AND (incident_id=?"
        " OR approval_id=(SELECT approval FROM incidents WHERE incident_id=?)) ORDER BY resolved DESC, seq DESC LIMIT 1"
    )
    return Read(sql, approval_of_row, (incident_id, incident_id))


@dataclass(frozen=True, slots=True)
class RunResult:
    """The newest result of one run; `at` is when it was validated (UTC, seconds). Errors name their place."""

    path: str
    status: str
    at: str
    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def run(self) -> str:
        """Its name: that of its folder."""
        return self.path.rsplit("/", 1)[-1]


def run_results() -> Read[RunResult]:
    """The newest result of every run, by path."""
    return Read(
        "SELECT * FROM run_results WHERE json_valid(errors) AND json_valid(warnings) ORDER BY path", _run_result
    )


def _run_result(row: sqlite3.Row) -> RunResult:
    errors, warnings = (tuple(map(str, json.loads(row[name]))) for name in ("errors", "warnings"))
    return RunResult(folder_of_text(row["path"]), row["status"], row["at"], errors, warnings)


def validated_runs() -> Read[tuple[int, int]]:
    """How many runs passed when they were last validated, of how many."""
    sql = "SELECT coalesce(sum(status='passed'), 0), count(*) FROM run_results"
    return Read(sql, lambda row: (int(row[0]), int(row[1])))


@dataclass(frozen=True, slots=True)
class RecordBrief:
    """What a record is about, in one line: its kind, and a text that may be empty."""

    record_id: str
    kind: str
    text: str


def record_briefs(record_ids: Iterable[str]) -> Read[RecordBrief]:
    """These records, as far as this node has sent or received them."""
    ids = tuple(record_ids)
    which = f"WHERE record_id IN ({marks(ids)})"
    both = (
        f"SELECT record_id, kind, body FROM outbox {which}"  # noqa: S608
        " UNION ALL SELECT record_id, kind, CASE WHEN json_valid(text) THEN json_extract(text, '$.body') ELSE '{}' END"
        f" FROM records {which}"
    )
    sql = (
        f"SELECT r.record_id, r.kind, r.body, i.line FROM ({both}) r"  # noqa: S608
        " LEFT JOIN incidents i ON json_valid(r.body) AND i.incident_id = json_extract(r.body, '$.incident_id')"
    )
    return Read(sql, _record, (*ids, *ids))


def _record(row: sqlite3.Row) -> RecordBrief:
    try:
        body = json.loads(row["body"])
        text = str(body.get("line") or row["line"] or body.get("skill", {}).get("example_line") or "")
        if result := body.get("result"):
            text = f"{str(result).replace('_', ' ')}: {text}"
    except (ValueError, TypeError, AttributeError):
        text = ""
    return RecordBrief(row["record_id"], row["kind"], text)
