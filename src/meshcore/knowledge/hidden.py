"""What a pipe hides: exit code 0 where a builder, test runner or package manager closed its output as a failure.

Counted is only the closing line that such a program prints of itself, never the word `error`, and only where the
command runs one and something behind it can hide its exit code.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from meshcore.knowledge.kinds import is_check
from meshcore.knowledge.program import program_name
from meshcore.knowledge.shell_words import OPERATORS, program_words, words_and_operators
from meshcore.knowledge.text import word_set

_OVERLOOKED = 4  # lines below a closing line
_SHOWN = 160
_READ = 4_000  # characters at the end of an output
_MANAGERS = word_set(
    "npm pnpm yarn bun npx bunx pip pip3 uv poetry pdm bundle bundler composer apt apt-get brew cargo go gem mvn "
    "gradle mise just task make docker podman python python3 node deno flutter dart swift terraform helm kubectl "
    "xcodebuild"
)
_INLINE = word_set("-c -e -p -r - --eval --print eval")
_GIT = word_set("push pull merge rebase commit cherry-pick checkout switch clone fetch apply am stash")


@functools.cache
def _closing() -> re.Pattern[str]:
    return re.compile(
        r"(?m)^(?:\x1b\[[\d;]*m)*(?:"
        r"--- FAIL: |FAIL(?:\t|$)|FAIL:? |FAILED |FAILURES!|\*\*\* FAILED|E   \w*(?:Error|Exception)\b"
        r"|=+ .*\b[1-9]\d* (?:failed|errors?)\b.*=+|[1-9]\d* (?:failed|errors?)\b.* in [\d.]+s"
        r"|Tests?:? +(?:.*\b)?[1-9]\d* failed|Test Suites?: .*\b[1-9]\d* failed|Test Files +.*\b[1-9]\d* failed"
        r"|\s*[1-9]\d* failing\b|\s*[1-9]\d* fail$|\d+ examples?, [1-9]\d* failures?"
        r"|error(?:\[E\d+\])?: |test result: FAILED|warning: build failed"
        r"|npm (?:ERR!|error) |.*\bELIFECYCLE\b|error Command failed|ERROR: (?:Could not|No matching|failed to)"
        r"|Traceback \(most recent call last|(?:\w+\.)*\w*(?:Error|Exception): "
        r"|.*\berror TS\d+: |✖ \d+ problems? \([1-9]|Found [1-9]\d* errors?\b|[1-9]\d* issues?:$"
        r"|(?:g?make|gmake)(?:\[\d+\])?: \*\*\* |ninja: build stopped|CMake Error\b|collect2: error|.*: fatal error: "
        r"|\S+\.(?:go|c|cc|cpp|h|hpp|rs|swift|dart|kt|java|cs|vue):\d+(?::\d+)?: |panic: |exit status [1-9]"
        r"|.*\bBUILD FAIL(?:ED|URE)\b|FAILURE: Build failed|Build FAILED|Some tests failed"
        r"|\[[\w:./-]+\] ERROR task failed|task: Failed to run task|error: [Rr]ecipe "
        r"|fatal: |error: failed to push| ! \[(?:remote )?rejected\]|CONFLICT \("
        r"|ERROR: failed to (?:solve|build)|Error response from daemon|Error: |Error from server"
        r"|\S*: (?:line \d+: )?\S+: command not found|.*: not found: \S+$|zsh:\d*:? command not found"
        r")"
    )


@dataclass(frozen=True, slots=True)
class Hidden:
    """The last line that closes a failure, and how many lines of output stand below it."""

    line: str
    below: int

    def said(self, shown: str) -> str:
        """Return what is told of it, "" where the agent cannot have overlooked it; `shown` is the line as it may be."""
        if self.below < _OVERLOOKED:
            return ""
        where = f"{self.below} lines above the end"
        return f"Exit code 0, but a program in this command closed its output as a failure ({where}): {shown[:_SHOWN]}"


def hidden_failure(command: str, output: str) -> Hidden | None:
    """Return how a command that ended with 0 failed by what its own program said at the end, None where it did not."""
    if not any(mark in command for mark in "|;\n"):
        return None
    tail = output[-_READ:]
    found = next(reversed(list(_closing().finditer(tail))), None)
    if found is None or not _has_runner(words_and_operators(command[:_READ])):
        return None
    rest = tail[found.start() :].rstrip().split("\n")
    return Hidden(rest[0], len(rest) - 1)


def _has_runner(words: list[str]) -> bool:
    """Tell whether a command whose exit code something may hide is one of those that are known by their last lines."""
    start, piped_into = 0, False
    for at in [*(i for i, word in enumerate(words) if word in OPERATORS), len(words)]:
        part = tuple(words[start:at])
        hiding = at < len(words) and (words[at] in ("|", "|&", ";") or _forgives(words, at))
        if part and not piped_into and hiding and _is_runner(program_words(part)):
            return True
        piped_into = at < len(words) and words[at] in ("|", "|&")
        start = at + 1
    return False


def _forgives(words: list[str], at: int) -> bool:
    """Tell whether what stands behind an operator lets a failure pass, and does nothing else."""
    return words[at] == "||" and words[at + 1 : at + 2] in (["true"], [":"], ["echo"])


def _is_typed_here(program: str, words: tuple[str, ...]) -> bool:
    """Tell whether an interpreter is given its program on the command line, or as its input."""
    if not program.startswith(("python", "node", "deno", "bun", "ruby", "perl", "php")):
        return False
    for word in words:
        if word in _INLINE:
            return True
        if word == "-m" or not word.startswith("-"):
            return False
    return False


def _is_runner(part: tuple[str, ...]) -> bool:
    if is_check(part):
        return True
    program = program_name(part[0])
    if program == "git":
        return any(word in _GIT for word in part[1:4])
    if _is_typed_here(program, part[1:]):
        return False  # a program that was typed here and now is none of those that close their output in their own way
    return program in _MANAGERS or part[0] in _MANAGERS
