"""Secrets in the words of a command: options that take one, and places that only one program knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from meshcore.safety.secret_names import is_made, is_placeholder, is_secret_name, may_be_secret
from meshcore.safety.secret_shapes import changes
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
_SET_VARIABLE = (
    r"(?:setenv|setx|SetEnv|set -\w{1,4}|ENV|ARG|export|fastcgi_param) "
    r"(?=[A-Z_0-9]{0,64}(?:PASS|PWD|PW|SECRET|TOKEN|KEY|CRED|AUTH))[A-Z_0-9]{2,64} [\"']?([^\s\"']{6,2048})"
)
_TAKES_IT = r"stdin|--with-token|passwd|login|secrets?\x20(?:put|set|create|add|versions\x20add)"
# What stands in lower case in every text that the form answers, and the form; its group is the secret, a blank any gap.
_FORMS = (
    ("wpa_passphrase", r"wpa_passphrase \S{1,64} (\S{4,256})"),
    ("requirepass", r"requirepass [\"']?([^\s\"']{4,256})"),
    ("password ", r"(?:store|key)Password [\"']?([^\s\"']{4,256})"),
    ("<(", r"<\((?:echo|printf) (?:-\w{1,8} )?[\"']?([^\s\"')]{8,2048})"),
    ("nmcli", r"nmcli[\x20\t][^\n]{0,200}?[\x20\t](?:password|psk|wifi-sec\.psk) (\S{4,256})"),
    ("lftp", r"lftp[\x20\t][^\n]{0,200}?-u[\x20\t]{0,4}[^\s,]{1,128},([^\s\"']{3,256})"),
    ("mc ", r"\bmc (?:alias|config) (?:set|host add) \S{1,128} \S{1,256} \S{1,256} (\S{4,256})"),
    (
        " set ",
        r"\b(?:npm|pnpm|yarn|bun) (?:(?:config|c) )?set \S{0,256}(?:_auth|_password|token|secret)\w{0,16}"
        r"[\x20\t=]{1,8}(\S{4,512})",
    ),
    ("poetry", r"poetry config (?:--\w{1,32} )?(?:pypi-token|http-basic)\.\S{1,128}(?: [^\s-]\S{0,128})? (\S{4,512})"),
    (
        "composer",
        r"composer config (?:-{1,2}\w{1,32} ){0,2}(?:http-basic|bearer|github-oauth|gitlab-token)\.\S{1,128}"
        r"(?: \S{1,128})? (\S{4,512})",
    ),
    ("bundle", r"bundle config (?:set )?(?:--\w{1,32} )?\S{1,256} [^\s:=]{1,128}:([^\s\"']{4,256})"),
    (
        "login",
        r"\b(?:cargo|vercel|netlify|railway|wandb|hf|huggingface-cli|snyk|pulumi|doppler|dotnet) (?:auth )?login "
        r"(?:--\w{1,32} )?([A-Za-z0-9_.-]{20,512})",
    ),
    (
        "set ",
        r"(?:secrets?|config|env|variables?)[\x20:](?:set|put|add)[\x20\t][^\n]{0,200}?(?<=[\x20\t])[\"']?"
        r"[A-Za-z_]\w{1,64}"
        r"=([^\s\"']{6,2048})",
    ),
    (
        "set ",
        r"(?:secrets?|kv|variables?)[\x20:](?:set|put|add|create) (?:--?\w{1,32} )?[\w/.-]{1,128} "
        r"(?:(?:--body|-b|--value|--data)[\x20\t=]{1,8})?[\"']?([^\s\"'=-][^\s\"'=]{9,2048})",
    ),
    ("from-literal", r"--from-literal[=\x20\t]{1,8}[\"']?[\w.-]{1,253}=([^\s\"']{3,2048})"),
    (" put ", r"\bkv put \S{0,200}(?:pass|pw|secret|token|key)\S{0,64} ([^\s=]{4,2048})"),
    ("rabbitmqctl", r"rabbitmqctl (?:-\w \S{1,64} )?(?:add_user|change_password) \S{1,128} [\"']?([^\s\"']{3,256})"),
    ("mosquitto_passwd", r"mosquitto_passwd -b \S{1,256} \S{1,128} (\S{3,256})"),
    (
        "passwd",
        r"echo (?:-\w{1,8} )?[\"']?[^\s:\"']{1,64}:([^\s\"']{3,256})[\"']?[\x20\t]{0,8}\|[\x20\t]{0,8}"
        r"(?:sudo )?(?:chpasswd|htpasswd)",
    ),
    (
        "| ",
        r"(?:echo|printf) (?:-\w{1,8} )?[\"']?([^\s\"'|]{4,2048})[\"']?[\x20\t]{0,8}\|[^\n|]{0,200}?"
        rf"(?:{_TAKES_IT}|sudo\x20-S)",
    ),
    ("<<<", rf"(?:{_TAKES_IT})[^\n|<]{{0,200}}<<<[\x20\t]{{0,4}}[\"']?([^\s\"']{{4,2048}})"),
    (
        "<<<",
        rf"<<<[\x20\t]{{0,4}}[\"']?([^\s\"'|]{{4,2048}})[\"']?[\x20\t]{{0,8}}\|[^\n|]{{0,200}}?(?:{_TAKES_IT})",
    ),
    ("securestring", r"--value[\x20\t=]{1,8}[\"']?([^\s\"']{4,4096})[^\n]{0,200}?SecureString"),
    ("securestring", r"SecureString[^\n]{0,200}?--value[\x20\t=]{1,8}[\"']?([^\s\"']{4,4096})"),
    ("pass", r"(?:password|pass)-?(?:command|cmd)[\x20\t=]{1,8}[\"']?(?:echo|printf) ([^\s\"']{4,256})"),
    ("/user:", r"net use[\x20\t][^\n]{0,200}?/user:\S{1,128} (\S{3,256})"),
    (" /p", r"(?<=[\x20\t])/(?:p|pass|password):([^\s\"']{4,256})"),
    ("-key ", r"\bwg set[\x20\t][^\n]{0,200}?(?:preshared-key|private-key) (?!/)([A-Za-z0-9+/]{42,43}=)"),
    ("key ", r"(?:preshared|pre-shared|wpa|private|shared)[\x20_-]key ([A-Za-z0-9+/]{40,86}={0,2})(?=\s|$|[;\"'])"),
    ("psk ", r"psk ([A-Za-z0-9+/]{40,86}={0,2})(?=\s|$|[;\"'])"),
    ("setenv ", _SET_VARIABLE),
    ("setx ", _SET_VARIABLE),
    ("set -", _SET_VARIABLE),
    ("env ", _SET_VARIABLE),
    ("arg ", _SET_VARIABLE),
    ("export ", _SET_VARIABLE),
    ("fastcgi_param ", _SET_VARIABLE),
    (
        "--user",
        r"--user(?:name)?[\x20\t=]{1,8}[^\s:\"']{1,64}:(?=[^\s]{0,64}\d)(?=[^\s]{0,64}[A-Za-z])([^\s\"':]{6,256})",
    ),
)
_PAIR = (
    r"(?<=[ \t])(?:-[uU]|--user(?:name)?)[ \t=]{{0,4}}[^\s-]\S{{0,127}}[ \t]{{1,8}}"
    r"(?:-[pPw]|--p(?:w|ass))[ \t=]{{0,4}}{0}",
    r"(?<=[ \t])(?:-[pPw]|--p(?:w|ass))[ \t]{{0,4}}{0}[ \t]{{1,8}}(?:-[uU]|--user(?:name)?)[ \t=]",
)
_PLAIN_VALUE = r"[\d.:,-]{1,40}(?:/(?:tcp|udp))?|[./~].{0,512}|\w{1,64}\.\w{1,4}|[a-z][a-z-]{0,40}"


def forms(text: str) -> Iterator[Span]:
    """Yield what known commands take as a secret without an option that says so."""
    lowered = text.lower()
    for form in dict.fromkeys(form for hint, form in _FORMS if hint in lowered):
        for match in compiled(form.replace(" ", r"[\x20\t]{1,8}")).finditer(text):
            if not is_placeholder(match[1]) and not match[1].startswith(("/", "@", "file:")):
                yield Span(*match.span(1), "flag")


def _short_options(text: str) -> Iterator[Span]:
    """Yield the value of `-p` and its like: after a user's name, or where no name, number or path looks like it."""
    lowered = text.lower()
    for pair in _PAIR if " -u" in lowered or " --user" in lowered else ():
        for match in compiled(pair.format(_ARGUMENT)).finditer(text):
            place = match.span(match.lastindex or 0)
            value = text[slice(*place)]
            command = text[max(0, match.start() - 64) : match.start()]
            if compiled(_PLAIN_VALUE).fullmatch(value) or is_placeholder(value) or "sudo" in command[-12:]:
                continue
            yield Span(*place, "flag")
    if not any(option in lowered for option in (" -p", " -w", " -a", " -k", " -t")):
        return
    option = r"(?<=[ \t])-[pPwakt][ \t]{0,4}[\"']?([^\s\"'=/-][^\s\"'=/]{9,255})(?=[\s\"']|$)"
    for match in compiled(option).finditer(text):
        if is_made(match[1]) and changes(match[1]) >= 0.34 and not is_placeholder(match[1]):
            yield Span(*match.span(1), "flag")


_ARGUMENT = r"(?:\"([^\"\n]{1,1024})\"|'([^'\n]{1,1024})'|([^\s\"'-][^\s]{0,1024}))"


def flags(text: str) -> Iterator[Span]:
    """Yield the values of options whose name says that a secret follows, and of `-p` where its value looks like one."""
    yield from _short_options(text)
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
