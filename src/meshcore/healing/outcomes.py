"""Outcomes of this node: made in one form, stored with what follows, settled later where a crash left a hole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Container
from dataclasses import replace
from pathlib import Path

from meshcore.exchange.announce import announce_outcome
from meshcore.healing.circumstances import project_root
from meshcore.healing.left import take_in
from meshcore.model import AgentInfo, Circumstances, Incident, Outcome, Signature, TryResult
from meshcore.node import Node, boot_id
from meshcore.store.rows import Approval
from meshcore.trust.standing import reweigh


def own_outcome(node: Node, incident: Incident, skill_id: str, result: TryResult, actor: str) -> Outcome:
    """Return an outcome of this node as far as the incident tells it, under a new id and without commands."""
    return Outcome(
        outcome_id=secrets.token_hex(8),
        incident_id=incident.incident_id,
        skill_id=skill_id,
        result=result,
        at=node.store.now(),
        node=node.identity.node.public,
        host=node.settings.host,
        agent=incident.agent.name,
        circumstances=incident.circumstances,
        slots=incident.signature.slots,
        actor=actor,
    )


def count(node: Node, outcome: Outcome, *, try_id: str = "") -> None:
    """Store an outcome of this node, weigh its skill anew, and queue it for the others; inside a transaction."""
    node.store.outcomes.add(outcome, own_operator=True, try_id=try_id)
    reweigh(node, outcome.skill_id)
    announce_outcome(node, outcome)


def close_approvals(node: Node, incident_id: str, actor: str) -> None:
    """Close the approvals of an incident: nobody has to be asked about it any more."""
    for approval in node.store.approvals.all():
        if approval.incident_id == incident_id:
            node.store.approvals.resolve(approval.approval_id, "not needed", actor)


def same_fix_waiting(node: Node, action: str, incident: Incident) -> list[Approval]:
    """Return what waits for a person: this action (hash) in the incident's project."""

    def folder(of: Incident | None) -> str:
        return (project_root(of.cwd) or of.cwd) if of else ""

    here, find = folder(incident), node.store.incidents.find
    same = [approval for approval in node.store.approvals.all() if approval.action_hash == action]
    return [approval for approval in same if folder(find(approval.incident_id)) == here]


def close_same_fix(node: Node, incident: Incident, action: str, actor: str) -> None:
    """Ask nobody any more about a fix that has just been made, and verified, in the same project."""
    for approval in same_fix_waiting(node, action, incident):
        if node.store.approvals.resolve(approval.approval_id, "not needed", actor, applied=True):
            node.store.incidents.set_state(approval.incident_id, "applied_not_rerun", skill_id=approval.skill_id)


WAIT_FOR_SUCCESS = ("applied_not_rerun", "progress", "unknown")
"""The states of an incident for which something was done whose worth the next success of its command shows."""


def settle_success(
    node: Node, argv: tuple[str, ...], cwd: str, *, credit: Container[str] | None = None
) -> list[Incident]:
    """Mark the incidents of a command that has just succeeded as verified; return them as they stood before.

    Where a skill had been applied, or was being applied when its process died, the success is the skill's; where
    nothing was, somebody fixed it by other means and no skill gains by it. `credit`: only those incidents (ids) speak
    for their skills, since it is known what helped.
    """
    waiting = node.store.incidents.waiting(argv, cwd)
    for incident in waiting:
        close_approvals(node, incident.incident_id, "later success")
        opened, boot, _, _ = node.store.incidents.times(incident.incident_id)
        seconds = node.clock.monotonic() - opened if opened is not None and boot == boot_id() else None
        with node.store.transaction(durable=True):
            proven = incident.state in WAIT_FOR_SUCCESS and bool(incident.skill_id)
            proven = proven and (credit is None or incident.incident_id in credit)
            known = node.store.skills.find(incident.skill_id) if proven else None
            again = None if known is None else known.created < incident.opened
            node.store.incidents.set_state(incident.incident_id, "verified", again=again, seconds=seconds)
            if proven:
                outcome = own_outcome(node, incident, incident.skill_id, "verified", "later success")
                count(node, replace(outcome, seconds=seconds), try_id=outcome.outcome_id)
    return waiting


def recover(node: Node) -> int:
    """Give every intent whose process is gone the outcome `unknown`; only a later success decides. Returns how many.

    What such a process was to carry out for a person becomes `unknown` too, and is not carried out again. Failures that
    hooks had no time to store are stored.
    """
    take_in(node.store)
    recovered = 0
    for try_id, incident_id, skill_id, process in node.store.tries.unfinished():
        if process_mark(int(process.split(":")[0])) == process:
            continue
        incident = node.store.incidents.find(incident_id) or _forgotten(incident_id)
        outcome = replace(own_outcome(node, incident, skill_id, "unknown", "recovery"), outcome_id=try_id)
        with node.store.transaction(durable=True):
            if not node.store.outcomes.add(outcome, own_operator=True, try_id=try_id):
                continue
            node.store.incidents.set_state(incident_id, "unknown")
        recovered += 1
    for approval in node.store.approvals.approved():
        mark = approval.process
        if mark and process_mark(int(mark.split(":")[0])) != mark:
            node.store.approvals.finish(approval.approval_id, "unknown", "the process that carried it out is gone")
    return recovered


def _forgotten(incident_id: str) -> Incident:
    return Incident(incident_id, "", AgentInfo(""), (), "", None, Signature(0, "", ""), "", Circumstances())


def process_mark(pid: int) -> str:
    """Return what names a process beyond the reuse of its number: pid, boot and start time; `pid:gone` without it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return f"{pid}:{boot_id()}:{fields[19]}"
    except (OSError, IndexError):
        try:
            os.kill(pid, 0)
        except OSError:
            return f"{pid}:gone"
        return f"{pid}:alive"
