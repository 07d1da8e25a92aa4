"""What the mesh has done, in figures that can be checked: pure functions over facts gathered from a store.

Times to green are never a mean alone and never assumed: n, median, p90, min and max of what was measured. A repeat
counts as avoided only with its whole chain: incident, skill, who taught it, the command, and a rerun that exited 0.
"""

from __future__ import annotations

import math
import shlex
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from meshcore.clock import from_text
from meshcore.errors import UsageError
from meshcore.model import Incident, IncidentState, Json, KnownSkill, Outcome, StepResult
from meshcore.store import Store

T = TypeVar("T")

OLD_PROGRAM = "an old program"
DIMENSIONS = ("agent", "via", "host", "project")


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds as they were measured; `p90` is the measured value that 90 % do not exceed. All None where n is 0."""

    n: int
    median: float | None = None
    p90: float | None = None
    min: float | None = None
    max: float | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the distribution as a record holds it."""
        return {"n": self.n, "median": self.median, "p90": self.p90, "min": self.min, "max": self.max}


def distribution(values: Iterable[float]) -> Distribution:
    """Return how measured values are spread."""
    ordered = sorted(values)
    if not ordered:
        return Distribution(0)
    nearest_rank = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return Distribution(len(ordered), statistics.median(ordered), nearest_rank, ordered[0], ordered[-1])


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """One failure as evidence sees it. `again`: what answered it was known before. `own`: this node met it.

    `seconds` is opening → verified, None if not verified. `project` is the folder, empty outside a project or where it
    is not known (incidents of other nodes). `labels` are the configuration's, on own incidents only.
    """

    incident_id: str
    opened: str
    agent: str
    via: str
    host: str
    project: str
    line: str
    command: str
    state: IncidentState
    again: bool
    own: bool
    skill_id: str = ""
    seconds: float | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of the ledger: a repeat that was avoided, with everything that proves it."""

    incident_id: str
    opened: str
    line: str
    skill_id: str
    taught_by: str
    taught_at: str
    fix: str
    rerun: str
    exit_code: int
    at: str
    agent: str
    host: str
    actor: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class FailedFix:
    """A try that did not help: which fix, where, and the exit code of the step or rerun that failed."""

    incident_id: str
    skill_id: str
    fix: str
    exit_code: int | None
    at: str
    agent: str
    host: str


@dataclass(frozen=True, slots=True)
class WaitingApproval:
    """What waits for a person."""

    approval_id: str
    incident_id: str
    command: str
    asked: str


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that figures are made of, of one store at one moment.

    `unproven` are (incident, reason) of repeats that are verified but whose chain lacks a link: no claim is made.
    """

    incidents: tuple[IncidentFact, ...] = ()
    ledger: tuple[Claim, ...] = ()
    unproven: tuple[tuple[str, str], ...] = ()
    failed: tuple[FailedFix, ...] = ()
    waiting: tuple[WaitingApproval, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """First occurrences, or repeats: how many, how many verified, and their times to green."""

    incidents: int
    verified: int
    to_green: Distribution


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of some incidents."""

    first: Side
    again: Side
    repeats_avoided: int
    unproven: int
    fixes_failed: int
    approvals_waiting: int
    oldest_approval: str


# --- gathering --------------------------------------------------------------------------------------------------------


def gather(store: Store, labels: Mapping[str, str] | None = None) -> Facts:
    """Read the facts of a store; `labels` are those of its node."""
    found = store.incidents(limit=-1)[::-1]
    tries = {i.incident_id: store.outcomes(incident_id=i.incident_id) for i in found if i.skill_id}
    skills = {skill_id: store.skill(skill_id) for skill_id in {o.skill_id for per in tries.values() for o in per}}
    first_verified = {skill_id: _first_verified(store, skill_id) for skill_id in skills}
    names = {author.node: author.name for author in store.authors()}
    incidents: list[IncidentFact] = []
    ledger: list[Claim] = []
    unproven: list[tuple[str, str]] = []
    for incident in found:
        own_tries = tries.get(incident.incident_id, [])
        opened_at, _, seconds, _ = store.incident_times(incident.incident_id)
        own = opened_at is not None
        again = incident.again if own else _came_again(own_tries, skills, first_verified)
        incidents.append(_incident_fact(incident, own, again, seconds, labels or {}))
        if again and incident.state == "verified":
            claim = _claim(incident, own_tries, skills, names)
            if isinstance(claim, Claim):
                ledger.append(claim)
            else:
                unproven.append((incident.incident_id, claim))
    failed = [_failed_fix(o) for per in tries.values() for o in per if o.result == "fix_failed"]
    waiting = tuple(
        WaitingApproval(approval.approval_id, approval.incident_id, approval.command, approval.asked)
        for approval in store.approvals()
    )
    return Facts(tuple(incidents), tuple(ledger), tuple(unproven), tuple(failed), waiting)


def _first_verified(store: Store, skill_id: str) -> str:
    """Return the incident that a skill was first verified on, in the order in which this node learnt of it."""
    return next((o.incident_id for o in store.outcomes(skill_id=skill_id) if o.result == "verified"), "")


def _came_again(
    tries: Sequence[Outcome], skills: Mapping[str, KnownSkill | None], first_verified: Mapping[str, str]
) -> bool:
    """Tell whether another node's incident was answered by what was known: its summary does not say."""
    for outcome in tries:
        known = skills.get(outcome.skill_id)
        taught_elsewhere = known is not None and known.author != outcome.node
        if taught_elsewhere or first_verified[outcome.skill_id] not in ("", outcome.incident_id):
            return True
    return False


def _incident_fact(
    incident: Incident, own: bool, again: bool, seconds: float | None, labels: Mapping[str, str]
) -> IncidentFact:
    return IncidentFact(
        incident_id=incident.incident_id,
        opened=incident.opened,
        agent=incident.agent.name,
        via=incident.agent.via,
        host=incident.agent.host,
        project=incident.cwd if incident.circumstances.project == "yes" else "",
        line=incident.signature.line,
        command=shlex.join(incident.argv),
        state=incident.state,
        again=again,
        own=own,
        skill_id=incident.skill_id,
        seconds=seconds if incident.state == "verified" else None,
        labels=labels if own else {},
    )


def _claim(
    incident: Incident,
    tries: Sequence[Outcome],
    skills: Mapping[str, KnownSkill | None],
    names: Mapping[str, str],
) -> Claim | str:
    """Return the claim that an incident proves, or the link that is missing."""
    verified = [outcome for outcome in tries if outcome.result == "verified"]
    if not verified:
        return "no try of a skill verified it"
    outcome = verified[-1]
    known, rerun = skills.get(outcome.skill_id), outcome.rerun
    if known is None:
        return "its skill is not known here"
    if rerun is None or rerun.exit_code != 0:
        return "its command was not run again by the mesh with exit code 0"
    return Claim(
        incident_id=incident.incident_id,
        opened=incident.opened,
        line=incident.signature.line,
        skill_id=outcome.skill_id,
        taught_by=names.get(known.author, known.author[:12]) or OLD_PROGRAM,
        taught_at=known.created,
        fix=_commands(outcome.steps),
        rerun=_commands([rerun]),
        exit_code=rerun.exit_code,
        at=outcome.at,
        agent=outcome.agent,
        host=outcome.host,
        actor=outcome.actor,
        seconds=outcome.seconds,
    )


def _failed_fix(outcome: Outcome) -> FailedFix:
    results = [*outcome.steps, *([outcome.rerun] if outcome.rerun else [])]
    code = next((result.exit_code for result in results if result.exit_code), None)
    fix = _commands(outcome.steps)
    return FailedFix(outcome.incident_id, outcome.skill_id, fix, code, outcome.at, outcome.agent, outcome.host)


def _commands(results: Sequence[StepResult]) -> str:
    return " && ".join(shlex.join(result.argv) for result in results)


# --- figures ----------------------------------------------------------------------------------------------------------


def figures(facts: Facts) -> Figures:
    """Return the figures of facts."""
    asked = [approval.asked for approval in facts.waiting]
    return Figures(
        first=_side(facts, again=False),
        again=_side(facts, again=True),
        repeats_avoided=len(facts.ledger),
        unproven=len(facts.unproven),
        fixes_failed=len(facts.failed),
        approvals_waiting=len(asked),
        oldest_approval=min(asked, default=""),
    )


def _side(facts: Facts, *, again: bool) -> Side:
    found = [incident for incident in facts.incidents if incident.again is again]
    seconds = [incident.seconds for incident in found if incident.seconds is not None]
    return Side(len(found), sum(incident.state == "verified" for incident in found), distribution(seconds))


def only(facts: Facts, wanted: Callable[[IncidentFact], bool]) -> Facts:
    """Return the facts of those incidents that are wanted."""
    keys = {incident.incident_id: "" for incident in facts.incidents if wanted(incident)}
    return _split(facts, keys).get("", Facts())


def within(facts: Facts, since: datetime | None, until: datetime | None) -> Facts:
    """Return the facts of incidents opened from `since` on and before `until`. Raises UsageError for an empty range."""
    if since is not None and until is not None and since >= until:
        raise UsageError(f"{since.isoformat()}..{until.isoformat()}: no time lies in it; name the earlier end first")

    def inside(incident: IncidentFact) -> bool:
        try:
            opened = from_text(incident.opened)
        except ValueError:
            return False
        return (since is None or opened >= since) and (until is None or opened < until)

    return only(facts, inside)


def by(facts: Facts, dimension: str) -> dict[str, Figures]:
    """Return figures per agent, via, host, project or `label:NAME`, sorted; "" holds what has none.

    Raises UsageError for another dimension.
    """
    name = dimension.removeprefix("label:")
    if name == dimension and dimension not in DIMENSIONS:
        raise UsageError(f"{dimension!r} is no way to group; use one of {', '.join(DIMENSIONS)} or label:NAME")

    def key_of(incident: IncidentFact) -> str:
        return incident.labels.get(name, "") if name != dimension else str(getattr(incident, dimension))

    keys = {incident.incident_id: key_of(incident) for incident in facts.incidents}
    return {key: figures(part) for key, part in sorted(_split(facts, keys).items())}


def _split(facts: Facts, keys: Mapping[str, str]) -> dict[str, Facts]:
    """Return the facts per key of their incident."""

    def parted(items: Iterable[T], incident_of: Callable[[T], str]) -> dict[str, list[T]]:
        found: dict[str, list[T]] = {}
        for item in items:
            if (key := keys.get(incident_of(item))) is not None:
                found.setdefault(key, []).append(item)
        return found

    incidents = parted(facts.incidents, lambda incident: incident.incident_id)
    ledger = parted(facts.ledger, lambda claim: claim.incident_id)
    unproven = parted(facts.unproven, lambda pair: pair[0])
    failed = parted(facts.failed, lambda fix: fix.incident_id)
    waiting = parted(facts.waiting, lambda approval: approval.incident_id)
    return {
        key: Facts(
            tuple(incidents[key]),
            tuple(ledger.get(key, ())),
            tuple(unproven.get(key, ())),
            tuple(failed.get(key, ())),
            tuple(waiting.get(key, ())),
        )
        for key in incidents
    }
