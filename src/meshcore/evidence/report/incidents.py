"""Sections of a report about failures: what happened when, how long it took, the ledger, and what did not help."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from meshcore.evidence.distribution import distribution
from meshcore.evidence.metrics import DIMENSIONS, Facts, Figures, Side, by, figures
from meshcore.evidence.monitor.log import Hole
from meshcore.evidence.report import format as words
from meshcore.evidence.report.charts import MOST_MARKS, Chart, Columns, Group, Lane, Lanes, Mark, Series, Spread, Tone
from meshcore.evidence.report.model import Cell, Column, Section, Table
from meshcore.evidence.slice.gather import moment_of
from meshcore.evidence.slice.rows import IncidentRow

LANES = 12  # the busiest agents; all are in the table
_BUCKETS = ((60, "minute", 7200.0), (3600, "hour", 45 * 86400.0), (86400, "day", math.inf))
"""Seconds and name of a bucket, and the longest time, in seconds, that is counted by it."""

Timed = Sequence[tuple[datetime, IncidentRow]]

STATES: Mapping[str, str] = {
    "open": "open",
    "matched": "a fix is known",
    "needs_approval": "waits for a person",
    "fixing": "being fixed",
    "verified": "verified",
    "fix_failed": "fix failed",
    "applied_not_rerun": "applied, not run again",
    "progress": "fixed, then another error",
    "not_applied": "could not be applied",
    "unknown": "unknown",
    "refused": "refused",
}

_SIDE = (
    Column("failures", "count"),
    Column("verified", "count"),
    Column("median", "seconds"),
    Column("p90", "seconds"),
    Column("min", "seconds"),
    Column("max", "seconds"),
)


def sections(facts: Facts, holes: Sequence[Hole]) -> Iterator[Section]:
    """Yield the sections about failures."""
    found = [(at, row) for row in facts.incidents if (at := moment_of(row.opened)) is not None]
    timed = sorted(found, key=lambda pair: pair[0])
    yield _timeline(facts, timed, holes)
    yield _hours(timed, holes)
    yield _to_green(facts)
    yield _ledger(facts)
    yield _failed(facts)
    yield _waiting(facts)
    yield _groups(facts)


# --- when -------------------------------------------------------------------------------------------------------------


def tone_of(incident: IncidentRow) -> Tone:
    """Return how an incident is drawn."""
    if incident.state == "verified":
        return "again" if incident.again else "first"
    if incident.state == "fix_failed":
        return "bad"
    return "wait" if incident.state == "needs_approval" else "quiet"


def _timeline(facts: Facts, timed: Timed, holes: Sequence[Hole]) -> Section:
    agents = Counter(row.agent for row in facts.incidents)
    rows = []
    for agent, found in by(facts, "agent").items():
        rows.append((agent, *_both(found)))
    table = Table(
        "agents",
        "Failures by agent",
        (Column("agent"), *_BOTH),
        tuple(sorted(rows, key=lambda row: -agents[str(row[0])])),
        "No agent has met a failure in this time.",
    )
    charts: tuple[Chart, ...] = ()
    if timed:
        lanes: dict[str, list[Mark]] = {agent: [] for agent, _ in agents.most_common(LANES)}
        texts = len(timed) <= MOST_MARKS
        for at, row in timed:
            if row.agent in lanes:
                until = None if row.seconds is None else at + timedelta(seconds=min(row.seconds, 1e9))
                lanes[row.agent].append(Mark(at, until, tone_of(row), _told(at, row) if texts else ""))
        ends = [at for at, _ in timed]
        shown = "" if len(agents) <= LANES else f" The busiest {LANES} of {words.of(len(agents), 'agent')}."
        charts = (
            Lanes(
                "Failures and their healing, agent by agent",
                "A lane for each agent; each mark is a failure, and a bar behind it lasts until it was verified."
                + shown,
                min(ends),
                max(ends),
                tuple(Lane(agent, tuple(marks)) for agent, marks in lanes.items()),
                tuple(holes),
            ),
        )
    return Section("timeline", "What happened when", (), charts, (table,))


def _told(at: datetime, row: IncidentRow) -> str:
    end = f" after {words.span(row.seconds)}" if row.seconds is not None else ""
    return f"{words.moment(at)} UTC, {row.line[:160]}: {STATES.get(row.state, row.state)}{end}"


def _hours(timed: Timed, holes: Sequence[Hole]) -> Section:
    if not timed:
        return Section("hours", "Failures per hour", ("No failure in this time.",))
    first, last = timed[0][0], timed[-1][0]
    seconds = (last - first).total_seconds()
    step, word = next((step, word) for step, word, longest in _BUCKETS if seconds <= longest)
    start = datetime.fromtimestamp(first.timestamp() // step * step, UTC)
    counts: dict[int, Counter[str]] = {}
    for at, row in timed:
        counts.setdefault(int((at - start).total_seconds() // step), Counter())[_side_of(row)] += 1
    size = max(counts) + 1
    names: tuple[tuple[str, Tone], ...] = (("first", "first"), ("again", "again"))
    series = tuple(
        Series(name, tone, tuple(counts.get(i, Counter())[name] for i in range(size))) for name, tone in names
    )
    title = f"Failures per {word}"
    return Section(
        "hours",
        title,
        (),
        (
            Columns(
                f"{title}, first and again",
                f"Counts per {word}; again means that what answered it was known before.",
                start,
                step,
                series,
                tuple(holes),
            ),
        ),
        (
            Table(
                "hours",
                f"{title} (UTC); those without a failure are left out",
                (Column(word, "time"), Column("first", "count"), Column("again", "count")),
                tuple(
                    ((start + timedelta(seconds=step * i)).strftime("%Y-%m-%d %H:%M"), n["first"], n["again"])
                    for i, n in sorted(counts.items())
                ),
            ),
        ),
    )


def _side_of(row: IncidentRow) -> str:
    return "again" if row.again else "first"


# --- how long ---------------------------------------------------------------------------------------------------------


def _to_green(facts: Facts) -> Section:
    groups: list[Group] = []
    rows: list[tuple[Cell, ...]] = []
    sides: tuple[tuple[str, bool, Tone], ...] = (("first", False, "first"), ("again", True, "again"))
    for name, again, tone in sides:
        side = [row for row in facts.incidents if row.again is again]
        seconds = tuple(row.seconds for row in side if row.seconds is not None)
        own = [row.own_seconds for row in side if row.own_seconds is not None]
        groups.append(Group(name, tone, seconds))
        rows.append((name, *_spread_cells(seconds)))
        rows.append((f"{name}, the mesh's own part", *_spread_cells(own)))
    charts: tuple[Chart, ...] = ()
    if any(group.seconds for group in groups):
        charts = (
            Spread(
                "Time to green, first against again",
                "Seconds from the failure to the rerun that exited 0, on a logarithmic axis. Each dot is one measured"
                " time; the tall line is the median, the dashed one the 90th percentile.",
                tuple(groups),
            ),
        )
    return Section(
        "to_green",
        "Time to green",
        (
            "Measured from the failure to the verified rerun of the same command. First: nothing known answered it."
            " Again: a fix was known. Only verified failures have a time; nothing is assumed for the others.",
        ),
        charts,
        (
            Table(
                "to_green",
                "Time to green, first against again",
                (Column("occurrence"), Column("n", "count"), *_SIDE[2:]),
                tuple(rows),
            ),
        ),
    )


def _spread_cells(values: Sequence[float]) -> tuple[Cell, ...]:
    found = distribution(values)
    return (found.n, found.median, found.p90, found.min, found.max)


# --- what is proved, and what is not ----------------------------------------------------------------------------------


def _ledger(facts: Facts) -> Section:
    lines = {row.incident_id: row for row in facts.incidents}
    return Section(
        "ledger",
        "Ledger of repeats avoided",
        (
            "A repeat counts as avoided only with its whole chain: the failure, the fix that was known, who taught it"
            " and when, the command that was run, and a rerun of the failed command that exited 0 on that host.",
        ),
        (),
        (
            Table(
                "ledger",
                "Repeats avoided",
                (
                    Column("opened", "time"),
                    Column("error"),
                    Column("agent"),
                    Column("host"),
                    Column("to green", "seconds"),
                    Column("incident", "id"),
                    Column("skill", "id"),
                    Column("taught by"),
                    Column("taught at", "time"),
                    Column("command", "code"),
                    Column("rerun", "code"),
                    Column("exit code", "count"),
                    Column("verified at", "time"),
                    Column("allowed by"),
                ),
                tuple(
                    (
                        claim.opened,
                        claim.line,
                        claim.agent,
                        claim.host,
                        claim.seconds,
                        claim.incident_id,
                        claim.skill_id,
                        claim.taught_by,
                        claim.taught_at,
                        claim.fix,
                        claim.rerun,
                        claim.exit_code,
                        claim.at,
                        claim.actor,
                    )
                    for claim in sorted(facts.ledger, key=lambda claim: claim.opened)
                ),
                "No repeat with a whole chain: nothing is claimed.",
                chains=True,
            ),
            Table(
                "unproven",
                "Repeats that are verified but not claimed, because a link is missing",
                (Column("incident", "id"), Column("opened", "time"), Column("error"), Column("missing")),
                tuple(
                    (incident_id, lines[incident_id].opened, lines[incident_id].line, reason)
                    for incident_id, reason in facts.unproven
                ),
            ),
        ),
    )


def _failed(facts: Facts) -> Section:
    return Section(
        "failed",
        "Fixes that failed",
        (),
        (),
        (
            Table(
                "failed",
                "Fixes that failed",
                (
                    Column("at", "time"),
                    Column("fix", "code"),
                    Column("exit code", "count"),
                    Column("agent"),
                    Column("host"),
                    Column("incident", "id"),
                    Column("skill", "id"),
                ),
                tuple(
                    (fix.at, fix.fix, fix.exit_code, fix.agent, fix.host, fix.incident_id, fix.skill_id)
                    for fix in facts.failed
                ),
                "No fix has failed in this time.",
            ),
        ),
    )


def _waiting(facts: Facts) -> Section:
    return Section(
        "waiting",
        "Approvals waiting",
        (),
        (),
        (
            Table(
                "waiting",
                "What waits for a person",
                (Column("asked", "time"), Column("command", "code"), Column("why"), Column("incident", "id")),
                tuple((a.asked, a.command, "; ".join(a.reasons), a.incident_id) for a in facts.waiting),
                "Nothing waits for a person.",
            ),
        ),
    )


# --- by whom and where ------------------------------------------------------------------------------------------------

_BOTH = (
    Column("first", "count"),
    Column("first verified", "count"),
    Column("first median", "seconds"),
    Column("again", "count"),
    Column("again verified", "count"),
    Column("again median", "seconds"),
    Column("repeats avoided", "count"),
    Column("fixes failed", "count"),
    Column("waiting", "count"),
)


def _both(found: Figures) -> tuple[Cell, ...]:
    def side(of: Side) -> tuple[Cell, ...]:
        return (of.incidents, of.verified, of.to_green.median)

    avoided = (found.repeats_avoided, found.fixes_failed, found.approvals_waiting)
    return (*side(found.first), *side(found.again), *avoided)


def _groups(facts: Facts) -> Section:
    labels = sorted({name for row in facts.incidents for name in row.labels})
    tables = []
    for dimension in (*DIMENSIONS[1:], *(f"label:{name}" for name in labels)):
        found = by(facts, dimension)
        if set(found) <= {""}:
            continue
        name = dimension.removeprefix("label:")
        rows = tuple((key or "not known", *_both(part)) for key, part in found.items())
        title = f"By label {name}" if name != dimension else f"By {name}"
        tables.append(Table(dimension.replace(":", "_"), title, (Column(name), *_BOTH), rows))
    total = Table("total", "All", (Column("all"), *_BOTH), (("all", *_both(figures(facts))),))
    return Section("groups", "By whom and where", (), (), (total, *tables))
