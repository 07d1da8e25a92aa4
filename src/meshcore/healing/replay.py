"""Healing from the record: an incident that another process met is tried again, in its folder, with its variables."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from meshcore.errors import MeshError, UsageError
from meshcore.healing.healer import Considered
from meshcore.healing.ruling import may_rerun
from meshcore.healing.session import make_healer
from meshcore.model import Incident, Json, Mode, Outcome, StepResult
from meshcore.node import Node
from meshcore.store.rows import Approval, outcome_to_json
from meshcore.trust.signed_decisions import approval_subject, holds
from meshcore.trust.store_keys import action_hash

REPEATABLE = ("tty", "null", "")


class RecordedSession:
    """One incident of the store, from its match to its outcome. Raises UsageError where it cannot be done from here."""

    def __init__(self, node: Node, incident: Incident) -> None:
        if incident.argv_redacted:
            raise UsageError(
                "its command was redacted, or ran on another node: run it again yourself, under `meshtui run`"
            )
        if not Path(incident.cwd).is_dir():
            raise UsageError(
                f"{incident.cwd}: the folder of the incident is gone; run the command again where it is now"
            )
        self.node = node
        self.incident = incident
        self.considered = Considered(incident)
        self.outcome: Outcome | None = None
        self.started = node.clock.monotonic()
        self._environment = {**os.environ, **incident.environment}
        self._healer = make_healer(node, self._environment)
        self._attended = False

    def consider(self, mode: Mode) -> Considered:
        """Match and rule; what a person must decide is put under approvals."""
        self._check_open()
        self.considered = self._healer.consider(self.incident, mode)
        if self.considered.ruling is not None and self.considered.ruling.decision == "approve":
            self._healer.ask(self.considered)
        return self.considered

    def _check_open(self) -> None:
        if self.incident.state in ("verified", "fixing"):
            raise UsageError(f"incident {self.incident.incident_id} is {self.incident.state} already")

    def approve(self, approval: Approval) -> None:
        """A person has said yes to exactly this action. Raises MeshError where it is another one now."""
        self._check_open()
        try:
            self._approve(approval)
        except MeshError:
            self.node.store.incidents.set_state(self.incident.incident_id, self.incident.state)
            raise

    def _approve(self, approval: Approval) -> None:
        considered = self._healer.consider(self.incident, "approve", skill_id=approval.skill_id)
        if considered.match is None or action_hash(considered.match.action) != approval.action_hash:
            raise MeshError("what would run is not what was shown any more; reject it and look at the incident again")
        if considered.ruling is None or considered.ruling.decision not in ("run", "approve"):
            reasons = "; ".join(considered.ruling.reasons) if considered.ruling else "nothing known answers it"
            raise MeshError(f"not applied: {reasons}")
        self.considered = considered
        self._attended = True

    @property
    def may_apply(self) -> bool:
        """Tell whether policy allows it unattended."""
        return self.considered.ruling is not None and self.considered.ruling.decision == "run"

    @property
    def verified(self) -> bool:
        """Tell whether the command succeeds now."""
        return self.outcome is not None and self.outcome.result == "verified"

    def heal(self, *, actor: str) -> None:
        """Apply, and run the failed command again."""
        self.outcome = self._healer.apply(self.considered, self._again, actor=actor, started=self.started)

    def carry_out(self, approval: Approval) -> None:
        """Apply what a person approved and this process has claimed, and note how that went."""
        store, subject = self.node.store, approval_subject(approval, self.incident)
        if not holds(self.node, "approval", approval.approval_id, subject):
            raise MeshError(f"approval {approval.approval_id} is not signed by the operator; see `meshtui doctor`")
        self.heal(actor=approval.actor)
        store.approvals.finish(approval.approval_id, self.outcome.result if self.outcome else "refused")

    def _again(self) -> StepResult | None:
        argv = self.incident.argv
        if self.incident.stdin not in REPEATABLE or not argv:
            return None
        if not may_rerun(self._healer.policy, argv, self.incident.cwd, attended=self._attended):
            return None
        if shutil.which(argv[0], path=self._environment.get("PATH")) is None and not Path(argv[0]).exists():
            return None
        return self._healer.executor.run_again(
            argv, cwd=self.incident.cwd, environment=self._environment, timeout=self.node.settings.fix_timeout_seconds
        )

    def lines(self) -> list[str]:
        """Return what there is to say about it."""
        match, ruling, outcome = self.considered.match, self.considered.ruling, self.outcome
        if match is None or ruling is None:
            return ["unknown: nothing known answers this; teach it with `meshtui learn --error-file … --fix …`"]
        lines = [
            f"known fix: {match.action.command()}",
            f"why: {match.why}",
            f"{ruling.decision}: {'; '.join(ruling.reasons)}",
        ]
        if outcome is not None:
            lines.append(_in_words(outcome))
        return lines

    def summary(self) -> dict[str, Json]:
        """Return the same as data."""
        match, ruling = self.considered.match, self.considered.ruling
        return {
            "incident_id": self.incident.incident_id,
            "skill_id": match.skill_id if match else None,
            "command": match.action.command() if match else None,
            "why": match.why if match else None,
            "decision": ruling.decision if ruling else None,
            "reasons": list(ruling.reasons) if ruling else [],
            "outcome": outcome_to_json(self.outcome) if self.outcome else None,
        }

    def finish(self) -> None:
        """Tell the others and bring the files up to date."""
        self._healer.finish()


def recorded_approval(node: Node, approval: Approval) -> RecordedSession:
    """Return the session of what a person is asked, or was, if it is still exactly that. Raises MeshError."""
    incident = node.store.incidents.find(approval.incident_id)
    if incident is None:
        raise UsageError(f"incident {approval.incident_id} is gone; reject the approval")
    recorded = RecordedSession(node, incident)
    recorded.approve(approval)
    return recorded


def carry_out_claimed(node: Node, approval: Approval) -> RecordedSession:
    """Carry out what this process has claimed. Raises MeshError where it cannot be, which is noted as refused."""
    try:
        recorded = recorded_approval(node, approval)
        recorded.carry_out(approval)
    except MeshError as error:
        node.store.approvals.finish(approval.approval_id, "refused", str(error))
        raise
    return recorded


def _in_words(outcome: Outcome) -> str:
    if outcome.result == "verified" and outcome.rerun is not None and outcome.seconds is not None:
        own = f"the mesh {(outcome.own_seconds or 0.0) * 1000:.0f} ms of it"
        return f"✓ verified: it ran again with exit 0, {outcome.seconds:.2f} s after it had failed ({own})"
    return {
        "fix_failed": "✗ the fix did not help",
        "applied_not_rerun": "applied, not rerun: run the command again to see",
        "refused": "not applied",
    }.get(outcome.result, outcome.result)
