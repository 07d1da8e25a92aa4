"""Secrets whose name and value are apart: entries of a list, elements, calls, statements, sentences, addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator

from meshcore.safety.secret_names import (
    is_made,
    is_placeholder,
    is_secret_name,
    looks_generated,
    looks_random,
    may_be_secret,
)
from meshcore.safety.secret_spans import Span, compiled, whole

_NAME = r"[\"']?(?:name|key|id)[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\?[\"']?([\w./-]{2,128})\\?[\"']?"
_VALUE = r"[\"']?(?:value|stringvalue|content)[\"']?[ \t]{0,4}[:=][ \t]{0,4}\\?"
_QUOTED_OR_BARE = r"(?:\"([^\"\n]{3,4096})\"|'([^'\n]{3,4096})'|([^\s\"',}<>]{3,4096}))"


def entries(text: str) -> Iterator[Span]:
    """Yield values of `name: DB_PASSWORD` / `value: …`, however the two are written one after the other."""
    pair = rf"{_NAME}[ \t,;>/]{{0,8}}\r?\n?[ \t]{{0,64}}{_VALUE}{_QUOTED_OR_BARE}"
    yield from _named(pair, text)
    yield from _named(rf"{_VALUE}{_QUOTED_OR_BARE}[ \t,]{{0,8}}\n?[ \t]{{0,64}}{_NAME}", text, name_last=True)
    yield from _named(r"<key>([\w .-]{2,128})</key>\s{0,64}<string>([^<]{3,4096})</string>", text)
    yield from _named(r"\bname=\"([\w.-]{2,128})\"(?:\r?\n){2}([^\r\n]{3,4096})", text)
    yield from whole(
        r"type=[\"']password[\"'][^<>]{0,256}\bvalue=[\"']([^\"'<>]{3,1024})", "value", text, re.IGNORECASE
    )


def _named(pattern: str, text: str, *, name_last: bool = False) -> Iterator[Span]:
    for match in compiled(pattern, re.IGNORECASE).finditer(text):
        groups = [group for group in range(1, (match.re.groups or 0) + 1) if match[group] is not None]
        name, value = (groups[-1], groups[0]) if name_last else (groups[0], groups[-1])
        if is_secret_name(match[name]) and may_be_secret(match[value], quoted=True, name=match[name]):
            yield Span(*match.span(value), "value")


_VERBS = {"set", "with", "use", "add", "put", "update", "change", "reset", "new", "create", "define", "assign"}


def calls(text: str) -> Iterator[Span]:
    """Yield what `setPassword("…")` and `login("bob", "…")` are given."""
    for match in compiled(r"([A-Za-z_][\w]{2,64})\([ \t]{0,4}[\"']([^\"'\n]{6,1024})[\"']").finditer(text):
        name = compiled(r"[a-z]+|[A-Z][a-z]*").match(match[1])
        verb = name[0].lower() if name else ""
        if (verb in _VERBS or match[1].lower() in {"password", "passwd", "token", "apikey", "secret"}) and (
            is_secret_name(match[1]) and may_be_secret(match[2], quoted=True)
        ):
            yield Span(*match.span(2), "value")
    first, second = r"[\"'][^\"'\n]{0,128}[\"']", r"[\"']([^\"'\n]{3,256})[\"']"
    names = r"(?:login|log_in|authenticate|basic_?auth|auth|credentials?)"
    yield from whole(
        rf"{names}[ \t]{{0,4}}=?[ \t]{{0,4}}\([ \t]{{0,4}}{first},[ \t]{{0,4}}{second}", "value", text, re.IGNORECASE
    )


def statements(text: str) -> Iterator[Span]:
    """Yield passwords in SQL, in the Redis protocol and in PowerShell."""
    quoted = r"'((?:[^'\n]|''){3,256})'"
    yield from whole(
        rf"\bpassword[ \t]{{0,4}}(?:=[ \t]{{0,4}})?(?:password)?\(?[ \t]{{0,4}}{quoted}", "value", text, re.I
    )
    by = r"\bidentified[ \t]{1,4}(?:with[ \t]{1,4}\w{1,40}[ \t]{1,4})?(?:by|as)[ \t]{1,4}(?:password[ \t]{1,4})?"
    yield from whole(by + r"[\"']([^\"'\n]{3,256})[\"']", "value", text, re.IGNORECASE)
    yield from whole(
        r"ConvertTo-SecureString[ \t]{1,4}(?:-String[ \t]{1,4})?[\"']([^\"'\n]{3,256})[\"']", "value", text, re.I
    )
    for match in compiled(r"(?:^|[>\s])(?:AUTH|auth)[ \t]{1,4}(?:[\w-]{1,64}[ \t]{1,4})?(\S{8,512})").finditer(text):
        if looks_generated(match[1]):
            yield Span(*match.span(1), "value")


_ANNOUNCED = (
    r"(?<!checksum/)(?<!digest/)(?<!hash/)(?:password|passphrase|passcode|secret|token|api[ _-]?key|access[ _-]?key"
    r"|(?:private|license|session|signing|master|encryption|secret)[ _-]?key|credentials?|pre-?shared[ _-]?key)\b"
)
_FOLLOWS = r"(?::|=|->|=>|\b(?:is|to|was)\b)[ \t]{1,4}[\"'`(]?([^\s\"'`()<>]{8,512})"
_SENTENCE = 120  # characters between the word and its value
_PHRASE = r"(?:[a-z]{3,8} ){11,23}[a-z]{3,8}"


def said(text: str) -> Iterator[Span]:
    """Yield what a sentence or a label announces: `initial admin password: …`, `the token for bob is …`."""
    for name in compiled(_ANNOUNCED, re.IGNORECASE).finditer(text):
        line = text.find("\n", name.end(), name.end() + _SENTENCE)
        end = name.end() + _SENTENCE if line < 0 else line
        for match in compiled(_FOLLOWS).finditer(text, name.end(), end + 512 if line < 0 else line):
            value = match[1].rstrip(".,;:!?")
            if match.start() < end and not is_placeholder(value) and is_made(value):
                yield Span(match.start(1), match.start(1) + len(value), "value")
    phrase = rf"(?:mnemonic|seed(?:[ _-]?(?:phrase|words))?)[\"']?[ \t]{{0,4}}[:=][ \t]{{0,4}}[\"']?({_PHRASE})"
    yield from whole(phrase, "mnemonic", text, re.IGNORECASE)


def foreign_names(text: str) -> Iterator[Span]:
    """Yield values of `пароль:`, `密码：` and such, names that are not written in ASCII."""
    names = (
        "пароль|ключ|токен|секрет|密码|密碼|口令|令牌|密钥|パスワード|비밀번호|암호|contraseña|hasło|lösenord|şifre|κωδικός"
        "|mật khẩu|סיסמה"
    )
    pattern = rf"(?i:{names})[\"']?[ \t]{{0,4}}[:=：＝][ \t]{{0,4}}[\"'«“]?([^\s\"'«»“”。，]{{3,512}})"
    for match in compiled(pattern).finditer(text):
        if may_be_secret(match[1], quoted=False):
            yield Span(*match.span(1), "value")


def address_paths(text: str) -> Iterator[Span]:
    """Yield random parts of an address that follow a word or a host which says that they are a key."""
    after = r"(?:webhooks?|hooks?|/bot|/token|/secret|/api-?key)/(?:[\w.-]{1,64}/){0,3}?([\w-]{16,512})(?![\w-])"
    for match in compiled(after, re.IGNORECASE).finditer(text):
        if looks_random(match[1]):
            yield Span(*match.span(1), "url-token")
    hosts = r"(?:infura|alchemyapi|blastapi|moralis)\.io|(?:alchemy|ankr|chainstack)\.com|quiknode\.pro|drpc\.org"
    for match in compiled(
        rf"://[\w.-]{{0,128}}(?:{hosts})/(?:[a-z_]{{1,16}}/)?(?:v\d/)?(?:[a-z_]{{1,16}}/)?([\w-]{{16,128}})"
    ).finditer(text):
        if looks_random(match[1]):
            yield Span(*match.span(1), "url-token")
    yield from whole(
        r"[\w.*-]{1,128}:(?:\d{2,5}|\*):[\w*.-]{1,64}:[\w*.@-]{1,64}:([^\s:]{4,256})[^\n]{0,80}pgpass", "value", text
    )
    yield from whole(
        r"pgpass[^\n]{0,80}[\s\"'][\w.*-]{1,128}:(?:\d{2,5}|\*):[\w*.-]{1,64}:[\w*.@-]{1,64}:([^\s:]{4,256})",
        "value",
        text,
    )
