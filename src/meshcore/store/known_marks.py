"""Marks beside a store that tell a hook in microseconds that there is nothing to look up: it need not load SQLite.

A mark says that the store may know something, its absence that it knows nothing. It is written before what it stands
for is committed, and is of no more meaning than that. This loads no module that takes time.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:  # nothing that takes time is imported here
    from collections.abc import Sequence

try:
    from _blake2 import blake2b
except ImportError:  # an interpreter that hashes with a library
    from hashlib import blake2b

SLOTS = 1 << 22  # bytes, most of them holes: with 100,000 marks one command in forty is looked up for nothing
_KNOWN, _OPEN = "known", "open"


def command_key(words: Sequence[str], folder: str, root: str) -> bytes:
    """Return what stands for a command in a project whose root is given: 8 bytes."""
    inside = folder == root or folder.startswith(root.rstrip("/") + "/")
    text = "\0".join((os.path.relpath(folder, root) if inside else folder, *words))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def session_key(via: str, session: str) -> str:
    """Return the key of a session's rows."""
    return blake2b(f"{via}\0{session}".encode(errors="replace"), digest_size=12).hexdigest()


def _slot(root: str, command: bytes) -> int:
    text = root.encode("utf-8", "surrogatepass") + b"\0" + command
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") % SLOTS


def mark(state: str, root: str, command: bytes) -> None:
    """Mark a command as known, and its project. Raises OSError."""
    descriptor = os.open(f"{state}/{_KNOWN}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        for key in (b"", command):
            os.pwrite(descriptor, b"\1", _slot(root, key))
    finally:
        os.close(descriptor)


def is_marked(state: str, root: str, command: bytes = b"") -> bool:
    """Tell whether a command may be known; without one, whether anything is of its project."""
    try:
        descriptor = os.open(f"{state}/{_KNOWN}", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        return os.pread(descriptor, 1, _slot(root, command)) == b"\1"
    finally:
        os.close(descriptor)


def mark_open(state: str, session: str) -> None:
    """Mark a session in which something failed. Raises OSError."""
    path = f"{state}/{_OPEN}.{session}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def unmark_open(state: str, session: str) -> None:
    """Take the mark of a session away."""
    try:
        os.unlink(f"{state}/{_OPEN}.{session}")  # noqa: PTH108
    except OSError:
        return


def is_open(state: str, session: str) -> bool:
    """Tell whether anything may be open in a session."""
    return os.path.lexists(f"{state}/{_OPEN}.{session}")


def forget_open(state: str, before: float) -> None:
    """Take away the marks of sessions older than a time in seconds since 1970."""
    for entry in os.scandir(state):
        if entry.name.startswith(_OPEN + ".") and entry.stat(follow_symlinks=False).st_mtime < before:
            unmark_open(state, entry.name.removeprefix(_OPEN + "."))
