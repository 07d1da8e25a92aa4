"""Errors that say a part of it in the same words: what is known of one may be what helps with the other.

A tool words one complaint in several ways, from version to version and from subcommand to subcommand. What was learnt
from other words is never more than likely.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping, Sequence

from meshcore.knowledge.parts import FORM, bare_template, family, mentioned
from meshcore.knowledge.program import program_name
from meshcore.knowledge.signature import Around, around
from meshcore.knowledge.slots import about_a_file, refusal_of
from meshcore.model import Signature, Skill, Slot

MEANT_BY_ALL = 5  # spaces between the words of a clause that is so long that it means the same whoever says it
MAX_CLAUSES = 3  # parts of a template under which a skill is also found
CLOSED = frozenset({"path", "number", "port", "hex"})
SHORT_WORD = re.compile(r"(?<![<\w])[^\W\d_]{2,}(?![>\w])")
_CLAUSE = re.compile(r"[;:.,)]\s| - |\s\(")
_HEADING = re.compile(
    r"^(?:\w{1,20}: )?(?:(?:[a-z]{1,20} ){0,3}(?:error|fatal|failure|failed|exception)\b[^:<]{0,60}: ){1,3}"
)
_REFERENCE = re.compile(r"\{\{|\}\}|\{(\d{1,3})\}")


def hashed(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def kindred_keys(error_type: str, template: str, line: str) -> list[str]:
    """Return the keys of what says a part of it in the same words, and of an exception of the same class.

    A class counts by its module: `ValueError` alone says too little.
    """
    said = _HEADING.sub("", bare_template(template))
    clauses = {" ".join(SHORT_WORD.findall(clause)): about_a_file(clause) for clause in _CLAUSE.split(said)}
    telling = sorted((one for one in clauses if one.count(" ") > 1 or clauses[one]), key=lambda one: (-len(one), one))
    keys = [hashed("c", family(error_type), clause) for clause in telling[:MAX_CLAUSES]]
    keys += [hashed("c", clause) for clause in telling[:1] if clause.count(" ") >= MEANT_BY_ALL]
    name = line.partition(": ")[0]
    return [*keys, hashed("t", name)] if name.endswith(f".{error_type}") and " " not in name else keys


def moved(skill: Skill, signature: Signature) -> Skill | None:
    """Return a skill as if it had been learnt from an error in the words of another, None where that makes no sense.

    What its action refers to must stand there too: the same word of the command, or the only path. Where a system
    gives another reason, the rest of the words means nothing.
    """
    reasons = {refusal_of(skill.template), refusal_of(signature.template)} - {""}
    if len(reasons) > 1:
        return None
    if family(skill.error_type) != family(signature.error_type) and _is_of_its_program(skill):
        return None
    here, there = around(skill.template), around(signature.template)
    places: dict[int, int] = {}
    for index in {reference % FORM for reference in skill.action.parameters()}:
        place = _same_place(skill.example_slots, here, index, signature.slots, there)
        if place is None:
            return None
        places[index] = place
    shift = {n: n // FORM * FORM + places[n % FORM] for n in skill.action.parameters()}
    steps = tuple(tuple(_renumbered(token, shift) for token in step) for step in skill.action.steps)
    names = {slot.value for slot in signature.slots}
    for key in skill.key_slots:
        if key.index == here.shape:
            if _program_and_count(key.value) != _program_and_count(signature.slots[there.shape].value):
                return None
        elif key.value not in names and (key.kind in ("port", "host") or mentioned(skill.action, key.value)):
            return None
    slots = list(signature.slots)
    for old, new in places.items():
        slots[new] = skill.example_slots[old]
    action = dataclasses.replace(skill.action, steps=steps)
    return dataclasses.replace(
        skill, template=signature.template, key_slots=(), action=action, example_slots=tuple(slots)
    )


def _is_of_its_program(skill: Skill) -> bool:
    """Tell whether a fix is of the program that complained: another one's complaint is another's affair."""
    return any(program_name(step[0]) == skill.error_type for step in skill.action.steps)


def _program_and_count(shape: str) -> tuple[str, str]:
    words = shape.split(" ")
    return words[0], words[-1]


def _same_place(slots: Sequence[Slot], here: Around, index: int, others: Sequence[Slot], there: Around) -> int | None:
    if index >= here.base:
        place = index - here.base + there.base
        return place if place < len(others) else None
    typed_at = next((n for n, slot in enumerate(slots[here.command :]) if slot.value == slots[index].value), None)
    if typed_at is not None:
        place = there.command + typed_at
        return place if place < len(others) else None
    alike = [n for n, slot in enumerate(others[: there.base]) if slot.kind == slots[index].kind]
    return alike[0] if len(alike) == 1 and slots[index].kind in CLOSED else None


def _renumbered(token: str, shift: Mapping[int, int]) -> str:
    return _REFERENCE.sub(lambda m: f"{{{shift[int(m[1])]}}}" if m[1] else m[0], token)
