"""One cause, many wordings: errors that every tool words in its own way, read as the one error they are.

A reader looks at a text only where one of its needles occurs in it; its regexes are compiled when first needed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import NamedTuple

from meshcore.knowledge.command import Command
from meshcore.knowledge.slots import LOOPBACK, is_file_name
from meshcore.model import Slot

_MAX_LINES = 8  # lines with a needle that are looked at


class Cause(NamedTuple):
    """An error as its cause: the canonical type and template with its slots, and the line that told."""

    error_type: str
    template: str
    slots: tuple[Slot, ...]
    line: str


def find_cause(text: str, command: Command) -> Cause | None:
    """Return the first known cause that a tidy text (or a single line) tells, None where none is known."""
    low = text.lower()
    if len(low) != len(text):
        low = text
    for needle, reader in READERS:
        at = low.find(needle)
        for _ in range(_MAX_LINES if at >= 0 else 0):
            start = low.rfind("\n", 0, at) + 1
            end = low.find("\n", at)
            end = len(low) if end < 0 else end
            cause = reader(text[start : min(end, start + 600)].strip(), text, command)
            if cause is not None:
                return cause
            at = low.find(needle, end)
            if at < 0:
                break
    return None


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def _search(line: str, *patterns: str) -> re.Match[str] | None:
    for pattern in patterns:
        found = _compiled(pattern).search(line)
        if found:
            return found
    return None


_LINE = r"(?:line )?(?:\d{1,6}: )?(?:line \d{1,6}: )?"
_SHELL = r"^-?(?:[\w./-]{0,80}/)?(?:(?:ba|z|da|k|fi|a)?sh|meshtui): " + _LINE
_SCRIPT = r"^[\w./+-]{1,160}: (?:line )?\d{1,6}: "  # a script whose shell names the file and the line


_NAME = r"['‘\"]?([^\s:'‘’\"/]{1,80})['’\"]?"


def _command_not_found(line: str, _text: str, _command: Command) -> Cause | None:
    found = _search(
        line,
        rf"(?:^|: )\s{{0,2}}{_NAME}: command not found(?!:)",
        rf"(?:command not found:|^fish: unknown command:?) {_NAME}$",
        rf"(?:{_SHELL}|{_SCRIPT}){_NAME}: not found$",
        rf"(?:^make(?:\[\d{{1,3}}\])?: |^(?:/usr/bin/)?env: |\bexec: |\bspawn )"
        rf"{_NAME}:? (?:no such file or directory|executable file not found|ENOENT)",
        rf"^{_NAME} is not recognized as an internal or external command",
        rf"^(?:command|the program) {_NAME} (?:not found, but|is (?:currently )?not in)",
    )
    if not found:
        return None
    slot = Slot("identifier", found[1])
    return Cause("CommandNotFound", "<identifier>: command not found", (slot,), line)


def _python_module(line: str, _text: str, _command: Command) -> Cause | None:
    found = _search(line, r"no module named (?:'([\w.]{1,200})'|\"([\w.]{1,200})\"|([\w.]{1,200}))(?!['\"\w]|; )")
    if not found:
        return None
    quoted = found[1] or found[2]
    # Python 2 names what it looked for in full, so the missing one is the first part; Python 3 names the missing one.
    name = quoted or found[3].split(".")[0]
    slot = Slot("identifier", name)
    return Cause("ModuleNotFoundError", "No module named <identifier>", (slot,), line)


def _node_module(line: str, _text: str, _command: Command) -> Cause | None:
    found = _search(line, r"cannot find (?:module|package) ['\"]([^'\"\n]{1,300})['\"]")
    if not found:
        return None
    name = found[1]
    if name.startswith((".", "/")):
        return Cause("MODULE_NOT_FOUND", "Cannot find module <path>", (Slot("path", name),), line)
    parts = name.split("/")
    slot = Slot("identifier", "/".join(parts[: 2 if name.startswith("@") else 1]))
    return Cause("MODULE_NOT_FOUND", "Cannot find module <identifier>", (slot,), line)


def _header(line: str, _text: str, _command: Command) -> Cause | None:
    found = _search(
        line, r"(?:fatal )?error: ['\"]?([\w./+-]{1,200}\.h(?:pp|xx|h)?)['\"]?(?: file not found|: no such file)"
    )
    if not found:
        return None
    slot = Slot("identifier", found[1])
    return Cause("HeaderNotFound", "header <identifier> not found", (slot,), line)


def _library(line: str, _text: str, _command: Command) -> Cause | None:
    found = _search(
        line,
        r"(?:cannot find|library not found for) -l([\w.+-]{1,100})",
        r"\b(lib[\w.+-]{1,100}\.so[\w.]{0,20}): cannot open shared object file",
    )
    if not found:
        return None
    slot = Slot("identifier", found[1])
    return Cause("LibraryNotFound", "library <identifier> not found", (slot,), line)


_TIME = r"(?<![\d.:])\d{1,2}:\d\d:\d\d(?:[.,]\d{1,9})?(?![\d:])"
_HOST_PORT = (
    r"\b(?!\d{1,5}[:/ ])([\w-][\w.-]{0,100})['\"]?(?: \([^)\n]{1,60}\))?"
    r"(?:[:/]|,? port[ =]|', port=) ?(\d{2,5})\b(?![.:]\d)"
)


def _timeless(line: str) -> str:
    """Return a line without times of day, whose minutes look like ports, and with this host's short name."""
    return _compiled(_TIME).sub(" ", line.replace("[::1]", "localhost").replace(" ::1:", " localhost:"))


class _Refusal(NamedTuple):
    """How a system refuses a network address: how that is worded, and what it is read as with and without one."""

    wordings: tuple[str, ...]
    error_type: str
    template: str
    alone: str = ""


_REFUSALS = (
    _Refusal(
        (
            r"connection refused|econnrefused",
            r"(?:could ?n[o']t|can ?n?[o']t|failed to|unable to) connect to\b[^\n]{0,200}"
            r"\b(?:port|at|on|server|redis|refused|mysql)\b",
        ),
        "ConnectionRefusedError",
        "connection refused at <host>:<port>",
    ),
    _Refusal(
        (r"address (?:is )?already in use|eaddrinuse|port is already allocated",),
        "AddressInUse",
        "address already in use: <port>",
        "address already in use",
    ),
)


def _refused_address(line: str, text: str, command: Command) -> Cause | None:
    refusal = next((one for one in _REFUSALS if _search(line, *one.wordings)), None)
    if refusal is None:
        return None
    if "<host>" in refusal.template:
        told, slots = _host_and_port(line, text)
    else:
        told, slots = line, _port(line, text, command)
    if slots:
        return Cause(refusal.error_type, refusal.template, slots, told)
    return Cause(refusal.error_type, refusal.alone, (), line) if refusal.alone else None


def _host_and_port(line: str, text: str) -> tuple[str, tuple[Slot, ...]]:
    """Return the line that tells a host and its port, and both; the telling line first, then what it follows from."""
    near = [row[:600] for row in text.split("\n")[-60:] if "refused" in row.lower() or "connect" in row.lower()]
    for row in (line, *near):
        place = _search(_timeless(row), _HOST_PORT)
        if place and not is_file_name(place[1]):
            host = "localhost" if place[1] in LOOPBACK else place[1]
            return row, (Slot("host", host), Slot("port", place[2]))
    return line, ()


def _port(line: str, text: str, command: Command) -> tuple[Slot, ...]:
    """Return the port that a line tells, or the rest of the text, or the only number of the command."""
    place = _search(_timeless(line), r"(?::|\bport |['\"], )(\d{2,5})\b(?!\.\d)") or _search(
        text, r"\bport:? (\d{2,5})\b"
    )
    if place:
        return (Slot("port", place[1]),)
    typed = [slot.value for slot in command.slots if slot.kind in ("number", "port")]
    typed = [value for value in typed if value.isdigit() and 2 <= len(value) <= 5]
    return (Slot("port", typed[0]),) if len(typed) == 1 else ()


def _no_distribution(line: str, _text: str, _command: Command) -> Cause | None:
    found = _search(
        line,
        r"(?:no matching distribution found for|a version that satisfies the requirement) ([\w.-]{1,120})",
    )
    if not found:
        return None
    slot = Slot("identifier", found[1].rstrip("."))
    return Cause("pip", "No matching distribution found for <identifier>", (slot,), line)


Reader = Callable[[str, str, Command], "Cause | None"]
_NEEDLES: tuple[tuple[Reader, tuple[str, ...]], ...] = (
    (_python_module, ("no module named",)),
    (_node_module, ("cannot find module", "cannot find package")),
    (_header, ("no such file", "file not found")),
    (_library, ("cannot find -l", "library not found", "cannot open shared object")),
    (_refused_address, ("refused", "connect to", "already in use", "eaddrinuse", "already allocated")),
    (_no_distribution, ("matching distribution", "satisfies the requirement")),
    (
        _command_not_found,
        (
            "not found",
            "not recognized",
            "is currently not installed",
            " enoent",
            "fish: ",
            "env: ",
            "is not in your",
            "make: ",
        ),
    ),
)
READERS = tuple((needle, reader) for reader, needles in _NEEDLES for needle in needles)
"""What must stand in a text, and who then reads it."""
