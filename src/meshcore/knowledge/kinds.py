"""What kind of cause a failure has, as far as its line, exit code and command tell: wording, machine, verdict, other.

Wording and machine are causes outside of the project's code: the same command fails again until somebody types
something else or repairs the machine. A verdict is what a test runner, linter, type checker or build had to say.
"""

from __future__ import annotations

import functools
import re
from typing import Literal

from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import bare, program_words
from meshcore.knowledge.text import word_set
from meshcore.knowledge.typed import is_set_up

Kind = Literal["wording", "machine", "verdict", "other"]
KINDS: tuple[Kind, ...] = ("other", "wording", "machine", "verdict")


@functools.cache
def _wording() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:un(?:known|recogni[sz]ed|expected|supported)|invalid|illegal|bad|no such|ambiguous|missing|extra)"
        r" (?:long |short |shorthand |command[- ]line )*"
        r"(?:sub-?commands?|commands?|options?|flags?|arguments?|switch|parameters?|targets?|scripts?|tasks?|field|revision)\b"
        r"|(?:script|target|task|recipe|command|subcommand) (?:\"|'|`)?[\w:.-]{0,40}(?:\"|'|`)? ?not found\b"
        r"|script not found|not (?:a|recognized as an?) (?:[\w-]+ )?(?:command|option|subcommand)"
        r"|(?:don't know how|no rule) to make target|accepts? (?:\w+ ){0,3}\d+ arg|arguments? (?:is|are) required"
        r"|requires? (?:an|at least|exactly|\d+) (?:\w+ )?arg|too (?:many|few) (?:positional )?arguments"
        r"|option requires an argument|cannot be used (?:with|together)|no such (?:sub)?command|syntax error near"
        r"|parse error near|no matches found|unknown json field"
    )


@functools.cache
def _machine() -> re.Pattern[str]:
    return re.compile(
        r"(?i)command not found|: not found$|executable file not found|no such file or directory: \S*bin/"
        r"|cannot execute|exec format error|bad interpreter|daemon (?:is )?not run"
        r"|econnrefused|could not resolve host|no space left|disk quota|unsupported engine"
        r"|engine .{0,60}incompatible|requires? (?:node|python|go|ruby|java|rust)\b.{0,40}\d|version .{0,60}required"
        r"|(?:is )?not installed|not (?:logged in|authenticated)|authentication (?:failed|required)|login required"
        r"|permission denied|operation not permitted|read-only file system|address already in use"
        r"|unable to locate (?:package|credentials)|no module named (?:pip|pytest|venv|ensurepip)\b"
        r"|connection (?:to .{1,60} )?(?:was )?refused|(?:failed to|couldn't|could not|cannot) connect\b"
        r"|not been booted with|^make(?:\[\d+\])?: [\w.+-]+: no such file"
        r"|externally-managed-environment|toolchain .{0,60}not (?:installed|available)"
    )


@functools.cache
def _unknown_name() -> re.Pattern[str]:
    return re.compile(
        r"(?i)\b(?:no such|unknown|unrecogni[sz]ed|invalid|undefined|not found|no [\w -]{1,30} (?:named|called)"
        r"|did(?: not|n't) match|does(?: not|n't) (?:exist|match)|could(?: not|n't) find|not defined)\b"
    )


_QUOTED = re.compile(r"[\"'`‘“]([\w@:+-]{2,60})[\"'`’”]")


def _names_typed(text: str, parts: list[tuple[str, ...]]) -> bool:
    """Tell whether a program does not know a name that was typed to it; a path is none: files come and go."""
    if not _unknown_name().search(text):
        return False
    typed = {bare(word).rpartition("=")[2] for part in parts for word in program_words(part)[1:]}
    return not typed.isdisjoint(_QUOTED.findall(text))


_TESTERS = word_set(
    "pytest py.test tox nox jest vitest mocha ava karma rspec phpunit ctest eslint biome tsc ruff mypy pyright "
    "flake8 pylint golangci-lint shellcheck black prettier stylelint clippy gofmt goimports staticcheck make "
    "cmake ninja gcc g++ cc clang ld javac webpack vite esbuild rollup turbo nx gradle gradlew mvn mvnw bazel "
    "xcodebuild msbuild unittest playwright cypress pre-commit lint-staged runtests.py rubocop credo mix flutter "
    "dart swift dotnet"
)
_TASKS = re.compile(
    r"(?i)^(?:.*[:/_-])?(?:t|test|tests|check|checks|lint|lints|build|compile|typecheck|type-check|types|vet|fmt|format|"
    r"verify|validate|ci|e2e|unit|integration|spec|coverage|bench|clippy|doc|css|dist|bundle|release|canary)(?:[:/_-].*)?$"
)
_TASKERS = word_set(
    "npm pnpm yarn bun npx bunx pnpx mise just task make go cargo deno uv poetry pdm hatch rake composer invoke "
    "mix bundle swift flutter dart dotnet gradle gradlew mvn mvnw turbo nx python node lerna"
)


_NO_CHECKS = word_set(
    "clean distclean install i add remove rm uninstall ci setup init deps update upgrade migrate seed sync login "
    "pull push"
)


def is_check(part: tuple[str, ...]) -> bool:
    """Tell whether a simple command is a test runner, linter, type checker or build."""
    words = program_words(part)
    if not words:
        return False
    program = program_name(words[0])
    plain = [word for word in words[1:5] if not word.startswith("-") and word not in ("run", "exec", "x", "tool")]
    if plain[:1] and plain[0] in _NO_CHECKS:
        return False
    if program in _TESTERS:
        return True
    return program in _TASKERS and any(_TASKS.match(word) or program_name(word) in _TESTERS for word in plain[:2])


def has_check(parts: list[tuple[str, ...]]) -> bool:
    """Tell whether any of these simple commands is one."""
    return any(is_check(part) for part in parts if not is_set_up(part))


def kind_of(line: str, exit_code: int | None, parts: list[tuple[str, ...]]) -> Kind:
    """Return what kind of cause a failure has whose telling line is given."""
    text = line[:400]
    if exit_code in (126, 127) or _machine().search(text):
        return "machine"
    if _wording().search(text) or _names_typed(text, parts):
        return "wording"
    return "verdict" if has_check(parts) else "other"
