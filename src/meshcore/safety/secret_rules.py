"""Where the secrets of one text are: token formats, private keys, addresses, names with a value, forms of a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain

from meshcore.safety.secret_commands import COMMAND_HINTS, commands, flags, forms, odd_places
from meshcore.safety.secret_names import (
    is_placeholder,
    is_secret_name,
    looks_generated,
    looks_random,
    may_be_secret,
)
from meshcore.safety.secret_pairs import address_paths, calls, entries, foreign_names, said, statements
from meshcore.safety.secret_shapes import secret_manifests, shapes
from meshcore.safety.secret_spans import Span, compiled, whole
from meshcore.safety.token_formats import FORMATS


def spans(text: str) -> Iterator[Span]:
    """Yield the secrets of the text as it stands, and of the text that base64 in it hides; spans may overlap."""
    yield from _plain(text)
    yield from shapes(text, lambda hidden: chain(_plain(hidden), shapes(hidden, _plain)))


def _plain(text: str) -> Iterator[Span]:
    lowered = text.lower()
    for number in _present(lowered):
        yield from tokens(text, number)
    if "secret" in lowered and "data" in lowered and "kind" in lowered:
        yield from secret_manifests(text)
    if "key" in lowered and "---" in text:
        yield from _private_keys(text)
    if "://" in text or "@tcp(" in text or "@unix(" in text or "jdbc:" in text:
        yield from _url_credentials(text)
    if any(word in lowered for word in _NAME_HINTS):
        yield from _named_values(text)
        yield from _said_values(text)
    if not text.isascii():
        yield from foreign_names(text)
    for hints, rule in _LINE_RULES:
        for hint in hints:  # no generator: that is most of the time of a short text without a secret
            if hint in lowered:
                yield from rule(text)
                break


def tokens(text: str, number: int) -> Iterator[Span]:
    """Yield the tokens of one format, by its index in FORMATS."""
    form = FORMATS[number]
    for match in compiled(form.pattern).finditer(text):
        start, end = match.span(match.lastindex or 0)
        while end < len(text) and text[end].isascii() and text[end].isalnum():
            end += 1  # a longer token than the format knows must not leave its tail
        if len(set(text[start:end])) >= form.variety and "redacted" not in match[0].lower():
            yield Span(start, end, form.kind)


def _present(lowered: str) -> list[int]:
    found: list[int] = []
    for hint, number in _hints():
        if hint in lowered and (not found or found[-1] != number):
            found.append(number)
    return found


@cache
def _hints() -> tuple[tuple[str, int], ...]:
    return tuple((hint, number) for number, form in enumerate(FORMATS) for hint in form.hints)


# Private keys

_KEY = r"[A-Za-z0-9 ]{0,60}(?:PRIVATE KEY(?: BLOCK)?|Static key V1)-----"
_BEGIN_KEY = rf"-----BEGIN{_KEY}"
_END_KEY = rf"-----END{_KEY}"
_KEY_LINE = (
    r"[ \t]*+(?:[A-Za-z0-9+/=\\]{1,4096}|[A-Z][A-Za-z-]{1,40}: [^\n]{0,200})?(?=\r?\n|$|[\"']|(?<=[A-Za-z0-9+/=]{16}) )"
)


def _private_keys(text: str) -> Iterator[Span]:
    begins = [match.span() for match in compiled(_BEGIN_KEY).finditer(text)]
    ends = [match.span() for match in compiled(_END_KEY).finditer(text)]
    if begins:
        from bisect import bisect_left  # a library to load, and most texts hold no secret
    for at, (start, after) in enumerate(begins):
        following = begins[at + 1][0] if at + 1 < len(begins) else len(text)
        end = bisect_left(ends, (after, 0))
        if end < len(ends) and ends[end][0] < following:
            yield Span(start, ends[end][1], "private-key")
        else:
            yield Span(start, _key_lines(text, after, following), "private-key")
    for match in compiled(
        r"(?<!-)(?:[A-Z]{0,6} ){0,3}(?:[A-Z]{1,6} KEY|KEY)-{3,5}(?=[ \t\r\n\\]{0,4}[A-Za-z0-9+/]{16})"
    ).finditer(text):
        if "PUBLIC" not in match[0] and "ATE KEY" in match[0]:
            yield Span(match.end(), _key_lines(text, match.end(), len(text)), "private-key")
    floor = 0
    for start, end in ends:
        yield Span(_key_lines_before(text, start, floor), end, "private-key")
        floor = end
    for match in compiled(r"Private-Lines: ?\d{1,4}").finditer(text):
        yield Span(match.end(), _key_lines(text, match.end(), len(text)), "private-key")


def _key_lines(text: str, at: int, limit: int) -> int:
    """Return where the lines of a key that was cut off end."""
    line = compiled(_KEY_LINE)
    while at < limit and (match := line.match(text, at)) is not None:
        at = _key_words(text, match.end())
        feed = text.find("\n", at, at + 3)
        if feed < 0:
            break
        at = feed + 1
    return at


def _key_words(text: str, at: int) -> int:
    """Return where a key ends whose lines were joined by spaces: before the first word that is prose."""
    word = compiled(r"[ \t]{1,4}(?![A-Z]?[a-z]{0,40}(?![^\s\"']))[A-Za-z0-9+/=]{4,4096}(?=[\s\"']|$)")
    while (match := word.match(text, at)) is not None:
        at = match.end()
    return at


def _key_lines_before(text: str, at: int, floor: int) -> int:
    """Return where the lines of a key whose beginning was cut off start."""
    line = compiled(r"[ \t]{0,64}[A-Za-z0-9+/=\\]{16,4096}\r?\n?")
    while at > floor:
        before = text.rfind("\n", floor, at - 1) + 1 or floor
        if line.fullmatch(text, before, at) is None:
            break
        at = before
    return at


# Credentials inside an address

_SCHEME = r"[A-Za-z][A-Za-z0-9+.-]{1,30}://"
_WITH_PASSWORD = _SCHEME + r"[^\s/:@'\"<>\[]{0,256}:(?!\d{1,5}(?:[/?#\"';,\s]|$))([^\s'\"<>`]{1,512})@(?!sha256:)"


def _url_credentials(text: str) -> Iterator[Span]:
    for match in compiled(_WITH_PASSWORD).finditer(text):
        start, end = match.span(1)
        # The host follows the last @ before the path, but a password may hold a slash.
        slash = text.find("/", start, end)
        if 0 <= text.find("@", start) < slash:
            end = text.rfind("@", start, slash)
        if not is_placeholder(text[start:end]):
            yield Span(start, end, "url-password")
    for match in compiled(_SCHEME + r"([A-Za-z0-9_.~-]{20,512})@").finditer(text):
        if looks_random(match[1]):
            yield Span(*match.span(1), "url-token")
    yield from whole(r"(?<![\w.])[\w.-]{1,64}:([^\s:@/'\"]{1,256})@(?:tcp|unix)\(", "url-password", text)
    yield from whole(r"jdbc:oracle:\w{1,8}:[\w.$]{1,64}/([^\s@/'\"]{1,256})@", "url-password", text)


# Names that say that a secret follows

_NAME_HINTS = (
    *("pass", "pwd", "pw", "secret", "token", "key", "auth", "cred", "sig", "sess", "sid", "otp", "salt", "psk", "pat"),
    *("seed", "kennwort", "senha", "parola", "haslo", "wachtwoord", "losenord"),
)
_WRAPPERS = r"(?:(?:Some|Secret|SecretStr|SecretString|Ok|str|String)\((?=[\"']))?"
_SEPARATOR = r"(?:\\?[\"'`\]]){0,2}[ \t]{0,8}(?:=>|:=|\?=|==?|::?|>)[ \t]{0,8}"
_VALUE = (
    r"(?:!{1,2}[a-z]{1,12}[ \t]{1,4})?(?:\[[ \t]{0,4})?" + _WRAPPERS + r"(?:[urbf]{0,2}(?:"
    r'\\"([^"\\\n]{1,4096})\\"|"((?:[^"\\\n]|\\.){1,4096}+)"?|'
    r"'((?:[^'\\\n]|\\.){1,4096}+)'?|`([^`\n]{1,4096})`)|([^\s\"'`<>]{1,4096}))"
)
_BARE = 5  # the group of a value without quotes


@cache
def _assignment() -> re.Pattern[str]:
    names = "|".join(_NAME_HINTS)
    return re.compile(
        f"(?i:{names})[\\w.-]{{0,48}}{_SEPARATOR}(?:[|>][-+]?[ \\t]{{0,4}})?(?:\\n[ \\t]{{1,16}})?{_VALUE}", re.ASCII
    )


def _named_values(text: str) -> Iterator[Span]:
    at = 0
    pattern = _assignment()
    while (match := pattern.search(text, at)) is not None:
        group = match.lastindex or 0
        start, end = match.span(group)
        at = max(match.start() + 3, start)
        first, name = _name_around(text, match.start())
        if not is_secret_name(name) or "arn:" in text[max(0, match.start() - 64) : match.start()]:
            continue
        between = text[match.start() : start]
        if _no_assignment(text, first, name, between):
            continue
        if group == _BARE:
            if between.endswith("::"):
                continue  # a path of a programming language
            end = _bare_end(text, start, end)
            if "==" in between or ("\n" in between and ":" in text[start:end]):
                continue  # a comparison, or the next key of a nested mapping
        prose = ": " in between or " " in between
        if may_be_secret(text[start:end], quoted=group != _BARE, prose=prose, name=name):
            yield Span(start, end, "value")
            at = end


def _no_assignment(text: str, start: int, name: str, between: str) -> bool:
    """Say whether the name and its sign are no pair: a test's result, an expansion's message, a digest of a secret."""
    before = text[max(0, start - 12) : start].lower()
    if name == "PASS" and ": " in between:
        return True
    if before.endswith(("checksum/", "digest/", "hash/", "sha256/")):
        return True
    return before.endswith("${") and text.startswith(":?", start + len(name))


def _name_around(text: str, at: int) -> tuple[int, str]:
    """Return where the name starts that holds the place, and the whole name: `clientSecret`, `x-api-key`."""
    start = at
    while start > 0 and at - start < 64 and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    match = compiled(r"[\w.-]{0,128}").match(text, at)
    return start, text[start : match.end() if match else at]


def _bare_end(text: str, start: int, end: int) -> int:
    """Return where a value without quotes ends: before what separates it from the next pair, or a closing bracket."""
    if compiled(r"[&;,|\\)\]}]").search(text, start, end) is None:
        return end  # most hold none of what may end one, and a long one is read again for each name in it
    stop = compiled(r"(?:[&;,|]|\\[nr])(?=[\w.-]{1,64}[=:]|\s|$|[\\&|;\"'])|[;,)\]}]{1,4}$|\)[,;:.]").search(
        text, start, end
    )
    return stop.start() if stop and stop.start() > start else end


def _said_values(text: str) -> Iterator[Span]:
    """Yield values that follow a secret's name without a sign: `password is …`, `ENV TOKEN …`, `requirepass …`."""
    names = (
        r"password|passphrase|passwd|passcode|requirepass|masterauth|secret|token|api[ _-]?key|access[ _-]?key"
        r"|credentials?|login"
    )
    fillers = r"(?:(?:is|was|are|of|by|value|provided|given|set|to|key|used|supplied|=|:|with)[ \t:=]{1,4}){0,3}"
    value = r"(?:\"([^\"\n]{6,512})\"|'([^'\n]{6,512})'|[`(]?([^\s\"'`()<>]{8,512}))"
    said = rf"(?:{names})[ \t]{{1,4}}{fillers}{value}"
    for match in compiled(said, re.IGNORECASE).finditer(text):
        start, end = match.span(match.lastindex or 0)
        value = text[start:end].rstrip(".,;:!?")
        if (looks_generated(value) or _said_outright(match[0], value)) and not is_placeholder(value):
            yield Span(start, start + len(value), "value")


def _said_outright(sentence: str, value: str) -> bool:
    """Say whether `password "…"` or `identified by '…'` quotes one word that is no plain word."""
    return (
        sentence[-1] in "\"'"
        and " " not in value
        and not value.isalpha()
        and not is_secret_name(value)
        and any(c.isdigit() for c in value)
    )


# Rules that know a line's form

_SCHEMES = (
    r"(?:(?:Bearer|Basic|Token|Digest|ApiKey|Api-Key|Negotiate|NTLM|Key|OAuth|Bot|GenieKey|SSWS|Splunk|JWT)\s{1,4})"
    r"{0,2}"
)


def _headers(text: str) -> Iterator[Span]:
    header = r"(?:proxy-)?authorization[\"']{0,2}\s{0,4}[:=]\s{0,4}[\"']{0,3}" + _SCHEMES + r"([^\s\"',;]{4,8192})"
    for match in compiled(header, re.IGNORECASE).finditer(text):
        if not is_placeholder(match[1]) and not compiled(_SCHEMES, re.IGNORECASE).fullmatch(match[1] + " "):
            yield Span(*match.span(1), "authorization")
    for match in compiled(r"\b(?:Bearer|Basic|ApiKey)[ \t]{1,4}[\"']?([\w~+/.=-]{8,8192})", re.IGNORECASE).finditer(
        text
    ):
        if looks_generated(match[1]) or match[1].endswith("="):
            yield Span(*match.span(1), "authorization")
    yield from whole(r"\bSignature=([a-f0-9]{64})", "signature", text)


_COOKIE_ATTRIBUTES = frozenset({"path", "domain", "expires", "max-age", "samesite", "version", "comment", "priority"})


def _cookies(text: str) -> Iterator[Span]:
    for line in compiled(r"cookies?[\"']?\s{0,4}[:=]\s{0,4}([^\n]{1,16384})", re.IGNORECASE).finditer(text):
        for pair in compiled(r"([\w.$-]{1,128})=([^;\s\"',]{6,4096})").finditer(text, *line.span(1)):
            if pair[1].lower() not in _COOKIE_ATTRIBUTES and not is_placeholder(pair[2]):
                yield Span(*pair.span(2), "cookie")


def _xml_and_jwk(text: str) -> Iterator[Span]:
    pair = r"(?:key|name)=\"([\w:.-]{2,64})\"[ \t]{1,4}value=\"([^\"\n]{4,1024})\""
    for match in compiled(pair, re.IGNORECASE).finditer(text):
        if is_secret_name(match[1]) and may_be_secret(match[2], quoted=True, name=match[1]):
            yield Span(*match.span(2), "value")
    if '"kty"' in text:
        yield from whole(r"\"(?:d|p|q|dp|dq|qi|k)\"\s{0,4}:\s{0,4}\"([\w+/=-]{16,4096})\"", "private-key", text)


def _signed_urls(text: str) -> Iterator[Span]:
    signed = (
        r"[?&;](?:amp;)?(?:sig|signature|x-(?:amz|goog|oss)-signature|x-amz-security-token|hmac)=([^\s&\"'<>]{8,4096})"
    )
    yield from whole(signed, "signature", text, re.IGNORECASE)
    for match in compiled(r"[?&](?:key|code|k|auth|pass|pw)=([\w.~%+-]{16,1024})").finditer(text):
        if looks_random(match[1]):
            yield Span(*match.span(1), "query")


_LineRule = Callable[[str], Iterator[Span]]
_LINE_RULES: tuple[tuple[tuple[str, ...], _LineRule], ...] = (
    (("authorization", "bearer ", "basic ", "apikey ", "aws4-hmac"), _headers),
    (("cookie",), _cookies),
    ((" -", "\t-", "--"), flags),
    (COMMAND_HINTS, commands),
    ((" ",), forms),
    (("pass:", "password", "sudo", "sqlplus", "auth", "credentials", "identified"), odd_places),
    (("value=", '"kty"'), _xml_and_jwk),
    (("value", "<key>", "form-data", "stringvalue"), entries),
    (('("', "('", "( '", '( "'), calls),
    (("password", "identified", "auth ", "securestring"), statements),
    (("pass", "secret", "token", "key", "credential", "mnemonic", "seed"), said),
    (("://", "pgpass"), address_paths),
    (("?", "&"), _signed_urls),
)
