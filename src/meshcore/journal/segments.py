"""Segments of the journal: what was written before stays beside it as `<journal>.<time of the rotation>`."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

from meshcore.clock import from_text
from meshcore.errors import MeshError
from meshcore.filelock import FileLock
from meshcore.journal.writer import LOCK_SECONDS, first_and_last

_STAMP = "%Y%m%dT%H%M%S%f"
_NAME = re.compile(r"\.\d{8}T\d{12}$")


def segments(path: Path) -> list[Path]:
    """Return the closed segments of a journal, oldest first."""
    found = (entry for entry in path.parent.glob(f"{path.name}.*") if _NAME.fullmatch(entry.name[len(path.name) :]))
    return sorted(entry for entry in found if entry.is_file() and not entry.is_symlink())


def due(path: Path, now: datetime, *, max_bytes: float | None, max_age: timedelta | None) -> str:
    """Return why a journal is to begin a new segment, empty where it is not."""
    try:
        size = path.stat().st_size
        first, _ = first_and_last(path) if size else ("", "")
    except OSError:
        return ""
    if max_bytes is not None and size >= max_bytes:
        return f"{size:,} bytes"
    began = _moment(first)
    if max_age is not None and began is not None and now - began >= max_age:
        return f"since {first}"
    return ""


def rotate(path: Path, now: datetime) -> Path:
    """Close the journal as a segment, under the lock that its writers take; return the segment. Raises MeshError.

    The next writer begins a new file and goes on where the store says that the old one ended.
    """
    closed = path.with_name(f"{path.name}.{now:{_STAMP}}")
    try:
        with FileLock(path.with_name(path.name + ".lock")).held(LOCK_SECONDS) as free:
            if not free:
                raise MeshError(f"{path}: not rotated: another process writes to it; try again")
            path.rename(closed)
    except OSError as error:
        raise MeshError(f"{path}: not rotated ({error.strerror}); check the permissions of its folder") from error
    return closed


def older_than(path: Path, before: datetime) -> list[Path]:
    """Return the closed segments of a journal whose newest line is older than a time."""
    return [segment for segment in segments(path) if (end := _end(segment)) is not None and end < before]


def _end(segment: Path) -> datetime | None:
    try:
        _, last = first_and_last(segment)
        return _moment(last) or datetime.fromtimestamp(segment.stat().st_mtime).astimezone()
    except OSError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        return from_text(text) if text else None
    except ValueError:
        return None
