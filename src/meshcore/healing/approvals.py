"""What waits for a person, and their yes or no, as rows. Nothing is executed here; see `replay.carry_out_claimed`.

A yes takes `signer`, the operator's unlocked key: UsageError where it is needed and missing.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, replace
from typing import Literal

from meshcore.errors import UsageError
from meshcore.exchange.inbox import user_name
from meshcore.exchange.inbox_bodies import AnswerBody
from meshcore.healing.capture import project_root
from meshcore.healing.outcomes import process_mark
from meshcore.model import Incident
from meshcore.node import Node
from meshcore.safety.keys import SigningKey
from meshcore.store.inbox import Asked
from meshcore.store.rows import Approval
from meshcore.trust.authors import AuthorState, trust_in
from meshcore.trust.signed_decisions import approval_subject, sign_decision, sign_from_afar
from meshcore.trust.store_keys import always_key
from meshcore.trust.synced import missing


@dataclass(frozen=True, slots=True)
class AuthorView:
    """Who taught a skill, what they are to this operator, and how the skill has fared: `verified` of `tries`.

    `trust` is "" where another home judges that, see `meshcore.control.other_homes`.
    """

    node: str
    name: str
    trust: AuthorState | Literal[""]
    verified: int
    tries: int


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """What a person is asked: `command` would run in `cwd` as `user`, for the failed command `failed`.

    `runs` is `command` as it would be executed, and `rerun` the command that would then be run again, "" for none.
    `state` is waiting, approved, rejected or not needed; `result` is how carrying out went, empty until it is known.
    """

    approval_id: str
    incident_id: str
    skill_id: str
    command: str
    runs: str
    rerun: str
    cwd: str
    failed: str
    user: str
    reasons: tuple[str, ...]
    author: AuthorView
    asked: str
    state: str
    actor: str
    result: str


def approval_view(node: Node, approval: Approval) -> ApprovalView:
    """Return what would run, where, as whom, why a person is asked, and how its author has fared."""
    incident, known = node.store.incidents.find(approval.incident_id), node.store.skills.find(approval.skill_id)
    trust = trust_in(node, known.author) if known else None
    verified, failed = (known.evidence.verified, known.evidence.failed) if known else (0, 0)
    return ApprovalView(
        approval_id=approval.approval_id,
        incident_id=approval.incident_id,
        skill_id=approval.skill_id,
        command=approval.command,
        runs=approval.runs,
        rerun=approval.rerun,
        cwd=incident.cwd if incident else "",
        failed=shlex.join(incident.argv) if incident else "",
        user=f"{user_name()}@{node.settings.host}",
        reasons=approval.reasons,
        author=AuthorView(
            node=known.author if known else "",
            name=trust.name if trust else "",
            trust=trust.state if trust else "unknown",
            verified=verified,
            tries=verified + failed,
        ),
        asked=approval.asked,
        state=approval.state,
        actor=approval.actor,
        result=approval.result,
    )


def as_approval(name: str, asked: Asked) -> Approval:
    """Return what another host asks as a row of a list, under a name."""

    def said(key: str) -> str:
        return str(asked.body.get(key, ""))

    return Approval(
        approval_id=name,
        incident_id=said("incident_id"),
        skill_id=said("skill_id"),
        action_hash=said("action_hash"),
        command=said("command"),
        reasons=tuple(map(str, asked.body.get("reasons", ()))),
        asked=said("asked"),
        state=asked.state,
        runs=said("runs"),
        rerun=said("rerun"),
    )


def view_elsewhere(node: Node, asked: Asked) -> ApprovalView:
    """Return what another host asks, as that host's node has signed it."""
    view, said = approval_view(node, as_approval(asked.approval_id, asked)), asked.body
    folder, failed, user = (str(said.get(key, "")) for key in ("folder", "failed", "user"))
    return replace(view, cwd=folder, failed=failed, user=user)


def approve(
    node: Node, approval_id: str, *, always: bool = False, signer: SigningKey | None = None, claim: bool = False
) -> bool:
    """Say yes to exactly what an approval shows; False where it was settled before. Nothing is executed here.

    `always`: from now on too, for this skill and action in this project. `claim`: this process carries it out at once,
    so no other will; otherwise the home's runtime does. Raises UsageError for an approval or incident that is gone.
    """
    approval = _approval(node, approval_id)
    incident = node.store.incidents.find(approval.incident_id)
    if incident is None:
        raise UsageError(f"incident {approval.incident_id} is gone; reject the approval")
    process = process_mark(os.getpid()) if claim else ""
    with node.store.transaction(durable=True):
        if not node.store.approvals.resolve(approval.approval_id, "approved", node.name, process=process):
            return False
        sign_decision(node, signer, "approval", approval.approval_id, approval_subject(approval, incident))
        if always:
            folder = _project(incident)
            key = always_key(approval.skill_id, approval.action_hash, folder)
            sign_decision(node, signer, "rule", key, {"value": node.name})
            node.store.standing_approvals.put(approval.skill_id, approval.action_hash, folder, node.name)
            _tell_rule(node, approval, f"always in {folder}")
    node.project()
    if not claim:
        node.ring()
    return True


def reject(node: Node, approval_id: str, *, not_here: bool = False) -> bool:
    """Say no; False where it was settled before. `not_here`: the skill is not offered in this project again."""
    approval = _approval(node, approval_id)
    incident = node.store.incidents.find(approval.incident_id)
    with node.store.transaction(durable=True):
        if not node.store.approvals.resolve(approval.approval_id, "rejected", node.name):
            return False
        node.store.incidents.set_state(approval.incident_id, "refused", skill_id=approval.skill_id)
        if not_here and incident is not None:
            folder = _project(incident)
            node.store.refusals.put(approval.skill_id, folder, node.name)
            _tell_rule(node, approval, f"not in {folder}")
    node.project()
    node.ring()
    return True


def claim_approved(node: Node, approval_id: str = "") -> Approval | None:
    """Take the oldest approval, or the one named, that is approved and that nobody carries out; None without one.

    Of several processes exactly one gets it. Where that one dies, `recover` makes the result `unknown`.
    """
    mark = process_mark(os.getpid())
    for approval in node.store.approvals.approved():
        wanted = approval_id in ("", approval.approval_id) and not approval.process and may_begin(node, approval)
        if wanted and node.store.approvals.claim(approval.approval_id, mark):
            return node.store.approvals.find(approval.approval_id)
    return None


def may_begin(node: Node, approval: Approval) -> bool:
    """Tell whether what was approved may be carried out now: a yes from afar waits while a no of own nodes may lack."""
    return not approval.afar or not any(one.own for one in missing(node))


def answer_elsewhere(node: Node, asked: Asked, *, yes: bool, signer: SigningKey | None = None) -> None:
    """Tell the node that asks what a person here decides; it is carried out there, under that host's policy.

    Raises UsageError where a yes cannot be signed here.
    """
    digest = str(asked.body.get("digest", ""))
    signed = sign_from_afar(node, signer, asked.approval_id, digest, asked.node) if yes else None
    body = AnswerBody(asked.node, asked.approval_id, yes, digest, node.name, signed)
    data = {"approval": asked.approval_id, "state": "approved" if yes else "rejected", "actor": node.name}
    with node.store.transaction(durable=True):
        node.store.outbox.add(body.kind, body.to_json())
        node.store.events.add("approval.elsewhere", data={**data, "node": asked.node})
    node.project()
    node.ring()


def _approval(node: Node, approval_id: str) -> Approval:
    found = node.store.approvals.find(approval_id)
    if found is None:
        raise UsageError(f"no approval {approval_id!r:.80}; `meshtui approvals list` shows them")
    return found


def _project(incident: Incident) -> str:
    return project_root(incident.cwd) or incident.cwd


def _tell_rule(node: Node, approval: Approval, what: str) -> None:
    data = {"rule": what, "command": approval.command, "actor": node.name}
    node.store.events.add("approval.rule", skill_id=approval.skill_id, data=data)
