"""What a person decides, as rows: approvals, skills, modes, halt. For the command line and the app alike.

Approving writes a row and rings; carrying out is separate (`claim_approved`, `recorded.carry_out_claimed`). A decision
that widens what may run takes `signer`, the operator's unlocked key: UsageError where it is needed and missing.
"""

from __future__ import annotations

import os
import pwd
import shlex
from dataclasses import dataclass

from meshcore.errors import UsageError
from meshcore.exchange.receive import tell_halt
from meshcore.healing.capture import project_root
from meshcore.healing.healer import BREAKER_RESET
from meshcore.healing.outcomes import process_mark
from meshcore.healing.teaching import stand_behind
from meshcore.model import MODES, Incident, KnownSkill, SkillState
from meshcore.node import Node
from meshcore.safety.halt import halt as write_halt
from meshcore.safety.halt import resume as remove_halt
from meshcore.safety.keys import SigningKey
from meshcore.store.store import Approval
from meshcore.trust.authors import AuthorState, enrol, trust_in
from meshcore.trust.ceilings import raises
from meshcore.trust.halting import HALT, HALTED_BY, halted, note_halt
from meshcore.trust.modes import MODE
from meshcore.trust.signed_decisions import approval_subject, protected, say
from meshcore.trust.standing import reweigh
from meshcore.trust.store_keys import always_key, not_here_key


@dataclass(frozen=True, slots=True)
class AuthorView:
    """Who taught a skill, what they are to this operator, and how the skill has fared: `verified` of `tries`."""

    node: str
    name: str
    trust: AuthorState
    verified: int
    tries: int


@dataclass(frozen=True, slots=True)
class ApprovalView:
    """What a person is asked: `command` would run in `cwd` as `user`, for the failed command `failed`.

    `state` is waiting, approved, rejected or not needed; `result` is how carrying out went, empty until it is known.
    """

    approval_id: str
    incident_id: str
    skill_id: str
    command: str
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
    incident, known = node.store.incident(approval.incident_id), node.store.skill(approval.skill_id)
    trust = trust_in(node, known.author) if known else None
    verified, failed = (known.evidence.verified, known.evidence.failed) if known else (0, 0)
    return ApprovalView(
        approval_id=approval.approval_id,
        incident_id=approval.incident_id,
        skill_id=approval.skill_id,
        command=approval.command,
        cwd=incident.cwd if incident else "",
        failed=shlex.join(incident.argv) if incident else "",
        user=f"{_user()}@{node.settings.host}",
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


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


# --- approvals --------------------------------------------------------------------------------------------------------


def approve(
    node: Node, approval_id: str, *, always: bool = False, signer: SigningKey | None = None, claim: bool = False
) -> bool:
    """Say yes to exactly what an approval shows; False where it was settled before. Nothing is executed here.

    `always`: from now on too, for this skill and action in this project. `claim`: this process carries it out at once,
    so no other will; otherwise the home's runtime does. Raises UsageError for an approval or incident that is gone.
    """
    approval = _approval(node, approval_id)
    incident = node.store.incident(approval.incident_id)
    if incident is None:
        raise UsageError(f"incident {approval.incident_id} is gone; reject the approval")
    process = process_mark(os.getpid()) if claim else ""
    with node.store.transaction(durable=True):
        if not node.store.resolve_approval(approval.approval_id, "approved", node.name, process=process):
            return False
        say(node, signer, "approval", approval.approval_id, approval_subject(approval, incident))
        if always:
            folder = _project(incident)
            key = always_key(approval.skill_id, approval.action_hash, folder)
            say(node, signer, "rule", key, {"value": node.name})
            _set_rule(node, key, approval, f"always in {folder}")
    _told(node, ring=not claim)
    return True


def reject(node: Node, approval_id: str, *, not_here: bool = False) -> bool:
    """Say no; False where it was settled before. `not_here`: the skill is not offered in this project again."""
    approval = _approval(node, approval_id)
    incident = node.store.incident(approval.incident_id)
    with node.store.transaction(durable=True):
        if not node.store.resolve_approval(approval.approval_id, "rejected", node.name):
            return False
        node.store.set_incident_state(approval.incident_id, "refused", skill_id=approval.skill_id)
        if not_here and incident is not None:
            folder = _project(incident)
            _set_rule(node, not_here_key(approval.skill_id, folder), approval, f"not in {folder}")
    _told(node)
    return True


def claim_approved(node: Node, approval_id: str = "") -> Approval | None:
    """Take the oldest approval, or the one named, that is approved and that nobody carries out; None without one.

    Of several processes exactly one gets it. Where that one dies, `recover` makes the result `unknown`.
    """
    mark = process_mark(os.getpid())
    for approval in node.store.approved():
        wanted = approval_id in ("", approval.approval_id) and not approval.process
        if wanted and node.store.claim_approval(approval.approval_id, mark):
            return node.store.approval(approval.approval_id)
    return None


def _approval(node: Node, approval_id: str) -> Approval:
    found = node.store.approval(approval_id)
    if found is None:
        raise UsageError(f"no approval {approval_id!r:.80}; `meshtui approvals list` shows them")
    return found


def _project(incident: Incident) -> str:
    return project_root(incident.cwd) or incident.cwd


def _set_rule(node: Node, key: str, approval: Approval, what: str) -> None:
    node.store.set_rule(key, node.name, node.name)
    data = {"rule": what, "command": approval.command, "actor": node.name}
    node.store.add_event("approval.rule", skill_id=approval.skill_id, data=data)


# --- skills -----------------------------------------------------------------------------------------------------------


def confirm_skill(node: Node, skill_id: str, *, reason: str = "confirmed", signer: SigningKey | None = None) -> None:
    """Stand behind a skill: it may be used as policy allows, a quarantine is lifted, the others are told."""
    stand_behind(node, _skill(node, skill_id), reason, signer)
    _told(node)


def quarantine_skill(node: Node, skill_id: str, *, reason: str = "set by a person") -> None:
    """Keep a skill from being used until it is confirmed again."""
    node.store.set_skill_state(_skill(node, skill_id).skill_id, "quarantined", node.name, reason)
    _told(node)


def forget_skill(node: Node, skill_id: str, *, reason: str = "forgotten") -> None:
    """Never answer with a skill again, until it is confirmed or restored."""
    node.store.set_skill_state(_skill(node, skill_id).skill_id, "forgotten", node.name, reason)
    _told(node)


def offer_here(node: Node, skill_id: str, folder: str, *, wanted: bool) -> str:
    """Say whether a skill is to be offered in the project of a folder; return that project."""
    known, project = _skill(node, skill_id), project_root(folder) or folder
    with node.store.transaction(durable=True):
        node.store.set_rule(not_here_key(known.skill_id, project), "" if wanted else node.name, node.name)
        data = {"rule": f"{'again' if wanted else 'not'} in {project}", "actor": node.name}
        node.store.add_event("approval.rule", skill_id=known.skill_id, data=data)
    _told(node)
    return project


def restore_skill(node: Node, skill_id: str, state: SkillState, *, signer: SigningKey | None = None) -> None:
    """Take a quarantine or a forgetting back: the skill is in the state that it had before, no more."""
    known = _skill(node, skill_id)
    with node.store.transaction(durable=True):
        if state == "active":
            content = known.skill.skill_id
            say(node, signer, "confirm", content, {"skill": content})
        node.store.set_skill_state(known.skill_id, state, node.name, "restored")
    _told(node)


def _skill(node: Node, skill_id: str) -> KnownSkill:
    known = node.store.skill(skill_id)
    if known is None:
        raise UsageError(f"no skill {skill_id!r:.80}; `meshtui skills list` shows labels and ids")
    return known


# --- authors ----------------------------------------------------------------------------------------------------------


def enrol_author(node: Node, key: str, *, signer: SigningKey | None = None) -> None:
    """Let an author's, or all of an operator's, skills be offered for approval; what they saw moves the standing."""
    with node.store.transaction(durable=True):
        enrol(node, key, node.name, signer)
        for row in node.store.authors():
            if key in (row.node, row.operator):
                for skill_id in node.store.skills_tried_by(row.node):
                    reweigh(node, skill_id)
    _told(node)


# --- brakes -----------------------------------------------------------------------------------------------------------


def set_mode(node: Node, value: str, *, key: str = MODE, signer: SigningKey | None = None) -> None:
    """Set a ceiling (off, hint, approve, auto), or take it back with an empty value. `key` is one of `modes`."""
    if value not in ("", *MODES):
        raise UsageError(f"{value!r:.40} is no mode; use {', '.join(MODES)}")
    with node.store.transaction(durable=True):
        if value and raises(node, key, value):
            say(node, signer, "rule", key, {"value": value})
        node.store.set_rule(key, value, node.name)
        node.store.add_event("mesh.mode", data={"key": key, "value": value, "actor": node.name})
    _told(node)


def halt(node: Node, why: str) -> None:
    """Stop every fix of this operator here at once; their other nodes are told when the bridge is next used."""
    write_halt(node.settings.operator, why)
    with node.store.transaction(durable=True):
        if protected(node):
            note_halt(node, why)
        node.store.add_event("mesh.halted", data={"reason": why, "actor": node.name})
        tell_halt(node, why)
    _told(node)


def resume(node: Node, *, signer: SigningKey | None = None) -> str:
    """Allow fixes again, and let the breaker count anew; return why it was halted, empty where it was not.

    What this node had halted elsewhere is lifted there too; what another node had halted is lifted here only.
    """
    was = halted(node)
    with node.store.transaction(durable=True):
        if was:
            say(node, signer, "resume", "halt", {"halt": node.store.meta(HALT)})
        for key in node.store.controls(HALTED_BY):
            node.store.set_rule(key, "", node.name)
        node.store.set_meta(BREAKER_RESET, node.store.now())
        remove_halt(node.settings.operator)
        if was:
            node.store.add_event("mesh.resumed", data={"was": was, "actor": node.name})
            tell_halt(node, "")
    _told(node)
    return was


def _told(node: Node, *, ring: bool = True) -> None:
    node.project()
    if ring:
        node.ring()
