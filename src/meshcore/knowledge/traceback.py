"""Python's tracebacks, and what other languages print alike: which of the exceptions in a text is the one to tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

TRACEBACK = "Traceback (most recent call last)"
# The root cause explains what was raised on top of it.
_ROOT_CAUSES = ("ModuleNotFoundError", "ImportError", "ConnectionRefusedError", "FileNotFoundError", "PermissionError")
_NAMES = ("Error", "Exception", "Warning", "Interrupt", "Exit", "Iteration", "Refused", "Timeout", "Fault")


class Raised(NamedTuple):
    """An exception in a text: where and what its line is, its type without the module, its message, the code or ""."""

    at: int
    line: str
    error_type: str
    message: str
    source: str


def find_raised(text: str, lines: Sequence[str], error_type: str) -> Raised | None:
    """Return the exception that a text tells of, preferably one of the caller's type; None where there is none."""
    if TRACEBACK not in text and not any(name in text for name in _NAMES):
        return None
    found = list[Raised]()
    after_header = False
    source, margin = "", ""
    for i, row in enumerate(lines):
        if not row:
            continue
        if margin and not row.startswith(margin):
            margin = ""
        if row[0] == " " and TRACEBACK in row and "|" not in row[:12] and "+" not in row[:12]:
            margin = row[: -len(row.lstrip())]  # a report that quotes a whole traceback indents it
        if not margin and row.startswith("   ") and row.lstrip().startswith('File "') and ", line " in row:
            margin = row[: -len(row.lstrip()) - 2]  # so it does where it quotes the last frames
        line = row[len(margin) :]
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
        if told and not (i + 1 < len(lines) and lines[i + 1].startswith(TRACEBACK)):  # else it introduces another's
            name, message = told
            if not message:
                below = (
                    one for one in lines[i + 1 : i + 3] if one.startswith((" ", "\t")) or (one and bare[-1] == ":")
                )
                message = next(below, "").strip()
            found.append(Raised(i, bare, name, message, source))
        after_header = False
    if not found:
        return None
    wanted = error_type.rsplit(".", 1)[-1]
    named = [one for one in found if one.error_type == wanted]
    if named:
        return named[-1]
    if found[-1].error_type not in _ROOT_CAUSES:
        return next((one for one in found if one.error_type in _ROOT_CAUSES), found[-1])
    return found[-1]


def _exception(line: str, after_header: bool) -> tuple[str, str] | None:
    """Return the exception's name (without its module) and message, None where the line is none."""
    name, _, message = line.partition(": ")
    name = name.removesuffix(":")
    if len(name) > 200 or not name.replace(".", "").replace("_", "").isalnum():
        return None
    last = name.rsplit(".", 1)[-1]
    named = last not in _NAMES and last.endswith(_NAMES) and not last.endswith("Warning")  # a warning raises nothing
    if not last or last[0].isdigit() or not (after_header or named):
        return None
    return last, message.strip()
