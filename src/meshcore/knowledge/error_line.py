"""Which line of an output tells what went wrong, and of what type the error is."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from meshcore.knowledge.text import lines_of

TRACEBACK = "Traceback (most recent call last)"
# Types that say no more than that something failed.
VAGUE = frozenset({"", "shellerror", "error", "exception", "commanderror", "commandfailed", "bash", "unknown", "none"})
# The root cause explains what was raised on top of it.
_ROOT_CAUSES = ("ModuleNotFoundError", "ImportError", "ConnectionRefusedError", "FileNotFoundError", "PermissionError")
_EXCEPTION_NAMES = (
    TRACEBACK, "Error", "Exception", "Warning", "Interrupt", "Exit", "Iteration", "Refused", "Timeout", "Fault",
)  # fmt: skip
_MAX_LINES = 600


class Telling(NamedTuple):
    """The telling line, the error's type, its message, how clear it is (0 = a guess) and the code line, if any."""

    line: str
    error_type: str
    message: str
    clear: int
    source: str = ""


def find_telling(text: str, error_type: str, program: str) -> Telling:
    """Return what a tidy text tells; `error_type` is the caller's word, used where the text has no better one."""
    lines = lines_of(text)
    if len(lines) > _MAX_LINES:
        lines = lines[:100] + lines[-(_MAX_LINES - 100) :]
    if any(name in text for name in _EXCEPTION_NAMES):
        raised = _from_traceback(lines, error_type)
        if raised is not None:
            return raised
    return _from_tool(text, lines, error_type, program)


def _from_traceback(lines: Sequence[str], error_type: str) -> Telling | None:
    found: list[Telling] = []
    after_header = False
    source = ""
    for i, line in enumerate(lines):
        if not line:
            continue
        if line[0] in " |+\tE":
            # Frames are indented; exception groups draw a margin, pytest an `E`.
            bare = line.lstrip(" |+\t")
            if bare.startswith("E  "):
                bare = bare[1:].lstrip()
            elif "|" not in line[:12] and line[0] != "E":
                if bare.strip("^~ "):
                    source = bare
                continue
        else:
            bare = line
        if bare.startswith(TRACEBACK):
            after_header = True
            continue
        told = _exception(bare, after_header)
        if told:
            name, message = told
            if not message:
                message = next((row.strip() for row in lines[i + 1 : i + 3] if row.startswith((" ", "\t"))), "")
            found.append(Telling(bare, name, message, 3, source))
        after_header = False
    if not found:
        return None
    wanted = error_type.rsplit(".", 1)[-1]
    named = [telling for telling in found if telling.error_type == wanted]
    if named:
        return named[-1]
    if found[-1].error_type not in _ROOT_CAUSES:
        return next((telling for telling in found if telling.error_type in _ROOT_CAUSES), found[-1])
    return found[-1]


def _exception(line: str, after_header: bool) -> tuple[str, str] | None:
    """Return the exception's name (without its module) and message, None where the line is none."""
    name, _, message = line.partition(": ")
    name = name.removesuffix(":")
    if len(name) > 200 or not name.replace(".", "").replace("_", "").isalnum():
        return None
    last = name.rsplit(".", 1)[-1]
    named = last not in _EXCEPTION_NAMES and last.endswith(_EXCEPTION_NAMES[1:])
    if not last or last[0].isdigit() or not (after_header or named):
        return None
    return last, message.strip()


# Wording that says what is wrong; looked for in lower case.
_STRONG = (
    "not found", "no such", "denied", "cannot", "can not", "can't", "could not", "couldn't", "unable to", "failed",
    "refused", "unknown", "unrecogni", "invalid", "missing", "already", "does not", "doesn't", "is not", "are not",
    "isn't", "undefined", "unexpected", "locked", "required", "must", "given", "not a ", "not installed", "not exec",
    "not permitted", "not fully", "not configured", "not allowed", "not supported", "not defined", "not match",
    "ambiguous", "conflict", "too many", "read-only", "bad ", "corrupt", "expired", "timed out", "externally",
    "dubious", "no upstream", "rejected", "not enough", "overflow", "errors",
)  # fmt: skip
_ANNOUNCED = (
    "fatal", "error", "err!", "[error", "[fatal", "failure", "panic", "abort", "critical", "e: ", "npm err", "! ",
    "err:",
)  # fmt: skip
_IDLE = (
    "usage", "hint", "note", "see ", "try ", "run ", "use ", "at ", "or: ", "for more", "please", "did you mean",
    "more info", "if you ", "to ", "specify --help", "the most similar", "maybe you", "warning", "info", "debug",
    "node.js v",
)  # fmt: skip
# Headlines: they announce that what went wrong is told elsewhere.
_HEADLINES = (
    "build failed", "failed with an exception", "command failed", "exited with", "exit code", "exit status", "failures",
    "errors occurred", "aborting", "terminated.", "no more information", "the following error", "see above",
)  # fmt: skip
_MARKS = "()[]{}<>*#=->!. "
_IDLE_NPM = ("errno", "syscall", "path", "argv", "node ", "npm ", "cwd", "code e", "a complete", "linux ", "darwin ")


def _from_tool(text: str, lines: Sequence[str], error_type: str, program: str) -> Telling:
    low = text.lower()
    present = [phrase for phrase in _STRONG if phrase in low]
    best, best_weight = "", -99
    for line in lines:
        if len(line) < 3:
            continue
        weight = _weight(line, present)
        if weight > best_weight and any(c.isalpha() for c in line):
            best, best_weight = line, weight
    if best_weight <= 0:
        # Nothing announces itself as an error: the last words are the best guess.
        worded = [line for line in lines if any(c.isalpha() for c in line)]
        best = next((line for line in reversed(worded) if _weight(line, present) >= -1), worded[0] if worded else "")
    line = best.strip()
    named, message = split_program(line)
    told = error_type.rsplit(".", 1)[-1]
    kind = told if told.casefold() not in VAGUE else named or program or "error"
    return Telling(line, kind, message, 2 if best_weight >= 3 else 1 if best_weight > 0 else 0)


def _weight(line: str, present: Sequence[str]) -> int:
    low = line.lstrip().lower()
    weight = 0 if low[0] == line[0].lower() else -1
    for phrase in present:
        if phrase in low:
            weight += 3
            break
    if low.startswith(_ANNOUNCED) or low.partition(": ")[2].startswith(_ANNOUNCED):
        weight += 4
    if low.count(" ") < 2 and not any(c in low for c in ":'\"-_"):
        weight -= 3
    if weight > 0 and any(phrase in low for phrase in _HEADLINES):
        weight -= 5
    bare = low.lstrip(_MARKS)
    if bare.startswith(_IDLE) or "usage: " in low:
        weight -= 5
    elif bare.startswith("npm err"):
        weight -= 5 * bare.partition(" ")[2].partition(" ")[2].startswith(_IDLE_NPM)
    return weight


@functools.cache
def _shell_prefix() -> re.Pattern[str]:
    place = r"(?:-c: )?(?:line )?(?:\d{1,6}: )?(?:line \d{1,6}: )?"
    return re.compile(r"^-?(?:[\w./+-]{0,200}/)?(?:ba|z|da|k|fi|a)?sh(?:\.exe)?: " + place)


@functools.cache
def _program_prefix() -> re.Pattern[str]:
    return re.compile(r"^(?:[\w./+-]{0,200}/)?([A-Za-z][\w.+-]{0,40}): ")


_NO_PROGRAM = frozenset({"error", "fatal", "warning", "failure", "abort", "panic", "note", "hint", "usage", "e", "err"})


def split_program(line: str) -> tuple[str, str]:
    """Return the program that a tool's line names at its start ("shell" for every shell) and the rest of the line."""
    if line.startswith(("npm ERR! ", "npm error ")):
        return "npm", line[9:].strip() if line.startswith("npm ERR") else line[10:].strip()
    shell = _shell_prefix().match(line)
    rest = line[shell.end() :] if shell else line
    named = _program_prefix().match(rest)
    if named and named[1].casefold() not in _NO_PROGRAM and "." not in named[1]:
        return named[1], rest[named.end() :]
    if shell:
        return "shell", rest
    return "", rest
