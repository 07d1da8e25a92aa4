"""A Python traceback as the text that ends an output: its frames and its error."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.knowledge.program import program_name

_FRAMES = 40
_FRAME = re.compile(r'  File "(?P<path>[^"\n]{1,4096})", line (?P<line>\d{1,7}), in (?P<name>[^\n]{1,200})')
_FLAGS = re.compile(r"-[BEIOPsSuqb]+")
_WITH_VALUE = {
    "-W": frozenset({"always", "default", "error", "ignore", "module", "once"}),  # a category could be imported
    "-X": frozenset({"dev", "faulthandler", "importtime", "tracemalloc", "utf8", "utf8=1"}),
}
"""Options of Python that take a value, with the values that change nothing of what it runs."""
_HEADER = "Traceback (most recent call last):"
_RAISED_FROM = (
    "\nThe above exception was the direct cause of the following exception:",
    "\nDuring handling of the above exception, another exception occurred:",
)


class NotFirstThingError(Exception):
    """Why a failure is not known to have come before every effect."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a traceback: file, line and the function, `<module>` for a file's own statements."""

    path: Path
    line: int
    name: str


def read_traceback(output: str, cwd: str) -> tuple[list[Frame], str]:
    """Return the frames and the error of the traceback that ends an output. Raises NotFirstThingError without one."""
    head, header, tail = output.rstrip().rpartition(_HEADER)
    return _read(head, header, tail, cwd)


def read_cause(output: str, cwd: str) -> tuple[list[Frame], str]:
    """Return the same of the exception that was being handled when the one at the end was raised."""
    before = output.rstrip().rpartition(_HEADER)[0].rstrip()
    told = next((one for one in _RAISED_FROM if before.endswith(one)), None)
    if told is None:
        raise NotFirstThingError("its cause was not printed")
    return _read(*before.removesuffix(told).rstrip().rpartition(_HEADER), cwd)


def _read(head: str, header: str, tail: str, cwd: str) -> tuple[list[Frame], str]:
    lines = tail.splitlines()
    if not header or not lines or (head and not head.endswith("\n")):
        raise NotFirstThingError("it did not end in a traceback")
    frames: list[Frame] = []
    error = ""
    for line in lines[1:]:
        if found := _FRAME.fullmatch(line):
            if error:
                raise NotFirstThingError("it did not end in a traceback")
            if not found["path"].startswith("<frozen"):
                frames.append(Frame(Path(cwd, found["path"]), int(found["line"]), found["name"]))
        elif not line.startswith("    ") and not error:
            error = line
        elif error:
            raise NotFirstThingError("it did not end in a traceback")
    if not error or not frames or len(frames) > _FRAMES:
        raise NotFirstThingError("it did not end in a traceback")
    return frames, error


def beginning(frames: Sequence[Frame]) -> Path | None:
    """Return the file of the program with which a traceback begins, None where it begins in a function."""
    first = next((frame for frame in frames if is_ours(frame.path) or frame.path.name != "runpy.py"), frames[0])
    return first.path if first.name == "<module>" else None


def begins_in(output: str, cwd: str) -> Path | None:
    """Return the file of the program in which the traceback that ends an output begins, None where there is none."""
    try:
        return beginning(read_traceback(output, cwd)[0])
    except NotFirstThingError:
        return None


def program_at(argv: Sequence[str]) -> int:
    """Return where the program stands in a call of Python, behind the options that change nothing of what it runs."""
    at = 1
    while at < len(argv):
        name, value = (
            (argv[at], argv[at + 1]) if argv[at] in _WITH_VALUE and argv[at + 1 :] else (argv[at][:2], argv[at][2:])
        )
        if value in _WITH_VALUE.get(name, ()):
            at += 1 + (argv[at] == name)
        elif _FLAGS.fullmatch(argv[at]):
            at += 1
        else:
            break
    return at


def is_called(path: Path, argv: Sequence[str], cwd: str) -> bool:
    """Tell whether a file is the one with which a command of Python begins."""
    if program_name(argv[0]) != "python":
        return path.name == Path(argv[0]).name  # a program that pip made
    at = program_at(argv)
    word, rest = (*argv[at : at + 1], "")[0], (*argv[at + 1 : at + 2], "")[0]
    if word in ("-c", "-", ""):
        return path.name == ("<string>" if word == "-c" else "<stdin>")
    if word == "-m":
        parts = rest.split(".")  # its packages are imported before it
        names = {f"{parts[-1]}.py", *(f"{'/'.join(parts[: i + 1])}/__init__.py" for i in range(len(parts)))}
        return any(str(path).endswith(f"/{name}") for name in (*names, f"{'/'.join(parts)}/__main__.py"))
    return os.path.realpath(path) == os.path.realpath(Path(cwd, word))


def is_ours(path: Path) -> bool:
    """Tell whether a file is no installed package and not of the standard library."""
    return not any(
        part in ("site-packages", "dist-packages") or re.fullmatch(r"python3\.\d+", part) for part in path.parts
    )
