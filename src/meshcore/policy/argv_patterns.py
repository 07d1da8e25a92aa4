"""The small language in which policy.toml says what a typed action may look like: one form a line, nothing else fits.

A form is words: `mkdir [-pv --parents] FOLDER+`. Lower case is literal (`a|b` one of several), brackets hold the
options, capitals are a kind of argument (`KIND?` at most one, `KIND+` one or more, `KIND*` any number). In brackets:
`-abc` flags that may be combined, `-n=NUMBER` an option with a value, `--long`, `--long=KIND`, `-:name` and
`-:name=KIND` for programs whose long options have one dash, `-NUMBER` for `head -5`, `--*=KIND` for any long option
that takes values of the kind, `!--check` for options of which one must be there. `ANY*` at the end takes all that is
left, options too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from meshcore.errors import ConfigurationError
from meshcore.knowledge.text import word_set

_ONE_LITERAL = r"(?:[a-z0-9+@.][\w.+:/=@-]*|--?[A-Za-z0-9][\w-]*)"
_LITERAL = re.compile(rf"{_ONE_LITERAL}(?:\|{_ONE_LITERAL})*")
_ARGUMENT = re.compile(r"([A-Z]+)([?+*]?)")


@dataclass(frozen=True, slots=True)
class Found:
    """A form that an argv fits: the values of its arguments, by kind, in order.

    `words` are those that the form names, `options` those that were given, with their values; `operands` are the values
    of what is no option.
    """

    values: tuple[tuple[str, str], ...]
    words: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    operands: tuple[tuple[str, str], ...] = ()

    def of(self, kind: str) -> tuple[str, ...]:
        """Return the values of one kind."""
        return tuple(value for name, value in self.values if name == kind)


@dataclass(frozen=True, slots=True)
class Form:
    """One form, read: literal words first, then options anywhere, then arguments in order."""

    text: str
    literals: tuple[frozenset[str], ...]
    flags: frozenset[str] = frozenset()  # single letters
    whole: frozenset[str] = frozenset()  # whole options without a value
    valued: dict[str, str] = field(default_factory=dict)  # option → kind
    any_long: str = ""  # kind of the value of any other long option
    number: bool = False  # `-5`
    needed: frozenset[str] = frozenset()  # whole options of which one must be there
    arguments: tuple[tuple[str, str], ...] = ()  # kind and "", "?", "+" or "*"

    def fit(self, argv: Sequence[str]) -> Found | None:
        """Return what an argv says in this form, None where it does not fit."""
        size = len(self.literals)
        if self.needed and self.needed.isdisjoint(argv):
            return None
        if len(argv) < size or any(word not in allowed for word, allowed in zip(argv, self.literals, strict=False)):
            return None
        plain: list[str] = []
        values: list[tuple[str, str]] = []
        options: list[str] = []
        rest = list(argv[size:])
        passes = len(self.arguments) - 1 if self.arguments[-1:] == (("ANY", "*"),) else None  # the rest is as it is
        while rest:
            word = rest.pop(0)
            if passes is not None and len(plain) >= passes:
                plain.append(word)
                continue
            if word == "--" or (word == "-" and plain):
                return None
            if not word.startswith("-") or word == "-":
                plain.append(word)
            elif not self._option(word, rest, values, options):
                return None
        operands = self._assign(plain)
        if operands is None:
            return None
        return Found((*values, *operands), tuple(argv[:size]), tuple(options), operands)

    def _option(self, word: str, rest: list[str], values: list[tuple[str, str]], options: list[str]) -> bool:
        if word in self.whole or (self.number and re.fullmatch(r"-\d{1,6}", word)):
            options.append(word)
            return True
        name, equals, value = word.partition("=")
        if name in self.valued and (equals or not name.startswith("--") or rest):
            if not equals:
                if not rest:
                    return False
                value = rest.pop(0)
            options.append(f"{name}={value}")
            values.append((self.valued[name], value))
            return is_kind(self.valued[name], value)
        if not word.startswith("--"):
            short = word[:2]
            if short in self.valued and len(word) > 2:
                options.append(f"{short}={word[2:]}")
                values.append((self.valued[short], word[2:]))
                return is_kind(self.valued[short], word[2:])
            options += [f"-{letter}" for letter in word[1:]]
            return all(letter in self.flags for letter in word[1:])
        options.append(word)
        return self._any_long(name, value if equals else None, rest, values)

    def _any_long(self, name: str, value: str | None, rest: list[str], values: list[tuple[str, str]]) -> bool:
        if not self.any_long or not re.fullmatch(r"--[a-z][a-z-]{1,40}", name) or name in _NEVER_ANY:
            return False
        taken = [value] if value is not None else []
        while value is None and rest and not rest[0].startswith("-"):
            taken.append(rest.pop(0))
        values += [(self.any_long, v) for v in taken]
        return all(is_kind(self.any_long, v) for v in taken)

    def _assign(self, plain: list[str]) -> tuple[tuple[str, str], ...] | None:
        values: list[tuple[str, str]] = []
        at = 0
        for kind, count in self.arguments:
            taken = 0
            while at < len(plain) and (count in {"+", "*"} or taken == 0) and is_kind(kind, plain[at]):
                values.append((kind, plain[at]))
                taken, at = taken + 1, at + 1
            if taken == 0 and count in {"", "+"}:
                return None
        return tuple(values) if at == len(plain) else None


_NEVER_ANY = frozenset(
    {"--endpoint-url", "--profile", "--no-verify-ssl", "--ca-bundle", "--cli-input-json", "--cli-input-yaml", "--debug"}
    | {"--with-decryption", "--config", "--kubeconfig", "--token", "--server", "--as", "--subscription"}
)


def parse(text: str) -> Form:
    """Read a form. Raises ConfigurationError, which quotes it."""
    head, bracket, tail = text.partition("[")
    options, closed, tail = tail.partition("]") if bracket else ("", "", "")
    if bracket and not closed:
        raise ConfigurationError(f"the form {text!r:.80} has a bracket that is not closed")
    literals: list[frozenset[str]] = []
    arguments: list[tuple[str, str]] = []
    for word in [*head.split(), *tail.split()]:
        argument = _ARGUMENT.fullmatch(word)
        if argument and argument[1] in KINDS:
            arguments.append((argument[1], argument[2]))
        elif not arguments and _LITERAL.fullmatch(word):
            literals.append(frozenset(word.split("|")))
        else:
            raise ConfigurationError(
                f"the form {text!r:.80} has a word that is neither literal nor a kind: {word!r:.40}"
            )
    if not literals:
        raise ConfigurationError(f"the form {text!r:.80} names no program")
    flags: set[str] = set()
    whole: set[str] = set()
    valued: dict[str, str] = {}
    any_long, number = "", False
    needed = frozenset(option[1:] for option in options.split() if option.startswith("!"))
    for option in options.replace("!", "").split():
        name, equals, kind = option.partition("=")
        if equals and kind not in KINDS:
            raise ConfigurationError(f"the form {text!r:.80} has an option of an unknown kind: {option!r:.40}")
        if option == "-NUMBER":
            number = True
        elif name == "--*" and equals:
            any_long = kind
        elif re.fullmatch(r"--[A-Za-z][\w-]*|-[A-Za-z0-9]|-:[A-Za-z][\w-]*", name) and equals:
            valued[name.replace("-:", "-", 1)] = kind
        elif re.fullmatch(r"--[A-Za-z][\w-]*|-:[A-Za-z][\w-]*", option):
            whole.add(option.replace("-:", "-", 1))
        elif re.fullmatch(r"-[A-Za-z0-9]+", option):
            flags.update(option[1:])
        else:
            raise ConfigurationError(f"the form {text!r:.80} has an option that cannot be read: {option!r:.40}")
    return Form(
        text, tuple(literals), frozenset(flags), frozenset(whole), valued, any_long, number, needed, tuple(arguments)
    )


# Kinds of arguments


@cache
def _full(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


_SECRET_NAME = re.compile(
    r"(?:^|/)\.(?:env|ssh|aws|gnupg|kube|netrc|npmrc|pypirc|docker|azure|pgpass|git-credentials|git|hg|svn|claude|config)(?:$|[./])"
    r"|id_(?:rsa|dsa|ecdsa|ed25519)|credential|secret|passw|token|\.(?:pem|key|p12|pfx|keytab|kdbx|jks)$|meshtui|mesh\.db|bridge|\.db-(?:wal|shm)$"
    r"|(?:bash|zsh)rc$|_history$|\.profile$|authorized_keys|conftest\.py$|sitecustomize|usercustomize|\.pth$|makefile$",
    re.IGNORECASE,
)


def _path(value: str) -> bool:
    """Say whether a text is a path below the folder it is used in, of nothing that holds secrets or starts code.

    `@file` is none: many programs read more arguments from it.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.+,=][A-Za-z0-9_.@+,=/-]{0,254}", value, re.ASCII):
        return False
    return ".." not in value.split("/") and _SECRET_NAME.search(value) is None


def _sed(value: str) -> bool:
    """Say whether a sed script only prints, deletes, quits or substitutes: no command that runs, reads or writes."""
    address = r"(?:(?:\d{1,7}|\$|/[^/\\]{1,80}/)(?:,(?:\d{1,7}|\$|/[^/\\]{1,80}/))?)?"
    if not (value.isascii() and value.isprintable()):
        return False
    if re.fullmatch(address + r"!?[pdq=]", value):
        return True
    match = re.match(address + r"s([/|#,:])", value)
    if match is None:
        return False
    parts = value[match.end() :].split(match[1])
    return len(parts) == 3 and "\\" not in value and re.fullmatch(r"[gpiI0-9]{0,4}", parts[2]) is not None


_EXAMPLE = re.compile(
    r"(?P<before>(?:.*/)?)(?:(?P<suffixed>[^/]+)[.-](?:example|sample|dist|template|tmpl)"
    r"|(?:example|sample)[.-](?P<prefixed>[^/]+)"
    r"|(?P<stem>[^/]+)[.-](?:example|sample|dist|template)(?P<end>\.\w{1,8}))"
)


def real_name(example: str) -> str:
    """Return the path of the file that a file named as an example is one of, "" for another name."""
    found = _EXAMPLE.fullmatch(example)
    if found is None:
        return ""
    return found["before"] + (found["suffixed"] or found["prefixed"] or found["stem"] + found["end"])


_INTERPRETER = re.compile(
    r"1s([|,@])\^?(?:#!)?\.\*\$?\1(#!(?:/bin/(?:ba)?sh|/usr/bin/(?:bash|env (?:bash|sh|python3|node|perl|ruby))))\1"
)


def new_interpreter(script: str) -> str:
    """Return the first line that a sed script gives to a file, "" for any other script."""
    found = _INTERPRETER.fullmatch(script)
    return found[2] if found else ""


def _test_file(value: str) -> bool:
    """Say whether a test runner is given tests: a folder, or a file that is named as one; a part of it may follow."""
    path, _, part = value.partition("::")
    name = path.rstrip("/").rsplit("/", 1)[-1]
    named = "." not in name.strip(".") or re.search(r"(?:^|[._-])(?:tests?|specs?)(?:[._-]|$)", name, re.ASCII)
    return bool(named) and len(part) < 300 and part.isprintable() and (_path(path) or path in (".", "./"))


_JQ_WORDS = word_set(
    "select map length keys values type sort sort_by group_by unique unique_by min max add any all not first last "
    "reverse has contains test startswith endswith split join tostring tonumber to_entries from_entries "
    "with_entries if then else end and or null true false empty flatten floor sqrt ascii_downcase ascii_upcase "
    "tojson fromjson del index indices inside"
)


def _jq(value: str) -> bool:
    """Say whether a jq filter only looks at its input: no environment, no other file, no module."""
    if not re.fullmatch(r"[\w.\[\]|,:;\s\"'(){}<>=!+/?-]{1,300}", value, re.ASCII):
        return False
    without_text = re.sub(r'"[^"\\]{0,100}"', '""', value)
    return all(word in _JQ_WORDS for word in re.findall(r"(?<![.\w\"])[A-Za-z_]\w*", without_text))


_MOVED_IMPORTS = frozenset(
    f"s/from {old} import{name}/from {new} import{name}/{every}"
    for old, new, name in (("collections", "collections.abc", ""), ("fractions", "math", " gcd"))
    for every in ("", "g")
)
"""Substitutions by sed that follow what the standard library itself has moved, and nothing else."""

_REVEALING = re.compile(r"attribute|user-data|definition|function|parameter|secret|passw|credential|token|launch|key")
_PACKAGE = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?(?:==[A-Za-z0-9][A-Za-z0-9.+!]{0,40})?"
_ARCHIVES = (".whl", ".egg", ".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz", ".xz", ".txz", ".lz", ".tlz", ".lzma")
"""Ends of names that pip takes for files of the folder, and builds."""
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.,:=@/+-]{0,200}"

KINDS: dict[str, Callable[[str], bool]] = {
    "NUMBER": _full(r"[+-]?\d{1,9}"),
    "SIZE": _full(r"[+-]?\d{1,9}[A-Za-z]{0,3}"),
    "SECONDS": _full(r"[0-5]?\d"),
    "WORD": lambda value: _full(_WORD)(value) and "//" not in value and _SECRET_NAME.search(value) is None,
    "NAME": _full(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,127}"),
    "TEXT": lambda value: 0 < len(value) <= 512 and value.isascii() and value.isprintable() and value[0] != "-",
    "LIST": _full(r"[0-9,-]{1,60}"),
    "KEY": _full(r"\d{1,3}(?:\.\d{1,3})?[bdfghinMrRV]{0,4}(?:,\d{1,3}(?:\.\d{1,3})?[bdfghinMrRV]{0,4})?"),
    "PATH": _path,
    "FOLDER": lambda value: _path(value) and value not in {".", "./"},
    "NEWFILE": lambda value: _path(value) and value not in {".", "./"} and not value.endswith("/"),
    "EXAMPLE": lambda value: _path(value) and real_name(value) != "",
    "VENV": _full(r"\.?v?env"),
    "LOCK": _full(r"(?:/[^\x00-\x1f\x7f]{0,1024}/|(?:\./)?)\.git/index\.lock"),
    "HERE": _full(r"\.(?:\[[A-Za-z0-9][A-Za-z0-9_,-]{0,100}\])?"),
    "SOURCE": lambda value: _path(value) and value.endswith(".py"),
    "MENDING": lambda value: value == r"s/\r$//" or new_interpreter(value) != "",
    "MOVEDIMPORT": lambda value: value in _MOVED_IMPORTS,
    "UPSTREAM": _full(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,40}/[A-Za-z0-9](?:[A-Za-z0-9_-]|[./](?![./])){0,120}"),
    "LABEL": _full(r"[A-Za-z0-9_.,=!()/ -]{1,200}"),
    "RESOURCE": lambda value: (
        _full(r"[a-z][a-z0-9.,-]{1,80}(?:/[a-z0-9][a-z0-9.-]{0,120})?")(value) and "secret" not in value
    ),
    "OUTPUT": _full(r"json|yaml|wide|name|table|text|tsv|csv|short"),
    "SED": _sed,
    "JQ": _jq,
    "PACKAGE": lambda value: _full(_PACKAGE)(value) and not value.lower().endswith(_ARCHIVES),
    "NODEPACKAGE": _full(
        r"(?:@[a-z0-9][a-z0-9._-]{0,60}/)?[a-z0-9][a-z0-9._-]{0,98}(?:@[A-Za-z0-9^~][A-Za-z0-9.+-]{0,40})?"
    ),
    "PORT": lambda value: _full(r"\d{4,5}")(value) and 1024 <= int(value) <= 65535,
    "SOCKETS": _full(r"[46]?(?:tcp|udp)?(?::\d{1,5}(?:[,-]\d{1,5}){0,20})?"),
    "TCPPORT": lambda value: value.endswith("/tcp") and KINDS["PORT"](value[:-4]),
    "BRANCH": lambda value: (
        _full(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,120}")(value)
        and ".." not in value
        and not value.endswith((".lock", "/", "."))
    ),
    "EMAIL": _full(r"[A-Za-z0-9_.+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}"),
    "PERSON": _full(r"[A-Za-z0-9][A-Za-z0-9 ._'-]{0,63}"),
    "SERVICE": _full(r"[A-Za-z0-9][A-Za-z0-9_@.-]{0,63}"),
    "TASK": _full(r"[A-Za-z0-9][A-Za-z0-9_:.-]{0,63}"),
    "DESCRIBE": lambda value: _full(r"(?:describe|list)-[a-z][a-z0-9-]{1,60}")(value) and not _REVEALING.search(value),
    "FORMAT": _full(r"\+[A-Za-z0-9%:.,_ /-]{1,80}"),
    "PSFLAGS": _full(r"aux(?:f|w{1,2})?|axu?w{0,2}|uax?|[axu]"),
    "PSFORMAT": lambda value: _full(r"[a-z%,_=]{1,120}")(value) and "env" not in value,
    "MODE": _full(r"0?[467]00|u=rwx?,go=|go-rwx"),
    "ANY": lambda value: len(value) <= 4096 and "\0" not in value,
    "FILE": lambda value: 0 < len(value) <= 1024 and value[0] != "-" and "\0" not in value and "://" not in value,
    "SQL": lambda value: value[:1] not in ("", ".", "-") or value in (".tables", ".schema", ".indexes", ".dump"),
    "MODULE": _full(r"[A-Za-z_][A-Za-z0-9_.]{0,127}"),
    "CODE": lambda value: (
        _path(value) and re.search(r"^[^@].*\.(?:[chmsSoa]|cc|cpp|cxx|mm|so|rs|java)$", value) is not None
    ),
    "TESTFILE": lambda value: _test_file(value),
    "TESTMODULE": _full(r"(?=(?:[\w.]*[._])?tests?(?:[._]|$)|(?:[\w.]*[._])?test_)[A-Za-z_][A-Za-z0-9_.]{0,127}"),
}


def is_kind(kind: str, value: str) -> bool:
    """Say whether a value is of a kind."""
    return KINDS[kind](value)
