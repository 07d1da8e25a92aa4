"""Pseudonyms for an export: hosts, users, homes, agents, nodes and mail addresses become words that tell nothing.

The same name becomes the same word, wherever it stands. Words are keyed with a secret of the node, so that nobody can
try names until one fits, and no table of them is written anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from meshcore.evidence.slice.codec import from_json, to_json
from meshcore.evidence.slice.rows import TABLES, Origin, Slice
from meshcore.model import Json
from meshcore.safety.keys import is_key

DIGITS = 10
LONG_NAME = 6  # characters from which on a name is replaced inside of words, too
PREFIXES = (16, 12, 8)  # digits of a key that texts name it by
NOBODY = frozenset({"", "policy", "localhost", "?"})

T = TypeVar("T")

# Ids are hashes and random numbers, and these words and times come from a fixed list or a clock.
_KEPT = frozenset(
    {"incident_id", "outcome_id", "skill_id", "approval_id", "state", "result", "source", "status", "via", "versions"}
    | {"at", "opened", "asked", "resolved", "created", "made_at", "first_seen", "last_seen", "since", "until"}
)
_MAIL = r"[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}"
_HOME = r"(?:/home|/Users|/export/home|/var/home)/[^/\s:;,'\"`)\]}<>]+"
_USER_AT_HOST = re.compile(r"([\w.+-]+)@([\w.-]+)")


class Pseudonyms:
    """Replaces names in texts. `names` are (kind, name); a kind is host, user, agent, node, operator or home."""

    def __init__(self, secret: bytes, names: Iterable[tuple[str, str]]) -> None:
        self._key = hmac.digest(secret, b"meshtui pseudonyms", "sha256")
        self._kinds: dict[str, tuple[str, str]] = {}
        for kind, name in names:
            for found_kind, found in _parts(kind, name):
                self._add(found_kind, found)
        self._pattern = self._compile()

    def _add(self, kind: str, name: str) -> None:
        if name.lower() in NOBODY or name.isdecimal():
            return
        self._kinds.setdefault(name.lower(), (kind, name))
        if is_key(name):
            for digits in PREFIXES:
                self._kinds.setdefault(name[:digits], (kind, name))

    def _compile(self) -> re.Pattern[str]:
        ordered = sorted(self._kinds, key=len, reverse=True)
        long = "|".join(re.escape(name) for name in ordered if len(name) >= LONG_NAME)
        short = "|".join(re.escape(name) for name in ordered if len(name) < LONG_NAME)
        parts = [_MAIL, _HOME, long, rf"(?<![A-Za-z0-9])(?:{short})(?![A-Za-z0-9])" if short else ""]
        return re.compile("|".join(f"(?:{part})" for part in parts if part), re.IGNORECASE)

    def text(self, text: str) -> str:
        """Return a text with every name replaced."""
        return self._pattern.sub(lambda match: self._word(match[0]), text)

    def _word(self, found: str) -> str:
        known = self._kinds.get(found.lower())
        if known is not None:
            return self._of(*known)
        if "@" in found:
            return self._of("mail", found)
        base, _, user = found.rpartition("/")
        return f"{base}/{self._of(*self._kinds.get(user.lower(), ('user', user)))}"

    def _of(self, kind: str, name: str) -> str:
        digest = hmac.new(self._key, f"{kind}\0{name.lower()}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}-{digest.hexdigest()[:DIGITS]}"

    def value(self, value: Json) -> Json:
        """Return a JSON value with every name in its texts and keys replaced."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value


def _parts(kind: str, name: str) -> Iterable[tuple[str, str]]:
    """Return the names that a name is made of: `ann@dev1.example.com` is an agent, a user and two hosts."""
    yield kind, name
    if match := _USER_AT_HOST.fullmatch(name):
        yield "user", match[1]
        yield from _parts("host", match[2])
    elif kind == "host" and "." in name:
        yield "host", name.split(".", 1)[0]
    elif kind == "home" and name.rstrip("/").count("/") > 1:
        yield "user", name.rstrip("/").rpartition("/")[2]


def names_in(found: Slice) -> list[tuple[str, str]]:
    """Return every name that the rows of a slice give as such."""
    names: list[tuple[str, str]] = []
    for about in found.origins:
        names += [("node", about.node), ("agent", about.name), ("host", about.host), ("operator", about.operator)]
    for author in found.authors:
        names += [("node", author.node), ("agent", author.name), ("host", author.host), ("operator", author.operator)]
    for incident in found.incidents:
        names += [("node", incident.node), ("agent", incident.agent), ("host", incident.host)]
    for outcome in found.outcomes:
        names += [("node", outcome.node), ("agent", outcome.agent), ("host", outcome.host), ("user", outcome.actor)]
    for agent in found.agents:
        names += [("agent", agent.name), ("host", agent.host)]
    names += [("user", approval.actor) for approval in found.approvals]
    names += [("node", skill.author) for skill in found.skills]
    names += [("agent", hook.agent) for hook in found.hooks]
    return list(dict.fromkeys(names))


def pseudonymise(found: Slice, words: Pseudonyms) -> Slice:
    """Return a slice with every name replaced; ids, times and figures stay."""

    def row(kind: type[T], one: T) -> T:
        return from_json(kind, _replaced(to_json(one), words))

    tables: dict[str, Any] = {
        name: tuple(row(kind, one) for one in getattr(found, name)) for name, kind in TABLES.items()
    }
    return replace(
        found,
        origins=tuple(row(Origin, about) for about in found.origins),
        **tables,
        skipped=tuple(words.text(text) for text in found.skipped),
        contradictions=tuple(words.text(text) for text in found.contradictions),
    )


def _replaced(body: Mapping[str, Json], words: Pseudonyms) -> dict[str, Json]:
    return {name: value if name in _KEPT else words.value(value) for name, value in body.items()}
