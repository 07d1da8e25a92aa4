"""The strict reader: the words of a command in which nothing but words and quoted texts is. Light: a hook asks."""

from __future__ import annotations

import re

from meshcore.knowledge.shell_words import RESERVED

Argv = tuple[str, ...]
_PIECE = r"[A-Za-z0-9_@%+=:,./^-]|'[ -&(-~]*'|\"[ #%-\[\]-_a-~]*\""
_WORD = re.compile(rf"(?:{_PIECE})+", re.ASCII)


def plain_words(text: str) -> Argv | None:
    """Return the words of one plain command, or None where anything but words and quoted texts is in it."""
    words = []
    at, end = 0, len(text)
    while True:
        while at < end and text[at] in " \t":
            at += 1
        if at >= end:
            break
        match = _WORD.match(text, at)
        if match is None:
            return None
        at = match.end()
        if at < end and text[at] not in " \t":
            return None
        words.append(match[0])
    if not words:
        return None
    first = words[0]
    if "'" in first or '"' in first or "=" in first or first in RESERVED:
        return None  # a quoted program name hides it, an assignment or a keyword belongs to a shell
    return tuple(_unquoted(word) for word in words)


def _unquoted(word: str) -> str:
    if "'" not in word and '"' not in word:
        return word
    parts, at = [], 0
    while at < len(word):
        if word[at] in "'\"":
            close = word.index(word[at], at + 1)
            parts.append(word[at + 1 : close])
            at = close + 1
        else:
            parts.append(word[at])
            at += 1
    return "".join(parts)
