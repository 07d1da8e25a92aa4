"""Captured output as plain lines: no ANSI, no control characters, one kind of line end, bounded in size.

Linear in the length of the text; what is kept is the beginning and the end, where tools say what went wrong.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping

HEAD = 16_384  # characters kept of the beginning
TAIL = 98_304  # characters kept of the end
LINE = 600  # characters kept of one line


@functools.cache
def _escape_sequences() -> re.Pattern[str]:
    return re.compile(
        r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}[@-~]?"  # CSI: colours, cursor
        r"|[\]PX^_][^\x07\x1b\n]{0,4096}(?:\x07|\x1b\\)?"  # OSC, DCS and their like, up to their end
        r"|[ -/]{0,4}[0-~]?)"  # every shorter one
        r"|\x9b[0-?]{0,64}[ -/]{0,8}[@-~]?"
    )


_CONTROL = dict.fromkeys(
    [c for c in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)) if c not in (9, 10)]
)
_CONTROL |= {0x0D: "\n", 0x0B: "\n", 0x0C: "\n", 0x85: "\n", 0xA0: " ", 0x2028: "\n", 0x2029: "\n", 0xFEFF: None}


def tidy(text: str) -> str:
    """Return the text without escape sequences and control characters, at most HEAD + TAIL characters of it."""
    if len(text) > HEAD + TAIL:
        text = text[:HEAD] + "\n" + text[-TAIL:]
    if "\x1b" in text or "\x9b" in text:
        text = _escape_sequences().sub("", text)
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if not text.replace("\n", "").replace("\t", "").isprintable():
        text = text.translate(_CONTROL)
    return text


def lines_of(text: str) -> list[str]:
    """Return the lines of a tidy text, each without trailing blanks and cut at LINE characters."""
    return [line[:LINE].rstrip() for line in text.split("\n")]


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text as a set."""
    return frozenset(text.split())


@functools.cache
def _foreign_letter() -> re.Pattern[str]:
    return re.compile(r"[^\W\d_A-Za-z]")


def has_foreign_letters(text: str) -> bool:
    """Tell whether a letter of a text is of another alphabet than the English one, or has an accent."""
    return not text.isascii() and _foreign_letter().search(text) is not None


def spoken(environment: Mapping[str, str]) -> list[str]:
    """Return the languages other than English that an environment asks programs to speak, for example `de_DE`."""
    named = environment.get("LC_ALL") or environment.get("LC_MESSAGES") or environment.get("LANG") or ""
    if named in ("", "C", "POSIX") or (named.startswith(("C.", "en_")) and not environment.get("LANGUAGE")):
        return []
    wished = (*environment.get("LANGUAGE", "").split(":"), named)
    plain = (one.partition(".")[0].partition("@")[0] for one in wished)
    return [one for one in dict.fromkeys(plain) if re.fullmatch(r"[a-z]{2,3}(?:_[A-Z]{2})?", one) and one[:2] != "en"]


def with_slot(text: str, word: str, slot: str) -> str:
    """Return a text with something else for a word wherever that stands by itself: no part of a longer one.

    As a pattern would; but that would have to be compiled for each word, which takes longer than all of this.
    """
    parts, kept, at = [], 0, text.find(word) if word else -1
    while at >= 0:
        end = at + len(word)
        if not (_goes_on(text[at - 1 : at]) or _goes_on(text[end : end + 1])):
            parts += [text[kept:at], slot]
            kept = at = end
        else:
            at += 1
        at = text.find(word, at)
    return "".join(parts) + text[kept:]


def _goes_on(char: str) -> bool:
    return char.isalnum() or char in ("_", "-")
