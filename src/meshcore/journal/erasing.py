"""Words taken out of written lines of the journal: each line keeps its place, its length and its number."""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from pathlib import Path

from meshcore.errors import MeshError
from meshcore.filelock import FileLock

LOCK_SECONDS = 5.0
_KEPT = (
    "seq",
    "at",
    "kind",
    "incident_id",
    "skill_id",
    "agent",
    "result",
    "decision",
    "state",
    "seconds",
    "own_seconds",
)


def erase_lines(path: Path, seqs: Collection[int]) -> int:
    """Erase the words of events, by their seq, in the journal and all that was kept of it; return how many lines.

    Raises MeshError where the journal cannot be written.
    """
    wanted, done = frozenset(seqs), 0
    if not wanted:
        return 0
    try:
        with FileLock(path.with_name(path.name + ".lock")).held(LOCK_SECONDS) as free:
            if not free:
                raise MeshError(f"{path}: another process writes to it; try again")
            for file in sorted(path.parent.glob(f"{path.name}*")):
                if file.is_file() and not file.is_symlink() and file.suffix not in (".lock", ".tmp"):
                    done += _erase_in(file, wanted)
    except OSError as error:
        raise MeshError(f"{path}: not erased ({error.strerror}); check its permissions") from error
    return done


def _erase_in(path: Path, wanted: frozenset[int]) -> int:
    done = at = 0
    with path.open("r+b") as file:
        for line in file:
            start, at = at, at + len(line)
            try:
                fields = json.loads(line)
                if fields["seq"] not in wanted:
                    continue
            except (ValueError, LookupError, TypeError):
                continue
            kept = {name: fields[name] for name in _KEPT if name in fields}
            text = json.dumps({**kept, "purged": True}).encode()
            room = len(line.rstrip(b"\n"))
            if len(text) > room:
                text = json.dumps({name: fields[name] for name in ("seq", "at", "kind")}).encode()
            os.pwrite(file.fileno(), text[:room].ljust(room), start)
            done += 1
        os.fsync(file.fileno())
    return done
