"""Marks beside a store that tell a hook in microseconds that there is nothing to look up: it need not load SQLite.

A mark says that the store may know something, its absence that it knows nothing. It is written before what it stands
for is committed, and is of no more meaning than that. This loads no module that takes time.
"""

from __future__ import annotations

import os
from time import monotonic, time

TYPE_CHECKING = False
if TYPE_CHECKING:  # nothing that takes time is imported here
    from collections.abc import Iterator, Sequence

try:
    from _blake2 import blake2b
except ImportError:  # an interpreter that hashes with a library
    from hashlib import blake2b

SLOTS = 1 << 22  # bytes, most of them holes: with 100,000 marks one command in forty is looked up for nothing
_KNOWN, _OPEN = "known", "open"
CALL = 8  # bytes of a call of a hook: day, folder of the project, whether a command had ended, time taken
MAX_CALLS = 1 << 22  # bytes, until they are folded into the store
_LEAST = 9  # bits of the shortest time in microseconds that a byte stands for: 256 µs; 16 steps for each bit more


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


def are_kept(state: str) -> bool:
    """Tell whether marks of commands are kept: a home of which only the store was restored has none."""
    return os.path.lexists(f"{state}/{_KNOWN}")


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


# --- calls of hooks ---------------------------------------------------------------------------------------------------


def note_call(path: str, root: str, began: float, *, ended: bool) -> bool:
    """Write down a call of a hook that `began` (monotonic seconds); False where the file is not there.

    `root` is the project's folder, "" where that was not looked for; `ended` is False before a command.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        if os.fstat(descriptor).st_size < MAX_CALLS:
            day = int(time()) // 86_400 & 0xFFFF  # whatever a clock says
            row = (day.to_bytes(2, "big"), root_mark(root), bytes((ended, took_byte(monotonic() - began))))
            os.write(descriptor, b"".join(row))
        else:
            os.utime(descriptor)
    finally:
        os.close(descriptor)
    return True


def root_mark(root: str) -> bytes:
    """Return what stands for a project's folder in a call of a hook, zeros for none: 4 bytes."""
    return blake2b(root.encode("utf-8", "surrogatepass"), digest_size=4).digest() if root else b"\0\0\0\0"


def took_byte(seconds: float) -> int:
    """Return the byte that stands for a time: within 3 % from 0.3 ms to 16 s."""
    microseconds = max(1 << (_LEAST - 1), int(seconds * 1e6))
    bits = microseconds.bit_length()  # `math` would be a library to load
    return min(255, (bits - _LEAST) * 16 + (microseconds >> (bits - 5)) - 16)


def took_ms(byte: int) -> float:
    """Return the milliseconds that a byte stands for."""
    return (16.5 + byte % 16) * float(1 << (byte // 16 + _LEAST - 5)) / 1000


def calls_in(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    """Yield (day since 1970, mark of the project's folder, 1 for the end of a command, byte of the time taken)."""
    for at in range(0, len(data) - CALL + 1, CALL):
        yield int.from_bytes(data[at : at + 2], "big"), data[at + 2 : at + 6], data[at + 6], data[at + 7]
