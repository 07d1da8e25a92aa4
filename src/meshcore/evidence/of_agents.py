"""Each agent: what it fails at, what it was told and what came of that, and since when it is silent.

Failures are of all that this node knows, as everywhere; what was told, and what came of it, is of this node's agents.
"""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from typing import Any, cast

from meshcore.evidence.digest import RESULT
from meshcore.evidence.effect import Effect, met_by, of_one
from meshcore.model import IncidentState, Json
from meshcore.store.read import Read
from meshcore.store.snapshots import TAKEN
from meshcore.store.store import Store

MOST_ERRORS, MOST_TOLD = 50, 20


@dataclass(frozen=True, slots=True)
class AgentRow:
    """One agent: its failures, how many of them are verified and how many wait for a person.

    `last` is its last sign of life (UTC text), of an agent of another node the newest failure that is known of it.
    """

    name: str
    via: str
    host: str
    own: bool
    failures: int
    verified: int
    waits: int
    last: str


@dataclass(frozen=True, slots=True)
class FailsAt:
    """One error of an agent, in one wording: how often, and its newest incident; `lines` counts what else it named."""

    incident_id: str
    line: str
    state: IncidentState
    times: int
    verified: int
    lines: int
    last: str


@dataclass(frozen=True, slots=True)
class ToldFix:
    """A fix that an agent was told at a failure, and what came of it: right, ignored, wrong, or "" for not shown."""

    at: str
    command: str
    result: str
    incident_id: str
    line: str


def agents_known() -> Read[AgentRow]:
    """Ask for every agent that this node knows, those that gave a sign of life last first."""
    return Read(_AGENTS, lambda row: AgentRow(row[0], row[1], row[2], bool(row[3]), row[4], row[5], row[6], row[7]))


def fails_at(agent: str, limit: int = MOST_ERRORS) -> Read[FailsAt]:
    """Ask what an agent fails at, in how many failures, the most first."""

    def error(row: sqlite3.Row | tuple[Any, ...]) -> FailsAt:
        return FailsAt(row[0], row[1], cast(IncidentState, row[2]), row[3], row[4], row[5], row[6])

    return Read(_FAILS_AT, error, (agent, limit))


def fixes_told(agent: str, limit: int = MOST_TOLD) -> Read[ToldFix]:
    """Ask which fixes an agent was told, and what came of each by the digest's own rule, the newest first."""
    return Read(_TOLD, lambda row: ToldFix(*(str(value) for value in row)), (agent, limit))


def effect_on(store: Store, agent: str) -> Effect:
    """Return what became of the failures of an agent that this node met itself."""
    return of_one(agent, store.answers(met_by(agent)))


def to_json(row: AgentRow, errors: list[FailsAt], told: list[ToldFix]) -> dict[str, Json]:
    """Return an agent as `--json` prints it."""
    return {**asdict(row), "fails_at": [asdict(one) for one in errors], "told": [asdict(one) for one in told]}


_AGENTS = """
WITH met AS (
  SELECT agent, count(*) AS failures, sum(state='verified') AS verified, sum(state='needs_approval') AS waits,
    max(seq) AS newest, max(opened) AS last FROM incidents GROUP BY agent
),
known AS (SELECT agent AS name FROM met UNION SELECT name FROM agents)
SELECT k.name, coalesce(a.via, i.via, ''), coalesce(a.host, i.host, ''), a.name IS NOT NULL,
  coalesce(m.failures, 0), coalesce(m.verified, 0), coalesce(m.waits, 0),
  max(coalesce(a.last_seen, ''), coalesce(m.last, '')) AS last
FROM known k LEFT JOIN met m ON m.agent=k.name LEFT JOIN agents a ON a.name=k.name
LEFT JOIN incidents i ON i.seq=m.newest
WHERE k.name<>'' ORDER BY last DESC, k.name
"""

_FAILS_AT = """
WITH top AS (
  SELECT count(*) AS times, sum(state='verified') AS verified, count(DISTINCT line) AS lines, max(seq) AS newest
  FROM incidents WHERE agent=? GROUP BY error_type, template ORDER BY times DESC, newest DESC LIMIT ?
)
SELECT i.incident_id, coalesce(nullif(i.line, ''), i.error_type), i.state, top.times, top.verified, top.lines, i.opened
FROM top JOIN incidents i ON i.seq=top.newest ORDER BY top.times DESC, top.newest DESC
"""

_TOLD = f"""
SELECT at, command, {RESULT}, incident_id, line FROM (
  SELECT e.seq, e.at, coalesce(json_extract(e.data, '$.command'), '') AS command, i.incident_id,
    coalesce(nullif(i.line, ''), i.error_type) AS line, i.state, {TAKEN} AS taken
  FROM incidents i JOIN events e ON e.incident_id=i.incident_id AND e.incident_id<>'' AND e.kind='hook.answered'
  WHERE i.agent=? ORDER BY e.seq DESC LIMIT ?
) ORDER BY seq DESC
"""  # noqa: S608 - constants
