"""What the lists of skills, deliveries, approvals and runs show of a store: light rows, a page at a time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from meshcore.knowledge.parts import Parts
from meshcore.model import SkillSource, SkillState, action_from_json, slots_from_json
from meshcore.store.queries import Read, marks
from meshcore.store.rows import Approval, approval_of_row

VALIDATION = "validation:"  # as in runs/history.py, which is above this room
_AFTER_VALIDATION = "validation;"


@dataclass(frozen=True, slots=True)
class SkillBrief:
    """One skill as a list shows it. `fix` is filled in as it was for its own example; `advice`: it is prose.

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
    fix: str
    advice: bool
    verified: int
    failed: int
    circumstances: tuple[str, ...]
    used: int
    last_used: str


_SKILL = """
SELECT s.skill_id, s.label, s.state, s.source, s.author, coalesce(a.name, '') AS name, s.own_operator, s.confirmed,
       s.used, s.last_used, json_extract(s.body, '$.error_type') AS error_type,
       json_extract(s.body, '$.example_line') AS line, json_extract(s.body, '$.action') AS action,
       json_extract(s.body, '$.example_slots') AS slots, json_extract(s.body, '$.circumstances') AS circumstances,
       coalesce(json_extract(s.evidence, '$.verified'), 0) AS verified,
       coalesce(json_extract(s.evidence, '$.failed'), 0) AS failed
FROM skills s LEFT JOIN authors a ON a.node = s.author
"""


def skill_briefs(after: int, limit: int) -> Read[SkillBrief]:
    """Skills with a higher label, by label; forgotten ones too."""
    return Read(f"{_SKILL} WHERE s.label>? ORDER BY s.label LIMIT ?", _skill, (after, limit))


def skill_briefs_of(skill_ids: Sequence[str]) -> Read[SkillBrief]:
    """These skills, by label."""
    where = f"WHERE s.skill_id IN ({marks(skill_ids)})"
    return Read(f"{_SKILL} {where} ORDER BY s.label", _skill, tuple(skill_ids))


def _skill(row: sqlite3.Row) -> SkillBrief:
    action = action_from_json(json.loads(row["action"]))
    try:
        fix = action.fill(Parts(slots_from_json(json.loads(row["slots"])))).command()
    except IndexError:
        fix = action.command()
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
        fix=fix,
        advice=action.kind == "advice",
        verified=row["verified"],
        failed=row["failed"],
        circumstances=tuple(dict.fromkeys(found[name] for name in order if found.get(name))),
        used=row["used"],
        last_used=row["last_used"],
    )


def approvals_lately(settled: int) -> Read[Approval]:
    """Everything that waits for a person, oldest first, then the newest `settled` ones that do not."""
    sql = (
        "SELECT * FROM (SELECT * FROM approvals WHERE state='waiting' ORDER BY seq)"
        " UNION ALL SELECT * FROM (SELECT * FROM approvals WHERE state<>'waiting' ORDER BY seq DESC LIMIT ?)"
    )
    return Read(sql, approval_of_row, (settled,))


def validated_runs() -> Read[tuple[int, int]]:
    """How many runs passed when they were last validated, of how many."""
    sql = "SELECT coalesce(sum(json_extract(value, '$.status')='passed'), 0), count(*) FROM meta WHERE key>=? AND key<?"
    return Read(sql, lambda row: (int(row[0]), int(row[1])), (VALIDATION, _AFTER_VALIDATION))


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
        f" UNION ALL SELECT record_id, kind, json_extract(text, '$.body') FROM records {which}"
    )
    sql = (
        f"SELECT r.record_id, r.kind, r.body, i.line FROM ({both}) r"  # noqa: S608
        " LEFT JOIN incidents i ON i.incident_id = json_extract(r.body, '$.incident_id')"
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
