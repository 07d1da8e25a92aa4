"""Which answer to an incident is ruled on: what was learnt, best first; what is known in general where nothing was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from meshcore.healing.circumstances import project_root
from meshcore.healing.in_general import SOURCE, in_general
from meshcore.healing.light_judges import learnt, offered_here
from meshcore.healing.ruling import Ruling
from meshcore.knowledge.interchange import as_stored, put
from meshcore.knowledge.matching import matches
from meshcore.model import Incident, KnownSkill, Match
from meshcore.node import Node
from meshcore.trust.authors import may_propose


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to rule on, with the skill that it is of, and the answers after it."""

    match: Match
    known: KnownSkill
    others: tuple[Match, ...] = ()


def best_answer(node: Node, incident: Incident, *, skill_id: str = "", general: bool = True) -> Found | None:
    """Return the best answer to an incident, or that of one skill; None where nothing known answers it.

    What is known in general becomes a skill of this node. `general`: whether that is looked at.
    """
    store, folder = node.store, project_root(incident.cwd) or incident.cwd
    signature, here = incident.signature, incident.circumstances
    found = offered_here(store, matches(signature, store.skills, here, folder=incident.cwd), folder)
    found = [match for match in found if match.skill_id == skill_id] if skill_id else learnt(store, found)
    known = store.skills.find(found[0].skill_id) if found else None
    if not skill_id and general and (known is None or not (known.own_operator or may_propose(node, known))):
        new = _in_general(node, incident, folder)
        if new is not None:
            return Found(*new, tuple(found))
    return Found(found[0], known, tuple(found[1:])) if known is not None else None


def first_that_may(
    node: Node, found: Found, folder: str, rule_on: Callable[[Match, KnownSkill], Ruling]
) -> tuple[Match, KnownSkill, Ruling]:
    """Rule on the answers for a command of a folder, best first, until one is not refused; else the best one stands.

    After the best one come only fixes of the own operator, so that nobody's refused one makes room for a stranger's.
    One that could not be applied in this folder when it was last tried comes after its equals.
    """
    best, me = (found.match, found.known), node.identity.node.public
    pairs = ((one, node.store.skills.find(one.skill_id)) for one in found.others)
    others = [(one, known) for one, known in pairs if known is not None and known.own_operator]

    def was_kept(one: Match) -> bool:
        return node.store.outcomes.last_here(one.skill_id, me, folder) == "not_applied"

    answers = [best, *others]
    if others and was_kept(found.match):
        equals = [pair for pair in others if pair[0].tier == found.match.tier and not was_kept(pair[0])]
        answers = [*equals, *(pair for pair in answers if pair not in equals)]
    ruled = []
    for match, known in answers:
        ruled.append((match, known, rule_on(match, known)))
        if ruled[-1][2].decision != "refuse":
            return ruled[-1]
    return next(one for one in ruled if one[0] is found.match)


def _in_general(node: Node, incident: Incident, folder: str) -> tuple[Match, KnownSkill] | None:
    new = in_general(incident, node.settings, node.identity.node.public)
    if new is None:
        return None
    known, match = new
    skill = as_stored(node.store, known.skill)
    known, match = replace(known, skill=skill), replace(match, skill_id=skill.skill_id)
    before = node.store.skills.find(known.skill_id)
    if before is not None and (before.source != SOURCE or before.state in ("quarantined", "forgotten")):
        return None  # it was learnt, too, and is not offered here
    if not offered_here(node.store, [match], folder):
        return None
    return match, before or put(node.store, known)
