"""Which line of an output tells what went wrong, and of what type the error is.

An exception that was raised comes first, then what a report tells by its form (see `report`), then the line whose
wording announces an error and says what is wrong.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from meshcore.knowledge.program import program_name
from meshcore.knowledge.report import find_report, has_context
from meshcore.knowledge.slots import about_a_file
from meshcore.knowledge.text import lines_of
from meshcore.knowledge.traceback import TRACEBACK, Raised, find_raised
from meshcore.knowledge.wrappers import quoted, relayed, sections, unwrap

# Types that say no more than that something failed.
VAGUE = frozenset({"", "shellerror", "error", "exception", "commanderror", "commandfailed", "bash", "unknown", "none"})
_MAX_LINES = 600
GUESSED, WORDED, ANNOUNCED, REPORTED, RAISED = range(5)


class Telling(NamedTuple):
    """The telling line, the error's type, its message, how clear it is (GUESSED to RAISED), the code line (or "")."""

    line: str
    error_type: str
    message: str
    clear: int
    source: str = ""


def find_telling(text: str, error_type: str, program: str, typed: Collection[str] = ()) -> Telling:
    """Return what a tidy text tells; `error_type` is the caller's word, used where the text has no better one.

    `typed` are the words of the failed command that name no program.
    """
    lines = lines_of(text)
    if len(lines) > _MAX_LINES:
        lines = lines[:100] + lines[-(_MAX_LINES - 100) :]
    raised = find_raised(text, lines, error_type)
    if raised is not None and _tells_an_end(raised):
        rest = [line for at, line in enumerate(lines) if at != raised.at and not line.startswith(("  ", TRACEBACK))]
        before = find_raised(text, unwrap(rest, logged=True), error_type)
        if before is not None and not _tells_an_end(before):
            return Telling(before.line, before.error_type, before.message, RAISED, before.source)
        line, clear = _read_parts(unwrap(rest, logged=True), program)
        if clear >= ANNOUNCED:
            return _as_telling(line.strip(), clear, error_type, program, typed)
    if raised is not None:
        below = _announced_below(raised, lines, program)
        return Telling(below or raised.line, raised.error_type, below or raised.message, RAISED, raised.source)
    lines = unwrap(lines)
    best, clear = _read_parts(lines, program, relayed(text))
    return _as_telling(_with_first_below(best, lines), clear, error_type, program, typed)


def _read_parts(lines: Sequence[str], program: str, relayed: Sequence[str] = ()) -> tuple[str, int]:
    """Return what the first part that says it clearly tells: what a wrapper relays or quotes, then each command."""
    best, clear = "", -1
    for part in (relayed, quoted(lines), *(lines[start:end] for start, end in sections(lines))):
        line, told = _read_section(part, program) if part else ("", -1)
        told = max(told, WORDED) if part and part is relayed else told
        if told > clear and line:
            best, clear = line, told
        if clear >= ANNOUNCED:
            break
    return best, clear


def _tells_an_end(raised: Raised) -> bool:
    """Tell whether an exception says no more than that a command ended badly: what that printed says why."""
    return _is_end(f"{raised.line} {raised.message}".lower())


def _with_first_below(line: str, lines: Sequence[str]) -> str:
    """Return a line that ends with a colon together with the first of what it announces, where that is indented."""
    if not line.endswith(":"):
        return line.strip()
    at = next((n for n, one in enumerate(lines) if one.endswith(line)), len(lines))
    below = next((one for one in lines[at + 1 : at + 3] if one), "")
    listed = below[:1] in " \t" and len(below.split()) < 4
    return f"{line.strip()} {below.strip()}" if listed else line.strip()


def _announced_below(raised: Raised, lines: Sequence[str], program: str) -> str:
    """Return the line below an exception that ends with a colon: what it announces; "" where it tells enough itself."""
    below = lines[raised.at + 1 : raised.at + 40]
    if not raised.message.endswith(":") or lines[raised.at] != raised.line or raised.message[-2:-1].isdigit():
        return ""  # below a place stands the code
    reported, _ = find_report(below, program)
    if reported is not None:
        return reported.line.strip()
    plain = (line for line in below if any(c.isalpha() for c in line) and not line.endswith(":"))
    first = next(plain, "")
    return "" if first.startswith((" ", "\t", "During", "The above")) else first


def _read_section(lines: Sequence[str], program: str) -> tuple[str, int]:
    reported, warning = find_report(lines, program)
    if reported is not None and not _is_end(reported.line.lower()):
        return reported.line, REPORTED
    line, clear = _worded(lines, program)
    warning = reported or warning
    if clear < ANNOUNCED and warning is not None:
        return warning.line, REPORTED
    return line, clear


def _as_telling(line: str, clear: int, error_type: str, program: str, typed: Collection[str]) -> Telling:
    if line.startswith("E  "):
        line = line[1:].lstrip()
        if line.startswith("assert "):
            return Telling(line, "AssertionError", line, REPORTED)
    named, message = split_program(line, typed)
    told = error_type.rsplit(".", 1)[-1]
    kind = told if told.casefold() not in VAGUE else named or program or "error"
    return Telling(line, kind, message, clear)


# Wording that says what is wrong; looked for in lower case.
_STRONG = (
    " not ", "n't ", "cannot", "no such", "denied", "unable to", "failed", "refused", "unknown", "unrecogni",
    "unsupported", "invalid", "missing", "already", "undefined", "unexpected", "required", "must ", "conflict",
    "too many", "bad ", "corrupt", "expired", "timed out", "rejected", "\tfail\t",
)  # fmt: skip
_ANNOUNCED = (
    "fatal", "error", "err!", "[error", "[fatal", "failure", "panic", "abort", "critical", "e: ", "! ", "*** ", "err_",
    "err:", "× ", "✖ ", "✘ ", "killed", "segmentation fault", "bus error",
)  # fmt: skip
_IDLE = (
    "usage", "hint", "note", "see ", "try ", "run ", "use ", "at ", "or: ", "for more", "please", "did you mean",
    "more info", "if you ", "to ", "specify --help", "the most similar", "maybe you", "warning", "info", "debug",
    "node.js v",
)  # fmt: skip
_MARKS = "()[]{}<>*#=->!. "
_IDLE_NPM = (
    "errno",
    "command ",
    "syscall",
    "path",
    "argv",
    "node ",
    "npm ",
    "cwd",
    "code e",
    "a complete",
    "linux ",
    "darwin ",
)


def is_worded(line: str) -> bool:
    """Tell whether a line says in English that something is wrong."""
    low = f"{line.strip().lower()} "
    return _announces(low) or any(phrase in low for phrase in _STRONG)


def _announces(low: str) -> bool:
    return low.startswith(_ANNOUNCED) or low.partition(": ")[2].startswith(_ANNOUNCED)


@functools.cache
def _ended() -> re.Pattern[str]:
    """Match what tells of a command that was run no more than its exit status."""
    return re.compile(
        r"non-?zero|calledprocesserror|\breturned (?:[\w-]{1,12} ){0,3}\(?-?\d{1,3}\b|"
        r"did(?: not|n't) (?:exit|complete)\b|"
        r"\bexit(?:ed)?(?: with)?(?: an?)?(?: error)?(?: exit)?(?: (?:status|code|value))?:? \(?\d{1,3}\b"
    )


def _is_end(low: str) -> bool:
    """Tell whether a line, in lower case, says no more of a command that was run than how it ended."""
    may = "exit" in low or "return" in low or "zero" in low or "complete" in low or "calledprocess" in low
    return may and _ended().search(low) is not None


@functools.cache
def _consequence() -> re.Pattern[str]:
    """Match what only says that something else failed, how often, or with which exit code."""
    return re.compile(
        r"exit(?:ed)?(?: with)?(?: exit)?(?: code| status| value|:)|\b(?:error|code) \d{1,5}\)?\.?$|"
        r"\(code \d{1,5}\)|(?:^|: )(?:failure|failed|error)[.!]?$|check the logs?\b|"
        r"(?:build|compilation|tests?|task|script|command|job|hook|step|goal|execution|checks?|lint) "
        r"(?::\S{1,60} )?(?:has |have )?failed|"
        r"failed with an exception|failed to execute goal|execution failed for task|subcommand failed|"
        r"(?:could not|failed to|cannot) (?:compile|solve)\b|due to (?:\d{1,6} )?previous|"
        r"(?<![#\w.])(?<!port )\d{1,6} (?:\w{1,20} ){0,2}"
        r"(?:errors?|problems?|issues?|warnings?|failures?|failed|failing)\b|"
        r"\bfailures$|failures?[:=]|failed=\d|errors occurred|errors were|abort(?:ing|ed due to)|is not recoverable|"
        r"child returned|terminated\.|no more information|"
        r"^\d{1,6} (?:files?|tests?|examples?|tasks?|packages?|suites?|targets?|jobs?)\b|the following error|see above|"
        r"failed to push some refs|: broken pipe$|hook declined|^[✗✘✕✖×] .{1,200} \d{1,6}\s?ms$|^[✗✘] \S{1,80}$"
    )


def _follows(low: str) -> bool:
    return _consequence().search(low) is not None or _is_end(low)


@functools.cache
def _counts() -> re.Pattern[str]:
    """Match what only counts errors: `found 1 fatal error`."""
    return re.compile(r"\b(?:found|had|with) \d{1,6} (?:\w{1,20} )?(?:errors?|problems?|failures?)\b")


@functools.cache
def _no_error() -> re.Pattern[str]:
    """Match what passed, what a log tells of less than an error, and code that is quoted."""
    return re.compile(
        r"\$ \S|\s{0,12}(?:--- (?:pass|skip)|=== |ok\s|pass(?:ed)?\b|[✓✔√]|\?\s"
        r"|\d{1,7}\s{1,4}(?:\d{1,7} )?[|│]|[|│+] |[-+]\s{2})|"
        r"(?:\[[^\]]{1,40}\]\s?|[\d/:t.,z-]{8,32}\s){0,3}\[?"
        r"(?:info|debug|trace|(?:\w{1,12} )?(?:warn|warning|notice))\b"
    )


@functools.cache
def _named_error() -> re.Pattern[str]:
    """Match an announcement behind the name of a program: `npm error `, `mise ERROR `, `PHP Fatal error: `."""
    return re.compile(r"[a-z][\w.-]{0,30} (?:err!|(?:fatal |parse )?error:?) (?=\S|\s)")


@functools.cache
def _severity() -> re.Pattern[str]:
    """Match a severity behind a place that is told in words: `line 1 column 13 - Error: `."""
    return re.compile(r"[\w ,:.]{1,50} - (error|warning|info|note): ")


@functools.cache
def _status() -> re.Pattern[str]:
    """Match a status and a name, without a word of why."""
    took = r"(?:\s\[.{1,40}\]|\s\(?[\d.]+\s?m?s\)?)?"
    return re.compile(r"\s{0,12}(?:--- )?(?:(?:fail|failed)[:\s]|(?:error|not ok)\s)\s{0,4}\S{1,200}" + took + "$")


def _worded(lines: Sequence[str], program: str) -> tuple[str, int]:
    """Return the line whose wording tells most, the first of equals, and how clear it is."""
    low = "\n".join(lines).lower()
    present = [phrase for phrase in _STRONG if phrase in low]
    weights = [_weight(line, present) if len(line) > 2 and any(c.isalpha() for c in line) else -99 for line in lines]
    for at in _help(lines):
        weights[at] = min(weights[at], -9)
    for at, weight in enumerate(weights):
        if weight > 0 and lines[at][-1] == ":" and at + 1 < len(lines) and _is_end(lines[at + 1].lower()):
            weights[at] = -2  # it announces no more than how a command ended
        elif weight > 0 and has_context(lines, at):
            weights[at] += 2
    own = [
        at for at, weight in enumerate(weights) if weight >= 0 and lines[at].startswith((f"{program}: ", f"{program}["))
    ]
    own = [at for at in own if not _counts().search(low := lines[at].lower()) and not _follows(low)]
    if own and not _another_spoke(lines[: own[0]], weights):
        # What the program says in its own name counts, and the first of it: the rest follows from that.
        first = next((at for at in own if weights[at] > 0), own[-1])
        weights[first] = max(weights[first] + 2, 3, *(weights[at] + 1 for at in own))
    best = max(range(len(lines)), key=weights.__getitem__, default=-1)
    if best >= 0 and weights[best] > 0:
        return lines[_set_in_below(lines, weights, best)], ANNOUNCED if weights[best] >= 3 else WORDED
    return _last_words(lines, weights), GUESSED


def _set_in_below(lines: Sequence[str], weights: Sequence[int], at: int) -> int:
    """Return where the reason stands that is set in below a line which announces an error and gives none."""
    below = at + 1
    if below == len(lines) or not 0 < weights[below] < 3 or lines[below][0] not in " \t":
        return at
    low = f"{lines[at].strip().lower()} "
    bare = _announces(low) and not any(phrase in low for phrase in _STRONG) and not has_context(lines, at)
    return below if bare else at


def _another_spoke(before: Sequence[str], weights: Sequence[int]) -> bool:
    """Tell whether another program has complained in its own name before: what its caller says follows from that."""
    prefix = _program_prefix()
    return any(
        weight > 2 and (named := prefix.match(line)) and named[1].casefold() not in _NO_PROGRAM
        for line, weight in zip(before, weights, strict=False)
    )


def _help(lines: Sequence[str]) -> Iterator[int]:
    """Yield the lines in which a program explains its options, below a heading for them."""
    inside = False
    for at, line in enumerate(lines):
        said = line.removeprefix("npm error").removeprefix("npm ERR!").removeprefix(" " * line.startswith("npm "))
        if _help_heading().match(said):
            inside = True
        elif inside and said.strip() and not said.startswith(("  ", "\t", "-", "[")):
            inside = False
        if inside:
            yield at


@functools.cache
def _help_heading() -> re.Pattern[str]:
    return re.compile(r"(?i)\s?(?:[a-z]{1,12} )?(?:options|flags|commands|subcommands|arguments):$")


def _last_words(lines: Sequence[str], weights: Sequence[int]) -> str:
    """Return the best guess where nothing announces itself as an error."""
    hint = next((at for at, line in enumerate(lines) if line.startswith("hint: ")), 0)
    if hint:
        while hint and lines[hint - 1].strip():
            hint -= 1
        return lines[hint]  # the paragraph that git's hints are about
    warning = next((line for line in lines if line.lower().startswith(("warning: ", "[warn] "))), "")
    if warning:
        return warning
    plain = [at for at, weight in enumerate(weights) if weight >= -1 and not lines[at].startswith("$ ")]
    plain = [at for at in plain if not _follows(lines[at].lower())] or plain
    plain = [at for at in plain if lines[at][:1].strip()] or plain  # what is set in shows a way, or an example
    if plain:
        return lines[plain[-1]]
    worded = [at for at, weight in enumerate(weights) if weight > -99]
    return lines[max(worded, key=weights.__getitem__)] if worded else ""


def _weight(line: str, present: Sequence[str]) -> int:
    low = line.lstrip().lower()
    if _no_error().match(low):
        return -9
    weight = 0 if low[0] == line[0].lower() else -1
    for phrase in present:
        if phrase in low:
            weight += 3
            break
    named = _named_error().match(low) if " err" in low else None
    said = low[named.end() :] if named else low
    if named or low.startswith(_ANNOUNCED) or low.partition(": ")[2].startswith(_ANNOUNCED):
        weight += 4
    if " - " in low[:60] and (severity := _severity().match(low)):
        weight += 2 if severity[1] == "error" else -4
    if low.count(" ") < 2 and not any(c in low for c in ":'\"-_"):
        weight -= 3
    if (weight > 0 or low[0].isdigit()) and (_follows(low) or _status().match(low)):
        return -2
    if said.lstrip(_MARKS).startswith(_IDLE) or "usage: " in low or (named and said.startswith(_IDLE_NPM)):
        weight -= 5
    return weight


@functools.cache
def _shell_prefix() -> re.Pattern[str]:
    place = r"(?:-c: )?(?:line )?(?:\d{1,6}: )?(?:line \d{1,6}: )?"
    return re.compile(r"^-?(?:[\w./+-]{0,200}/)?(?:ba|z|da|k|fi|a)?sh(?:\.exe)?: " + place)


@functools.cache
def _program_prefix() -> re.Pattern[str]:
    return re.compile(r"^(?:[\w./+-]{0,200}/)?([A-Za-z][\w.+-]{0,40}): ")


_NO_PROGRAM = frozenset({"error", "fatal", "warning", "failure", "abort", "panic", "note", "hint", "usage", "e", "err"})


def _speaks(line: str, prefix: str, typed: Collection[str]) -> bool:
    """Tell whether a prefix names who speaks: no operand, nor a path behind a shell or that a system refuses."""
    return prefix[:-2] not in typed or ("/" in prefix and line.startswith(prefix) and not about_a_file(line))


def split_program(line: str, typed: Collection[str] = ()) -> tuple[str, str]:
    """Return the program that a tool's line names at its start ("shell" for every shell) and the rest of the line.

    A word that was `typed` as the operand of another program is no program.
    """
    if line.startswith(("npm ERR! ", "npm error ")):
        return "npm", line[9:].strip() if line.startswith("npm ERR") else line[10:].strip()
    shell = _shell_prefix().match(line)
    rest = line[shell.end() :] if shell else line
    named = _program_prefix().match(rest)
    if named and named[1].casefold() not in _NO_PROGRAM and "." not in named[1] and _speaks(line, named[0], typed):
        return program_name(named[1]), rest[named.end() :]
    if shell:
        return "shell", rest
    return "", rest
