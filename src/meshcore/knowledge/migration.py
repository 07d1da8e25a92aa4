"""When the rules change, what is stored is read anew, once, and what is no fix by today's rules is set aside."""

from __future__ import annotations

from dataclasses import replace

from meshcore.errors import BadSkillError, ConfigurationError
from meshcore.knowledge.acts import is_act
from meshcore.knowledge.interchange import put
from meshcore.knowledge.learning import reread
from meshcore.knowledge.signature import VERSION
from meshcore.model import KnownSkill
from meshcore.store.store import Store

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
        for skill_id in store.skills.recognised_here():
            try:
                known = store.skills.find(skill_id)
            except ConfigurationError:  # a damaged row is told to who asks for it
                continue
            signed = store.signed_decisions.get("confirm", skill_id) is not None
            if known is not None and not signed and was_no_fix(known):
                store.skills.set_state(known.skill_id, "forgotten", "mesh", "looked, wrote files, built or tested")
                aside += 1
        store.meta.set("learning_rules", LEARNING_RULES)
    return aside


def was_no_fix(known: KnownSkill) -> bool:
    """Tell whether a skill of this operator was recognised and does nothing that could have fixed anything."""
    return known.source == "recognised" and known.own_operator and not is_act(known.skill.action)


def reread_skills(store: Store) -> int:
    """Read every skill of older rules anew; return how many. One whose example says too little stays as it is.

    The skill as read today takes over evidence, author and state; the older one is forgotten, which a person can undo.
    A generalisation stays as it is, too: its example is that of its parent, whose outcomes give it anew.
    """
    if store.meta.get("signature_version") == str(VERSION):
        return 0
    migrated = 0
    with store.transaction(durable=True):
        for known in store.skills.all():
            if known.skill.signature_version == VERSION or known.state == "forgotten" or _generalises(store, known):
                continue
            try:
                skill = replace(reread(known.skill), derived_from=known.skill_id)
            except BadSkillError:
                continue
            put(store, replace(known, skill=skill, label=0, stored_id=""))
            store.skills.set_state(known.skill_id, "forgotten", "mesh", f"read anew by rules of version {VERSION}")
            migrated += 1
        store.meta.set("signature_version", str(VERSION))
    return migrated


def _generalises(store: Store, known: KnownSkill) -> bool:
    """Tell whether a skill was derived from another by the same rules, not read anew from one of older rules."""
    if not known.skill.derived_from:
        return False
    parent = store.skills.find(known.skill.derived_from)
    return parent is None or parent.skill.signature_version == known.skill.signature_version
