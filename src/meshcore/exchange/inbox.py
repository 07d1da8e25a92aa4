"""One inbox for all hosts of an operator: what waits for a person is told to own nodes, and a person's answer taken.

A no from any own node settles. A yes counts only with the operator's signature, whether their key has a passphrase or
not, for exactly what was asked, on this node, for a day. What it then lets run is ruled here anew.
"""

from __future__ import annotations

import os
import pwd
import shlex

from meshcore.exchange.inbox_bodies import MOST_REASONS, AnswerBody, AskingBody
from meshcore.model import TEXT_LIMIT, Incident
from meshcore.node import Node
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible
from meshcore.store.rows import Approval
from meshcore.trust.authors import is_same_node
from meshcore.trust.signed_decisions import approval_digest, signed_from_afar

AT_ONCE = 20


def user_name() -> str:
    """Return as whom this process runs commands."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def queue_askings(node: Node) -> None:
    """Queue what changed of this node's approvals for the operator's other nodes, where there are any."""
    approvals = node.store.approvals
    if not (changed := approvals.to_tell(AT_ONCE)) or not node.store.authors.own() - {node.identity.node.public}:
        return
    for approval in changed:
        body = _asking(node, approval)
        with node.store.transaction():
            if body is not None:
                node.store.outbox.add(body.kind, body.to_json())
            approvals.note_told(approval, is_told=body is not None)


def _asking(node: Node, approval: Approval) -> AskingBody | None:
    """Return what others are told; None for what cannot be told whole: then it is decided here only."""
    if approval.state != "waiting":
        return AskingBody(approval.approval_id, approval.state, approval.result)
    incident = node.store.incidents.find(approval.incident_id)
    if incident is None or not approval.runs:
        return None
    body = AskingBody(
        approval.approval_id,
        approval.state,
        incident_id=approval.incident_id,
        skill_id=approval.skill_id,
        action_hash=approval.action_hash,
        command=approval.command,
        runs=approval.runs,
        rerun=approval.rerun,
        folder=incident.cwd,
        failed=_short(shlex.join(incident.argv)),
        user=f"{user_name()}@{node.settings.host}",
        agent=_short(incident.agent.name),
        asked=approval.asked,
        digest=approval_digest(approval, incident),
        reasons=tuple(map(_short, approval.reasons[:MOST_REASONS])),
    )
    return body if all(map(_is_whole, (body.command, body.runs, body.rerun, body.folder))) else None


def take_asking(node: Node, said: AskingBody, speaker: str, seq: int) -> bool:
    """Keep what another node asks, to be shown; False where it said more since, or asks too much."""
    if said.state == "waiting" and not all(map(_is_whole, (said.command, said.runs, said.rerun, said.folder))):
        return False
    kept = node.store.inbox.put(speaker, said.approval_id, seq, said.state, said.to_json())
    if kept:
        data = {"approval": said.approval_id, "state": said.state, "command": said.command, "node": speaker}
        node.store.events.add("approval.elsewhere", incident_id=said.incident_id, data=data)
    return kept


def take_answer(node: Node, said: AnswerBody, called: str) -> bool:
    """Take a person's answer from another host; False where it is for another node, too late, or does not hold."""
    store, me = node.store, node.identity.node.public
    approval = store.approvals.find(said.approval_id)
    if not is_same_node(node, said.node, me) or approval is None or approval.approval_id != said.approval_id:
        return False
    if not said.yes:
        with store.transaction(durable=True):
            if not store.approvals.resolve(approval.approval_id, "rejected", called, afar=True):
                return False
            store.incidents.set_state(approval.incident_id, "refused", skill_id=approval.skill_id)
        return True
    incident = store.incidents.find(approval.incident_id)
    if incident is None or said.signed is None or not _holds(node, said, approval, incident):
        return False
    with store.transaction(durable=True):
        if not store.approvals.resolve(approval.approval_id, "approved", called, afar=True):
            return False
        store.signed_decisions.put("approval", approval.approval_id, said.signed.text, said.signed.sig)
    return True


def _holds(node: Node, said: AnswerBody, approval: Approval, incident: Incident) -> bool:
    digest = approval_digest(approval, incident)
    signed = said.signed
    return said.digest == digest and signed is not None and signed_from_afar(node, signed, approval.approval_id, digest)


def _is_whole(text: str) -> bool:
    """Tell whether a person sees all of a text: nothing cut, nothing hidden, nothing kept back."""
    return len(text) <= TEXT_LIMIT and visible(redact(text), limit=TEXT_LIMIT) == text


def _short(text: str) -> str:
    return visible(redact(text), limit=TEXT_LIMIT, keep_newlines=False)
