"""Files of one JSON object a line: appended so that two writers never mix, read so that a bad line costs itself."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from meshcore.errors import MeshError
from meshcore.filelock import FileLock
from meshcore.home import PRIVATE_FILE, open_plain_file
from meshcore.model import Json

LOCK_SECONDS = 5.0
MAX_LINE_BYTES = 1 << 20
MAX_LOG_BYTES = 8 << 30
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: its object, or the reason why it was skipped. Lines count from 1."""

    number: int
    value: Mapping[str, Json] | None
    reason: str = ""


def append_line(path: Path, value: Mapping[str, Json]) -> None:
    """Append an object as one line in one write, under a lock between processes. Raises MeshError; nothing is lost.

    A last line that a crash left without its end gets one first, so that it never swallows ours.
    """
    line = json.dumps(value, ensure_ascii=True, allow_nan=False).encode() + b"\n"
    try:
        with FileLock(path.with_name(path.name + ".lock")).held(LOCK_SECONDS) as free:
            if not free:
                raise MeshError(f"{path}: locked by another program for {LOCK_SECONDS:g} s; the next pass tries again")
            _append(path, line)
    except OSError as error:
        raise MeshError(f"{path}: not written ({error.strerror}); name another file with --log-file") from error


def _append(path: Path, line: bytes) -> None:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, PRIVATE_FILE)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise MeshError(f"{path}: not a plain file; name another with --log-file")
        torn = found.st_size and os.pread(descriptor, 1, found.st_size - 1) != b"\n"
        data = b"\n" + line if torn else line
        if os.write(descriptor, data) != len(data):
            os.ftruncate(descriptor, found.st_size)
            raise MeshError(f"{path}: not written (no space left); free some space")
    finally:
        os.close(descriptor)


def read_lines(path: Path, max_line: int = MAX_LINE_BYTES) -> Iterator[Line]:
    """Yield every line of a file, a longer one than `max_line` bytes without reading it. Raises MeshError."""
    try:
        if not path.is_file():
            raise MeshError(f"{path}: no such file; name the log that a monitor wrote")
        with open_plain_file(path, MAX_LOG_BYTES) as file:
            number = 0
            while data := file.readline(max_line + 1):
                number += 1
                if len(data) > max_line and not data.endswith(b"\n"):
                    size = len(data) + _skip_line(file)
                    yield Line(number, None, f"too long ({size:,} bytes)")
                else:
                    yield _read(number, data)
    except OSError as error:
        raise MeshError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error


def _skip_line(file: BinaryIO) -> int:
    """Go to the end of the line; return how many bytes that was."""
    size = 0
    while data := file.readline(_CHUNK_BYTES):
        size += len(data)
        if data.endswith(b"\n"):
            break
    return size


def _read(number: int, data: bytes) -> Line:
    if not data.strip():
        return Line(number, None, "blank")
    try:
        value = json.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        return Line(number, None, f"not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        return Line(number, None, f"not JSON at column {error.colno} ({error.msg})")
    except (ValueError, RecursionError) as error:
        return Line(number, None, f"not usable JSON ({str(error)[:80]})")
    if not isinstance(value, dict):
        return Line(number, None, "not an object")
    return Line(number, value)
