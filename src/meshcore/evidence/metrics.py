"""What the mesh has done, in figures that can be checked: pure functions over the facts of a slice.

Times to green are never a mean alone and never assumed: n, median, p90, min and max of what was measured. A repeat
counts as avoided only with its whole chain: incident, skill, who taught it, the command, and a rerun that exited 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from meshcore.errors import UsageError
from meshcore.evidence.distribution import Distribution, distribution
from meshcore.evidence.slice.rows import ApprovalRow, IncidentRow, OutcomeRow, SkillRow, Slice, StepRow

T = TypeVar("T")

OLD_PROGRAM = "an old program"
DIMENSIONS = ("agent", "via", "host", "project")


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
class Facts:
    """Everything that figures are made of, as one slice tells it.

    `unproven` are (incident, reason) of repeats that are verified but whose chain lacks a link: no claim is made.
    """

    incidents: tuple[IncidentRow, ...] = ()
    ledger: tuple[Claim, ...] = ()
    unproven: tuple[tuple[str, str], ...] = ()
    failed: tuple[FailedFix, ...] = ()
    waiting: tuple[ApprovalRow, ...] = ()


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


def facts_of(found: Slice) -> Facts:
    """Return the facts of a slice."""
    tries: dict[str, list[OutcomeRow]] = {}
    for outcome in found.outcomes:
        tries.setdefault(outcome.incident_id, []).append(outcome)
    skills = {skill.skill_id: skill for skill in found.skills}
    names = {author.node: author.name for author in found.authors}
    ledger: list[Claim] = []
    unproven: list[tuple[str, str]] = []
    for incident in found.incidents:
        if incident.again and incident.state == "verified":
            claim = _claim(incident, tries.get(incident.incident_id, []), skills, names)
            if isinstance(claim, Claim):
                ledger.append(claim)
            else:
                unproven.append((incident.incident_id, claim))
    met = {incident.incident_id for incident in found.incidents if incident.skill_id}
    failed = [_failed_fix(o) for o in found.outcomes if o.result == "fix_failed" and o.incident_id in met]
    waiting = tuple(approval for approval in found.approvals if approval.state == "waiting")
    return Facts(found.incidents, tuple(ledger), tuple(unproven), tuple(failed), waiting)


def _claim(
    incident: IncidentRow,
    tries: Sequence[OutcomeRow],
    skills: Mapping[str, SkillRow],
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
        line=incident.line,
        skill_id=outcome.skill_id,
        taught_by=names.get(known.author, known.author[:12]) or OLD_PROGRAM,
        taught_at=known.created,
        fix=_commands(outcome.steps),
        rerun=rerun.command,
        exit_code=rerun.exit_code,
        at=outcome.at,
        agent=outcome.agent,
        host=outcome.host,
        actor=outcome.actor,
        seconds=outcome.seconds,
    )


def _failed_fix(outcome: OutcomeRow) -> FailedFix:
    results = [*outcome.steps, *([outcome.rerun] if outcome.rerun else [])]
    code = next((result.exit_code for result in results if result.exit_code), None)
    fix = _commands(outcome.steps)
    return FailedFix(outcome.incident_id, outcome.skill_id, fix, code, outcome.at, outcome.agent, outcome.host)


def _commands(steps: Sequence[StepRow]) -> str:
    return " && ".join(step.command for step in steps)


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


def by(facts: Facts, dimension: str) -> dict[str, Figures]:
    """Return figures per agent, via, host, project or `label:NAME`, sorted; "" holds what has none.

    Raises UsageError for another dimension.
    """
    name = dimension.removeprefix("label:")
    if name == dimension and dimension not in DIMENSIONS:
        raise UsageError(f"{dimension!r} is no way to group; use one of {', '.join(DIMENSIONS)} or label:NAME")

    def key_of(incident: IncidentRow) -> str:
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
