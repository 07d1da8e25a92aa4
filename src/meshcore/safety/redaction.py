"""Secrets taken out of text before it is written anywhere: `[redacted:kind]` stands where one was.

Three nets, each linear: the token formats of known services, names that say that a secret follows (`password=`,
`Authorization:`, `--token`, `-u user:…`), and private keys. Each is also cast over the text with line continuations,
percent and JSON escapes and terminal colours undone, so that a wrapped secret is found as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from meshcore.safety.secret_names import is_secret_name, may_be_secret
from meshcore.safety.secret_rules import spans, tokens
from meshcore.safety.secret_spans import Span
from meshcore.safety.token_formats import FORMATS
from meshcore.safety.visible_text import visible


def redact(text: str, *, home_paths: bool = False, emails: bool = False) -> str:
    """Return the text with `[redacted:kind]` for every secret; home folders and e-mail addresses where asked.

    Doing it twice changes nothing.
    """
    found = find(text)
    if home_paths:
        found.extend(_groups(r"(?<![\w.])(?:/home/|/Users/|[A-Z]:\\Users\\)([\w.-]{1,64})", "user", text))
    if emails:
        found.extend(_groups(r"(?<![\w.+-])([\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4})", "email", text))
    return _replace(text, found)


def redact_argv(argv: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Return the argv without secrets and whether that changed it (then it must not be executed from a record)."""
    return _redacted(tuple(argv))


@lru_cache(maxsize=2)
def _redacted(argv: tuple[str, ...]) -> tuple[tuple[str, ...], bool]:
    # One failure asks for the same command up to four times, and a heredoc of an agent can be long.
    words = list(argv)
    for at in range(1, len(words)):
        flag = words[at - 1]
        if flag.startswith("-") and "=" not in flag and is_secret_name(flag) and may_be_secret(words[at], quoted=True):
            words[at] = "[redacted:flag]"
    # Rules that need a neighbour (`curl -u name:…`) see the command as one line; what they find is mapped back.
    line = " ".join(words)
    found = find(line)
    clean, start = [], 0
    for word in words:
        end = start + len(word)
        own = [Span(max(s.start, start) - start, min(s.end, end) - start, s.kind) for s in found]
        left = _replace(word, [s for s in own if s.start < s.end])
        clean.append(left if left == line else redact(left))
        start = end + 1
    return tuple(clean), clean != list(argv)


def storable_argv(argv: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """Return the argv as it may be stored, without secrets and made visible, and whether secrets were taken out.

    Line ends and tabs stay, so that a command of several lines is what it was; whoever draws it makes one line of it. A
    mark in the place of another control character would hide the form of a secret, so secrets go first.
    """
    clean, changed = redact_argv(argv)
    return tuple(visible(word) for word in clean), changed


def find(text: str) -> list[Span]:
    """Return where the secrets of a text are; spans may overlap."""
    marks = _compiled(r"\[redacted:([a-z0-9-]{1,40})\]")
    marked = "[redacted:" in text
    if marked:  # the name of a kind in our own mark announces nothing
        text = marks.sub(lambda mark: f"[redacted:{'~' * len(mark[1])}]", text)
    found = list(spans(text))
    for view, places in _views(text):
        found.extend(Span(places[s.start], places[s.end - 1] + 1, s.kind) for s in spans(view))
    found.extend(_wrapped(text))
    return list(_beside_marks(text, found)) if marked else found


def _beside_marks(text: str, found: Sequence[Span]) -> Iterator[Span]:
    """Yield the spans without what they hold of our own marks at their ends, so that doing it twice changes nothing."""
    from bisect import bisect_right  # a library to load, and most texts hold no secret

    marks = [match.span() for match in _compiled(r"\[redacted:~{1,40}\]").finditer(text)]
    for start, end, kind in found:
        at = bisect_right(marks, (start, len(text)))
        if at and start < marks[at - 1][1]:
            start = marks[at - 1][1]
        at = bisect_right(marks, (end, 0))
        if at and end < marks[at - 1][1]:
            end = marks[at - 1][0]
        if start < end:
            yield Span(start, end, kind)


def _replace(text: str, found: Sequence[Span]) -> str:
    if not found:
        return text
    parts, done = [], 0
    for start, end, kind in _merged(found):
        parts += [text[done:start], f"[redacted:{kind}]"]
        done = end
    return "".join([*parts, text[done:]])


def _merged(found: Sequence[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(found):
        if merged and span.start < merged[-1].end:
            last = merged[-1]
            merged[-1] = Span(last.start, max(last.end, span.end), last.kind)
        else:
            merged.append(span)
    return merged


def _groups(pattern: str, kind: str, text: str) -> Iterator[Span]:
    for match in _compiled(pattern).finditer(text):
        yield Span(*match.span(1), kind)


@lru_cache(maxsize=64)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# The same text, written another way


def _views(text: str) -> Iterator[tuple[str, list[int]]]:
    """Yield readings of the text with one kind of disguise undone, and for each character its place in the original."""
    if "\\\n" in text or "\\\r\n" in text:
        yield _without(text, r"\\\r?\n[ \t]{0,16}")
    if "\x1b" in text or not text.isascii():
        yield _without(text, r"\x1b\[[0-9;?]{0,32}[A-Za-z]|[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]")
    if "\u240a" in text or "\u241b" in text:
        shown = {"\u240a": "\n", "\u240d": "", "\u2409": "\t"}
        yield _decoded(text, r"\u241b\[[0-9;?]{0,32}[A-Za-z]|[\u2409\u240a\u240d]", lambda mark: shown.get(mark, ""))
    if "%" in text:
        yield _decoded(text, r"%[0-9A-Fa-f]{2}", lambda found: chr(int(found[1:], 16)))
    if "\\u00" in text or "\\x" in text:
        yield _decoded(text, r"\\(?:u00|x)[0-9A-Fa-f]{2}", lambda found: chr(int(found[-2:], 16)))
    if "&#" in text or "&amp;" in text or "&quot;" in text:
        named = {"&amp;": "&", "&quot;": '"'}
        yield _decoded(text, r"&(?:amp|quot);|&#\d{2,3};", lambda found: named.get(found) or chr(int(found[2:-1])))
    if _compiled(r"[\"'][ \t]{0,4}\+?[ \t]{0,4}[\"'][A-Za-z0-9]").search(text):
        yield _without(text, r"(?<=[A-Za-z0-9_-])[\"'][ \t]{0,4}\+?[ \t]{0,4}[\"'](?=[A-Za-z0-9])")


def _without(text: str, pattern: str) -> tuple[str, list[int]]:
    return _decoded(text, pattern, lambda _: "")


def _decoded(text: str, pattern: str, decode: Callable[[str], str]) -> tuple[str, list[int]]:
    """Return the text with each match replaced, and the original place of each character; a match's is its last one."""
    parts: list[str] = []
    places: list[int] = []
    done = 0
    for match in _compiled(pattern).finditer(text):
        plain = decode(match[0])
        parts += [text[done : match.start()], plain]
        places.extend(range(done, match.start()))
        places.extend([match.end() - 1] * len(plain))
        done = match.end()
    parts.append(text[done:])
    places.extend(range(done, len(text)))
    return "".join(parts), places


_UNMISTAKABLE = frozenset(
    {
        "github-token",
        "gitlab-token",
        "npm-token",
        "stripe-key",
        "openai-key",
        "anthropic-key",
        "slack-token",
        "aws-key-id",
    }
)


def _wrapped(text: str) -> Iterator[Span]:
    """Yield tokens of unmistakable formats that a terminal broke at its edge."""
    if not _compiled(r"[A-Za-z0-9]\r?\n[A-Za-z0-9]").search(text):
        return
    lowered = text.lower()
    present = [n for n, f in enumerate(FORMATS) if f.kind in _UNMISTAKABLE and any(h in lowered for h in f.hints)]
    if present:
        view, places = _without(text, r"(?<=[A-Za-z0-9])\r?\n(?=[A-Za-z0-9])")
        for number in present:
            for span in tokens(view, number):
                yield Span(places[span.start], places[span.end - 1] + 1, span.kind)
