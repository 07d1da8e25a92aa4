"""Rows of the store ↔ values of the model: the one place that knows which column is JSON."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from meshcore.events import Event, EventKind
from meshcore.model import (
    TRY_RESULTS,
    AgentInfo,
    Circumstances,
    Evidence,
    Incident,
    IncidentState,
    Json,
    KnownSkill,
    Outcome,
    Record,
    Signature,
    SkillSource,
    SkillState,
    StepResult,
    canonical,
)
from meshcore.safety.model_json import (
    circumstances_from_json,
    circumstances_to_json,
    skill_from_json,
    slots_from_json,
    slots_to_json,
)

LONGEST_SECONDS = 1e12


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """What this node has to tell: signed once (`record`), published once."""

    seq: int
    kind: str
    body: Mapping[str, Json]
    record: Record | None


@dataclass(frozen=True, slots=True)
class Approval:
    """A try that waits for a person; it is bound to the exact action by `action_hash`.

    `runs` are the steps as they would be executed, and `rerun` the failed command if it is then run again, both as a
    shell would read them; empty for nothing, or for an approval of before they were kept.
    `process` carries out, or carried out, what was approved; `result` is how that went, empty until it is known.
    `afar`: the yes came from another host of the operator, signed.
    """

    approval_id: str
    incident_id: str
    skill_id: str
    action_hash: str
    command: str
    reasons: tuple[str, ...]
    asked: str
    state: str
    resolved: str = ""
    actor: str = ""
    process: str = ""
    result: str = ""
    runs: str = ""
    rerun: str = ""
    afar: bool = False


@dataclass(frozen=True, slots=True)
class MetIncident:
    """An incident as evidence needs it: without output and slots, with who met it and how long it took.

    `own`: this node met it. `project` is its folder, empty outside a project or where it is not known. `answered`: a
    known fix was named or used. `taken`: it was run.
    """

    incident_id: str
    node: str
    opened: str
    agent: str
    via: str
    host: str
    argv: tuple[str, ...]
    exit_code: int | None
    error_type: str
    line: str
    state: str
    skill_id: str
    again: bool
    seconds: float | None
    own_seconds: float | None
    own: bool
    project: str
    answered: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class CommandRow:
    """One command that ran under the mesh, for recognising fixes."""

    argv: tuple[str, ...]
    cwd: str
    exit_code: int
    output: str
    at: str
    incident_id: str
    agent: str


def folder_to_text(folder: str) -> str:
    """Return a folder as its column holds it: one whose name is not UTF-8 is written as a JSON string."""
    try:
        folder.encode()
    except UnicodeEncodeError:
        return json.dumps(folder)
    return folder


def folder_of_text(text: str) -> str:
    """Read what `folder_to_text` wrote; an absolute path never begins with a quote."""
    return str(json.loads(text)) if text.startswith('"') else text


def event_of_row(row: sqlite3.Row) -> Event:
    """Read one row of `events`."""
    kind = cast(EventKind, row["kind"])
    return Event(
        row["seq"], row["at"], kind, row["incident_id"], row["skill_id"], row["agent"], json.loads(row["data"])
    )


def approval_of_row(row: sqlite3.Row) -> Approval:
    """Read one row of `approvals`, whose columns are named as the fields are."""
    values = {name: row[name] for name in Approval.__slots__}
    return Approval(**{**values, "reasons": tuple(json.loads(row["reasons"])), "afar": bool(row["afar"])})


def met_of_row(row: sqlite3.Row) -> MetIncident:
    """Read one row of `incidents` as evidence asks for it (see `store_evidence`): its columns are the fields."""
    values = list(row)
    values[_ARGV] = _argv_of_text(values[_ARGV])
    values[_PROJECT] = folder_of_text(values[_PROJECT])
    for flag in _FLAGS:
        values[flag] = bool(values[flag])
    return MetIncident(*values)


_ARGV, _PROJECT = (list(MetIncident.__slots__).index(name) for name in ("argv", "project"))
_FLAGS = tuple(list(MetIncident.__slots__).index(name) for name in ("again", "own", "answered", "taken"))


@lru_cache(maxsize=1 << 12)
def _argv_of_text(text: str) -> tuple[str, ...]:
    return tuple(json.loads(text))


def outcome_body_of_row(row: sqlite3.Row) -> Mapping[str, Json]:
    """Read one row of `outcomes` as it was written."""
    body: Mapping[str, Json] = json.loads(row[0])
    return body


def command_of_row(row: sqlite3.Row) -> CommandRow:
    """Read one row of `commands`."""
    return CommandRow(
        tuple(json.loads(row["argv"])),
        folder_of_text(row["cwd"]),
        row["exit_code"],
        row["output"],
        row["at"],
        row["incident_id"],
        row["agent"],
    )


def outbox_of_row(row: sqlite3.Row) -> OutboxRow:
    """Read one row of `outbox`."""
    record = Record(row["text"], row["key"], row["sig"]) if row["sig"] else None
    return OutboxRow(row["seq"], row["kind"], json.loads(row["body"]), record)


def record_of_row(row: sqlite3.Row) -> Record:
    """Read one row of `records`, as it came: nothing of it is checked."""
    return Record(row["text"], row["key"], row["sig"], row["kind"])


def outcome_of_row(row: sqlite3.Row) -> Outcome:
    """Read one row of `outcomes`."""
    return outcome_from_json(json.loads(row["body"]))


def skill_of_row(row: sqlite3.Row) -> KnownSkill:
    """Read one row of `skills`."""
    return KnownSkill(
        skill=skill_from_json(json.loads(row["body"])),
        label=row["label"],
        state=cast(SkillState, row["state"]),
        source=cast(SkillSource, row["source"]),
        author=row["author"],
        own_operator=bool(row["own_operator"]),
        confirmed=bool(row["confirmed"]),
        evidence=_NOTHING_TRIED if row["evidence"] == _NOTHING else evidence_from_json(json.loads(row["evidence"])),
        created=row["created"],
        last_good=row["last_good"],
        stored_id=row["skill_id"],
        action_key=row["action_key"],
    )


def incident_to_row(incident: Incident) -> dict[str, Json]:
    """Return the columns of `incidents` that come from the incident itself."""
    return {
        "incident_id": incident.incident_id,
        "opened": incident.opened,
        "agent": incident.agent.name,
        "via": incident.agent.via,
        "host": incident.agent.host,
        "sub_agent": incident.agent.sub,
        "argv": json.dumps(incident.argv),
        "cwd": folder_to_text(incident.cwd),
        "exit_code": incident.exit_code,
        "signature_version": incident.signature.version,
        "error_type": incident.signature.error_type,
        "template": incident.signature.template,
        "slots": json.dumps(slots_to_json(incident.signature.slots)),
        "line": incident.signature.line,
        "excerpt": incident.excerpt,
        "circumstances": canonical(circumstances_to_json(incident.circumstances)),
        "environment": json.dumps(dict(incident.environment)),
        "argv_redacted": int(incident.argv_redacted),
        "state": incident.state,
        "skill_id": incident.skill_id,
        "again": int(incident.again),
        "stdin": incident.stdin,
        "follows": incident.follows,
    }


def incident_of_row(row: sqlite3.Row | Mapping[str, Json]) -> Incident:
    """Read one row of `incidents`."""
    return Incident(
        incident_id=row["incident_id"],
        opened=row["opened"],
        agent=AgentInfo(row["agent"], row["via"], row["host"], row["sub_agent"]),
        argv=tuple(json.loads(row["argv"])),
        cwd=folder_of_text(row["cwd"]),
        exit_code=row["exit_code"],
        signature=Signature(
            row["signature_version"],
            row["error_type"],
            row["template"],
            slots_from_json(json.loads(row["slots"])),
            row["line"],
        ),
        excerpt=row["excerpt"],
        circumstances=circumstances_from_json(json.loads(row["circumstances"])),
        state=cast(IncidentState, row["state"]),
        skill_id=row["skill_id"],
        argv_redacted=bool(row["argv_redacted"]),
        environment=json.loads(row["environment"]),
        again=bool(row["again"]),
        stdin=row["stdin"],
        follows=row["follows"],
    )


def evidence_to_json(evidence: Evidence) -> dict[str, Json]:
    """Return the JSON form of evidence; counts per circumstances are lists of [circumstances, count]."""

    def counts(of: Mapping[Circumstances, int]) -> list[Json]:
        return [[circumstances_to_json(c), n] for c, n in of.items()]

    return {
        "verified": evidence.verified,
        "failed": evidence.failed,
        "hosts": sorted(evidence.hosts),
        "relaxed": sorted(evidence.relaxed),
        "values": {str(i): sorted(v) for i, v in evidence.values.items()},
        "verified_in": counts(evidence.verified_in),
        "failed_in": counts(evidence.failed_in),
        "verified_elsewhere": evidence.verified_elsewhere,
        "failed_elsewhere": evidence.failed_elsewhere,
    }


def evidence_from_json(data: Mapping[str, Json]) -> Evidence:
    """Read what `evidence_to_json` wrote."""

    def counts(pairs: Iterable[Json]) -> dict[Circumstances, int]:
        return {circumstances_from_json(c): n for c, n in pairs}

    if not data:
        return Evidence()
    return Evidence(
        verified=data["verified"],
        failed=data["failed"],
        hosts=frozenset(data["hosts"]),
        relaxed=frozenset(data["relaxed"]),
        values={int(i): frozenset(v) for i, v in data["values"].items()},
        verified_in=counts(data["verified_in"]),
        failed_in=counts(data["failed_in"]),
        verified_elsewhere=data.get("verified_elsewhere", 0),
        failed_elsewhere=data.get("failed_elsewhere", 0),
    )


def step_to_json(step: StepResult) -> dict[str, Json]:
    """Return the JSON form of what one command did."""
    return {"argv": list(step.argv), "exit_code": step.exit_code, "seconds": step.seconds, "output": step.output}


def step_from_json(data: Json) -> StepResult:
    """Read what one command did. Raises ValueError for a field missing or of another type."""
    fields = _object(data, "a step")
    argv, exit_code, output = fields.get("argv"), fields.get("exit_code"), fields.get("output", "")
    if not isinstance(argv, list) or not all(isinstance(word, str) for word in argv) or not isinstance(output, str):
        raise ValueError("a step is an argv of texts and its output")
    if type(exit_code) is not int or abs(exit_code) >= 2**31:
        raise ValueError("exit_code must be a number")
    return StepResult(tuple(argv), exit_code, _finite(fields.get("seconds"), "seconds"), output)


def outcome_to_json(outcome: Outcome) -> dict[str, Json]:
    """Return the JSON form of an outcome."""
    return {
        "outcome_id": outcome.outcome_id,
        "incident_id": outcome.incident_id,
        "skill_id": outcome.skill_id,
        "result": outcome.result,
        "at": outcome.at,
        "node": outcome.node,
        "host": outcome.host,
        "agent": outcome.agent,
        "circumstances": circumstances_to_json(outcome.circumstances),
        "steps": [step_to_json(step) for step in outcome.steps],
        "rerun": step_to_json(outcome.rerun) if outcome.rerun else None,
        "seconds": outcome.seconds,
        "own_seconds": outcome.own_seconds,
        "slots": slots_to_json(outcome.slots),
        "actor": outcome.actor,
        **({"why": outcome.why} if outcome.why else {}),
    }


def outcome_from_json(data: Json) -> Outcome:
    """Read an outcome; unknown fields are ignored. Raises ValueError for a field missing or of another type."""
    fields = _object(data, "an outcome")
    result, steps, rerun = fields.get("result"), fields.get("steps", []), fields.get("rerun")
    if not isinstance(result, str) or result not in TRY_RESULTS:
        raise ValueError(f"unknown result {result!r:.40}")
    if not isinstance(steps, list):
        raise ValueError("steps must be a list")
    names = ("outcome_id", "incident_id", "skill_id", "at", "node", "host", "agent")
    texts: dict[str, Json] = {name: fields.get(name) for name in names} | {
        name: fields.get(name, "") for name in ("actor", "why")
    }
    for name, value in texts.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a text")
    return Outcome(
        **texts,
        result=result,
        circumstances=circumstances_from_json(fields.get("circumstances")),
        steps=tuple(step_from_json(step) for step in steps),
        rerun=step_from_json(rerun) if rerun else None,
        seconds=_finite_or_none(fields.get("seconds"), "seconds"),
        own_seconds=_finite_or_none(fields.get("own_seconds"), "own_seconds"),
        slots=slots_from_json(fields.get("slots", [])),
    )


def _object(data: Json, what: str) -> dict[str, Json]:
    if not isinstance(data, dict):
        raise ValueError(f"{what} is an object")
    return data


def _finite(value: Json, name: str) -> float:
    # Written so that NaN fails too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LONGEST_SECONDS:
        raise ValueError(f"{name} must be a number")
    return value


def _finite_or_none(value: Json, name: str) -> float | None:
    return None if value is None else _finite(value, name)


_NOTHING_TRIED = Evidence()
_NOTHING = canonical(evidence_to_json(_NOTHING_TRIED))
