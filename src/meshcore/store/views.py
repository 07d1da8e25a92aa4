"""What a screen lists of a store: light rows, a page at a time, however many there are."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from meshcore.events import Event
from meshcore.knowledge.parts import Parts
from meshcore.model import Action, IncidentState, Slot, action_from_json, slots_from_json
from meshcore.store.queries import Read, marks
from meshcore.store.rows import event_of_row


@dataclass(frozen=True, slots=True)
class IncidentBrief:
    """One incident as a list shows it. `fix` is filled in for it, "" where none is known; `seconds` is to green."""

    seq: int
    incident_id: str
    opened: str
    agent: str
    host: str
    error_type: str
    line: str
    state: IncidentState
    fix: str
    seconds: float | None
    again: bool


@dataclass(frozen=True, slots=True)
class Green:
    """Seconds from opening to verified of this node's incidents; `median` is None where n is 0."""

    n: int = 0
    median: float | None = None


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
    "SELECT i.seq, i.incident_id, i.opened, i.agent, i.host, i.line, i.error_type, i.slots, i.state, i.seconds,"
    " i.again, json_extract(s.body, '$.action') AS action, json_extract(s.body, '$.example_slots') AS example"
    " FROM incidents i LEFT JOIN skills s USING (skill_id) "
)


def incident_briefs(before: int, limit: int) -> Read[IncidentBrief]:
    """Incidents with a lower `seq` (0: all), newest first."""
    where, parameters = ("WHERE i.seq<? ", (before,)) if before else ("", ())
    return Read(f"{_BRIEF}{where}ORDER BY i.seq DESC LIMIT ?", _brief, (*parameters, limit))


def incident_briefs_of(incident_ids: Sequence[str]) -> Read[IncidentBrief]:
    """These incidents, newest first."""
    where = f"WHERE i.incident_id IN ({marks(incident_ids)})"
    return Read(f"{_BRIEF}{where} ORDER BY i.seq DESC", _brief, tuple(incident_ids))


def seconds_of(incident_id: str) -> Read[tuple[float | None, float | None]]:
    """An incident's seconds to green: whole, and the mesh's own part."""
    sql = "SELECT seconds, own_seconds FROM incidents WHERE incident_id=?"
    return Read(sql, lambda row: (row[0], row[1]), (incident_id,))


def green() -> Read[tuple[bool, Green]]:
    """How long it took until verified, for incidents solved for the first time (False) and again (True)."""
    return Read(_GREEN, lambda row: (bool(row[0]), Green(row[1], row[2])))


_GREEN = """
SELECT again, n, avg(seconds) FROM (
  SELECT again, seconds, row_number() OVER (PARTITION BY again ORDER BY seconds) AS place,
         count(*) OVER (PARTITION BY again) AS n
  FROM incidents WHERE state='verified' AND seconds IS NOT NULL AND opened_monotonic IS NOT NULL
) WHERE place IN ((n + 1) / 2, (n + 2) / 2) GROUP BY again
"""


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
        row["line"],
        cast(IncidentState, row["state"]),
        _fix(row["action"], row["slots"], row["example"]),
        row["seconds"],
        bool(row["again"]),
    )


def _fix(action: str | None, slots: str, example: str | None) -> str:
    """Return the fix filled in; an incident of another node comes without slots: then as for the skill's example."""
    if action is None:
        return ""
    known: Action = action_from_json(json.loads(action))
    for text in (slots, example or "[]"):
        found: Sequence[Slot] = slots_from_json(json.loads(text))
        try:
            return known.fill(Parts(found)).command()
        except IndexError:
            continue
    return known.command()
