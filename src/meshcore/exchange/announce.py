"""What a node tells the others: each statement is a row of the outbox, which is signed and published later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meshcore.exchange.bodies import Body, IncidentBody, OutcomeBody, SkillBody
from meshcore.exchange.control_bodies import HaltBody, LiftBody, RevocationBody, RotationBody
from meshcore.model import TEXT_LIMIT, Incident, KnownSkill, Outcome, Record, StepResult
from meshcore.node import Node
from meshcore.safety.keys import Identity
from meshcore.trust.authors import rotation_text
from meshcore.trust.signed_decisions import carried, protected


def announce_skill(node: Node, known: KnownSkill) -> None:
    """Queue a skill for all others."""
    body = SkillBody(
        known.skill,
        confirmed=known.confirmed,
        source=known.source,
        name=node.name,
        host=node.settings.host,
        label=known.label,
        signed=carried(node, "confirm", known.skill_id),
    )
    _queue(node, body)


def announce_lift(node: Node, known: KnownSkill, failures: Sequence[str]) -> None:
    """Queue for the operator's other nodes that a person stands behind a skill in spite of these failures."""
    signed = carried(node, "confirm", known.skill_id)
    _queue(node, LiftBody(known.skill_id, tuple(failures), node.name, signed))


def announce_outcome(node: Node, outcome: Outcome) -> None:
    """Queue an outcome for all others, without what its commands printed; a very long command is cut."""
    steps = tuple(_shortened(step) for step in outcome.steps)
    rerun = _shortened(outcome.rerun) if outcome.rerun else None
    _queue(node, OutcomeBody(replace(outcome, steps=steps, rerun=rerun, why="")))


def _shortened(result: StepResult) -> StepResult:
    argv, left = [], TEXT_LIMIT
    for word in result.argv:
        argv.append(word[:left])
        left -= len(word)
        if left <= 0:
            argv.append("…")
            break
    return replace(result, argv=tuple(argv), output="")


def announce_incident(node: Node, incident: Incident) -> None:
    """Queue for all others that a command failed."""
    _queue(node, IncidentBody.of(incident))


def announce_halt(node: Node, why: str) -> None:
    """Queue a halt for all nodes of this operator, or with an empty reason the end of it."""
    mark = node.store.state.get()["last_halt"] if why and protected(node) else ""
    signed = None if why else carried(node, "resume", "halt")
    _queue(node, HaltBody(why, node.name, mark, signed))


def announce_revocation(node: Node, key: str, why: str) -> None:
    """Queue for the operator's other nodes that a node, or an operator, is withdrawn."""
    _queue(node, RevocationBody(key, why))


def announce_rotation(node: Node, old: Identity, new: Identity) -> Record:
    """Queue for all others that a new key takes this node's place; return the record, signed by the old key."""
    proof = new.node.sign(rotation_text(old.node.public, new.node.public))
    body = RotationBody(new.node.public, new.enrolment, proof, node.name, node.settings.host)
    record = node.sign_statement(body.kind, body.to_json(), is_link=True)
    node.store.outbox.keep_signed(_queue(node, body), record)
    return record


def _queue(node: Node, body: Body) -> int:
    return node.store.outbox.add(body.kind, body.to_json())
