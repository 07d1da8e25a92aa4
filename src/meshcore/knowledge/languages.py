"""What programs say in another language, put into the words that they have in English, so that one error is one error.

A program that speaks another language has a catalogue of its messages on that machine: the same catalogue, read
backwards, says what it would have said in English. What the system itself says of a file or a connection is in a short
list, for text that comes from elsewhere. Standard library only; loaded where a text may need it.
"""

from __future__ import annotations

import functools
import os
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from meshcore.knowledge.text import has_foreign_letters, spoken

FOLDERS = ("/usr/share/locale", "/usr/local/share/locale", "/usr/share/locale-langpack")
_ELSEWHERE = {"find": "findutils", "xargs": "findutils", "diff": "diffutils", "cmp": "diffutils"}
_ELSEWHERE |= {"sh": "bash", "awk": "gawk", "egrep": "grep", "fgrep": "grep", "gcc": "gcc", "cc": "gcc", "ld": "ld"}
_MAX_CATALOGUE = 8 << 20  # bytes
_MAX_TEXT = 20_000  # characters, the last ones
_MAX_LANGUAGES = 4
_LEAST_LITERAL, _LEAST_LITERAL_WIDE = 5, 3  # characters by which a message is known, of an alphabet or of none
_DIRECTIVE = re.compile(r"%(?:(\d)\$)?[-+ #0']*\d*(?:\.\d+)?(?:hh|h|ll|l|z|j|t|q)*([diouxXcsfgeEmp%])")
_NAME = re.compile(r"^([A-Za-z][\w.+/-]{0,60}): ", re.MULTILINE)
_SHELL_LINE = re.compile(
    r"^((?:[\w./+-]{0,200}/)?\w{0,3}sh: (?:-c: )?)(?=[^:\n]{0,20}[^\W\d_])[^\d:\n]{0,14}(\d{1,6})[^\d:\n]{0,8}: ?",
    re.MULTILINE,
)  # a shell and the line of its script, whatever the word for a line is and on which side of the number it stands
_COLON = re.compile(r" ?：[ \t]?| : ")
_PARTS = re.compile(r"%[^a-zA-Z%]*[a-zA-Z%]|\n")
_VALUE = (
    r"(\"[^\"\n]{1,300}\"|'[^'\n]{1,300}'|[‘`´][^\n]{1,300}?[’'´]|[“„][^\n]{1,300}?[”“]|[«»][^\n]{1,300}?[»«]|"
    r"[^\s\"'‘“„«»：]{1,300}?)"
)
_SPACES = {0xA0: " ", 0x202F: " "}
_OPENING = "\"'‘’`´“”„«»"


def in_english(text: str, program: str = "", *, guess: bool = False) -> str:
    """Return a text with the messages of programs in English, as far as they are known; `program` is the one called.

    The languages are those that this process was told to speak and those in which the system speaks in the text; where
    there are none a `guess` takes those of its letters.
    """
    head, text = text[:-_MAX_TEXT], text[-_MAX_TEXT:].translate(_SPACES)
    languages = _languages(text) or (_by_letters(text) if guess else [])
    if languages:
        text = _SHELL_LINE.sub(r"\1line \2: ", _plain(text))
    for language in languages:
        messages = [one for domain in _domains(text, program) for one in _catalogue(language, domain, FOLDERS)]
        text = _translated(text, messages)
    return head + _by_errno(_by_list(text))


def _plain(text: str) -> str:
    """Return a text whose colons have no space before them and are those of English."""
    return _COLON.sub(": ", text)


def _languages(text: str) -> list[str]:
    found = [language for language, words in _list() if any(word in text for word, _ in words)]
    return list(dict.fromkeys([*spoken(os.environ), *found]))[:_MAX_LANGUAGES]


_LETTERS = (
    ("[\u3040-\u30ff]", "ja"),
    ("[\uac00-\ud7af]", "ko"),
    ("[\u4e00-\u9fff]", "zh_CN"),
    ("[\u0400-\u04ff]", "ru"),
)
_LATIN = ["de", "fr", "es"]


def _by_letters(text: str) -> list[str]:
    named = next((language for letters, language in _LETTERS if re.search(letters, text)), "")
    return [named] if named else _LATIN if has_foreign_letters(text) else []


def _domains(text: str, program: str) -> list[str]:
    """Return the names of the catalogues of the programs that may speak in a text."""
    named = [program, *(found[1].rpartition("/")[2] for found in _NAME.finditer(text))]
    own = [_ELSEWHERE.get(name, name) for name in named if re.fullmatch(r"[\w.+-]{1,40}", name)]
    shells = ["bash" for name in named if name.endswith("sh")]
    return list(dict.fromkeys([*own[:4], *shells, "coreutils", "libc"]))


# --- catalogues -------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=32)
def _catalogue(language: str, domain: str, folders: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Return the messages of a catalogue, in English and in the language; none where there is none."""
    for folder in folders:
        for name in dict.fromkeys((language, language.partition("_")[0])):
            path = Path(folder, name, "LC_MESSAGES", f"{domain}.mo")
            try:
                if path.stat().st_size <= _MAX_CATALOGUE:
                    return tuple(_messages(path.read_bytes()))
            except (OSError, ValueError, struct.error):
                continue
    return ()


def _messages(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield the messages of a file in the form of gettext, without what depends on a number."""
    order = {b"\xde\x12\x04\x95": "<", b"\x95\x04\x12\xde": ">"}.get(data[:4], "")
    if not order or len(data) < 28:
        return
    count, ours, theirs = struct.unpack(f"{order}3I", data[8:20])
    for number in range(min(count, len(data) // 16)):
        length, at = struct.unpack_from(f"{order}2I", data, ours + 8 * number)
        other_length, other_at = struct.unpack_from(f"{order}2I", data, theirs + 8 * number)
        english = data[at : at + length].decode("utf-8", "replace").partition("\0")[0].rpartition("\4")[2]
        other = data[other_at : other_at + other_length].decode("utf-8", "replace").partition("\0")[0]
        if english and other and english != other:
            yield english.strip("\n"), _plain(other.translate(_SPACES)).strip("\n")


def _translated(text: str, messages: list[tuple[str, str]]) -> str:
    """Return a text with the messages of a catalogue in English, the longest first.

    A single word that stands for itself says nothing of where it belongs.
    """
    found = [one for one in messages if _may_be_in(one[1], text) and (" " in one[0].strip() or one[0][-1] == " ")]
    for english, other in sorted(found, key=lambda one: -len(one[1])):
        text = _replaced(text, english, other)
    return text


def _may_be_in(message: str, text: str) -> bool:
    """Tell whether a part of a message that stands in every text made of it is in this one, and long enough to tell."""
    first = message.partition("%")[0].strip()
    literal = first if len(first) > _LEAST_LITERAL else max(map(str.strip, _PARTS.split(message)), key=len)
    least = _LEAST_LITERAL if literal.isascii() else _LEAST_LITERAL_WIDE
    return len(literal) >= least and literal.partition("\n")[0] in text


def _replaced(text: str, english: str, other: str) -> str:
    pattern, places, end, number = "", [], 0, 0
    for found in _DIRECTIVE.finditer(other):
        pattern += re.escape(other[end : found.start()])
        end = found.end()
        if found[2] == "%":
            pattern += "%"
            continue
        number += 1
        places.append(int(found[1] or number))
        begins = r"(?<![^\s:：*])" if not pattern else ""
        # What stands at either end without a space may be nothing at all.
        at_an_end = (end == len(other) and pattern) or (not pattern and other[end : end + 1].isalpha())
        value = f"{_VALUE}?" if at_an_end else _VALUE
        pattern += begins + (r"(-?\d{1,20})" if found[2] in "diouxX" else value)
    rest = re.escape(other[end:])
    pattern += rest or (r"(?=[:：,.)]?(?:\s|$)|[:：])" if places else "")
    if not places and other[0].isalpha():
        pattern = r"(?<!\w)" + pattern
    try:
        return re.sub(pattern, lambda found: _filled(english, dict(zip(places, found.groups(""), strict=True))), text)
    except re.error:
        return text


def _filled(english: str, values: Mapping[int, str]) -> str:
    number = 0

    def value(found: re.Match[str]) -> str:
        nonlocal number
        if found[2] == "%":
            return "%"
        number += 1
        given = values.get(int(found[1] or number), "")
        return (
            f"'{given[1:-1].strip()}'" if len(given) > 2 and given[0] in _OPENING and given[-1] in _OPENING else given
        )

    return _DIRECTIVE.sub(value, english)


# --- what the system says ---------------------------------------------------------------------------------------------


@functools.cache
def _list() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """Return, by language, what the system says in it and in English; `scripts/errno_words.py` makes the list."""
    text = Path(__file__).with_name("errno_words.txt").read_text("utf-8")
    found: dict[str, list[tuple[str, str]]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            language, english, other = line.split("\t")
            found.setdefault(language, []).append((other, english))
    return tuple((language, tuple(words)) for language, words in found.items())


def _by_list(text: str) -> str:
    for _, words in _list():
        for word, english in words:
            if word in text:
                text = text.replace(word, english)
    return text


_ERRNO = re.compile(r"(\[Errno (\d{1,3})\] )([^:\n]{1,200}?)(?=: |$)", re.MULTILINE)


def _by_errno(text: str) -> str:
    """Return a text in which a number of the system is followed by its words, where those are in another alphabet."""

    def words(found: re.Match[str]) -> str:
        return found[1] + os.strerror(int(found[2])) if has_foreign_letters(found[3]) else found[0]

    return _ERRNO.sub(words, text)
