"""What a node tells the others: each statement is a row of the outbox, signed and published later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meshcore.exchange.bodies import summary
from meshcore.model import TEXT_LIMIT, Incident, Json, KnownSkill, Outcome, StepResult, skill_to_json
from meshcore.node import Node
from meshcore.store.rows import outcome_to_json
from meshcore.trust.halting import HALT
from meshcore.trust.signed_decisions import carried, protected


def tell_skill(node: Node, known: KnownSkill) -> None:
    """Queue a skill for all others."""
    body = {
        "skill": skill_to_json(known.skill),
        "confirmed": known.confirmed,
        "source": known.source,
        "name": node.name,
        "host": node.settings.host,
        "label": known.label,
    }
    if (word := carried(node, "confirm", known.skill.skill_id)) is not None:
        body["word"] = word
    node.store.outbox.add("skill", body)


def tell_lift(node: Node, known: KnownSkill, failures: Sequence[str]) -> None:
    """Tell the operator's other nodes that a person stands behind a skill in spite of these failures."""
    body: dict[str, Json] = {"skill_id": known.skill.skill_id, "failures": list(failures), "name": node.name}
    if (word := carried(node, "confirm", known.skill.skill_id)) is not None:
        body["word"] = word
    node.store.outbox.add("lift", body)


def tell_outcome(node: Node, outcome: Outcome) -> None:
    """Queue an outcome for all others, without the output of its commands; a very long command is cut."""
    steps = tuple(_told(step) for step in outcome.steps)
    rerun = _told(outcome.rerun) if outcome.rerun else None
    node.store.outbox.add("outcome", outcome_to_json(replace(outcome, steps=steps, rerun=rerun)))


def _told(result: StepResult) -> StepResult:
    argv, left = [], TEXT_LIMIT
    for word in result.argv:
        argv.append(word[:left])
        left -= len(word)
        if left <= 0:
            argv.append("…")
            break
    return replace(result, argv=tuple(argv), output="")


def tell_incident(node: Node, incident: Incident) -> None:
    """Queue a summary of an incident."""
    node.store.outbox.add("incident", summary(incident))


def tell_halt(node: Node, why: str) -> None:
    """Queue a halt for all nodes of this operator, or with an empty reason the end of it."""
    body: dict[str, Json] = {"why": why, "name": node.name}
    if why and protected(node):
        body["mark"] = node.store.meta.get(HALT)
    elif not why and (word := carried(node, "resume", "halt")) is not None:
        body["word"] = word
    node.store.outbox.add("halt", body)
