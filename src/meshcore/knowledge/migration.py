"""When the reading rules change, what is stored is read anew, once, so that it is found by today's signatures."""

from __future__ import annotations

from dataclasses import replace

from meshcore.errors import BadSkillError
from meshcore.knowledge.interchange import put
from meshcore.knowledge.learning import reread
from meshcore.knowledge.signature import VERSION
from meshcore.store.store import Store


def reread_skills(store: Store) -> int:
    """Read every skill of older rules anew; return how many. One whose example says too little stays as it is.

    The skill as read today takes over evidence, author and state; the older one is forgotten, which a person can undo.
    """
    if store.meta.get("signature_version") == str(VERSION):
        return 0
    migrated = 0
    with store.transaction(durable=True):
        for known in store.skills.all():
            if known.skill.signature_version == VERSION or known.state == "forgotten":
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
