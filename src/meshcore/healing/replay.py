"""Healing from the record: an incident that another process met is tried again, in its folder, with its variables."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from meshcore.errors import MeshError, UsageError
from meshcore.healing.circumstances import project_root
from meshcore.healing.light_judges import combined
from meshcore.healing.obstacles import last_lines
from meshcore.healing.ruling import Ruling, load_policy
from meshcore.healing.series import Series
from meshcore.healing.session import Session, make_healer
from meshcore.healing.teaching import ran_since
from meshcore.knowledge.matching import matches
from meshcore.knowledge.parts import filled
from meshcore.model import Decision, Incident, Json, KnownSkill, Mode, Outcome, Skill, StepResult
from meshcore.node import Node
from meshcore.policy.policy import Policy, written_from
from meshcore.policy.question import PolicyVerdict
from meshcore.process.find_program import CannotStartError, find_program
from meshcore.store.rows import Approval, outcome_to_json

REPEATABLE = ("tty", "null", "")


def recorded_session(node: Node, incident: Incident) -> Session:
    """Return the session of an incident of the store. Raises UsageError where it cannot be had from here."""
    if incident.argv_redacted:
        raise UsageError("its command was redacted, or ran on another node: run it again yourself, under `meshtui run`")
    if not Path(incident.cwd).is_dir():
        raise UsageError(f"{incident.cwd}: the folder of the incident is gone; run the command again where it is now")
    environment = {**os.environ, **incident.environment}
    healer = make_healer(node, environment)
    left = node.settings.fix_timeout_seconds  # for all reruns of a series

    def held() -> str:
        if incident.stdin not in REPEATABLE:
            return "what was piped into it is not kept: run it again yourself"
        if left <= 0:
            return "the time for fixes and reruns is used up"
        try:
            find_program(incident.argv[0], environment, incident.cwd)
        except CannotStartError as error:
            return f"it cannot be started: {error.message}"
        return ""

    def rerun() -> StepResult | None:
        nonlocal left
        done = healer.executor.run_again(incident.argv, cwd=incident.cwd, environment=environment, timeout=left)
        left -= done.seconds
        return done

    return Session(healer, incident, rerun, started=node.clock.monotonic(), held=held)


def foreseen(node: Node, incident: Incident, known: KnownSkill) -> Ruling | None:
    """Rule on a skill at a failure like a recorded one, and note nothing; None where that cannot be told from here."""
    found = matches(incident.signature, node.store.skills, incident.circumstances, folder=incident.cwd)
    match = next((match for match in found if match.skill_id == known.skill_id), None)
    if match is None or incident.argv_redacted or not Path(incident.cwd).is_dir():
        return None
    healer = make_healer(node, {**os.environ, **incident.environment})
    return healer.ruling_on(incident, match, known, "auto", claims=False)


def what_becomes(node: Node, incident: Incident | None, known: KnownSkill, folder: str) -> PolicyVerdict:
    """Rule on what was taught at the failure that it was taught for, as long as that stands as it was.

    Where there is none, or something was done about it since, its words tell: what lacked then may be there now.
    """
    ruling = foreseen(node, incident, known) if incident is not None else None
    by_words = _foreseen_without(load_policy(node), known.skill, incident.cwd if incident else folder)
    if incident is None or ruling is None:
        return by_words
    is_mended = incident.state == "verified" or bool(ran_since(node, incident))
    if ruling.decision == "approve" and is_mended and (by_words.depends or by_words.decision == "run"):
        return replace(by_words, decision="approve", depends=True)
    return PolicyVerdict(ruling.decision, ruling.reasons)


def _foreseen_without(policy: Policy, skill: Skill, folder: str) -> PolicyVerdict:
    """Judge the fix of a skill's own example, typed in a folder: the lowest of its steps."""
    action = filled(skill.action, skill.example_slots)
    steps = (written_from(step, folder, project_root(folder)) for step in action.steps)
    verdicts = [policy.check(shlex.join(step), "own") for step in steps]
    if not verdicts:
        return PolicyVerdict("hint", ())
    decision = combined(verdicts).decision
    return min((one for one in verdicts if one.decision == decision), key=lambda one: one.depends)


def promise(decision: Decision, reasons: Sequence[str], *, depends: bool = False) -> str:
    """Return in words what becomes of a fix at the next failure like the one that it was taught for.

    `depends`: on that failure, so that more can be said only where it is at hand.
    """
    if depends:
        return "it runs unattended where a failure asks for exactly this and leaves nothing open, and asks otherwise"
    said = {
        "run": "from now on it runs unattended",
        "approve": "it will ask each time",
        "hint": "it will be told and never run",
        "refuse": "it will be refused",
    }[decision]
    return f"{said}, because {reasons[0]}" if reasons and decision != "run" else said


def approval_session(node: Node, approval: Approval) -> Session:
    """Return the session of what a person is asked, or was, if it is still exactly that. Raises MeshError."""
    incident = node.store.incidents.find(approval.incident_id)
    if incident is None:
        raise UsageError(f"incident {approval.incident_id} is gone; reject the approval")
    session = recorded_session(node, incident)
    session.take(approval)
    return session


def take_back(node: Node, approval_id: str) -> Approval:
    """Take back this person's rejection: what it refused is ruled on anew and waits; return that. Raises UsageError.

    The rejection stays on record. A `not here` that came with it is taken back too, where it still waits then.
    """
    store, rejected = node.store, node.store.approvals.find(approval_id)
    if rejected is None:
        raise UsageError(f"no approval {approval_id!r:.80}; `meshtui approvals list --all` shows them")
    if rejected.state != "rejected":
        raise UsageError(f"it is {rejected.state}, not rejected: there is nothing to take back")
    if rejected.result:
        raise UsageError(f"that rejection is {rejected.result} already")
    if not rejected.afar and rejected.actor != node.name:
        raise UsageError(f"{rejected.actor} rejected it, and alone takes that back")
    incident = store.incidents.find(rejected.incident_id)
    if incident is None:
        raise UsageError(f"incident {rejected.incident_id} is gone; its command asks again when it fails again")
    session, folder = recorded_session(node, incident), project_root(incident.cwd) or incident.cwd
    with store.transaction(durable=True):
        if store.refusals.in_project(folder).get(rejected.skill_id) == node.name:
            store.refusals.drop(rejected.skill_id, folder)
            data = {"rule": f"again in {folder}", "command": rejected.command, "actor": node.name}
            store.events.add("approval.rule", skill_id=rejected.skill_id, data=data)
        again = session.ask_again(rejected)
        if not store.approvals.take_back(rejected, again, node.name):
            raise UsageError("somebody else has just taken it back")
    node.project()
    node.ring()
    return again


def carry_out_claimed(node: Node, approval: Approval, mode: Mode = "auto") -> Series:
    """Carry out what this process has claimed, and what follows from it up to `mode`.

    Raises MeshError where it cannot be, which is noted as refused.
    """
    try:
        series = Series(approval_session(node, approval), mode)
        series.heal()
    except MeshError as error:
        node.store.approvals.finish(approval.approval_id, "refused", str(error))
        raise
    return series


def lines(series: Series) -> list[str]:
    """Return what there is to say about a recorded incident, and about those that followed."""
    told = [[*about(session), *(f"| {line}" for line in said(session))] for session in series.links]
    return told[0] + [line for at, more in enumerate(told[1:], 2) for line in (f"error {at} of this run:", *more)]


def about(session: Session) -> list[str]:
    """Return what there is to say about one incident; what the commands themselves said is not among it."""
    match, ruling, outcome = session.considered.match, session.considered.ruling, session.outcome
    if match is None or ruling is None:
        teach = f"meshtui learn --incident {session.incident.incident_id[:8]} --fix …"
        return [f"unknown: nothing known answers this; teach it with `{teach}`"]
    found = [
        f"known fix: {match.action.command()}",
        f"why: {match.why}",
        f"{ruling.decision}: {'; '.join(ruling.reasons)}",
    ]
    if outcome is None:
        return [*found, f"it waits for a person: {how}"] if (how := session.how_to_approve) else found
    waits = session.waits if outcome.result == "applied_not_rerun" else ()
    return [*found, _in_words(outcome), *([f"not run again unasked: {'; '.join(waits)}"] if waits else [])]


def said(session: Session) -> list[str]:
    """Return why a fix was not applied, and the last lines of what it said; nothing where it was."""
    outcome = session.outcome
    if outcome is None or not outcome.steps or outcome.steps[-1].exit_code == 0:
        return [outcome.why] if outcome is not None and outcome.why else []
    return [*([outcome.why] if outcome.why else []), *last_lines(outcome.steps[-1], 5)]


def summary(series: Series) -> dict[str, Json]:
    """Return the same as data: of the first error, and under `followed` of those that came after it."""
    return {**_summary(series.first), "followed": [_summary(session) for session in series.links[1:]]}


def _summary(session: Session) -> dict[str, Json]:
    match, ruling = session.considered.match, session.considered.ruling
    return {
        "incident_id": session.incident.incident_id,
        "skill_id": match.skill_id if match else None,
        "command": match.action.command() if match else None,
        "why": match.why if match else None,
        "decision": ruling.decision if ruling else None,
        "reasons": list(ruling.reasons) if ruling else [],
        "outcome": outcome_to_json(session.outcome) if session.outcome else None,
    }


def _in_words(outcome: Outcome) -> str:
    if outcome.result == "verified" and outcome.rerun is not None and outcome.seconds is not None:
        own = f"the mesh {(outcome.own_seconds or 0.0) * 1000:.0f} ms of it"
        return f"✓ verified: it ran again with exit 0, {outcome.seconds:.2f} s after it had failed ({own})"
    return {
        "fix_failed": "✗ the fix did not help",
        "applied_not_rerun": "fixed; run the command again, that is what counts",
        "progress": "fixed; the command met another error then",
        "not_applied": "could not be applied",
        "refused": "not applied",
    }.get(outcome.result, outcome.result)
