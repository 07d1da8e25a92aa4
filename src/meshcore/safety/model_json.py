"""The values of skills as JSON, as they travel and are stored: written in one form, read strictly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from meshcore.model import Action, Circumstances, Json, KeySlot, Skill, Slot, SlotKind, skill_identity


def action_from_json(data: Json) -> Action:
    """Read an action. Raises ValueError where a field is missing or of another type."""
    if not isinstance(data, dict):
        raise ValueError("an action is an object")
    if data.get("kind") == "advice":
        return Action("advice", (), _text(data, "text"))
    steps = data.get("steps")
    if data.get("kind") != "argv" or not isinstance(steps, list) or not steps:
        raise ValueError("an action is of kind argv with steps, or advice")
    for step in steps:
        if not isinstance(step, list) or not step or not all(isinstance(t, str) for t in step):
            raise ValueError("a step is a list of texts")
    return Action("argv", tuple(tuple(step) for step in steps))


def slots_to_json(slots: Sequence[Slot]) -> list[list[str]]:
    """Return the JSON form of slots."""
    return [[slot.kind, slot.value] for slot in slots]


def slots_from_json(data: Json) -> tuple[Slot, ...]:
    """Read slots. Raises ValueError."""
    if not isinstance(data, list):
        raise ValueError("slots are a list")
    try:
        slots = tuple([Slot(kind, value) for kind, value in data])
        bad = [slot for slot in slots if slot.kind not in _KINDS or type(slot.value) is not str]
    except (TypeError, ValueError) as error:
        raise ValueError("a slot is [kind, value]") from error
    if bad:
        raise ValueError(f"unknown slot kind or no text: {[bad[0].kind, bad[0].value]!r:.60}")
    return slots


def circumstances_to_json(value: Circumstances) -> dict[str, str]:
    """Return the JSON form of circumstances; what is not known is left out."""
    pairs = {name: getattr(value, name) for name in Circumstances.__slots__}
    return {name: text for name, text in pairs.items() if text}


def circumstances_from_json(data: Json) -> Circumstances:
    """Read circumstances; unknown fields are ignored. Raises ValueError."""
    if not isinstance(data, dict):
        raise ValueError("circumstances are an object")
    return Circumstances(**{name: _plain(data[name]) for name in Circumstances.__slots__ if name in data})


def skill_to_json(skill: Skill) -> dict[str, Json]:
    """Return the JSON form of a skill, as it travels inside a record."""
    return {
        **skill_identity(skill),
        "example_line": skill.example_line,
        "example_slots": slots_to_json(skill.example_slots),
        "example_command": skill.example_command,
        "context": skill.context,
        "derived_from": skill.derived_from,
        "circumstances": circumstances_to_json(skill.circumstances),
    }


def skill_from_json(data: Json) -> Skill:
    """Read a skill; unknown fields are ignored. Raises ValueError where one is missing or of another type."""
    if not isinstance(data, dict):
        raise ValueError("a skill is an object")
    version, keys = data.get("signature_version"), data.get("key_slots")
    if type(version) is not int or not isinstance(keys, list):
        raise ValueError("a skill has a signature_version and key_slots")
    key_slots = []
    for item in keys:
        if not isinstance(item, list) or len(item) != 3 or type(item[0]) is not int:
            raise ValueError("a key slot is [index, kind, value]")
        key_slots.append(KeySlot(item[0], _kind(item[1]), _plain(item[2])))
    return Skill(
        version,
        _text(data, "error_type"),
        _text(data, "template"),
        tuple(key_slots),
        action_from_json(data.get("action")),
        _text(data, "example_line", ""),
        slots_from_json(data.get("example_slots", [])),
        _text(data, "example_command", ""),
        _text(data, "context", ""),
        _text(data, "derived_from", ""),
        circumstances_from_json(data.get("circumstances", {})),
    )


_KINDS = frozenset({"path", "number", "port", "host", "version", "hex", "name", "identifier"})


def _plain(value: Json) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value


def _text(data: Mapping[str, Json], name: str, default: str | None = None) -> str:
    value = data.get(name, default)
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value


def _kind(value: Json) -> SlotKind:
    if not isinstance(value, str) or value not in _KINDS:
        raise ValueError(f"unknown slot kind {value!r:.40}")
    return cast(SlotKind, value)
