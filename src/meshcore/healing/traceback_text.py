"""A Python traceback as the text that ends an output: its frames and its error."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_FRAMES = 40
_FRAME = re.compile(r'  File "(?P<path>[^"\n]{1,4096})", line (?P<line>\d{1,7}), in (?P<name>[^\n]{1,200})')
_HEADER = "Traceback (most recent call last):"


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


def is_ours(path: Path) -> bool:
    """Tell whether a file is no installed package and not of the standard library."""
    return not any(
        part in ("site-packages", "dist-packages") or re.fullmatch(r"python3\.\d+", part) for part in path.parts
    )
