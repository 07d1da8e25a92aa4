"""Generalisations: one skill for what several verified ones have in common."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence

from meshcore.model import KeySlot, KnownSkill, Skill

ENOUGH = 2  # skills with verified outcomes that must agree


def derive(known: Sequence[KnownSkill]) -> list[Skill]:
    """Return the generalisations that a set of known skills supports, none that is known already."""
    groups: dict[tuple[object, ...], list[Skill]] = defaultdict(list)
    there = {item.skill.skill_id for item in known}
    for item in known:
        if item.state not in ("active", "unconfirmed") or item.evidence.failed or not item.evidence.verified:
            continue
        for key in item.skill.key_slots:
            folded = _fold(item.skill, key)
            groups[(folded.skill_id, key.index)].append(item.skill)
    found: dict[str, Skill] = {}
    for (skill_id, index), members in groups.items():
        distinct = {k.value for member in members for k in member.key_slots if k.index == index}
        if len(distinct) >= ENOUGH and skill_id not in there:
            assert isinstance(index, int)
            first = min(members, key=lambda member: member.skill_id)
            key = next(k for k in first.key_slots if k.index == index)
            folded = _fold(first, key)
            context = f"holds for {', '.join(sorted(distinct)[:5])}"
            found[folded.skill_id] = dataclasses.replace(folded, derived_from=first.skill_id, context=context)
    return list(found.values())


def _fold(skill: Skill, key: KeySlot) -> Skill:
    """Return the skill with a key slot opened: no longer key, and a reference where the action repeats its value."""
    keys = tuple(k for k in skill.key_slots if k != key)
    steps = tuple(
        tuple(f"{{{key.index}}}" if token == key.value else token for token in step) for step in skill.action.steps
    )
    return dataclasses.replace(skill, key_slots=keys, action=dataclasses.replace(skill.action, steps=steps))
