"""Whether what a fix takes from an error may be filled in, and what is unsure about it or its place, in words."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from meshcore.knowledge.kindred import CLOSED
from meshcore.knowledge.parts import FORM, NOT_KNOWN, STEM, TAIL, Parts, fix_for, key_value, typed
from meshcore.knowledge.signature import around, read
from meshcore.model import Action, Circumstances, KnownSkill, Signature, Skill, Slot

_OF_AN_INSTANCE = re.compile(
    r"^(?:~|/home|/Users|/root|/tmp)/.|\b(?=[0-9a-f-]{0,12}\d)(?=[0-9a-f-]{0,12}[a-f])[0-9a-f]{8}(?:[0-9a-f-]{0,60})\b"
)
_PLAIN = re.compile(r"[\w@%+=:,./-]{1,400}")  # what a shell takes as it stands


def fix_of(skill: Skill, error: Signature) -> str:
    """Return a skill's fix filled in for an error of this node, or as far as may be for one that another has told."""
    slots = error.slots or slots_told(error.error_type, error.template, error.line)
    return fix_for(skill.action, slots, skill.example_slots)


def slots_told(error_type: str, template: str, line: str) -> tuple[Slot, ...]:
    """Return the slots of an error of which another node told no more than this, as they are read in its line.

    None where it is read in another way here than there.
    """
    found = read(line, error_type=error_type)
    return found.slots if (found.error_type, found.template) == (error_type, template) else ()


def unproven(known: KnownSkill, parameters: Collection[int], signature: Signature) -> list[str]:
    """Return a doubt for each name that is filled in and was not seen to work."""
    doubts = []
    for reference in sorted(parameters):
        index = reference % FORM
        slot = signature.slots[index]
        if slot.kind in CLOSED and reference // FORM != STEM:
            continue
        proven = known.evidence.values.get(index, frozenset())
        own = known.skill.example_slots[index].value if index < len(known.skill.example_slots) else ""
        known_value = slot.value == own or slot.value in proven or len(proven | {own}) > 1
        if not known_value and not _is_same_file(slot.kind, own, slot.value):
            doubts.append(f"it has worked for {own!r} only, and this is {slot.value!r}")
    return doubts


def _is_same_file(kind: str, own: str, value: str) -> bool:
    """Return whether two whole paths may be one file of two projects; policy asks whether it lies in this one."""
    both = own.startswith("/") and value.startswith("/")
    return kind == "path" and both and own.rpartition("/")[2] == value.rpartition("/")[2]


def elsewhere(parameters: Collection[int], signature: Signature, folder: str) -> list[str]:
    """Return a doubt for each path that is told from a folder above it, where the command ran in another folder."""
    tails = [n for n in parameters if n // FORM >= TAIL] if folder else []
    paths = [(Parts(signature.slots)[n].value, signature.slots[n % FORM].value) for n in tails]
    return [
        f"{short!r} is not {path!r} from {folder!r}" for short, path in paths if f"{folder.rstrip('/')}/{short}" != path
    ]


def keys_from(skill: Skill, signature: Signature, folder: str) -> bool:
    """Return whether each path that a key calls from a folder is called from the one where the command ran.

    A file of that name in another folder is another file; the very path that was taught is the same one from anywhere.
    A folder that is not known, "", is none.
    """
    return all(
        key_value(signature.slots, key.index % FORM)
        in (folder and f"{folder.rstrip('/')}/{key.value}", key_value(skill.example_slots, key.index % FORM))
        for key in skill.key_slots
        if key.index >= FORM
    )


def in_another_place(skill: Skill, parameters: Collection[int], signature: Signature) -> list[str]:
    """Return a doubt for an operand of the command that stood in another place there: what it is for may differ."""
    base = around(skill.template).base
    for index in sorted({reference % FORM for reference in parameters}):
        if index < base and index < len(skill.example_slots):
            there, here = _place(skill.example_slots, base, index), _place(signature.slots, base, index)
            if there is not None and here is not None and there != here:
                return [f"{signature.slots[index].value!r} is another operand of the command"]
    return []


def _place(slots: Sequence[Slot], base: int, index: int) -> int | None:
    return next((n for n, slot in enumerate(slots[base + 4 :]) if slot.value == slots[index].value), None)


def of_its_instance(known: KnownSkill) -> list[str]:
    """Return a doubt where a fix names a file of somebody's own or an id that its error does not tell.

    Whatever was read from the rest of an output belongs to the one failure; two hosts where it helped say otherwise.
    """
    if known.evidence.verified > 1:
        return []
    words = (word for step in known.skill.action.steps for word in step if _OF_AN_INSTANCE.search(word))
    return [f"it names {word!r}, and this error does not" for word in words][:1]


def as_typed(skill: Skill, parameters: Collection[int], signature: Signature) -> bool:
    """Return whether each name that is filled in was typed by the user, where it was when the fix was learnt."""
    base = around(skill.template).base
    return all(
        typed(signature.slots, base, index)
        for index in (reference % FORM for reference in parameters)
        if index < base and skill.example_slots[index].kind not in CLOSED and typed(skill.example_slots, base, index)
    )


def safe(action: Action, parameters: Collection[int], signature: Signature) -> bool:
    """Return whether what is filled in is there and stays one plain word: no option, nothing that a shell reads."""
    parts = Parts(signature.slots)
    shell = any(step[:2] == ("sh", "-c") for step in action.steps)
    for reference in parameters:
        try:
            value = parts[reference].value
        except IndexError:
            return False
        if value.startswith("-") or not value.isprintable() or (shell and not _PLAIN.fullmatch(value)):
            return False
    return True


def not_there(known: KnownSkill, here: Circumstances) -> str:
    """Return "" where the circumstances speak for it, "no" where they speak against it, else the doubt in words."""
    evidence = known.evidence
    if here == NOT_KNOWN and not evidence.failed_in:
        return ""
    failed = sum(n for where, n in evidence.failed_in.items() if _alike(where, here))
    verified = sum(n for where, n in evidence.verified_in.items() if _alike(where, here))
    if failed > verified:
        return "no"
    places = [*evidence.verified_in, known.skill.circumstances]
    if here.ecosystem in ("", "system") and here.os_family:
        families = {place.os_family for place in places if place.os_family}
        if families and here.os_family not in families:
            return f"it is known to work on {', '.join(sorted(families))} only"
    if here.scope:
        scopes = {place.scope for place in places if place.scope}
        if scopes and here.scope not in scopes:
            return f"it is known to work in {', '.join(sorted(scopes))} only"
    return ""


def _alike(there: Circumstances, here: Circumstances) -> bool:
    return all(
        not getattr(there, name) or not getattr(here, name) or getattr(there, name) == getattr(here, name)
        for name in ("os_family", "ecosystem", "scope")
    )
