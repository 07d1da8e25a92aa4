"""The language in which a person says which lines of a log to see.

    timeout                 lines that hold the word, in upper or lower case
    "no such file"          the words as they stand
    kind:try.outcome        a field of the record: strings hold the value, numbers and true, false, null equal it
    tests.status:"failed"   the way to a field inside; without dots it is found at any depth
    /time(d )?out/          a regular expression;  kind:/^try/  of a field
    !word  !field:value  !/regex/    lines for which that is not so

All of it together must hold. An expression is the person's own, but even so it is stopped when it takes too long.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from meshcore.errors import UsageError

if TYPE_CHECKING:
    from meshcore.model import Json

REGEX_SECONDS: Final = 0.02  # for one line
SLOW_LINES: Final = 5  # after which an expression is given up
SEARCHED: Final = 65_536  # characters of one text that an expression is applied to
_FIELD: Final = re.compile(r"([A-Za-z_][\w.@-]*):(?!//)(?=.)", re.DOTALL)
_PLAIN: Final = re.compile(r"[a-z0-9_.@=-]+")  # what stands in JSON as it is


class FilterError(UsageError):
    """A filter that cannot be understood, or whose expression takes too long."""


class Record:
    """One line as filters see it: its text, and what it holds if that is JSON."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def lower(self) -> str:
        return self.text.lower()

    @cached_property
    def value(self) -> Json:
        """Return the object of the line, None if it holds none."""
        if not self.text.lstrip().startswith("{"):
            return None
        try:
            value: Json = json.loads(self.text)
        except (ValueError, RecursionError):
            return None
        return value

    @cached_property
    def hidden(self) -> str:
        """Return what the text says only in escapes, in lower case; most lines have none."""
        if "\\" not in self.text or self.value is None:
            return ""
        return "\n".join(leaf for leaf in _leaves(self.value) if isinstance(leaf, str)).lower()

    def fields(self, name: str) -> list[Json]:
        """Return the values of a field, those of lists one by one."""
        found: list[Json] = []
        if self.value is not None:
            _find(self.value, name, found)
        return found


@dataclass(frozen=True, slots=True)
class _Term:
    """One condition: a word or an expression, of a field or of the whole line, or that it does not hold."""

    word: str = ""
    regex: Any = None
    field: str = ""
    negated: bool = False

    def holds(self, record: Record, budget: _Budget) -> bool:
        if self.field:
            found = any(self._fits(value, budget) for value in record.fields(self.field))
        elif self.regex is not None:
            found = budget.search(self.regex, record.text) is not None
        else:
            found = self.word in record.lower or self.word in record.hidden
        return found is not self.negated

    def _fits(self, value: Json, budget: _Budget) -> bool:
        if isinstance(value, str):
            if self.regex is not None:
                return budget.search(self.regex, value) is not None
            return self.word in value.lower()
        text = json.dumps(value)
        return budget.search(self.regex, text) is not None if self.regex is not None else self.word == text


@dataclass(slots=True)
class _Budget:
    """How many lines an expression took too long for."""

    slow: int = 0

    def search(self, regex: Any, text: str) -> Any:
        try:
            return regex.search(text, endpos=SEARCHED, timeout=REGEX_SECONDS, concurrent=True)
        except TimeoutError:
            self.slow += 1
            if self.slow >= SLOW_LINES:
                raise FilterError(
                    f"/{regex.pattern}/ takes longer than {REGEX_SECONDS * 1000:.0f} ms a line; simplify it"
                ) from None
            return None


@dataclass(frozen=True, slots=True)
class Filter:
    """What a person asked for; without terms it lets every line through."""

    source: str
    _terms: tuple[_Term, ...]
    _needed: tuple[bytes, ...]
    _budget: _Budget = field(default_factory=_Budget)

    def __bool__(self) -> bool:
        return bool(self._terms)

    def matches(self, text: str) -> bool:
        """Say whether a line is to be seen. Raises FilterError for an expression that takes too long."""
        record = Record(text)
        return all(term.holds(record, self._budget) for term in self._terms)

    def may_match(self, data: bytes) -> bool:
        """Say whether any line in these bytes can be to be seen; False is certain."""
        if not self._needed:
            return True
        lower = data.lower()
        return all(word in lower for word in self._needed) or b"\\u" in lower

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return what of a text that is shown the filter asked for, as (start, end) in order, without overlaps."""
        lower = text.lower()
        found: list[tuple[int, int]] = []
        for term in self._terms:
            if term.negated:
                continue
            if term.regex is not None:
                found += _spans_of(term.regex, text)
            elif len(lower) == len(text):
                found += _all(lower, term.word)
        return _joined(found)


def parse_filter(source: str) -> Filter:
    """Read a filter. Raises FilterError, with what is wrong and where."""
    terms = tuple(_terms(source))
    needed = tuple(
        term.word.encode() for term in terms if not term.negated and term.regex is None and _PLAIN.fullmatch(term.word)
    )
    return Filter(source, terms, needed)


def _terms(source: str) -> Iterator[_Term]:
    at, end = 0, len(source)
    while at < end:
        if source[at].isspace():
            at += 1
            continue
        start = at
        negated = source[at] == "!"
        at += negated
        name = ""
        if found := _FIELD.match(source, at):
            name, at = found[1], found.end()
        if at >= end or source[at].isspace():
            raise FilterError(f"nothing after {source[start:at]!r} at character {start + 1}")
        if source[at] == "/":
            pattern, at = _until(source, at, "/", "the expression")
            yield _Term(regex=_compiled(pattern, start), field=name, negated=negated)
        elif source[at] in "\"'":
            word, at = _until(source, at, source[at], "the quote")
            yield _Term(word.lower(), field=name, negated=negated)
        else:
            begin = at
            while at < end and not source[at].isspace():
                at += 1
            yield _Term(source[begin:at].lower(), field=name, negated=negated)


def _until(source: str, at: int, mark: str, what: str) -> tuple[str, int]:
    r"""Return what stands up to the closing mark, `\` before it makes it part of the text, and where it goes on."""
    begin, text = at, ""
    at += 1
    while at < len(source):
        if source[at] == "\\" and source[at + 1 : at + 2] == mark:
            text, at = text + mark, at + 2
        elif source[at] == mark:
            if not text:
                break
            return text, at + 1
        else:
            text, at = text + source[at], at + 1
    empty = "is empty" if at < len(source) else f"has no closing {mark}"
    raise FilterError(f"{what} at character {begin + 1} {empty}")


def _compiled(pattern: str, at: int) -> Any:
    import regex

    try:
        return regex.compile(pattern, regex.IGNORECASE | regex.V0)
    except (regex.error, OverflowError, RecursionError, MemoryError) as error:
        raise FilterError(f"the expression at character {at + 1} cannot be read ({error})") from None


def _find(value: Json, name: str, found: list[Json]) -> None:
    """Collect a field: by its way from here, or under that name at any depth."""
    if isinstance(value, list):
        for one in value:
            _find(one, name, found)
        return
    if not isinstance(value, dict):
        return
    if name in value:
        found += _flat(value[name])
    first, _, rest = name.partition(".")
    if rest and first in value:
        _find(value[first], rest, found)
    elif not rest:
        for one in value.values():
            _find(one, name, found)


def _flat(value: Json) -> Sequence[Json]:
    return [leaf for one in value for leaf in _flat(one)] if isinstance(value, list) else [value]


def _leaves(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _leaves(one)
    elif isinstance(value, list):
        for one in value:
            yield from _leaves(one)
    else:
        yield value


def _spans_of(regex: Any, text: str) -> list[tuple[int, int]]:
    try:
        return [m.span() for m in regex.finditer(text, endpos=SEARCHED, timeout=REGEX_SECONDS) if m.end() > m.start()]
    except TimeoutError:
        return []


def _all(text: str, word: str) -> Iterator[tuple[int, int]]:
    at = text.find(word)
    while at >= 0:
        yield at, at + len(word)
        at = text.find(word, at + len(word))


def _joined(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
