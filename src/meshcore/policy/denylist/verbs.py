"""What destroys, whatever the program is called: verbs as subcommands, options, methods, statements, names of scripts.

Lists of programs never end. Nearly all of them say what they do in the same few words, and nearly always first.
"""

from __future__ import annotations

import re
from functools import cache

from meshcore.knowledge.text import word_set
from meshcore.policy.command_parser import INTERPRETERS, program
from meshcore.policy.denylist.refusal import Refusal, destroys, shortened
from meshcore.policy.plain_words import Argv

_RUNNERS = word_set(
    "pytest py.test jest vitest mocha ava rspec phpunit unittest tox mypy pyright ruff black isort flake8 pylint "
    "eslint prettier tsc clang-format shellcheck yamllint hadolint tflint ansible-lint golangci-lint gofmt rustfmt "
    "protoc buf"
)
# What only reads, prints, edits what it is given, or tests: no word of it is a verb.
_WITHOUT_VERBS = _RUNNERS | word_set(
    "echo printf cat ls grep egrep fgrep rg ag ack head tail wc sort uniq cut tr sed awk gawk mawk jq yq man info tldr "
    "which whereis type file stat find mkdir touch cp mv rm rmdir ln diff cmp comm test [ [[ basename dirname readlink "
    "realpath tree cd sleep seq date tar zip unzip gzip gunzip chmod chown chgrp kill du df ps redirect piped-into "
    "gcc g++ cc clang rustc javac tldr xsltproc ffmpeg convert sqlfluff pre-commit coverage codespell rubocop git "
    "base64 xxd od nl paste join fold fmt column strings hexdump md5sum sha256sum less set export unset [[ true false "
    "curl wget git"
)
_TESTERS = word_set(
    "cargo go npm pnpm yarn bun mix gradle gradlew mvn mvnw deno dotnet swift flutter dart sbt lein stack"
)
_TESTS = word_set("test t check lint build bench fmt clippy vet")
_DESTROY = word_set(
    "delete destroy purge prune drop wipe erase shred truncate terminate deregister unregister unregistervm "
    "decommission obliterate nuke evict revoke rollback forget unpublish yank expunge deprovision teardown zap "
    "undeploy abandon annihilate dropdatabase removedb lvremove deleted destroyed purged deletes factoryreset "
    "harddelete massdelete undefine flushall flushdb garbage abandontransaction"
)
# These destroy where no check of the program knows better, and any program's data.
_TAKE_AWAY = word_set(
    "rm rb rmi remove del uninstall unlink clear reset racreset flush empty trash gc undo downgrade fresh retract kill "
    "halt poweroff shutdown disable deactivate detach down expire repossess unlock strip invalidate discard eject "
    "sacrifice dismiss close overwrite clean cleanup absent"
)
_WHOLE_DATA = word_set(
    "db database databases schema schemas table tables collection collections bucket buckets volume volumes index "
    "indices indexes topic topics queue queues namespace realm tenant cluster all flyway ecto migrate migration "
    "migrations keyspace partition disk snapshot snapshots backup backups generations"
)
_HARMLESS_FIRST = word_set(
    "list ls get show describe explain help why view info install search start restart create scale pull upgrade "
    "enable init validate version add which logs top"
)
_HARMLESS_ALONE = word_set("clean cleanup clear close fresh unlock")
_OPTIONS = word_set(
    "delete destroy purge prune drop wipe erase truncate obliterate force hard really nuke evict revoke exhaustive "
    "terminate expunge unregister decommission"
)
_OPTION_IS_SAFE = re.compile(
    r"--?(?:no|skip|keep|without|dont|disable|never|ignore)[-_]"
    r"|--?force-(?:reinstall|colou?r|exclude|recreate|rebuild|refresh|update|recompile|exit|tty|renew|with|if|yes|overwrite-i18n)",
    re.IGNORECASE,
)
_EXTENSION = re.compile(r"[^./]\.([A-Za-z0-9]{1,8})$")
_SCRIPT = re.compile(r"\.(?:py|[mc]?js|tsx?|sh|bash|rb|pl|php|lua|ps1|exs?|jl|r)$", re.IGNORECASE)
_STATEMENT = re.compile(
    r"\b(?:drop|truncate)\s+(?:table|database|schema|index|view|user|role|keyspace|collection|warehouse|tablespace|column|type"
    r"|constraint|sequence|function|trigger|materialized|owned|stream|stage|task|label)\b|\btruncate\s+[\w.\"`]+\s*;?\s*$"
    r"|\b(?:detach\s+)?delete\s+(?:from\b|\w+\s*[;\"'}]?\s*$|\w+\.)|\bflush(?:all|db)\b|\brevoke\s+\w+.*\bfrom\b"
    r"|\bmutation\b.{0,200}\b(?:delete|remove|destroy|purge|drop|wipe)\w*"
    r"|\._?(?:drop|delete|remove|destroy|purge|truncate|wipe|unlink|rmtree|rmdir|rmsync|flush)\w*\s*\("
    r"|\brm\s+-\w*[rf]|\b(?:remove|delete|destroy|drop|purge|wipe)(?:-\w+)?\s+-\w*(?:recurse|force)\b",
    re.IGNORECASE,
)
_SHOUTED = frozenset({"DELETE", "PURGE", "DROP", "TRUNCATE", "FLUSHALL", "FLUSHDB"})
_STATE_GONE = re.compile(r"\b(?:state|ensure|status)=(?:absent|purged|removed|deleted|destroyed)\b", re.IGNORECASE)
_POSITIONS = 4  # words after the program that may be its verbs


def verb_of_destruction(argv: Argv, *, known: bool, package: bool) -> Refusal | None:
    """Return why a command destroys by what it says.

    `known`: a check of the program's own has the weaker verbs. `package`: the name may be one of a package to install.
    """
    name, words = _spoken(argv)
    if name in _WITHOUT_VERBS or name in _HARMLESS_FIRST:
        return None
    reason = (
        (not package and _named_so(name))
        or _by_options(words, known=known)
        or _by_words(name, words, known=known)
        or _by_statements(words)
    )
    return destroys(shortened(name), f"{reason}: it destroys or takes back what others rely on") if reason else None


def _spoken(argv: Argv) -> tuple[str, Argv]:
    """Return the program or script that speaks, as it is written, and its words."""
    if re.sub(r"[\d.]+$", "", program(argv[0])) not in INTERPRETERS:
        return argv[0].rpartition("/")[2], argv[1:]
    for at, word in enumerate(argv[1:], 1):
        if word == "-m" and at + 1 < len(argv):
            return argv[at + 1].rpartition(".")[2], argv[at + 2 :]
        if not word.startswith("-"):
            return word.rpartition("/")[2], argv[at + 1 :]
    return argv[0], ()


def _named_so(name: str) -> str:
    """Return the verb in the name of a script or of a program of several words."""
    stem = _SCRIPT.sub("", name)
    parts = _parts(stem)
    if "." in stem or (stem == name and len(parts) < 2) or _is_test(parts):
        return ""
    found = _strong(parts)
    return f"its name says {found}" if found else ""


def _by_options(words: Argv, *, known: bool) -> str:
    for word in words:
        option, _, value = word.partition("=")
        if not re.match(r"--[a-z]|-[a-z]{4}", option, re.IGNORECASE) or _OPTION_IS_SAFE.match(option):
            continue
        parts = _parts(option)
        if known and set(parts) & _OPTIONS <= {"force"}:
            continue
        if "really" in parts or any(
            part in _OPTIONS for part in (parts[:1] + parts[-1:] if option.startswith("--") else parts[:1])
        ):
            return f"{shortened(option)} is given"
        if "/" not in value and "test" not in word.lower() and (found := _strong(_parts(value))):
            return f"{shortened(option)} is {found}"
    return ""


def _by_words(name: str, words: Argv, *, known: bool) -> str:
    seen = 0
    spoken = [*_parts(name)]
    for word in words:
        if word in _SHOUTED or _STATE_GONE.search(word):
            return f"it says {shortened(word)}"
        if word.startswith("-") or " " in word or seen >= _POSITIONS:
            continue
        seen += 1
        if word == "off" and spoken[-1:] == ["power"]:
            return "it says power off"
        if (
            word in _HARMLESS_FIRST
            or word in _RUNNERS
            or (name in _TESTERS and (word in _TESTS or _is_test(_parts(word))))
        ):
            seen = _POSITIONS
            continue
        parts = _verb_parts(word)
        alone = seen == 1 and sum(not other.startswith("-") for other in words) == 1
        if found := _destroying(parts, spoken, known=known, alone=alone):
            return f"it says {found}"
        spoken += parts
    return ""


def _destroying(parts: list[str], before: list[str], *, known: bool, alone: bool) -> str:
    """Return the verb among the parts of a word; `before`: what the program's name and the words before it said."""
    if not parts or _is_test(parts) or "cache" in parts or "caches" in parts or {"cache", "caches"} & set(before[-2:]):
        return ""
    if found := _strong(parts):
        return found
    if _WHOLE_DATA & ({*parts} | {*before[-2:]}) and (found := next((p for p in parts if p in _TAKE_AWAY), "")):
        return found
    weak = next((part for part in (*parts[:1], *parts[-1:]) if part in _TAKE_AWAY), "")
    return "" if known or not weak or (alone and weak in _HARMLESS_ALONE) else weak


def _by_statements(words: Argv) -> str:
    for word in words:
        if (" " in word or "(" in word) and (found := _STATEMENT.search(word)):
            return f"it says {shortened(found[0].strip())}"
    return ""


def _strong(parts: list[str]) -> str:
    for part in parts:
        if part in _DESTROY or (len(part) > 5 and _compound().match(part)):
            return part
    return ""


@cache
def _compound() -> re.Pattern[str]:
    what = (
        r"(?:dbs?|database|clusters?|users?|tables?|all|buckets?|vms?|index|topics?|namespace|schema|volumes?|pools?)"
    )
    return re.compile(
        rf"(?:drop|delete|destroy|purge|wipe|erase|unregister|remove|rm){what}$|{what}(?:drop|delete|destroy|wipe)$"
    )


def _verb_parts(word: str) -> list[str]:
    """Return the parts of a word that may be a verb, none for a file, a folder or an address."""
    ending = _EXTENSION.search(word)
    method = ending is not None and (ending[1].lower() in _TAKE_AWAY or _strong(_parts(ending[1])))
    if (ending and not method) or "://" in word or word.startswith(("/", ".", "~", "@")) or word.endswith("/"):
        return []
    return _parts(word.rpartition("/")[2])


def _parts(word: str) -> list[str]:
    return [part.lower() for part in _humps().findall(word)]


@cache
def _humps() -> re.Pattern[str]:
    return re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]+")


def _is_test(parts: list[str]) -> bool:
    return bool({"test", "tests", "spec", "specs", "example", "examples", "mock", "lint"} & set(parts))
