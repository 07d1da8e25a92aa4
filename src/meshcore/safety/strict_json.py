"""JSON from outside: read strictly, or refused with the reason."""

from __future__ import annotations

import json
import re
from typing import NoReturn

from meshcore.errors import BadRecordError
from meshcore.model import Json

MAX_DEPTH = 64
MAX_BYTES = 1 << 20
MAX_DIGITS = 400  # of one number: longer ones cost quadratic time to read; also in the expression below

_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]|\d{401,}+', re.DOTALL)


def loads(text: str | bytes, *, max_depth: int = MAX_DEPTH, max_bytes: int = MAX_BYTES) -> Json:
    """Read one JSON text (bytes: UTF-8). Raises BadRecordError.

    Refused: more than `max_bytes` bytes, nesting deeper than `max_depth`, NaN and Infinity (also as an overflow such
    as 1e999), a key twice in one object, lone surrogates, numbers of more than 400 digits, bytes that are not UTF-8.
    """
    if isinstance(text, bytes):
        if len(text) > max_bytes:
            _refuse(f"{len(text)} bytes, more than {max_bytes}")
        try:
            text = text.decode("utf-8")
        except UnicodeDecodeError as error:
            _refuse(f"not UTF-8 at byte {error.start}")
    elif not isinstance(text, str):
        _refuse("not a text")
    elif len(text) > max_bytes or len(text.encode("utf-8", "surrogatepass")) > max_bytes:
        _refuse(f"more than {max_bytes} bytes")
    _check_shape(text, max_depth)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_finite)
    except BadRecordError:
        raise
    except json.JSONDecodeError as error:
        _refuse(f"{error.msg} at line {error.lineno}, column {error.colno}")
    except (ValueError, RecursionError) as error:
        _refuse(f"{error}")
    # An escape such as \ud800 is the only way in for a surrogate that has no partner.
    if "\\u" in text or "\\U" in text or not text.isascii():
        _check_surrogates(value)
    return value


def _check_shape(text: str, max_depth: int) -> None:
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        first = match[0][0]
        if first in "[{":
            depth += 1
            if depth > max_depth:
                _refuse(f"nested deeper than {max_depth} levels")
        elif first in "]}":
            depth -= 1
        elif first != '"':
            _refuse(f"a number of more than {MAX_DIGITS} digits")


def _check_surrogates(value: Json) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.keys())
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str) and not item.isascii():
            try:
                item.encode("utf-8")
            except UnicodeEncodeError:
                _refuse("a lone surrogate in a text")


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                _refuse(f"the key {key!r:.40} twice in one object")
            seen.add(key)
    return found


def _constant(name: str) -> NoReturn:
    _refuse(f"{name} is not JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if number in (float("inf"), float("-inf")):
        _refuse(f"the number {digits:.20} is too large")
    return number


def _refuse(reason: str) -> NoReturn:
    raise BadRecordError(f"JSON refused: {reason}; nothing of it was used") from None
