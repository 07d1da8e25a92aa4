"""Healing from the record: an incident that another process met is tried again, in its folder, with its variables."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from meshcore.errors import MeshError, UsageError
from meshcore.healing.session import Session, make_healer
from meshcore.model import Incident, Json, Outcome, StepResult
from meshcore.node import Node
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

    def rerun() -> StepResult | None:
        argv, cwd = incident.argv, incident.cwd
        if incident.stdin not in REPEATABLE:
            return None
        if shutil.which(argv[0], path=environment.get("PATH")) is None and not Path(argv[0]).exists():
            return None
        timeout = node.settings.fix_timeout_seconds
        return healer.executor.run_again(argv, cwd=cwd, environment=environment, timeout=timeout)

    return Session(healer, incident, rerun, started=node.clock.monotonic())


def approval_session(node: Node, approval: Approval) -> Session:
    """Return the session of what a person is asked, or was, if it is still exactly that. Raises MeshError."""
    incident = node.store.incidents.find(approval.incident_id)
    if incident is None:
        raise UsageError(f"incident {approval.incident_id} is gone; reject the approval")
    session = recorded_session(node, incident)
    session.take(approval)
    return session


def carry_out_claimed(node: Node, approval: Approval) -> Session:
    """Carry out what this process has claimed. Raises MeshError where it cannot be, which is noted as refused."""
    try:
        session = approval_session(node, approval)
        session.heal()
    except MeshError as error:
        node.store.approvals.finish(approval.approval_id, "refused", str(error))
        raise
    return session


def lines(session: Session) -> list[str]:
    """Return what there is to say about a recorded incident's session."""
    match, ruling, outcome = session.considered.match, session.considered.ruling, session.outcome
    if match is None or ruling is None:
        return ["unknown: nothing known answers this; teach it with `meshtui learn --error-file … --fix …`"]
    said = [
        f"known fix: {match.action.command()}",
        f"why: {match.why}",
        f"{ruling.decision}: {'; '.join(ruling.reasons)}",
    ]
    return said if outcome is None else [*said, _in_words(outcome)]


def summary(session: Session) -> dict[str, Json]:
    """Return the same as data."""
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
        "refused": "not applied",
    }.get(outcome.result, outcome.result)
