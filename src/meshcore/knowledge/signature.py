"""From captured output to a `Signature`: what kind of error this is, and which parts of it vary.

The slots of a signature are, in order: one for each placeholder of the template; then what surrounds the error, always
in the same places (see `Around`): the command's shape, the first and the last source file of a traceback, what the
tool itself suggests; then the varying words of the failed command. An empty value means that there was none. So an
action can refer to a file that only the command names, and the template stays free of what the user typed.
"""

from __future__ import annotations

import functools
import os
import re
from typing import NamedTuple

from meshcore.knowledge.causes import Cause, find_cause
from meshcore.knowledge.command import NAMED, Command, read_command
from meshcore.knowledge.error_line import RAISED, REPORTED, VAGUE, Telling, find_telling, is_worded
from meshcore.knowledge.slots import file_first, generalise, placeholders
from meshcore.knowledge.text import has_foreign_letters, spoken, tidy
from meshcore.knowledge.traceback import TRACEBACK
from meshcore.model import Signature, Slot

VERSION = 2
"""Of the reading rules. A stored skill of another version is re-read from its example (see learning.reread)."""

MAX_TEMPLATE_SLOTS = 40
MAX_TEMPLATE = 300

_ABOUT_CODE = ("SyntaxError", "IndentationError", "AssertionError")
_SUGGESTED = re.compile(
    r"(?:did you mean|maybe you meant|perhaps you meant|most similar commands? (?:is|are))"
    r"(?: one of)?(?: these| this)?[:?]?\s{0,40}['\"`(]?([\w.+-]{1,80}(?:,?\s{1,24}[\w.+-]{1,60}){0,9})",
    re.I,
)
_ADVICE_TAIL = re.compile(r"[.;,(]? ?\b(?:did you mean|maybe you meant|perhaps you (?:meant|forgot))\b.{0,400}$", re.I)
_FRAME = re.compile(r'^[ |]{0,40}File "([^"\n<>]{1,400})", line \d{1,9}', re.M)


class Around(NamedTuple):
    """Where, after the template's slots, the surroundings of an error stand in `Signature.slots`."""

    base: int

    @property
    def shape(self) -> int:
        return self.base

    @property
    def script(self) -> int:
        return self.base + 1

    @property
    def culprit(self) -> int:
        return self.base + 2

    @property
    def suggestion(self) -> int:
        return self.base + 3

    @property
    def command(self) -> int:
        return self.base + 4


@functools.lru_cache(maxsize=1024)
def around(template: str) -> Around:
    """Return where the surroundings stand for a template."""
    return Around(placeholders(template))


def kind_of(error_type: str) -> str:
    """Return what kind of error that is, for people: an exception's name, or which program's error."""
    if any(map(str.isupper, error_type)):
        return error_type
    return "error" if error_type in VAGUE else f"error ({error_type})"


def read(text: str, *, error_type: str = "", command: str = "") -> Signature:
    """Read captured output: never raises, linear in its length. `error_type` counts where the text tells no better."""
    return _read(text, error_type, command)[0]


def explain(text: str, *, error_type: str = "", command: str = "") -> list[str]:
    """Return in words how a text is read, one line each."""
    signature, why = _read(text, error_type, command)
    place = around(signature.template)
    words = [
        f"telling line: {signature.line or '(none)'}",
        f"chosen because {why}",
        f"type: {signature.error_type}",
        f"template: {signature.template or '(empty)'}",
    ]
    words += [f"slot {i}: {slot.kind} {slot.value}" for i, slot in enumerate(signature.slots[: place.base])]
    names = {place.script: "first file of the traceback", place.culprit: "last own file of the traceback"}
    names |= {place.shape: "shape of the command", place.suggestion: "what the tool suggests"}
    for i, slot in enumerate(signature.slots[place.base :], place.base):
        if slot.value:
            words.append(f"slot {i}: {names.get(i, 'word of the command')}: {slot.kind} {slot.value}")
    return words


def _read(text: str, error_type: str, command: str) -> tuple[Signature, str]:
    clean = tidy(text)
    told = tidy(error_type[:200]).strip()
    typed = read_command(tidy(command[:4000]))
    if has_foreign_letters(clean) or spoken(os.environ):
        clean = _in_english(clean, typed.program)
    raised = find_telling(clean, told, typed.program, typed.words)
    is_unclear = (raised.clear < RAISED or "[Errno " in raised.message) and not is_worded(raised.line)
    if is_unclear and (english := _in_english(clean, typed.program, guess=True)) != clean:
        clean, raised = english, find_telling(english, told, typed.program, typed.words)
    is_raised = raised.clear == RAISED
    told_by = f"{raised.error_type}: {raised.message}" if is_raised else raised.line
    cause = find_cause(told_by if raised.clear >= REPORTED else clean, typed)
    if cause is not None:
        line = raised.line if is_raised else cause.line
        return _assemble(cause, line, clean, typed), "it names a cause that is known in many wordings"
    kind, template, slots = _general(raised, told, typed)
    why = (
        "nothing announces itself as an error, so the last words count",
        "it says that something went wrong",
        "it announces an error and says what is wrong",
        "it is what a report tells, by its form",
        "it is the exception that was raised",
    )
    reading = Cause(kind, template, slots, raised.line)
    return _assemble(reading, raised.line, clean, typed), why[raised.clear]


def _in_english(text: str, program: str, *, guess: bool = False) -> str:
    """Return a text in the words that programs have for it in English; see `languages.in_english`."""
    from meshcore.knowledge import languages  # what few texts need

    return languages.in_english(text, program, guess=guess)


def _general(raised: Telling, told: str, typed: Command) -> tuple[str, str, tuple[Slot, ...]]:
    kind = raised.error_type
    if kind.casefold() in VAGUE and told.casefold() not in VAGUE:
        kind = told.rsplit(".", 1)[-1]
    message = raised.message
    if " did you mean" in message.casefold() or "you meant" in message or "perhaps you" in message.casefold():
        message = _ADVICE_TAIL.sub("", message)
    if (
        raised.clear == RAISED
        and (not message or (kind in _ABOUT_CODE and len(message.partition(" (")[0].split()) < 3))
        and raised.source
    ):
        # So short a message says little by itself: the line of code is what the error is about.
        template, slots = generalise(message)
        return kind, f"{template} in <name>".strip(), (*slots, Slot("name", raised.source[:200]))
    message = file_first(message)
    template, slots = generalise(message, typed.operands)
    if len(slots) > MAX_TEMPLATE_SLOTS or len(template) > MAX_TEMPLATE:
        template, slots = generalise(message[: MAX_TEMPLATE // 2], typed.operands)
        slots = slots[:MAX_TEMPLATE_SLOTS]
    if raised.clear != RAISED and typed.seen_by([slot.value for slot in slots]).verb[:1] == (NAMED,):
        kind = "shell"  # it complains of the program itself, whatever that is called
    return kind[:100], template, slots


def _assemble(cause: Cause, line: str, text: str, typed: Command) -> Signature:
    typed = typed.seen_by([slot.value for slot in cause.slots])
    script = culprit = ""
    if 'File "' in text:
        frames = _FRAME.findall(text)
        own = [name for name in frames if "/site-packages/" not in name and "/lib/python" not in name]
        script, culprit = (own[0], own[-1]) if own else ("", "")
    surroundings = (
        Slot("identifier", typed.shape[:200]),
        Slot("path", script),
        Slot("path", culprit),
        Slot("name", _suggestion(text, cause)),
    )
    return Signature(VERSION, cause.error_type, cause.template, (*cause.slots, *surroundings, *typed.slots), line[:600])


def _suggestion(text: str, cause: Cause) -> str:
    """Return the word that the tool suggests; of several, the one most like a name that the error complains of."""
    low = text.lower()
    found = _SUGGESTED.search(text) if "you mean" in low or "you meant" in low or "most similar" in low else None
    if not found:
        return ""
    words = found[1].replace(",", " ").split()
    names = [slot.value for slot in cause.slots if slot.kind in ("name", "identifier")]
    if len(words) < 2 or not names:
        return words[0]
    from difflib import get_close_matches

    close = get_close_matches(names[0], words, 1, 0)
    return close[0] if close else words[0]


__all__ = ["TRACEBACK", "VERSION", "Around", "around", "explain", "read"]
