"""Which folders hold failures that a success may settle: an empty file for each, beside the store.

They spare a command that succeeds where nothing has failed every look into the store. Light: `os` is all it takes.
"""

from __future__ import annotations

import os


def may_be_open(store: str, folder: str) -> bool:
    """Tell whether failures in a folder may wait in a store; True where that is not known."""
    marks = _marks(store)
    if os.path.isdir(marks):
        return os.path.exists(_mark(marks, folder))
    return os.path.exists(store)


def is_kept(store: str) -> bool:
    """Tell whether marks are kept for a store: for one of an earlier version they have to be made first."""
    return os.path.isdir(_marks(store))


def mark(store: str, folder: str) -> None:
    """Note that a failure in a folder waits in a store. Raises OSError."""
    marks = _marks(store)
    os.makedirs(marks, 0o700, exist_ok=True)
    os.close(os.open(_mark(marks, folder), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))


def unmark(store: str, folder: str) -> None:
    """Note that nothing waits in a folder any more. Raises OSError."""
    try:
        os.unlink(_mark(_marks(store), folder))
    except FileNotFoundError:
        return


def _marks(store: str) -> str:
    return f"{store}.open"


def _mark(marks: str, folder: str) -> str:
    from binascii import crc32  # a library of its own, for failures only

    # Two folders may share a number: the second is then looked up in vain.
    return os.path.join(marks, f"{crc32(os.fsencode(folder)):08x}")
