"""Skills that came in from elsewhere: from files, from an agent's word, from session files of the past."""

from __future__ import annotations

from meshcore.healing.exchange import check_skill
from meshcore.healing.node import Node
from meshcore.knowledge.interchange import put
from meshcore.model import KnownSkill, Skill, SkillSource


def suggest(node: Node, skill: Skill, source: SkillSource) -> tuple[KnownSkill, bool]:
    """Store what nobody here stands behind, unconfirmed and told to nobody; return it and whether it is new.

    What is known already stays as it is. Such a skill is shown and never run until a person confirms it. Raises
    BadSkillError.
    """
    check_skill(skill)
    with node.store.transaction(durable=True):
        known = node.store.skill(skill.skill_id)
        if known is not None:
            return known, False
        known = put(node.store, KnownSkill(skill, state="unconfirmed", source=source))
        data = {"source": source, "line": skill.example_line, "context": skill.context}
        node.store.add_event("skill.learned", skill_id=skill.skill_id, data=data)
    return known, True
