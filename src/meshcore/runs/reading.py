"""The bytes of an artifact, and the value that they mean: JSON as the old validator read it, YAML in `strict_yaml`."""

from __future__ import annotations

import codecs
import errno
import json
import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from meshcore.model import Json

MAX_JSON_BYTES: Final = 32 << 20
MAX_YAML_BYTES: Final = 4 << 20
MAX_DEPTH: Final = 400  # levels; Python's own limit is 1000 calls, and pydantic counts a step and its list as two


class ReadError(Exception):
    """An artifact cannot be read, or its text is not of its language; the message says where."""


class FaultsError(Exception):
    """An artifact does not have its form: `lines` say where and what, one each."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


@dataclass(frozen=True, slots=True)
class Read:
    """A value and what was odd about its text."""

    value: Json
    warnings: tuple[str, ...] = ()


def read_bytes(path: Path, root: Path, limit: int) -> bytes | None:
    """Return what a file below `root` (resolved) holds, None where there is none.

    A link is followed only where it ends below `root`. Raises ReadError: too large, not a plain file, not allowed.
    """
    try:
        descriptor = _open(path, root)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})") from None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode):
            raise ReadError("not a plain file")
        if about.st_size > limit:
            raise ReadError(f"{about.st_size} bytes, more than {limit}: not read")
        data = _read(descriptor, about.st_size, limit)
    except OSError as error:
        raise ReadError(f"cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise ReadError(f"more than {limit} bytes: it grew while it was read")
    return data


def _read(descriptor: int, size: int, limit: int) -> bytes:
    """Return what a file holds from here on, at most one byte more than the limit."""
    data = os.read(descriptor, size + 1)
    while len(data) <= limit and (more := os.read(descriptor, min(1 << 16, limit + 1 - len(data)))):
        data += more
    return data


# A pipe must not block us, and a terminal must not become ours.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY


def _open(path: Path, root: Path) -> int:
    try:
        return os.open(path, _FLAGS)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
    try:
        target = path.resolve(strict=True)
    except RuntimeError:
        raise ReadError("a link in a circle: not followed") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise ReadError("a link in a circle: not followed") from None
        raise
    if not target.is_relative_to(root):
        raise ReadError("a link that leads out of the runs root: not followed")
    return os.open(target, _FLAGS)


def decode(data: bytes) -> tuple[str, tuple[str, ...]]:
    """Return bytes as text, and a warning where bytes that are not UTF-8 were replaced (as the old validator did)."""
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        warning = f"not UTF-8 at byte {error.start}: what could not be read counts as U+FFFD"
        return data.decode("utf-8", "replace"), (warning,)


def parse_json(data: bytes) -> Read:
    """Return the value of a JSON text. Raises ReadError.

    Refused: a byte-order mark, NaN and Infinity, more than MAX_DEPTH levels. A key twice in one object and a lone
    surrogate (it becomes U+FFFD) are warnings. A number beyond a double's range is infinite, as in JavaScript.
    """
    for mark, name in ((codecs.BOM_UTF8, "UTF-8"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16")):
        if data.startswith(mark):
            raise ReadError(f"a {name} byte-order mark stands at the start: write plain UTF-8")
    text, warnings = decode(data)
    check_depth(text)
    found = _Objects()
    try:
        value = found.loads(text)
    except json.JSONDecodeError as error:
        raise ReadError(f"no JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ReadError(f"nested deeper than {MAX_DEPTH} levels") from None
    if _ESCAPED_SURROGATE.search(text):
        value, replaced = _without_surrogates(value)
        if replaced:
            warnings += ("a lone surrogate in a text counts as U+FFFD",)
    return Read(value, warnings + found.warnings())


_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


def check_depth(text: str) -> None:
    """Look at the brackets outside of JSON texts. Raises ReadError for more than MAX_DEPTH levels."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        if match[0] in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise ReadError(f"nested deeper than {MAX_DEPTH} levels")
        elif match[0] in "]}":
            depth -= 1


class _Objects:
    """Reads JSON and remembers keys that stood twice in one object."""

    def __init__(self) -> None:
        self._twice: dict[str, int] = {}

    def loads(self, text: str) -> Json:
        try:
            return json.loads(text, object_pairs_hook=self._object, parse_constant=_constant)
        except json.JSONDecodeError:
            raise
        except ValueError:  # an integer of more digits than Python converts
            self._twice.clear()
            return json.loads(text, object_pairs_hook=self._object, parse_constant=_constant, parse_int=float)

    def _object(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        found = dict(pairs)
        if len(found) != len(pairs):
            seen: set[str] = set()
            for key, _ in pairs:
                if key in seen:
                    self._twice[key] = self._twice.get(key, 1) + 1
                seen.add(key)
        return found

    def warnings(self) -> tuple[str, ...]:
        return tuple(f"the key {key!r:.60} stands twice in one object: the last one counts" for key in self._twice)


def _constant(name: str) -> NoReturn:
    raise ReadError(f"no JSON: {name} is not a JSON number")


_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _without_surrogates(value: Json) -> tuple[Json, bool]:
    replaced = False

    def clean(item: Json) -> Json:
        nonlocal replaced
        if isinstance(item, str):
            text = _SURROGATE.sub("\ufffd", item)
            replaced |= text != item
            return text
        if isinstance(item, list):
            return [clean(one) for one in item]
        if isinstance(item, dict):
            return {clean(key): clean(one) for key, one in item.items()}
        return item

    return clean(value), replaced
