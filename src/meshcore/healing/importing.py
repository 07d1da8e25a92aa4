"""Skills that came in from elsewhere: from files, from an agent's word, from session files of the past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from meshcore.errors import BadSkillError
from meshcore.exchange.announce import announce_skill
from meshcore.healing.circumstances import project_root
from meshcore.healing.past_habits import PastHabits
from meshcore.healing.sightings import note_sighting
from meshcore.knowledge.history import PastFix, Preview
from meshcore.knowledge.interchange import as_stored, put
from meshcore.knowledge.parts import example_fix
from meshcore.knowledge.skill_check import check_skill
from meshcore.model import Json, KnownSkill, Skill, SkillSource
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.store.sightings import Sighting


def suggest(node: Node, skill: Skill, source: SkillSource) -> tuple[KnownSkill, bool]:
    """Store what nobody here stands behind, unconfirmed and told to nobody; return it and whether it is new.

    What is known already stays as it is. Such a skill is shown and never run until a person confirms it. Raises
    BadSkillError.
    """
    check_skill(skill)
    skill = as_stored(node.store, skill)
    with node.store.transaction(durable=True):
        known = node.store.skills.find(skill.skill_id)
        if known is not None:
            return known, False
        known = put(node.store, KnownSkill(skill, state="unconfirmed", source=source))
        data = {"source": source, "line": skill.example_line, "context": skill.context}
        node.store.events.add("skill.learned", skill_id=skill.skill_id, data=data)
    return known, True


@dataclass(frozen=True, slots=True)
class Adopted:
    """What an import of the past did: new skills, those that count as confirmed now, those left out and why.

    `habits` and `corrections` are those that are new here.
    """

    added: int = 0
    confirmed: int = 0
    habits: int = 0
    corrections: int = 0
    left_out: tuple[str, ...] = ()


def adopt_history(node: Node, found: Preview, before: Mapping[str, Json], past: PastHabits | None = None) -> Adopted:
    """Store what past sessions have shown, and tell the own nodes of the fixes; what is known stays as it is.

    A fix is unconfirmed until it helped in two sessions and two projects, of whichever agents; what brings something in
    from the network stays so. What was erased here is left out. `before` is kept in the event: how long failures took
    to become green then. It enters no other figure.
    """
    added = confirmed = 0
    left_out: list[str] = []
    policy = Policy.load(None)
    with node.store.transaction(durable=True):
        for fix in found.fixes:
            if node.store.purges.has_erased(fix.skill.skill_id, fix.skill.example_line):
                left_out.append("a fix that was erased here")
                continue
            command = example_fix(fix.skill)
            try:
                check_skill(fix.skill)
                if (ruling := policy.check(command, "own")).decision == "refuse":
                    raise BadSkillError("; ".join(ruling.reasons))
            except BadSkillError as error:
                left_out.append(f"{command}: {error}")
                continue
            new, stands = _adopt(node, found.agent, fix)
            added, confirmed = added + new, confirmed + stands
        noted = past.adopt(node) if past is not None else (0, 0)
        data = {
            "via": found.agent,
            "sessions": found.sessions,
            "commands": found.commands,
            "failures": found.failures,
            "repeated": found.repeated,
            "proven": found.proven,
            "added": added,
            "habits": noted[0],
            "corrections": noted[1],
            "retrospective": True,
            **before,
        }
        node.store.events.add("history.imported", data=data)
    return Adopted(added, confirmed, *noted, left_out=tuple(left_out))


def _adopt(node: Node, via: str, fix: PastFix) -> tuple[bool, bool]:
    """Store one fix of the past; return whether it is new, and whether it counts as confirmed from now on."""
    store, skill = node.store, as_stored(node.store, fix.skill)
    skill_id = skill.skill_id
    new = store.skills.find(skill_id) is None
    if new:
        own = node.identity.node.public
        known = KnownSkill(skill, state="unconfirmed", source="imported", author=own, own_operator=True)
        put(store, known)
        data = {"source": "imported", "line": skill.example_line, "context": skill.context, "times": fix.times}
        store.events.add("skill.learned", skill_id=skill_id, data=data)
        announce_skill(node, known)
    seen = (Sighting("past", project_root(cwd) or cwd, session, via) for session, cwd in sorted(fix.seen_in))
    return new, sum(note_sighting(node, skill_id, one) for one in seen) > 0
