"""One key for one fix, however it is spelled: what is counted is counted by it.

The key of a typed action is what its form says: its type, its words, its options in order, its values. What is no typed
action is the same where its words are, and only then.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import replace
from typing import Final

from meshcore.knowledge.parts import TYPED, is_typed, normalised
from meshcore.knowledge.spelling import is_quiet, plain_spelling
from meshcore.knowledge.well_known import normal
from meshcore.model import Action, Json, KnownSkill, canonical
from meshcore.policy.action_type import ActionType
from meshcore.policy.argv_patterns import Found
from meshcore.policy.policy_file import load
from meshcore.store.store import Store

_REFERENCE: Final = re.compile(r"\{(\d{1,3})\}")
_STANDS_FOR: Final = re.compile(r"5(\d{4})")  # a number that is a plain word of every kind, also a port
_NO_MATTER: Final = {
    "make_folder": frozenset({"-p", "-v", "--parents", "--verbose"}),
    "copy_example": frozenset({"-n"}),
    "remove_stale_lock": frozenset({"-f"}),
}
"""For each type the options that change nothing of the fix: what is there is never written over or missed."""
_SAME_WORDS: Final = {"u+x": "+x"}
_PATHS: Final = frozenset({"PATH", "FOLDER", "NEWFILE", "SOURCE", "FILE", "EXAMPLE", "LOCK"})


def action_key(action: Action) -> str:
    """Return the key of an action, filled in or with its references: the same for each spelling of a typed one."""
    text = "\0".join(word for step in action.steps for word in step)
    if action.kind == "advice" or _STANDS_FOR.search(text) or "{{" in text or "}}" in text:
        return normalised(action)
    steps = plain_steps(action)
    fitting = [load(None).fitting(step) for step in steps]
    if not steps or not all(fitting):
        plain = (plain_spelling(step) for step in action.steps)
        return normalised(replace(action, steps=tuple(plain)))
    said = [_said(*found[0]) for found in fitting]
    names = "+".join(dict.fromkeys(found[0][0].name for found in fitting))
    return f"{names}{TYPED}{hashlib.sha256(canonical(said).encode('utf-8', 'surrogatepass')).hexdigest()}"


def is_one_fix(one: Action, other: Action) -> bool:
    """Tell whether two actions do the same: the same words, or the same typed action however it is spelled."""
    key = action_key(one)
    return one == other or (is_typed(key) and key == action_key(other))


def plain_steps(action: Action) -> list[tuple[str, ...]]:
    """Return the steps of an action in their plain spelling, with a plain word for each reference."""
    return [plain_spelling(tuple(_REFERENCE.sub(_stand_in, word) for word in step)) for step in action.steps]


def keyed(known: KnownSkill) -> KnownSkill:
    """Return a skill with the key of its action."""
    return known if known.action_key else replace(known, action_key=action_key(known.skill.action))


def note_action_keys(store: Store) -> list[str]:
    """Note the key of each skill that has none, and return their ids.

    What was under quarantine by its words is so by its key from now on.
    """
    found = [
        (known.skill_id, action_key(known.skill.action), normalised(known.skill.action))
        for known in store.skills.readable(store.skills.without_action_key())
    ]
    if not found:
        return []
    with store.transaction():  # one for all: thousands come with an import
        for skill_id, key, words in found:
            store.skills.note_action_key(skill_id, key)
            if key != words and (quarantined := store.quarantine.skill_of(words)):
                store.quarantine.put(key, quarantined)
    return [skill_id for skill_id, _, _ in found]


def _stand_in(reference: re.Match[str]) -> str:
    return f"5{int(reference[1]):04d}"


def _said(action: ActionType, found: Found) -> Json:
    nothing = _NO_MATTER.get(action.name, frozenset())
    options = sorted(option for option in found.options if not is_quiet(option) and option not in nothing)
    words = [_SAME_WORDS.get(word, word) for word in found.words]
    values = [_STANDS_FOR.sub(r"{\1}", _plain(kind, value)) for kind, value in found.operands]
    return [action.name, *words, options, values]


def _plain(kind: str, value: str) -> str:
    if kind == "PACKAGE":
        return normal(value) + value[len(value.partition("==")[0]) :]
    return os.path.normpath(value) if kind in _PATHS else value
