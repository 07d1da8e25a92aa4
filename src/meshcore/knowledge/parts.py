"""What an action can refer to in an error: its slots, and for a path its parts.

Reference `n` of an action is slot `n % 100` in form `n // 100`: 0 as it stands, and of a path 1 without a leading
`./`, 2 its last part, 3 its folder, 4 the last part of its folder, 5 its last part without what follows a dot, 6 to 8
its last two to four parts: a file as it is called from a folder above it.
"""

from __future__ import annotations

import builtins
import functools
import hashlib
import re
from collections.abc import Iterator, Sequence
from typing import overload

from meshcore.knowledge.command import takes_files
from meshcore.knowledge.slots import is_file_name
from meshcore.model import Action, Circumstances, KnownSkill, Skill, Slot, action_to_json, canonical

NOT_KNOWN = Circumstances()
FORM = 100
TYPED = ":"  # in the key of an action, behind the names of its types
_QUOTED = re.compile(r"<identifier>")
_REFERENCE = re.compile(r"\{\{|\}\}|\{\d{1,3}\}")
UNKNOWN = "…"
STEM, TAIL = 5, 6
FORMS = (
    *("", "without ./", "last part", "folder", "last part of its folder", "name without suffix"),
    *("last two parts", "last three parts", "last four parts"),
)


def form_of(slot: Slot, form: int) -> str:
    """Return a slot's value in a form, "" where it has none."""
    value = slot.value
    if form == 0 or not value:
        return value
    if slot.kind != "path" or "://" in value:
        return ""
    path = value.rstrip("/")
    if form == 1:
        return path.removeprefix("./") if path.startswith("./") else ""
    if form == 2:
        return path.rsplit("/", 1)[-1] if "/" in path else ""
    if form == STEM:
        stem, dot, _ = path.rsplit("/", 1)[-1].rpartition(".")
        return stem if dot else ""
    if form >= TAIL:
        parts = path.split("/")
        wanted = form - TAIL + 2
        return "/".join(parts[-wanted:]) if path.startswith("/") and len(parts) > wanted + 1 else ""
    folder = path.rsplit("/", 1)[0] if "/" in path else ""
    if folder in ("", ".", "..", "~"):
        return ""
    return folder if form == 3 else folder.rsplit("/", 1)[-1]


def key_value(slots: Sequence[Slot], index: int) -> str:
    """Return what an error has where a key slot looks, "" where it has nothing: an index names a slot and its form."""
    form, place = divmod(index, FORM)
    return form_of(slots[place], form) if place < len(slots) and form < len(FORMS) else ""


def tail_below(folder: str, slot: Slot) -> int:
    """Return the form that is a whole path as it is called from a folder above it, 0 where there is none."""
    short = slot.value.removeprefix(f"{folder.rstrip('/')}/") if slot.value.startswith("/") and folder else ""
    return next((form for form in (2, *range(TAIL, len(FORMS))) if short and form_of(slot, form) == short), 0)


class Parts(Sequence[Slot]):
    """The slots of a signature as `Action.fill` reads them: an index names a slot and its form."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots

    @overload
    def __getitem__(self, index: int) -> Slot: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Slot]: ...
    def __getitem__(self, index: int | slice) -> Slot | Sequence[Slot]:
        if isinstance(index, slice):
            return self._slots[index]
        form, place = divmod(index, FORM)
        slot = self._slots[place]
        value = form_of(slot, form) if form < len(FORMS) else ""
        if not value:
            raise IndexError(index)
        return slot if form == 0 else Slot(slot.kind, value)

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots)


def normalised(action: Action) -> str:
    """Return what stays the same where an action is published again with other spacing or case, as a hash."""
    text = " ".join(canonical(action_to_json(action)).casefold().split())
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_typed(action_key: str) -> bool:
    """Tell whether a key is of typed actions: only of those is it known that another spelling does the same."""
    return TYPED in action_key


def filled(action: Action, slots: Sequence[Slot]) -> Action:
    """Return an action for slots that hold all that it refers to, else as its skill states it."""
    try:
        return action.fill(Parts(slots))
    except IndexError:
        return action


def example_fix(skill: Skill) -> str:
    """Return a skill's fix as it was for its own example: one line for people."""
    return filled(skill.action, skill.example_slots).command()


def general_fix(action: Action, example_slots: Sequence[Slot], unknown: str = "") -> str:
    """Return an action for no error in particular: `{kind}`, or `unknown`, where a part of the error would stand."""
    parts = (n for n in action.parameters() if n % FORM < len(example_slots))
    kinds = {f"{{{n}}}": unknown or f"{{{example_slots[n % FORM].kind}}}" for n in parts}
    text = action.text if action.kind == "advice" else " && ".join(" ".join(step) for step in action.steps)
    return _REFERENCE.sub(lambda m: kinds.get(m[0], m[0][:1] if len(m[0]) == 2 else m[0]), text)


def fix_for(action: Action, slots: Sequence[Slot], example_slots: Sequence[Slot]) -> str:
    """Return an action filled in for an error, never for the example: `…` for the parts where the error lacks one."""
    try:
        return action.fill(Parts(slots)).command()
    except IndexError:
        return general_fix(action, example_slots, UNKNOWN)


ANEW = ":"  # in `derived_from`, behind the version of the reading rules, before the id that a skill had by those


def is_general(skill: Skill) -> bool:
    """Tell whether a skill is a generalisation of others, not one that was read anew by later rules."""
    return bool(skill.derived_from) and ANEW not in skill.derived_from


def shown_fix(skill: Skill) -> str:
    """Return a skill's fix for people: as it was for its example, in general where it was derived and never was."""
    return general_fix(skill.action, skill.example_slots) if is_general(skill) else example_fix(skill)


def never_tried(known: KnownSkill) -> bool:
    """Tell whether a fix was derived from others, and nobody has seen it help or fail."""
    return is_general(known.skill) and not known.evidence.tries


def mentioned(action: Action, value: str) -> bool:
    """Return whether an action repeats a value of the error literally (as a word of its own or within one)."""
    if len(value) < 2:
        return any(token == value for step in action.steps for token in step) or action.text == value
    low = value.casefold().strip("-")
    between = " " if " " in low else "\0"  # what the error quotes may be several words of the action
    text = action.text if action.kind == "advice" else between.join(token for step in action.steps for token in step)
    return bool(low) and low in text.casefold()


def names_nothing(action: Action) -> bool:
    """Return whether an action does the same whatever the error names: programs with one plain word each.

    Such are `npm install` and `python manage.py migrate`; `pip install six` names a package, `rm x` a file.
    """
    return bool(action.steps) and all(_is_plain(step) for step in action.steps)


def _is_plain(step: Sequence[str]) -> bool:
    words = [word for word in step[1:] if not word.startswith("-") and not is_file_name(word)]
    return not takes_files(step[0]) and len(words) == 1 and words[0].replace("-", "").isalpha()


def typed(slots: tuple[Slot, ...], base: int, index: int) -> bool:
    """Return whether a slot of the template is a word that the user typed in the failed command."""
    value = slots[index].value
    return not value.startswith("-") and any(slot.value == value for slot in slots[base + 4 :])


def typed_in_part(slots: tuple[Slot, ...], base: int, index: int) -> bool:
    """Return whether the user typed a slot of the template, or what stands before its suffix."""
    stem = slots[index].value.partition(".")[0]
    return typed(slots, base, index) or (len(stem) > 1 and any(slot.value == stem for slot in slots[base + 4 :]))


def bare_template(template: str) -> str:
    """Return a template as it is compared: neither case nor quotes around a name make another error."""
    return _QUOTED.sub("<name>", template.casefold())


@functools.cache
def family(error_type: str) -> str:
    """Return a type as it is compared: of what Python's versions name more or less precisely, the class of all."""
    own = getattr(builtins, error_type, None)
    if not isinstance(own, type):
        return error_type
    return next((base.__name__ for base in (OSError, ImportError) if issubclass(own, base)), error_type)
