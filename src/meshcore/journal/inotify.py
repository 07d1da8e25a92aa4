"""What the kernel of Linux tells of folders, on a descriptor that an event loop can wait for: nothing wakes before."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_MODIFIED, _MOVED_FROM, _MOVED_TO, _CREATED, _DELETED, _GONE, _MOVED = 0x2, 0x40, 0x80, 0x100, 0x200, 0x400, 0x800
_ANY: Final = _MODIFIED | _MOVED_FROM | _MOVED_TO | _CREATED | _DELETED | _GONE | _MOVED
_ONLY_FOLDERS: Final = 0x1000000
_HEAD: Final = struct.Struct("iIII")
_BUFFER: Final = 64 * 1024


def watch(folders: Iterable[Path]) -> int:
    """Return a descriptor that becomes readable when something in these folders changes; see `names`.

    A folder that is not there is not watched. Raises OSError where the kernel has no such thing, or no more of it.
    """
    if sys.platform != "linux":
        raise OSError("inotify is of Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    for folder in folders:
        libc.inotify_add_watch(descriptor, os.fsencode(folder), ctypes.c_uint32(_ANY | _ONLY_FOLDERS))
    return descriptor


def names(descriptor: int) -> set[str]:
    """Return the names of what has changed since the last call, "" for a folder itself, or where some were lost."""
    found: set[str] = set()
    try:
        while data := os.read(descriptor, _BUFFER):
            at = 0
            while at < len(data):
                _, _, _, length = _HEAD.unpack_from(data, at)
                at += _HEAD.size + length
                found.add(os.fsdecode(data[at - length : at].rstrip(b"\0")))
    except BlockingIOError:
        pass
    return found
