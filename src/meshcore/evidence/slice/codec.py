"""Rows of a slice ↔ JSON: one reading for every row, driven by the fields of its dataclass.

Unknown fields are ignored, a field of another type is an error that names it, and every text that comes in is made
visible: a slice is data from outside.
"""

from __future__ import annotations

import math
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import lru_cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from meshcore.model import Json
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible

TEXT_LIMIT = 4_000  # characters of one text
LIST_LIMIT = 10_000  # items of one list in a row
LARGEST = 1e15
_DEEPEST = 20
_MARK = re.compile(r"(?:[0-9a-f]{16}|[0-9a-f]{64})?|\d{4}-\d\d-\d\dT[\d:.]{8,15}Z")

T = TypeVar("T")
Decoder = Callable[[Json, str], Any]
_known: dict[type, tuple[tuple[str, Decoder, bool], ...]] = {}


@lru_cache(maxsize=1 << 16)
def clean(text: str) -> str:
    """Return a text as it may leave: without secrets, visible, of bounded length."""
    return visible(redact(text), limit=TEXT_LIMIT, keep_newlines=False)


def clean_mark(text: str) -> str:
    """Return an id or a time as it may leave; one in our own form holds no secret and is not searched for one."""
    return text if _MARK.fullmatch(text) else clean(text)


def clean_json(value: Json, text: Callable[[str], str] = clean, depth: int = 0) -> Json:
    """Return a JSON value with every text and key cleaned. Raises ValueError where it is nested too deeply."""
    if depth > _DEEPEST:
        raise ValueError(f"nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {text(str(key)): clean_json(item, text, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item, text, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def to_json(row: Any) -> dict[str, Json]:
    """Return a row as a JSON object."""
    return {name: _encoded(getattr(row, name)) for name in _names(type(row))}


def _encoded(value: Any) -> Json:
    if isinstance(value, tuple):
        return [_encoded(item) for item in value]
    if isinstance(value, Mapping):
        return dict(value)
    return to_json(value) if is_dataclass(value) else value


def from_json(kind: type[T], value: Json) -> T:
    """Read a row. Raises ValueError, which names the field, where one is missing or of another type."""
    if not isinstance(value, dict):
        raise ValueError("not an object")
    found = {}
    for name, decode, required in _decoders(kind):
        if name in value:
            found[name] = decode(value[name], name)
        elif required:
            raise ValueError(f"{name} is missing")
    return kind(**found)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(name for name, _, _ in _decoders(kind))


def _decoders(kind: Any) -> tuple[tuple[str, Decoder, bool], ...]:
    """Return for each field its name, how it is read, and whether it must be there."""
    if kind not in _known:
        hints = get_type_hints(kind)
        _known[kind] = tuple(
            (field.name, _decoder(hints[field.name]), field.default is MISSING and field.default_factory is MISSING)
            for field in fields(kind)
        )
    return _known[kind]


def _decoder(hint: Any) -> Decoder:
    if hint in _PLAIN:
        return _PLAIN[hint]
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        inner = _decoder(next(a for a in arguments if a is not type(None)))
        return lambda value, name: None if value is None else inner(value, name)
    if origin is tuple:
        item = _decoder(arguments[0])
        return lambda value, name: tuple([item(one, name) for one in _list(value, name)])
    if is_dataclass(hint):
        return lambda value, name: _nested(hint, value, name)
    return _texts if arguments[1] is str else _object


def _nested(kind: Any, value: Json, name: str) -> Any:
    try:
        return from_json(kind, value)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _text(value: Json, name: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return visible(value, limit=TEXT_LIMIT, keep_newlines=False)


def _boolean(value: Json, name: str) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false")
    return value


def _integer(value: Json, name: str) -> int:
    if type(value) is not int or abs(value) > LARGEST:
        raise ValueError(f"{name} must be a whole number")
    return value


def _number(value: Json, name: str) -> float:
    # Written so that NaN fails too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        raise ValueError(f"{name} must be a number")
    return value


def _list(value: Json, name: str) -> list[Json]:
    if not isinstance(value, list) or len(value) > LIST_LIMIT:
        raise ValueError(f"{name} must be a list of at most {LIST_LIMIT:,}")
    return value


def _object(value: Json, name: str) -> Mapping[str, Json]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    try:
        cleaned: Mapping[str, Json] = clean_json(value, lambda text: _text(text, name))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    return cleaned


def _texts(value: Json, name: str) -> Mapping[str, str]:
    found = _object(value, name)
    if not all(isinstance(item, str) for item in found.values()):
        raise ValueError(f"{name} must hold texts")
    return found


_PLAIN: Mapping[Any, Decoder] = {str: _text, bool: _boolean, int: _integer, float: _number}
