"""What our own standard streams are."""

from __future__ import annotations

import errno
import os
import select
import stat
from typing import Literal

StdinKind = Literal["tty", "null", "captured", "file", "unrepeatable"]


def stdin_kind() -> tuple[StdinKind, int]:
    """Say what our standard input is (`captured` is a pipe or socket) and, of a file, where it stands in bytes."""
    status = os.fstat(0)
    if stat.S_ISREG(status.st_mode):
        return "file", os.lseek(0, 0, os.SEEK_CUR)
    if stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode):
        return "captured", 0
    if os.isatty(0):
        return "tty", 0
    try:
        null = os.stat(os.devnull).st_rdev
    except OSError:  # a system without one
        return "unrepeatable", 0
    return ("null" if stat.S_ISCHR(status.st_mode) and status.st_rdev == null else "unrepeatable"), 0


def open_standard_streams() -> None:
    """Put /dev/null on a standard descriptor that is closed, before another file gets its number."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            # what is free below it was filled before, so open returns exactly this number
            os.set_inheritable(open_null(), True)


def open_null() -> int:
    """Open what takes everything and holds nothing; where there is no /dev/null, a file without a name."""
    try:
        return os.open(os.devnull, os.O_RDWR)
    except OSError:
        from tempfile import TemporaryFile

        with TemporaryFile() as file:
            return os.dup(file.fileno())


def write_all(target: int, data: bytes) -> int:
    """Write to a descriptor of ours, waiting for its reader; return the error number where nobody takes it any more."""
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(target, view) :]
        except BlockingIOError:  # somebody else made the open file non-blocking
            poll = select.poll()
            poll.register(target, select.POLLOUT)
            poll.poll()
        except OSError as error:
            if error.errno not in (errno.EPIPE, errno.EIO) and target == 1:
                write_all(2, f"meshtui: standard output: {error.strerror}\n".encode())
            return error.errno or errno.EIO
    return 0
