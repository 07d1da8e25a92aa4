"""Keep SQLite from playing back a journal that nobody of ours has written.

A rollback journal may name another file, which SQLite deletes once the journal was played back: whoever can put a file
beside a database could have any file of its reader deleted. While the database's RESERVED lock is held, by whomever, a
journal counts as somebody's that is at work, and SQLite leaves it alone: so that lock is held for every first look.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from meshcore.bridge.sqlite.places import OPENING
from meshcore.errors import ConfigurationError

_RESERVED_BYTE = 0x40000001  # of the file format, where a database is locked
_HAS_OWN_LOCKS = sys.platform == "linux" and sys.maxsize > 2**32
_PAUSE = 0.005
_MAGIC = bytes.fromhex("d9d505f920a163d7")  # ends a journal that names another file

Identity = tuple[int, int]


class JournalGuard:
    """The lock on one database file, for all of this process's connections to it."""

    def __init__(self, descriptor: int) -> None:
        self.users = 1
        self.descriptors = [descriptor]
        self._lock = threading.Lock()

    @contextmanager
    def held(self, seconds: float) -> Iterator[bool]:
        """Hold the lock for a block, which is told whether it was to be had within some seconds."""
        until = time.monotonic() + seconds
        with self._lock:
            while not (taken := self._lock_reserved(fcntl.F_WRLCK)) and time.monotonic() < until:
                time.sleep(_PAUSE)
            try:
                yield taken
            finally:
                if taken:
                    self._lock_reserved(fcntl.F_UNLCK)

    def _lock_reserved(self, kind: int) -> bool:
        if not _HAS_OWN_LOCKS:
            return True
        try:
            fcntl.fcntl(
                self.descriptors[0],
                fcntl.F_OFD_SETLK,
                struct.pack("hhqqi4x", kind, os.SEEK_SET, _RESERVED_BYTE, 1, 0),
            )
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES):
                return False
            raise
        return True


_guards: dict[Identity, JournalGuard] = {}


def identity(path: Path) -> Identity:
    """Return which file is at a path, links not followed; (0, 0) where there is none."""
    try:
        found = os.lstat(path)  # half the cost of Path.lstat, on every transaction
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)


def guard(path: Path) -> tuple[Identity, JournalGuard]:
    """Return the guard of the file at a path, to be let go with `leave` once its connection is closed. Raises OSError.

    Closing any descriptor of a file drops all locks that this process holds on it, so one is kept open while needed.
    """
    with OPENING:
        if (known := _guards.get(which := identity(path))) is not None:
            known.users += 1
            return which, known
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        found = os.fstat(descriptor)
        which = (found.st_dev, found.st_ino)
        if (known := _guards.get(which)) is not None:  # it was replaced by one that is open already
            known.users += 1
            known.descriptors.append(descriptor)
            return which, known
        return which, _guards.setdefault(which, JournalGuard(descriptor))


def leave(which: Identity) -> None:
    """Let go of a guard; its file is closed with the last."""
    with OPENING:
        known = _guards[which]
        known.users -= 1
        if not known.users:
            del _guards[which]
            for descriptor in known.descriptors:
                with suppress(OSError):
                    os.close(descriptor)


def check_journal(database: Path, *, is_shared: bool) -> bool:
    """Tell whether an interrupted write must be undone before a database is read, while its guard is held.

    Raises ConfigurationError where that would not be safe: the journal names another file, or anybody may have put it
    there (`is_shared`).
    """
    path = database.with_name(database.name + "-journal")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); look at what it is") from error
    try:
        size = os.fstat(descriptor).st_size
        if os.pread(descriptor, 1, 0) in (b"", b"\x00"):
            return False
        if os.pread(descriptor, 8, max(0, size - 8)) == _MAGIC:
            raise ConfigurationError(f"{path} names another file, which would be deleted; move it away and look at it")
    finally:
        os.close(descriptor)
    if is_shared:
        raise ConfigurationError(
            f"{path} is left of a write that was interrupted, or was put there; let the program that wrote it open "
            f"{database.name} once, or move both away"
        )
    return True
