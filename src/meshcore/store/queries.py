"""What can be asked of a store: each question once, as its SQL and how a row becomes a value.

`Store` asks in its own thread and `AsyncStore` from an event loop; the answers are the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from meshcore.events import Event, EventKind
from meshcore.model import Incident, IncidentState, KnownSkill, Outcome, SkillState
from meshcore.store.read import Read, marks
from meshcore.store.rows import Approval, approval_of_row, event_of_row, incident_of_row, outcome_of_row, skill_of_row

T = TypeVar("T")

LONGEST_SERIES = 40  # a row that names itself must not hold anybody up
LABEL_DIGITS = 5  # a longer number may also be the beginning of an id


def _text(row: sqlite3.Row) -> str:
    return str(row[0])


def _number(row: sqlite3.Row) -> int:
    return int(row[0])


def _count(row: sqlite3.Row) -> tuple[str, int]:
    return str(row[0]), int(row[1])


# --- events ----------------------------------------------------------------------------------------


def events_after(seq: int, limit: int = 1000) -> Read[Event]:
    """Events in order, from the one after `seq`."""
    return Read("SELECT * FROM events WHERE seq>? ORDER BY seq LIMIT ?", event_of_row, (seq, limit))


def events_of(incident_id: str) -> Read[Event]:
    """The events of one incident, in order."""
    # The second term lets SQLite use the partial index.
    sql = "SELECT * FROM events WHERE incident_id=? AND incident_id<>'' ORDER BY seq"
    return Read(sql, event_of_row, (incident_id,))


def event_after(seq: int, kinds: Sequence[EventKind]) -> Read[int]:
    """The next event of one of the kinds after `seq`."""
    sql = f"SELECT seq FROM events WHERE seq>? AND kind IN ({marks(kinds)}) ORDER BY seq LIMIT 1"  # noqa: S608
    return Read(sql, _number, (seq, *kinds))


def last_event() -> Read[int]:
    """The highest seq, 0 where nothing happened yet."""
    return Read("SELECT coalesce(max(seq), 0) FROM events", _number)


# --- skills ---------------------------------------------------------------------------------------------------------


def skill(reference: str) -> Read[KnownSkill]:
    """The skill with this label, id or unambiguous beginning of an id (6 or more digits)."""
    by_id, beginning = "skill_id>=? AND skill_id<?", (reference, reference + "g")
    if reference.isascii() and reference.isdecimal() and len(reference) < 19:
        label = int(reference)
        if len(reference) <= LABEL_DIGITS:
            return Read("SELECT * FROM skills WHERE label=?", skill_of_row, (label,))
        sql = _only("skills", "skill_id", f"label=? OR ({by_id})")
        return Read(sql, skill_of_row, (label, *beginning, reference))
    if len(reference) <= LABEL_DIGITS or not (reference.isascii() and reference.isalnum()):
        return Read("SELECT * FROM skills WHERE 0", skill_of_row)
    return Read(_only("skills", "skill_id", by_id), skill_of_row, (*beginning, reference))


def skills(states: Sequence[SkillState] = (), limit: int = -1, after: int = -(1 << 63)) -> Read[KnownSkill]:
    """Skills by label, those with a label above `after`; all states where none is named."""
    where = f"label>? AND state IN ({marks(states)})" if states else "label>?"
    sql = f"SELECT * FROM skills WHERE {where} ORDER BY label LIMIT ?"  # noqa: S608
    return Read(sql, skill_of_row, (after, *states, limit))


def count_skills() -> Read[int]:
    """How many different skills are known, forgotten ones left out."""
    return Read("SELECT count(*) FROM skills WHERE state<>'forgotten'", _number)


def uses() -> Read[tuple[str, int]]:
    """How often each skill was used here; those never used are left out."""
    return Read("SELECT skill_id, used FROM skills WHERE used>0", _count)


# --- incidents, outcomes, approvals ---------------------------------------------------------------------------------


def incident_state(incident_id: str) -> Read[IncidentState]:
    """The state of an incident."""
    return Read(
        "SELECT state FROM incidents WHERE incident_id=?", lambda row: cast(IncidentState, row[0]), (incident_id,)
    )


def incident(reference: str) -> Read[Incident]:
    """The incident with this id or unambiguous beginning of it; `last` is this node's newest."""
    if reference == "last":
        sql = "SELECT * FROM incidents WHERE opened_monotonic IS NOT NULL ORDER BY seq DESC LIMIT 1"
        return Read(sql, incident_of_row)
    return _by_beginning("incidents", "incident_id", incident_of_row, reference)


def series(incident_id: str) -> Read[Incident]:
    """The errors that one run met, one after the other, this one among them; at most 40 before and after it."""
    sql = (
        "WITH RECURSIVE before(id, follows, at) AS (SELECT incident_id, follows, 0 FROM incidents WHERE incident_id=?1"
        " UNION ALL SELECT i.incident_id, i.follows, at-1 FROM incidents i JOIN before b ON i.incident_id=b.follows"
        " WHERE b.follows<>'' AND at>-?2),"
        " after(id, at) AS (SELECT incident_id, 0 FROM incidents WHERE incident_id=?1"
        " UNION ALL SELECT (SELECT incident_id FROM incidents WHERE follows=a.id AND opened_monotonic IS NOT NULL"
        " ORDER BY seq DESC LIMIT 1), at+1 FROM after a WHERE a.id IS NOT NULL AND at<?2)"
        " SELECT incidents.* FROM (SELECT id, min(at) AS at"
        " FROM (SELECT id, at FROM before UNION SELECT id, at FROM after) GROUP BY id)"
        " JOIN incidents ON incident_id=id ORDER BY at"
    )
    return Read(sql, incident_of_row, (incident_id, LONGEST_SERIES))


def incidents(state: str = "", limit: int = 50) -> Read[Incident]:
    """Incidents, those that this node learnt of last first."""
    where, parameters = ("WHERE state=? ", (state,)) if state else ("", ())
    sql = f"SELECT * FROM incidents {where}ORDER BY seq DESC LIMIT ?"  # noqa: S608
    return Read(sql, incident_of_row, (*parameters, limit))


def outcomes(*, skill_id: str = "", incident_id: str = "", own_only: bool = False) -> Read[Outcome]:
    """Outcomes of a skill or of an incident, in the order in which this node learnt of them."""
    column, value = ("skill_id", skill_id) if skill_id else ("incident_id", incident_id)
    own = "AND own_operator=1 " if own_only else ""
    sql = f"SELECT body FROM outcomes WHERE {column}=? {own}ORDER BY seq"  # noqa: S608
    return Read(sql, outcome_of_row, (value,))


def seconds_to_green() -> Read[tuple[bool, float]]:
    """For each verified incident of this node: whether it was solved before, and its seconds."""
    sql = (
        "SELECT again, seconds FROM incidents WHERE state='verified' AND seconds IS NOT NULL"
        " AND opened_monotonic IS NOT NULL ORDER BY seq"
    )
    return Read(sql, lambda row: (bool(row[0]), float(row[1])))


def first_and_again(found: Sequence[tuple[bool, float]]) -> dict[str, list[float]]:
    """Return the answer of `seconds_to_green` as two lists."""
    return {name: [seconds for again, seconds in found if again is (name == "again")] for name in ("first", "again")}


def approval(reference: str) -> Read[Approval]:
    """The approval with this id or unambiguous beginning of it."""
    return _by_beginning("approvals", "approval_id", approval_of_row, reference)


def approvals(*, waiting_only: bool = True) -> Read[Approval]:
    """Approvals, oldest first."""
    where = "WHERE state='waiting' " if waiting_only else ""
    return Read(f"SELECT * FROM approvals {where}ORDER BY seq", approval_of_row)  # noqa: S608


def approved() -> Read[Approval]:
    """What was approved and is not carried out, oldest first."""
    sql = "SELECT * FROM approvals WHERE state='approved' AND result='' ORDER BY seq"
    return Read(sql, approval_of_row)


# --- the whole ------------------------------------------------------------------------------------------------------


def agents() -> Read[dict[str, str]]:
    """This node's agents: name, via, host, first_seen, last_seen."""
    return Read("SELECT * FROM agents ORDER BY name", dict)


def record_counts() -> Read[tuple[str, int]]:
    """The number of records of others per status."""
    return Read("SELECT status, count(*) FROM records GROUP BY status", _count)


def rejected_records(limit: int = 50) -> Read[tuple[str, str, str]]:
    """(received, record id, reason) of records that were not accepted, newest first."""
    sql = "SELECT received, record_id, reason FROM records WHERE status='rejected' ORDER BY seq DESC LIMIT ?"
    return Read(sql, lambda row: (row[0], row[1], row[2]), (limit,))


def figures() -> Read[tuple[str, int]]:
    """Counts by name, all of one moment."""
    return Read(_FIGURES, _count)


_FIGURES = " UNION ALL ".join(
    (
        "SELECT 'incidents.' || state, count(*) FROM incidents GROUP BY state",
        "SELECT 'skills.' || state, count(*) FROM skills GROUP BY state",
        "SELECT 'approvals.' || state, count(*) FROM approvals GROUP BY state",
        "SELECT 'tries.policy.' || result, count(*) FROM tries WHERE actor='policy' GROUP BY result",
        "SELECT 'outbox.waiting', count(*) FROM outbox WHERE published=''",
        "SELECT 'records.' || status, count(*) FROM records GROUP BY status",
    )
)


def _by_beginning(table: str, column: str, row: Callable[[sqlite3.Row], T], reference: str) -> Read[T]:
    if not reference or not reference.isprintable():
        return Read(f"SELECT * FROM {table} WHERE 0", row)  # noqa: S608
    # The highest character that UTF-8 knows ends the range.
    parameters = (reference, reference + "\U0010ffff", reference)
    return Read(_only(table, column, f"{column}>=? AND {column}<?"), row, parameters)


def _only(table: str, column: str, where: str) -> str:
    """Return the question for the row whose id it is (the last parameter), else for the only one found."""
    return (
        f"WITH found AS (SELECT * FROM {table} WHERE {where} ORDER BY {column} LIMIT 2)"  # noqa: S608
        f" SELECT * FROM found WHERE {column}=? OR (SELECT count(*) FROM found)=1"
    )
