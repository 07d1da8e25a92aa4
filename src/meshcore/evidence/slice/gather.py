"""The slice: the evidence of a node for a range of time, gathered from its store and logs, written, read and merged.

One path: store → Slice → Facts → Figures (see `metrics`). What a report says can be recomputed from its slice alone.
"""

from __future__ import annotations

import platform
import shlex
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import meshcore
from meshcore.clock import from_text, to_text
from meshcore.errors import UsageError
from meshcore.events import Event, EventKind
from meshcore.evidence.monitor.jsonl import read_lines
from meshcore.evidence.monitor.log import snapshot_of
from meshcore.evidence.slice.codec import clean, clean_json, clean_mark
from meshcore.evidence.slice.files import is_slice, read_slice, write_slice
from meshcore.evidence.slice.merge import merge
from meshcore.evidence.slice.rows import (
    AgentRow,
    ApprovalRow,
    AuthorRow,
    GrowthRow,
    HistoryRow,
    HookRow,
    IncidentRow,
    MonitorRow,
    Origin,
    OutcomeRow,
    SkillRow,
    Slice,
    StepRow,
    ValidationRow,
)
from meshcore.knowledge.parts import ANEW
from meshcore.model import Json, KnownSkill, canonical
from meshcore.store.database import SCHEMA_VERSION
from meshcore.store.rows import MetIncident
from meshcore.store.store import Store

__all__ = ["Slice", "cut", "gather_slice", "is_slice", "merge", "origin", "read_slice", "slice_of_log", "write_slice"]

T = TypeVar("T")

TAUGHT: tuple[EventKind, ...] = ("skill.learned", "skill.received")
SNAPSHOT: EventKind = "monitor.snapshot"
HOOK_ANSWERED: EventKind = "hook.answered"
"""Written by hooks, where they are in use."""
HISTORY: EventKind = "history.imported"
"""Written by `meshtui import history`; of an earlier time than any range, so never cut off."""


def origin(
    node: str, name: str, host: str, operator: str, now: datetime, labels: Mapping[str, str] | None = None
) -> Origin:
    """Return whose view a slice is going to be; `node` and `operator` are public keys."""
    return Origin(
        node=node,
        name=clean(name),
        host=clean(host),
        operator=operator,
        made_at=to_text(now),
        labels={clean(key): clean(value) for key, value in (labels or {}).items()},
        versions={
            "meshtui": meshcore.__version__,
            "store schema": str(SCHEMA_VERSION),
            "Python": platform.python_version(),
            "SQLite": sqlite3.sqlite_version,
        },
    )


def gather_slice(
    store: Store,
    about: Origin,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    monitor_logs: Sequence[Path] = (),
    validation_logs: Sequence[Path] = (),
) -> Slice:
    """Read the slice of a store and of the logs beside it; logs that are not there are left out.

    Raises UsageError for an empty range and MeshError where something cannot be read.
    """
    with store.snapshots.one_moment():
        outcomes = [_outcome(body) for body in store.snapshots.outcomes()]
        skills = {known.skill_id: known for known in store.skills.all()}
        again = _came_again(outcomes, skills)
        told = store.snapshots.told_at()
        approvals = store.approvals.all(waiting_only=False)
        agents = store.agents.all()
        authors = store.authors.all()
        whole = Slice(
            origins=(about,),
            incidents=tuple(
                _incident(met, again, skills.get(met.skill_id), about) for met in store.snapshots.met_incidents()
            ),
            outcomes=tuple(outcomes),
            skills=tuple(_skill(known, told.get(known.skill_id, "")) for known in skills.values()),
            growth=tuple(_growth(store.events.of_kinds(TAUGHT), skills.values(), about.node)),
            hooks=tuple(_hooks(store, about.node)),
            history=tuple(_history(store, about.node)),
        )
        records = [dict(event.data) for event in store.events.of_kinds([SNAPSHOT])]
    skipped: list[str] = []
    for path in filter(Path.is_file, monitor_logs):
        records += _lines(path, skipped)
    return cut(
        replace(
            whole,
            authors=_authors(authors, about),
            agents=tuple(
                AgentRow(about.node, *(clean(a[name]) for name in ("name", "via", "host", "first_seen", "last_seen")))
                for a in agents
            ),
            approvals=tuple(
                ApprovalRow(
                    about.node,
                    approval.approval_id,
                    approval.incident_id,
                    approval.skill_id,
                    clean(approval.command),
                    tuple(clean(reason) for reason in approval.reasons),
                    approval.asked,
                    approval.state,
                    approval.resolved,
                    clean(approval.actor),
                )
                for approval in approvals
            ),
            monitor=_monitor(records, about.node, "monitor", skipped),
            validation=_validation(validation_logs, about.node, skipped),
            skipped=tuple(skipped),
        ),
        since,
        until,
    )


def slice_of_log(path: Path, now: datetime) -> Slice:
    """Return the slice of a monitor's log alone, also of the old system's. Raises MeshError."""
    skipped: list[str] = []
    name = clean(path.name)
    about = origin(f"log {name}", name, "", "", now)
    rows = _monitor(_lines(path, skipped), about.node, name, skipped)
    return Slice(origins=(about,), monitor=rows, skipped=tuple(skipped))


def cut(whole: Slice, since: datetime | None, until: datetime | None) -> Slice:
    """Return what happened from `since` on and before `until`, with everything that it refers to.

    Raises UsageError where no time lies in the range.
    """
    if since is None and until is None:
        return whole
    if since is not None and until is not None and since >= until:
        raise UsageError(f"{since.isoformat()}..{until.isoformat()}: no time lies in it; name the earlier end first")

    def inside(text: Json) -> bool:
        moment = moment_of(text)
        return moment is not None and (since is None or moment >= since) and (until is None or moment < until)

    incidents = tuple(row for row in whole.incidents if inside(row.opened))
    ids = {row.incident_id for row in incidents}
    outcomes = tuple(row for row in whole.outcomes if row.incident_id in ids)
    used = {row.skill_id for row in incidents} | {row.skill_id for row in outcomes}
    start, end = ("" if bound is None else to_text(bound) for bound in (since, until))
    return replace(
        whole,
        origins=tuple(replace(about, since=start, until=end) for about in whole.origins),
        incidents=incidents,
        outcomes=outcomes,
        skills=tuple(row for row in whole.skills if row.skill_id in used or inside(row.created)),
        approvals=tuple(row for row in whole.approvals if row.incident_id in ids),
        growth=_with_start(whole.growth, since, inside),
        monitor=tuple(row for row in whole.monitor if inside(row.record.get("timestamp"))),
        validation=tuple(row for row in whole.validation if inside(row.at)),
        hooks=tuple(row for row in whole.hooks if inside(row.at)),
    )


def moment_of(text: Json) -> datetime | None:
    """Return the time that a row names, None for what is no time."""
    try:
        return from_text(text).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _with_start(
    rows: Sequence[GrowthRow], since: datetime | None, inside: Callable[[str], bool]
) -> tuple[GrowthRow, ...]:
    """Return the rows inside, and for each node the last one before them: what it knew at the start."""
    starts: dict[str, GrowthRow] = {}
    for row in rows:
        moment = moment_of(row.at)
        if since is not None and moment is not None and moment < since:
            starts[row.node] = row
    return (*starts.values(), *(row for row in rows if inside(row.at)))


# --- rows -------------------------------------------------------------------------------------------------------------


def _came_again(outcomes: Sequence[OutcomeRow], skills: Mapping[str, KnownSkill]) -> set[str]:
    """Return the incidents that were answered by what was known: summaries of other nodes do not say.

    Known means taught by another node, or verified on another incident before, as far as this node has learnt.
    """
    first: dict[str, str] = {}
    again: set[str] = set()
    for outcome in outcomes:
        if outcome.result == "verified":
            first.setdefault(outcome.skill_id, outcome.incident_id)
    for outcome in outcomes:
        known = skills.get(outcome.skill_id)
        taught_elsewhere = known is not None and known.author != outcome.node
        if taught_elsewhere or first.get(outcome.skill_id, outcome.incident_id) != outcome.incident_id:
            again.add(outcome.incident_id)
    return again


def _incident(met: MetIncident, answered: Set[str], known: KnownSkill | None, about: Origin) -> IncidentRow:
    # What was guessed at first and then taught here is a first occurrence. What a peer taught is stored when this node
    # hears of it, which may be just after the failure that it answers.
    taught_after = known is not None and known.author == met.node and known.created > met.opened
    return IncidentRow(
        incident_id=clean_mark(met.incident_id),
        node=met.node,
        opened=clean_mark(met.opened),
        agent=clean(met.agent),
        via=clean(met.via),
        host=clean(met.host),
        project=clean(met.project),
        line=clean(met.line or met.error_type),
        command=_command(met.argv),
        exit_code=met.exit_code,
        state=met.state,
        again=met.again and not taught_after if met.own else met.incident_id in answered and bool(met.skill_id),
        own=met.own,
        skill_id=met.skill_id,
        seconds=met.seconds if met.state == "verified" else None,
        own_seconds=met.own_seconds if met.state == "verified" else None,
        labels=about.labels if met.own else {},
        answered=met.answered,
        taken=met.taken,
    )


def _outcome(body: Mapping[str, Json]) -> OutcomeRow:
    rerun = body.get("rerun")
    return OutcomeRow(
        outcome_id=clean_mark(body["outcome_id"]),
        incident_id=clean_mark(body["incident_id"]),
        skill_id=clean_mark(body["skill_id"]),
        result=body["result"],
        at=clean_mark(body["at"]),
        node=clean_mark(body["node"]),
        host=clean(body["host"]),
        agent=clean(body["agent"]),
        actor=clean(body.get("actor", "")),
        steps=tuple([_step(step) for step in body.get("steps", ())]),
        rerun=_step(rerun) if rerun else None,
        seconds=body.get("seconds"),
        own_seconds=body.get("own_seconds"),
    )


def _step(step: Mapping[str, Json]) -> StepRow:
    return StepRow(_command(tuple(step["argv"])), step["exit_code"], step["seconds"])


@lru_cache(maxsize=1 << 14)
def _command(argv: tuple[str, ...]) -> str:
    return clean(shlex.join(argv))


def _skill(known: KnownSkill, told_at: str) -> SkillRow:
    """Return a skill; what a peer taught is dated by the peer's own word, where that is earlier than its arrival."""
    return SkillRow(
        skill_id=known.skill_id,
        label=known.label,
        error=clean(known.skill.example_line or f"{known.skill.error_type}: {known.skill.template}"),
        fix=clean(known.skill.action.command()),
        author=known.author,
        created=clean(min(known.created, told_at or known.created)),
        state=known.state,
        source=known.source,
    )


def _authors(rows: Iterable[object], about: Origin) -> tuple[AuthorRow, ...]:
    """Return the authors that were heard, and this node itself."""
    names = ("node", "name", "host", "operator", "first_seen", "last_seen")
    heard = {row.node: row for row in (AuthorRow(*(clean(getattr(r, name)) for name in names)) for r in rows)}
    if about.node not in heard:
        heard[about.node] = AuthorRow(about.node, about.name, about.host, about.operator, "", about.made_at)
    return tuple(heard.values())


def _growth(events: Sequence[Event], skills: Iterable[KnownSkill], node: str) -> Iterable[GrowthRow]:
    """Yield what was known after each telling; a skill whose telling retention has taken counts when it was stored.

    One that was read anew is counted as what it was.
    """
    told = [(event.at, event.skill_id) for event in events]
    ids = {skill_id for _, skill_id in told}
    untold = (known for known in skills if known.skill_id not in ids and ANEW not in known.skill.derived_from)
    told += [(clean(known.created), known.skill_id) for known in untold]
    known_then: set[str] = set()
    for entries, (at, skill_id) in enumerate(sorted(told, key=lambda pair: pair[0]), start=1):
        known_then.add(skill_id)
        yield GrowthRow(node, at, entries, len(known_then))


def _hooks(store: Store, node: str) -> Iterable[HookRow]:
    for event in store.events.of_kinds([HOOK_ANSWERED]):
        data = clean_json(event.data)
        yield HookRow(node, event.at, clean(event.agent), event.incident_id, event.skill_id, data)


def _history(store: Store, node: str) -> Iterable[HistoryRow]:
    """Yield the newest import of each agent's past."""
    newest = {str(event.data.get("via", "")): event for event in store.events.of_kinds([HISTORY])}
    for event in newest.values():
        yield HistoryRow(node, event.at, clean_json(event.data))


def _lines(path: Path, skipped: list[str]) -> list[dict[str, Json]]:
    found = []
    for line in read_lines(path):
        if line.value is not None:
            found.append(dict(line.value))
        else:
            _skip(skipped, f"{path.name}:{line.number}: {line.reason}")
    return found


_SKIPPED_KEPT = 100  # lines that are named


def _skip(skipped: list[str], text: str) -> None:
    if len(skipped) < _SKIPPED_KEPT:
        skipped.append(clean(text))
    elif len(skipped) == _SKIPPED_KEPT:
        skipped.append("more lines were skipped")


def _monitor(
    records: Iterable[Mapping[str, Json]], node: str, source: str, skipped: list[str]
) -> tuple[MonitorRow, ...]:
    """Return each record once, by time, without the checks' own output."""
    found: dict[str, tuple[datetime, MonitorRow]] = {}
    for record in records:
        try:
            at = snapshot_of(record).at
            kept = clean_json({name: value for name, value in record.items() if name != "tests"})
        except ValueError as error:
            _skip(skipped, f"{source}: a record was skipped: {error}")
            continue
        found.setdefault(canonical(kept), (at, MonitorRow(node, kept)))
    return tuple(row for _, row in sorted(found.values(), key=lambda pair: pair[0]))


def _validation(paths: Iterable[Path], node: str, skipped: list[str]) -> tuple[ValidationRow, ...]:
    found = []
    for path in filter(Path.is_file, paths):
        for record in _lines(path, skipped):
            at, run, status = (record.get(name) for name in ("timestamp", "run", "status"))
            if moment_of(at) is None or not isinstance(run, str) or status not in ("passed", "failed"):
                _skip(skipped, f"{path.name}: a line is no verdict")
                continue
            warnings = record.get("warnings")
            texts = tuple(clean(str(text)) for text in warnings[:100]) if isinstance(warnings, list) else ()
            found.append(ValidationRow(node, clean(str(at)), clean(run), status, texts))
    return tuple(sorted(found, key=lambda row: row.at))
