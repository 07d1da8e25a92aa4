"""The structure of reports: diagnostics of compilers and linters, failures of test runners.

What a tool found is told by form, not by words: a place (`file:line:col: …`), a line with its context below (`-->`, a
gutter, a caret), a block below the name of a test. What only says that something else failed is a headline.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from meshcore.knowledge.slots import is_file_name
from meshcore.knowledge.text import word_set

_READS_FILES = word_set("grep egrep rg ag ack cat head tail sed awk find ls diff less bat jq")
_NEAR = 12  # lines below the name of a failed test in which its reason stands


class Finding(NamedTuple):
    """A line that a report tells: where it stands, and its text without the marks of wrappers."""

    at: int
    line: str


@functools.cache
def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


# --- diagnostics ------------------------------------------------------------------------------------------------------

_PLACED = (
    r"(?:(?:e|w|vet|ERROR|\[ERROR\]|\[error\]): ?|\[(?:ERROR|error)\] |"
    r"(?P<head>[A-Z]\w{1,20} (?:\w{1,20} )?(?:in|at) ))?"
    r"(?:file://)?(?P<path>(?:[A-Za-z]:)?[^\s:(\[\]'\"]{1,240})"
    r"(?::\d{1,7}(?P<col>:\d{1,6})?(?:-\d{1,7}(?::\d{1,6})?)?|"
    r"\((?P<row>\d{1,7})(?:, ?\d{1,6}){0,3}\)|:\[\d{1,7},\d{1,6}\])"
    r"(?::? - | |: |:$| \(\w{1,60}\):$)(?P<said>\S.{0,600})?$"
)
_AFTERTHOUGHT = (
    r"(?:- )?\(?(?:note|info|INFO|help|remark|hint|required from|instantiated from|in function|"
    r"in [\w<>]{1,80}$|other declaration)\b"
)
# A severity stands alone, or before a code; `error returned from …` begins a sentence.
_ERROR = r"(?:- )?(?:[\[(]?(?:(?:fatal |internal compiler |syntax |parse )error\b|error\b(?! [a-z]))|e:|E:)"
_WARNING = r"(?:- )?(?:[\[(]?(?:warn|style|convention|refactor)|\w{0,40}Warning\b)"
_HEADING = r"\s{0,4}(?:at )?(?P<path>[^\s:]{1,240}[./][^\s:]{0,240})(?::\d{1,7}:\d{1,6})? [\w/]{2,80}.{0,20}━{3}"
_CONTEXT = (
    r"\s{0,12}(?:-->|:::|╭─|┌─|╰|\d{1,7} ?[|│]|[|│]|\^|~|at .{1,200}:\d|on .{1,200} line \d|File \")|"
    r"\s{13,200}\^"
)


def _placed(lines: Sequence[str], program: str) -> tuple[Finding | None, Finding | None]:
    """Return the first diagnostic with a place that is an error (else without a severity), and the first warning."""
    placed, afterthought, is_error, is_warning = _re(_PLACED), _re(_AFTERTHOUGHT), _re(_ERROR), _re(_WARNING)
    number, relayed = _re(r"[:(\[]\d").search, program in _READS_FILES
    first = warning = None
    for at, line in enumerate(lines):
        if line[:1] in ("", " ", "\t") or not number(line, 0, 300) or "━━━" in line:
            continue
        found = placed.match(line)
        if not found or not (_is_file(found) or (found["col"] and has_context(lines, at))):
            continue
        said = found["said"] or ""
        if said.startswith(": # ") or afterthought.match(said):
            continue
        if not said and not found["head"]:
            continue
        if line.endswith("):"):
            return _announced(lines, at + 1), None
        if is_error.match(said):
            return Finding(at, line), warning
        if relayed:
            continue
        if is_warning.match(said):
            warning = warning or Finding(at, line)
        else:
            first = first or Finding(at, line)
    return first, warning


def _announced(lines: Sequence[str], start: int) -> Finding | None:
    """Return the first line that says something, with the next one where it only announces that."""
    told = [n for n in range(start, min(start + _NEAR, len(lines))) if lines[n].strip()]
    if not told:
        return None
    more = 2 if lines[told[0]].endswith(":") else 1
    return Finding(told[0], " ".join(lines[n].strip() for n in told[:more]))


def _is_file(found: re.Match[str]) -> bool:
    """Return whether what stands before a number is a file: not a host, a time, a class."""
    path = found["path"]
    name = path.replace("\\", "/").rsplit("/", 1)[-1]
    _, dot, suffix = name.rpartition(".")
    if not dot:
        return ("/" in path or name.endswith("file")) and found["said"] is not None
    if not (suffix.isalnum() and suffix[0].isalpha() and len(suffix) < 12):
        return False
    return name != path or bool(found["col"] or found["row"]) or is_file_name(name)


def _headed(lines: Sequence[str]) -> Finding | None:
    """Return what stands below a heading that names a file and a rule, or below a file and with a place of its own."""
    heading, row = _re(_HEADING), _re(r"\s{1,8}\d{1,7}:\d{1,6}\s{1,8}(?:error|✖|×)\s")
    for at, line in enumerate(lines):
        if "━━━" in line and heading.match(line):
            below = next((n for n in range(at + 1, min(at + 6, len(lines))) if lines[n].strip()), None)
            if below is not None:
                return Finding(below, lines[below])
        elif line[:1] == " " and row.match(line):
            return Finding(at, line)
    return None


def _arrowed(lines: Sequence[str]) -> Finding | None:
    """Return the first finding, no warning, whose place stands below it behind an arrow."""
    arrow, less = _re(r"\s{0,12}--> \S"), _re(rf"{_WARNING}|{_AFTERTHOUGHT}")
    for at, line in enumerate(lines[1:]):
        if "--> " in line[:16] and arrow.match(line) and lines[at].strip() and not less.match(lines[at]):
            return Finding(at, lines[at])
    return None


def has_context(lines: Sequence[str], at: int) -> bool:
    """Return whether the lines below a line show the place in the source that it is about."""
    return any(_re(_CONTEXT).match(line) for line in lines[at + 1 : at + 3])


# --- test runners -----------------------------------------------------------------------------------------------------

_WORDED = (
    "expect", "want", " got", "should", "must", " not ", "fail", "error", "unexpected", "mismatch", "invalid",
    "missing", "nil", "differ", "no such", "timed out", "panic",
)  # fmt: skip
_RAISES = r"\s{0,12}(?:[\w.]{0,120}(?:Error|Exception|Failure)(?: \[\w+\])?|error|Error): \S"


def _go(lines: Sequence[str]) -> Finding | None:
    """Return the first complaint of a failed test of go: what its test file reports in such words, else its last."""
    place, start, end = (
        _re(r"\s{2,}([\w.-]{1,80}\.go):\d{1,6}: ?"),
        _re(r"=== \w+\s+(\S+)"),
        _re(r"\s*--- (\w+): (\S+)"),
    )
    loud = any(line.startswith("=== RUN") for line in lines)
    failed = {found[2] for line in lines if "--- FAIL: " in line and (found := end.match(line))}
    said: list[tuple[str, int]] = []
    current = ""
    for at, line in enumerate(lines):
        if line.startswith("panic: "):
            return Finding(at, line)
        if line.startswith("=== ") and (found := start.match(line)):
            current = found[1]
        elif "--- " in line[:40] and (found := end.match(line)):
            current = "" if loud and found[1] != "FAIL" else found[2]
            if loud:
                said = [(name or current, n) for name, n in said]
        elif place.match(line):
            said.append((current, at))
    own = [at for name, at in said if name in failed or not name] or [at for _, at in said]
    tests = [at for at in own if "_test.go:" in lines[at]] or own
    if not tests:
        return None
    complaint = next((at for at in tests if _complains(lines, at)), tests[-1])
    if not lines[complaint].rstrip().endswith(":"):
        return Finding(complaint, lines[complaint].strip())
    for at in range(complaint + 1, min(complaint + _NEAR, len(lines))):
        told = lines[at].strip()
        if told.startswith("Error:"):
            more = lines[at + 1] if told.endswith(":") and at + 1 < len(lines) else ""
            return Finding(at, " ".join(f"{told} {more}".split()))
    return Finding(complaint, lines[complaint].strip())


def _complains(lines: Sequence[str], at: int) -> bool:
    said = lines[at].partition(".go:")[2].lower()
    ends_empty = said.rstrip().endswith(":") and any("Error Trace:" in line for line in lines[at + 1 : at + 3])
    return ends_empty or any(word in said for word in _WORDED)


def _pytest(lines: Sequence[str]) -> Finding | None:
    told = _re(r"E\s{2,}(?!\[\s?\s?\d{1,3}%\])\S")
    at = next((n for n, line in enumerate(lines) if line[:1] == "E" and told.match(line)), None)
    if at is not None:
        return Finding(at, lines[at])
    summary = [n for n, line in enumerate(lines) if line.startswith(("FAILED ", "ERROR ")) and "::" in line]
    at = next((n for n in summary if " - " in lines[n]), summary[0] if summary else None)
    return None if at is None else Finding(at, lines[at])


def _below(heading: str, skip: str = r"$^") -> Callable[[Sequence[str]], Finding | None]:
    """Return a reader of the first line below a heading that is neither blank nor skipped."""

    def read(lines: Sequence[str]) -> Finding | None:
        for at, line in enumerate(lines):
            if not _re(heading).match(line):
                continue
            for below in range(at + 1, min(at + _NEAR, len(lines))):
                told = lines[below]
                if told.strip() and not _re(skip).match(told):
                    return Finding(below, told.strip())
        return None

    return read


def _shellcheck(lines: Sequence[str]) -> Finding | None:
    """Return what stands behind the first caret below `In FILE line N:`."""
    heading, told = _re(r"In \S{1,240} line \d{1,7}:$"), _re(r"\s{0,200}\^-{0,200}\^? \w")
    start = next((n for n, line in enumerate(lines) if heading.match(line)), len(lines))
    at = next((n for n in range(start, min(start + _NEAR, len(lines))) if told.match(lines[n])), None)
    return None if at is None else Finding(at, lines[at].strip(" ^-"))


def _power_shell(lines: Sequence[str]) -> Finding | None:
    """Return what stands above the place and the code that PowerShell quotes behind `+`."""
    quoted = next((n for n, line in enumerate(lines) if line.startswith("+ ")), 0)
    return Finding(quoted - 2, lines[quoted - 2]) if quoted > 1 else None


def _raised_below(heading: str) -> Callable[[Sequence[str]], Finding | None]:
    """Return a reader of the first exception below a heading."""

    def read(lines: Sequence[str]) -> Finding | None:
        for at, line in enumerate(lines):
            if _re(heading).match(line):
                for below in range(at + 1, min(at + _NEAR, len(lines))):
                    if _re(_RAISES).match(lines[below]):
                        return Finding(below, lines[below].strip())
        return None

    return read


def _raised_above(mark: str) -> Callable[[Sequence[str]], Finding | None]:
    """Return a reader of the last exception above a mark."""

    def read(lines: Sequence[str]) -> Finding | None:
        for at, line in enumerate(lines):
            if line.startswith(mark):
                above = (n for n in range(at - 1, max(-1, at - 40), -1) if _re(_RAISES).match(lines[n]))
                found = next(above, None)
                if found is not None:
                    return Finding(found, lines[found].strip())
        return None

    return read


def _panicked(lines: Sequence[str]) -> Finding | None:
    at = next((n for n, line in enumerate(lines) if " panicked at " in line and line.lstrip()[:7] == "thread "), None)
    if at is None:
        return None
    below = at + 1 < len(lines) and lines[at].endswith(":") and lines[at + 1].strip()
    return Finding(at + 1, lines[at + 1].strip()) if below else Finding(at, lines[at])


def _drawn(lines: Sequence[str]) -> Finding | None:
    """Return the innermost reason that is drawn with `>` right below the sentence that it explains, no line of code."""
    code, fails = (
        _re(r"> {0,8}\d{1,6} ?[|│]"),
        _re(r"(?i)(?=[a-z]).{0,400}\b(?:failed|fails|cannot|can't|could(?:n't| not))\b"),
    )
    for at, line in enumerate(lines[:-1]):
        below = lines[at + 1]
        if below.startswith("> ") and line[-1:] in (".", ":") and fails.match(line) and not code.match(below):
            told = at + 1
            while told + 1 < len(lines) and lines[told + 1].lstrip().startswith("> "):
                told += 1
            return Finding(told, lines[told].strip().removeprefix("> "))
    return None


def _tap(lines: Sequence[str]) -> Finding | None:
    """Return why the first test failed, as the block of its TAP line tells: its error, or its message."""
    start = next((n for n, line in enumerate(lines) if line.lstrip().startswith("not ok ")), None)
    if start is None:
        return None
    told = _re(r"\s{1,12}(?:error|message): (.{1,600})")
    for at in range(start + 1, min(start + _NEAR, len(lines))):
        if lines[at].lstrip().startswith(("not ok ", "ok ", "...")):
            return None
        if found := told.match(lines[at]):
            if found[1].strip() not in ("|-", "|", ">", ">-"):
                return Finding(at, found[1].strip(" '\""))
            return _announced(lines, at + 1)
    return None


# What must stand in a text, and who then reads it. The earliest finding counts.
READERS: tuple[tuple[str, Callable[[Sequence[str]], Finding | None]], ...] = (
    ("--- FAIL: ", _go),
    ("\nE  ", _pytest),
    (" short test summary info ", _pytest),
    ("● ", _below(r"\s{0,6}● (?!Console$).*\S")),
    ("Failure/Error:", _below(r"\s{0,8}Failure/Error:", r"\s{0,8}(?:Failure/Error:|#)")),
    ("Error Message:", _below(r"\s{0,4}Error Message:")),
    ("\n(fail) ", _raised_above("(fail) ")),
    (" panicked at ", _panicked),
    ("\nIn ", _shellcheck),
    (" failing\n", _raised_below(r"\s{0,8}\d{1,4}\) ")),
    (" FAILED\n", _raised_below(r"\S.{0,200} > .{1,200} FAILED$")),
    ("\nFailures:", _raised_below(r"\s{0,4}\d{1,4}\) ")),
    (") Failure:\n", _below(r"\s{0,4}\d{1,4}\) \w{1,20}:$", r".{1,200} \[.{1,200}\]:$")),
    (" failure:\n", _below(r"\d{1,4}\) \S{1,200}$")),
    (" failures:\n", _below(r"\d{1,4}\) \S{1,200}$")),
    ("\n✖ failing tests:", _raised_below(r"✖ (?!failing)")),
    ("\nThe following ", _below(r"The following .{1,80} was thrown")),
    ("not ok ", _tap),
    ("| FAIL |\n", _below(r".{1,200}\| FAIL \|$")),
    ("\n> ", _drawn),
    ("    + CategoryInfo ", _power_shell),
)


def find_report(lines: Sequence[str], program: str) -> tuple[Finding | None, Finding | None]:
    """Return what a report in these lines tells, and a warning of it that counts where nothing else does."""
    text = "\n".join(("", *lines, ""))
    found = [told for needle, reader in READERS if needle in text and (told := reader(lines))]
    placed, warning = _placed(lines, program)
    found += [told for told in (placed, _headed(lines), _arrowed(lines)) if told]
    return min(found, default=None), warning
