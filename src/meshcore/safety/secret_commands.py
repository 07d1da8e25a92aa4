"""Secrets in the words of a command: options that take one, and places that only one program knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from meshcore.safety.secret_names import is_placeholder, is_secret_name, may_be_secret
from meshcore.safety.secret_spans import Span, compiled, whole

COMMAND_HINTS = (
    *(
        "curl",
        "http ",
        "https ",
        "wget",
        "lftp",
        "mysql",
        "maria",
        "7z",
        "rar ",
        "mongo",
        "login",
        "twine",
        "sshpass",
        "mosquitto",
    ),
    *("rabbitmq", "ipmitool", "bcp ", "sqlcmd", "osql", "redis-cli", "ldap", "zip ", "snmp", "openssl", "keytool"),
    *("htpasswd", "smbclient", "rpcclient", "wmic", "mount ", "/user:"),
)
_ARGUMENT = r"(?:\"([^\"\n]{1,1024})\"|'([^'\n]{1,1024})'|([^\s\"'-][^\s]{0,1024}))"


def flags(text: str) -> Iterator[Span]:
    option = compiled(rf"(?<![\w-])--?([A-Za-z][\w.-]{{1,63}})[ \t]{{1,8}}{_ARGUMENT}")
    at = 0
    while (match := option.search(text, at)) is not None:
        group = match.lastindex or 0
        at = match.start() + 2
        if is_secret_name(match[1]) and may_be_secret(match[group], quoted=group != 4, name=match[1]):
            yield Span(*match.span(group), "flag")
            at = match.end()


class _Option(NamedTuple):
    """An option of some programs that takes a secret; `word` must stand in the command too where it is not empty."""

    programs: str
    option: str
    word: str = ""


_OPTIONS = (
    _Option("mysql|mysqldump|mysqladmin|mariadb|mariadb-dump|mysqlimport|mysqlsh|7z|7za|7zr|rar|unrar", "-p"),
    _Option(
        "mongo|mongosh|mongodump|mongorestore|sshpass|mosquitto_pub|mosquitto_sub|rabbitmqadmin", r"-[pP][ \t]{0,2}"
    ),
    _Option(
        "docker|podman|nerdctl|helm|oc|az|skopeo|buildah|crane|cf|ibmcloud|gh|npm",
        r"(?:-p|-u[^\s]{1,64})[ \t]{1,4}",
        "login",
    ),
    _Option("twine", r"-p[ \t]{1,4}", "upload"),
    _Option("redis-cli|ldapsearch|ldapadd|ldapmodify|ldapwhoami|ldappasswd", r"-[aw][ \t]{1,4}"),
    _Option("zip|unzip|sqlcmd|bcp|osql|ipmitool", r"-P[ \t]{0,4}"),
    _Option("snmpget|snmpwalk|snmpset", r"-[cAX][ \t]{1,4}"),
    _Option("openssl", r"(?:-k|-K|-pass(?:in|out)?)[ \t]{1,4}(?:pass:)?"),
    _Option("keytool|jarsigner", r"-(?:store|key)pass[ \t]{1,4}"),
    _Option("net", r"/user:[^\s]{1,128}[ \t]{1,4}"),
)


def commands(text: str) -> Iterator[Span]:
    for programs, option, word in _OPTIONS:
        for start, end in _command_lines(text, programs):
            if word in text[start:end]:
                for match in compiled(rf"(?<=[ \t]){option}{_ARGUMENT}").finditer(text, start, end):
                    place = match.span(match.lastindex or 0)
                    if not is_placeholder(text[slice(*place)]) and may_be_secret(text[slice(*place)], quoted=True):
                        yield Span(*place, "flag")
    user = compiled(rf"(?<=[ \t])(?:-[a-zA-Z]{{0,6}}u|--user|--proxy-user|-U|-a|--auth)[ \t=]{{0,4}}{_ARGUMENT}")
    for start, end in _command_lines(text, "curl|http|https|wget|xh|lftp"):
        for match in user.finditer(text, start, end):
            first, last = match.span(match.lastindex or 0)
            colon = text.find(":", first, last)
            if 0 <= colon < last - 1 and not is_placeholder(text[colon + 1 : last]):
                yield Span(colon + 1, last, "user-password")
    for start, end in _command_lines(text, "htpasswd"):
        for match in compiled(r"[ \t]([^\s\"']{4,256})[ \t]{0,4}$", re.MULTILINE).finditer(text, start, end):
            if "-b" in text[start:end] or "-nb" in text[start:end]:
                yield Span(*match.span(1), "flag")
    for start, end in _command_lines(text, "smbclient|rpcclient|net|wmic|mount"):
        for match in compiled(r"(?:-U|user=)[ \t]{0,2}[^\s%]{1,64}%([^\s\"']{3,256})").finditer(text, start, end):
            yield Span(*match.span(1), "flag")


def _command_lines(text: str, programs: str) -> Iterator[tuple[int, int]]:
    """Yield where each command of these programs stands; commands never overlap, so that looking is linear."""
    for match in compiled(rf"(?<![\w.-])(?:{programs})[ \t][^\n|]{{1,2048}}").finditer(text):
        yield match.span()


def odd_places(text: str) -> Iterator[Span]:
    yield from whole(r"[ \t=]pass:([^\s\"']{3,256})", "flag", text)
    yield from whole(r"\blogin[ \t]{1,4}[^\s]{1,256}[ \t]{1,8}password[ \t]{1,8}([^\s\"']{3,512})", "netrc", text)
    yield from whole(r"(?:\"|')([^\"'\n]{3,256})(?:\"|')[ \t]{0,4}\|[ \t]{0,4}sudo[ \t]{1,4}-S", "password", text)
    yield from whole(r"sudo[ \t]{1,4}-S[^\n]{0,64}?<<<[ \t]{0,4}[\"']?([^\s\"']{3,256})", "password", text)
    yield from whole(r"\bsqlplus[ \t]{1,4}(?:-[\w]{1,8}[ \t]{1,4})?[\w.$]{1,64}/([^\s@/\"']{3,128})@", "flag", text)
    yield from whole(r"identified by[ \t]{1,4}[\"']([^\"'\n]{3,256})[\"']", "value", text, re.IGNORECASE)
    name, gap = r"(?:basic_?auth|auth|credentials)", r"[ \t]{0,4}"
    first, second = r"[\"'][^\"'\n]{0,128}[\"']", r"[\"']([^\"'\n]{3,256})[\"']"
    pair = rf"{name}{gap}=?{gap}\({gap}{first},{gap}{second}"
    yield from whole(pair, "value", text, re.IGNORECASE)
