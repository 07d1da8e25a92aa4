"""When the rules change, what is stored is read anew, once, and what is no fix by today's rules is set aside."""

from __future__ import annotations

from dataclasses import replace

from meshcore.errors import BadSkillError
from meshcore.knowledge.acts import is_act
from meshcore.knowledge.interchange import put, rename_in_file
from meshcore.knowledge.learning import reread
from meshcore.knowledge.matching import KEYS, looks_around
from meshcore.knowledge.parts import ANEW, bare_template, is_general
from meshcore.knowledge.signature import VERSION
from meshcore.model import KnownSkill, Outcome, Skill, Slot
from meshcore.store.store import Store

READ_WITH = f"{VERSION}.{KEYS}"
"""Of the rules of reading, and of the keys under which a skill is found: where only these are others, its id stays."""

LEARNING_RULES = "2"
"""Of what is believed to be a fix: see `knowledge.acts`."""


def set_aside(store: Store) -> int:
    """Forget what was recognised as a fix and only looked, wrote files, built or tested; return how many.

    What a person has signed for stays, and a person can undo the rest.
    """
    if store.meta.get("learning_rules") == LEARNING_RULES:
        return 0
    aside = 0
    with store.transaction(durable=True):
        for known in store.skills.readable(store.skills.recognised_here()):
            signed = store.signed_decisions.get("confirm", known.skill_id) is not None
            if not signed and was_no_fix(known):
                store.skills.set_state(known.skill_id, "forgotten", "mesh", "looked, wrote files, built or tested")
                aside += 1
        store.meta.set("learning_rules", LEARNING_RULES)
    return aside


def was_no_fix(known: KnownSkill) -> bool:
    """Tell whether a skill of this operator was recognised and does nothing that could have fixed anything."""
    return known.source == "recognised" and known.own_operator and not is_act(known.skill.action)


def reread_skills(store: Store) -> int:
    """Read every skill of older rules anew; return how many are read otherwise now.

    One that the rules of today read alike stays what it is, and so does one whose example says too little. Else the
    skill as read today takes over label, evidence, author, state and what was ruled for a project, and names the older
    one in `derived_from`, so that what is said of either counts for both; the older one is forgotten. A generalisation
    stays as it is, too: its example is that of its parent, whose outcomes give it anew.
    """
    if store.meta.get("signature_version") == READ_WITH:
        return 0
    names: dict[str, str] = {}
    with store.transaction(durable=True):
        for known in store.skills.readable(store.skills.ids()):
            skill = None
            if known.skill.signature_version != VERSION and known.state != "forgotten" and not is_general(known.skill):
                skill = _read_otherwise(known.skill)
            if skill is None:
                put(store, known)
                continue
            place = _moved(known.skill, skill)
            values = {place[i]: found for i, found in known.evidence.values.items() if i in place}
            relaxed = frozenset(place[i] for i in known.evidence.relaxed if i in place)
            evidence = replace(known.evidence, values=values, relaxed=relaxed)
            label = store.skills.give_up_label(known.skill_id)
            put(store, replace(known, skill=skill, evidence=evidence, label=label, stored_id=""))
            store.authors.copy_sayings(known.skill_id, skill.skill_id)
            store.skills.carry_over(known.skill_id, skill.skill_id)
            names[known.skill_id] = skill.skill_id
            store.skills.set_state(known.skill_id, "forgotten", "mesh", f"read anew by rules of version {VERSION}")
        rename_in_file(store, names)
        store.meta.set("signature_version", READ_WITH)
    return len(names)


def _read_otherwise(skill: Skill) -> Skill | None:
    """Return a skill as the rules of today read it, None where they find it under the same words and places."""
    try:
        now = reread(skill)
    except BadSkillError:
        return None
    same = (now.error_type, bare_template(now.template)) == (skill.error_type, bare_template(skill.template))
    if same and not looks_around(skill):
        return None
    return replace(now, derived_from=f"{skill.signature_version}{ANEW}{skill.skill_id}")


def earlier_reading(store: Store, skill: Skill) -> Skill | None:
    """Return what a skill was by older rules, None where it is not one that was read anew.

    Who made a skill may write anything into `derived_from`, so the older one is read anew to see that it is true.
    """
    _, anew, skill_id = skill.derived_from.partition(ANEW)
    before = store.skills.find(skill_id) if anew else None
    now = _read_otherwise(before.skill) if before is not None else None
    return before.skill if before is not None and now is not None and now.skill_id == skill.skill_id else None


def other_reading(store: Store, skill_id: str) -> str:
    """Return the id that a skill had by older rules, or has by those of today; "" where it has one id only."""
    known = store.skills.find(skill_id)
    before = earlier_reading(store, known.skill) if known is not None else None
    later = later_reading(store, skill_id)
    return before.skill_id if before is not None else later.skill_id if later is not None else ""


def later_reading(store: Store, skill_id: str) -> KnownSkill | None:
    """Return what a skill of older rules became when it was read anew, None where it was not."""
    before = store.skills.find(skill_id)
    if before is None or before.state != "forgotten" or before.skill.signature_version >= VERSION:
        return None
    skill = _read_otherwise(before.skill)
    return store.skills.find(skill.skill_id) if skill is not None else None


def as_it_answers(store: Store, skill_id: str) -> KnownSkill | None:
    """Return a skill by any id that it had, as the rules of today read it; None where it is not known."""
    return later_reading(store, skill_id) or store.skills.find(skill_id)


def as_read_now(outcome: Outcome, before: Skill, skill: Skill) -> Outcome:
    """Return an outcome of a skill of older rules with each part of its error where the rules of today have it."""
    slots = [Slot("name", "")] * len(skill.example_slots)
    for old, new in _moved(before, skill).items():
        if old < len(outcome.slots):
            slots[new] = outcome.slots[old]
    return replace(outcome, skill_id=skill.skill_id, slots=tuple(slots))


def _moved(before: Skill, skill: Skill) -> dict[int, int]:
    """Return for each part of a skill's example where the new reading has the same, the error's own parts first."""
    place: dict[int, int] = {}
    taken: set[int] = set()
    for old, slot in enumerate(before.example_slots):
        same = (i for i, one in enumerate(skill.example_slots) if one.value == slot.value and i not in taken)
        new = next(same, None) if slot.value else None
        if new is not None:
            place[old] = new
            taken.add(new)
    return place
