"""What git tracks of a project, and what it ignores: nothing that a repository names is executed to learn it."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

from meshcore.home import read_plain_file

_LIMIT: Final = 1 << 24  # bytes of a tracked file
_INDEX_LIMIT: Final = 1 << 26  # bytes of git's index
_SECONDS: Final = 2.0


def repository(path: Path) -> Path | None:
    """Return the folder whose repository a path belongs to, None where that is none of its own folder."""
    found = next((one for one in path.absolute().parents if (one / ".git").exists()), None)
    return found if found and (found / ".git").is_dir() and not (found / ".git").is_symlink() else None


def as_tracked(path: Path, limit: int = _LIMIT) -> bytes | None:
    """Return what a file holds, where that is what git's index has for it; None for any other, and for a link."""
    path = path.absolute()
    root = repository(path)
    if root is None or ".." in path.parts or path.is_symlink():
        return None
    try:
        index = read_plain_file(root / ".git" / "index", _INDEX_LIMIT)
        data = read_plain_file(path, limit)
    except (OSError, ValueError):
        return None
    return data if _entry(str(path.relative_to(root)).encode(errors="surrogateescape"), data) in index else None


def is_ignored(path: Path, git: str) -> bool:
    """Ask git, by its absolute path, whether it ignores a path; the repository's file monitor is not asked."""
    root = repository(path)
    if root is None:
        return False
    words = (git, "-C", str(root), "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
    environment = {"PATH": "/usr/bin:/bin", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1"}
    environment["GIT_ALLOW_PROTOCOL"] = ""  # a git that does not know the one before would fetch what is not there
    try:
        done = subprocess.run(
            (*words, "check-ignore", "-q", "--", str(path.absolute().relative_to(root))),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env=environment,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _entry(name: bytes, data: bytes) -> bytes:
    """Return the end of the entry that git's index has for a file of a repository that holds just this."""
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).digest()
    return blob + min(len(name), 0xFFF).to_bytes(2, "big") + name + b"\0"
