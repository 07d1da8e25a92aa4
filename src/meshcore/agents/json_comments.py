"""JSON with comments and trailing commas, as several programs keep their settings: read, and changed in place.

A change replaces, adds or removes members and items one by one, so that every comment beside them stays.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from meshcore.model import Json

MAX_DEPTH = 100
_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_BESIDE = re.compile(r"[ \t]*(?://[^\n]*|/\*[^\n]*?\*/)")  # a comment on the same line
_SCALAR = re.compile(r'"(?:[^"\\]|\\.)*"|[^\s,\]}:/]+', re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Value:
    """A value with its place in the text; `parts` are the items of a list or the members of an object in order."""

    start: int
    end: int
    value: Json
    parts: tuple[_Part, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """An item or member: `start` is where its name begins, or the item itself."""

    start: int
    name: str
    value: _Value


def read(text: str) -> Json:
    """Return the value of a text. Raises ValueError where it is none, or a name stands twice in an object."""
    return _read(text).value


def changed(text: str, value: Json, indent: str = "  ") -> str:
    """Return the text with another value, its comments kept. Raises ValueError where the text is no such JSON."""
    edits: list[tuple[int, int, str]] = []
    _compare(text, _read(text), value, edits, indent, 0)
    for start, end, new in sorted(edits, key=lambda edit: edit[:2], reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _read(text: str) -> _Value:
    found = _value(text, _skip(text, 0), 0)
    if _skip(text, found.end) < len(text):
        raise ValueError(f"more text after the value at character {found.end}")
    return found


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _value(text: str, at: int, depth: int) -> _Value:
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if text[at : at + 1] in ("{", "["):
        return _group(text, at, depth)
    found = _SCALAR.match(text, at)
    if found is None:
        raise ValueError(f"no value at character {at}")
    try:
        return _Value(at, found.end(), json.loads(found[0]))
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, text, at + error.pos) from None


def _group(text: str, start: int, depth: int) -> _Value:
    is_object = text[start] == "{"
    closing = "}" if is_object else "]"
    parts: list[_Part] = []
    at = _skip(text, start + 1)
    while text[at : at + 1] != closing:
        begin, name = at, ""
        if is_object:
            key = _value(text, at, depth + 1)
            if not isinstance(key.value, str):
                raise ValueError(f"no name at character {at}")
            name, at = key.value, _skip(text, key.end)
            if text[at : at + 1] != ":":
                raise ValueError(f"no colon at character {at}")
            at = _skip(text, at + 1)
            if any(part.name == name for part in parts):
                raise ValueError(f"the name {name!r} stands there twice")
        inner = _value(text, at, depth + 1)
        parts.append(_Part(begin, name, inner))
        at = _skip(text, inner.end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != closing:
            raise ValueError(f"no comma at character {at}")
    values = [part.value.value for part in parts]
    whole: Json = {part.name: part.value.value for part in parts} if is_object else values
    return _Value(start, at + 1, whole, tuple(parts))


def _compare(text: str, old: _Value, new: Json, edits: list[tuple[int, int, str]], indent: str, depth: int) -> None:
    """Add the edits that make a value another one."""
    if json.dumps(old.value) == json.dumps(new):  # for Python, true is 1
        return
    if isinstance(old.value, dict) and isinstance(new, dict):
        kept = [part for part in old.parts if part.name in new]
        for part in kept:
            _compare(text, part.value, new[part.name], edits, indent, depth + 1)
        added = [f"{json.dumps(name, ensure_ascii=False)}: {_dumped(value, indent, depth + 1)}"
                 for name, value in new.items() if name not in old.value]  # fmt: skip
        _rewrite(text, old, kept, {len(old.parts): added}, edits, indent, depth)
    elif isinstance(old.value, list) and isinstance(new, list):
        _compare_lists(text, old, new, edits, indent, depth)
    else:
        edits.append((old.start, old.end, _dumped(new, indent, depth)))


def _compare_lists(
    text: str, old: _Value, new: list[Json], edits: list[tuple[int, int, str]], indent: str, depth: int
) -> None:
    before = [json.dumps(part.value.value) for part in old.parts]
    kept: list[_Part] = []
    added: dict[int, list[str]] = {}
    for what, a, b, c, d in SequenceMatcher(None, before, [json.dumps(one) for one in new], False).get_opcodes():
        if what == "equal":
            kept += old.parts[a:b]
            continue
        pairs = min(b - a, d - c)
        for part, value in zip(old.parts[a : a + pairs], new[c : c + pairs], strict=True):
            kept.append(part)
            _compare(text, part.value, value, edits, indent, depth + 1)
        added.setdefault(b, []).extend(_dumped(one, indent, depth + 1) for one in new[c + pairs : d])
    _rewrite(text, old, kept, added, edits, indent, depth)


def _rewrite(
    text: str,
    old: _Value,
    kept: Sequence[_Part],
    added: dict[int, list[str]],
    edits: list[tuple[int, int, str]],
    indent: str,
    depth: int,
) -> None:
    """Add the edits that leave out the parts of a group that are not kept, and put new ones before a part's number."""
    line = f"\n{indent * (depth + 1)}"
    for number, part in enumerate(old.parts):
        if part not in kept:
            edits.append((part.start, _end_of(text, part), ""))
        if before := "".join(f"{one},{line}" for one in added.pop(number, ())):
            edits.append((part.start, part.start, before))
    last = [one for ones in added.values() for one in ones]
    if not kept:
        closing = "" if "\n" in text[old.start : old.end] else f"\n{indent * depth}"
        if last:
            edits.append((old.start + 1, old.start + 1, line + f",{line}".join(last) + closing))
        return
    end = kept[-1].value.end
    comma = _skip(text, end)
    has_comma = text[comma : comma + 1] == ","
    if last:  # nothing follows the last one: no comma stands behind it
        at = comma + 1 if has_comma else end
        beside = _BESIDE.match(text, at)
        new = line + f",{line}".join(last)
        if beside:
            edits.append((beside.end(), beside.end(), new))
        if not has_comma:
            edits.append((end, end, "," if beside else f",{new}"))
        elif not beside:
            edits.append((at, at, new))
    elif has_comma and kept[-1] != old.parts[-1]:
        edits.append((comma, comma + 1, ""))


def _end_of(text: str, part: _Part) -> int:
    """Return where a part ends with its comma."""
    at = _skip(text, part.value.end)
    return at + 1 if text[at : at + 1] == "," else part.value.end


def _dumped(value: Json, indent: str, depth: int) -> str:
    return json.dumps(value, indent=indent, ensure_ascii=False).replace("\n", f"\n{indent * depth}")
