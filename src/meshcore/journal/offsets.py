"""How far files were followed, on the disk: so that after a restart nothing is missed and nothing comes twice."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from meshcore.home import read_plain_file, write_atomically
from meshcore.journal.generations import Identity, Known, Mark

FORMAT: Final = 2
_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Saved:
    """What is known of one path: how far each of its files was read, and what lay beside it."""

    marks: Sequence[Mark]
    known: Mapping[Identity, Known] | None = None


def write_offsets(path: Path, saved: Mapping[Path, Saved]) -> None:
    """Replace the file of offsets, whole or not at all. Raises OSError."""
    files = {str(log): {"marks": [_mark(m) for m in one.marks], "known": _known(one)} for log, one in saved.items()}
    write_atomically(path, json.dumps({"format": FORMAT, "files": files}).encode() + b"\n")


def read_offsets(path: Path) -> dict[Path, Saved]:
    """Return what was saved; nothing where there is no file, or none that can be read.

    A kill between writing and replacing leaves a whole newer file beside the old one: the newest that is whole counts.
    Format 1, without first bytes and without what lay beside, is read too: there the inode has to do.
    """
    candidates = [path, *path.parent.glob(f".{path.name}.*.tmp")]
    newest: tuple[int, dict[Path, Saved]] = (-1, {})
    for candidate in candidates:
        with suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            saved = _read(json.loads(read_plain_file(candidate, _MAX_BYTES)))
            newest = max(newest, (candidate.stat().st_mtime_ns, saved), key=lambda one: one[0])
    for leftover in candidates[1:]:
        leftover.unlink(missing_ok=True)
    return newest[1]


def _read(value: Mapping[str, Any]) -> dict[Path, Saved]:
    if value["format"] not in (1, FORMAT):
        raise ValueError(f"format {value['format']!r}")
    found = {}
    for log, one in value["files"].items():
        marks = [
            Mark(
                _pair(mark["identity"]), (int(mark.get("head", [0])[0]), str(mark.get("head", [0, ""])[1])), mark["at"]
            )
            for mark in one["marks"]
        ]
        known = one.get("known")
        found[Path(log)] = Saved(
            marks, None if known is None else {_pair(i): (str(name), (int(h[0]), str(h[1]))) for i, (name, h) in known}
        )
    return found


def _pair(value: Sequence[Any]) -> Identity:
    device, inode = value
    return int(device), int(inode)


def _mark(mark: Mark) -> dict[str, object]:
    return {"identity": mark.identity, "head": mark.head, "at": mark.offset}


def _known(saved: Saved) -> list[tuple[Identity, Known]] | None:
    return None if saved.known is None else list(saved.known.items())
