"""YAML 1.2 (core schema), one document, read from parser events: nothing is ever built that the text did not spell out.

Collections that an alias repeats are shared, never copied, and their number is limited as the old validator limits it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from meshcore.model import Json
from meshcore.runs.reading import MAX_DEPTH, Read, ReadError, decode

MAX_ALIASES: Final = 100  # how often one anchor may come to stand in the document, through aliases of aliases too

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CORE_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in ("str", "int", "float", "bool", "null", "map", "seq"))
_STR = "tag:yaml.org,2002:str"
_PARSER_DEPTH = "maximum nesting depth"  # in the parser's own words


def parse_yaml(data: bytes) -> Read:
    """Return the value of a YAML text: plain dicts, lists and scalars; a key that is no text becomes one.

    Raises ReadError: broken text, several documents, a key twice, a tag that is not of the core schema, an alias in its
    own anchor, too many aliases, more than MAX_DEPTH levels.
    """
    text, warnings = decode(data)
    text = text.removeprefix("\ufeff")
    printable = _STRANGE.sub("\ufffd", text)
    if printable != text:
        warnings += ("control characters and line breaks other than LF and CR LF count as U+FFFD",)
    builder, layout = _Builder(), _Layout(printable)
    try:
        for event in _events(printable):
            if event.__class__ is not yaml.ScalarEvent or event.style or event.anchor is not None:
                layout.check(event)
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        if error.problem and _PARSER_DEPTH in error.problem:  # newer parsers have a limit of their own and read ahead
            raise ReadError(f"nested deeper than {MAX_DEPTH} levels") from None
        raise ReadError(f"no YAML: {error.problem or error.context}{_at(error.problem_mark)}") from None
    except yaml.YAMLError as error:
        raise ReadError(f"no YAML: {str(error).splitlines()[0]}") from None
    return Read(builder.document, warnings)


# The parser's own YAML is 1.1: to it NEL and U+2028 break lines; to YAML 1.2 they are characters as any other.
_STRANGE = re.compile(
    "\r(?!\n)|[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def _events(text: str) -> Iterator[Any]:
    loader = _LOADER(text)
    try:
        event = None
        while type(event) is not yaml.StreamEndEvent:
            event = loader.get_event()
            yield event
    finally:
        loader.dispose()


def _at(mark: Any) -> str:
    return f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""


class _Layout:
    """What YAML 1.2 asks of the text's layout and the parser, which is of YAML 1.1, does not look at."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: list[str] = []
        self._blocks: list[int] = []  # columns of the block collections that are open
        self._flows: list[Any] = []  # where the flow collections begin that are open

    def check(self, event: Any) -> None:
        """Look at the next event. Raises ReadError."""
        if isinstance(event, yaml.ScalarEvent):
            self._name(event)
            if event.style in _QUOTES:
                self._comment(event)
                if not self._flows:
                    self._indent(event.start_mark, event.end_mark, is_flow=False)
        elif isinstance(event, yaml.AliasEvent):
            self._name(event)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._name(event)
            start: Any = event.start_mark
            if event.flow_style:
                self._flows.append(start)
            else:
                self._blocks.append(start.column)
        elif isinstance(event, yaml.CollectionEndEvent):
            if not self._flows:
                self._blocks.pop()
                return
            self._comment(event)
            begun = self._flows.pop()
            if not self._flows:
                self._indent(begun, event.end_mark, is_flow=True)

    def _name(self, event: Any) -> None:
        """The name of an anchor ends at a space or a flow indicator: `&a:` is the anchor `a:`."""
        if event.anchor is None:
            return
        at = event.start_mark.index
        after = self._text[at + 1 + len(event.anchor) : at + 2 + len(event.anchor)]
        if self._text[at] in "&*" and after not in _ENDS_A_NAME:
            raise ReadError(f"{after!r} in the name of an anchor{_at(event.start_mark)}")

    def _comment(self, event: Any) -> None:
        if self._text[event.end_mark.index : event.end_mark.index + 1] == "#":
            raise ReadError(f"no space before a comment{_at(event.end_mark)}")

    def _indent(self, start: Any, end: Any, *, is_flow: bool) -> None:
        """Each line of a quoted text or a flow collection stands deeper than the block around it."""
        if start.line == end.line or not self._blocks:
            return
        self._lines = self._lines or self._text.split("\n")
        least = self._blocks[-1] + 1
        for number in range(start.line + 1, end.line + 1):
            line = self._lines[number]
            rest = line.lstrip(" ")
            depth = len(line) - len(rest)
            closes = is_flow and depth == least - 1 and rest[:1] in ("]", "}")
            if depth < least and rest not in ("", "\r") and not closes and not (is_flow and rest[0] == "#"):
                raise ReadError(f"the text is not indented enough at line {number + 1}")


_QUOTES = ("'", '"')
_ENDS_A_NAME = frozenset(("", " ", "\t", "\n", "\r", ",", "[", "]", "{", "}"))


@dataclass(slots=True)
class _Anchor:
    """A node that aliases may repeat: its value, and what the limit on aliases needs to know."""

    value: Json = None
    open: bool = True
    uses: int = 1
    weight: int = 0
    holds_scalar: bool = False
    holds: list[_Anchor] = field(default_factory=list)

    def use(self) -> bool:
        """Count one more alias; say whether there may be so many."""
        self.uses += 1
        if not self.weight:
            self.weight = max([int(self.holds_scalar), *(inner.uses * inner.weight for inner in self.holds)])
        return self.uses * self.weight <= MAX_ALIASES


@dataclass(slots=True)
class _Open:
    """A collection that is being read."""

    value: dict[str, Json] | list[Json]
    anchor: _Anchor | None
    keys: set[object] = field(default_factory=set)
    key: str | None = None  # of a mapping: read, its value still to come


class _Builder:
    def __init__(self) -> None:
        self.document: Json = None
        self._documents = 0
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchor] = {}
        self._takers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        taker = self._takers.get(type(event))
        if taker is not None:
            taker(event)

    def _document(self, event: Any) -> None:
        self._documents += 1
        if self._documents > 1:
            raise ReadError(f"a second document begins{_at(event.start_mark)}")

    def _scalar(self, event: Any) -> None:
        is_plain = event.implicit[0]
        if event.tag is not None:
            _check_tag(event)
            is_plain = event.tag not in (_STR, "!")
        value = resolve(event.value) if is_plain else event.value
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchor(value, open=False, holds_scalar=True)
        if self._anchors:
            for held in self._held():
                held.holds_scalar = True
        self._put(value, event, is_scalar=True)

    def _alias(self, event: Any) -> None:
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            raise ReadError(f"the alias *{event.anchor:.40} has no anchor{_at(event.start_mark)}")
        if anchor.open:
            raise ReadError(f"the alias *{event.anchor:.40} stands inside its own anchor{_at(event.start_mark)}")
        if not anchor.use():
            raise ReadError(f"more than {MAX_ALIASES} aliases of one anchor{_at(event.start_mark)}: too many")
        for held in self._held():
            held.holds.append(anchor)
        self._put(anchor.value, event, is_scalar=False)

    def _start(self, event: Any) -> None:
        _check_tag(event)
        if len(self._stack) >= MAX_DEPTH:
            raise ReadError(f"nested deeper than {MAX_DEPTH} levels{_at(event.start_mark)}")
        value: dict[str, Json] | list[Json] = {} if isinstance(event, yaml.MappingStartEvent) else []
        anchor = self._anchor(event)
        if anchor is not None:
            anchor.value = value
        self._stack.append(_Open(value, anchor))

    def _end(self, event: Any) -> None:
        done = self._stack.pop()
        if done.anchor is not None:
            done.anchor.open = False
        self._put(done.value, event, is_scalar=False)

    def _anchor(self, event: Any) -> _Anchor | None:
        if event.anchor is None:
            return None
        anchor = self._anchors[event.anchor] = _Anchor()
        return anchor

    def _held(self) -> list[_Anchor]:
        return [level.anchor for level in self._stack if level.anchor is not None]

    def _put(self, value: Json, event: Any, *, is_scalar: bool) -> None:
        """Put a node where it belongs: the document, a list, a key, or the value of a key."""
        if not self._stack:
            self.document = value
            return
        level = self._stack[-1]
        if isinstance(level.value, list):
            level.value.append(value)
        elif level.key is None:
            level.key = value if isinstance(value, str) else _key(value)
            if is_scalar:
                same = value if isinstance(value, str) else _identity(value)
                if same in level.keys:
                    raise ReadError(f"the key {level.key!r:.60} twice in one mapping{_at(event.start_mark)}")
                level.keys.add(same)
        else:
            level.value[level.key] = value
            level.key = None


def _check_tag(event: Any) -> None:
    if event.tag is not None and event.tag != "!" and event.tag not in _CORE_TAGS:
        raise ReadError(f"the tag {event.tag:.60} is not allowed{_at(event.start_mark)}: plain YAML only")


def _key(value: Json) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value) if isinstance(value, (int, float)) else "[…]"


def _identity(value: Json) -> object:
    """Return what makes two keys the same: 1 and 1.0 are, 1 and "1" and true are not, nor is .nan and itself."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return float(value) if value == value else object()
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    return (type(value), value)


_WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+", re.ASCII)
_OCTAL = re.compile(r"0o[0-7]+", re.ASCII)
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_LONGEST_INTEGER = 400  # digits; a longer one is beyond a double anyway


def resolve(text: str) -> Json:
    """Return what a plain scalar means in the core schema of YAML 1.2: yes, 12:30 and 2025-10-13 are texts."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    if len(text) <= _LONGEST_INTEGER:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _OCTAL.fullmatch(text):
            return int(text[2:], 8)
        if _HEXADECIMAL.fullmatch(text):
            return int(text[2:], 16)
    return float(text) if _FLOAT.fullmatch(text) else text
