"""What a child reads of our standard input: kept, so that the command can be run again, and not a byte more.

A pipe is lent: the child gets a copy of what stands in it (tee, Linux), in a pipe of one page that has room again only
once it is empty, and as much as the child took is then taken from ours. What it leaves is there for who reads after us,
such as the loop of a shell. Where that cannot be done, and for a socket, we read ahead.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import stat
import sys
import termios
from functools import cache

TYPE_CHECKING = False  # typing takes long to load
if TYPE_CHECKING:
    from ctypes import CDLL

_CHUNK = 64 * 1024
_PAGE = 4096
_AT_ONCE = 2  # SPLICE_F_NONBLOCK


class Feed:
    """What goes to the child's input: first `pending`, then what `source` (a descriptor of ours, -1 for none) gives."""

    def __init__(self, sink: int, source: int, *, limit: int, pending: bytes = b"", terminal: bool = False) -> None:
        self.sink = sink
        self.source = source
        self.terminal = terminal
        self.pending = pending
        self.kept = bytearray()
        self.overflowed = False
        self._limit = limit
        self._lent = 0  # bytes of the source of which the sink holds a copy
        self._lends = source >= 0 and not terminal and _is_pipe(source) and _is_made_small(sink)
        self._is_full = False
        self._keep(pending)

    @property
    def awaits_room(self) -> bool:
        """Tell whether the child must take what it has before anything more can be done."""
        return bool(self.pending) or self._lent > 0 or self._is_full

    def read(self) -> bool:
        """Take or lend what is there, the end of the source leaves it at -1; return False once the child takes none."""
        if self._lends:
            return self._lend()
        try:
            self.pending = os.read(self.source, _CHUNK)
        except OSError:
            self.pending = b""
        if self.pending:
            self._keep(self.pending)
        else:
            self.source = -1
        return True

    def write(self) -> bool:
        """Give the child what it takes now; False once it takes no more."""
        if self._lent or self._is_full:
            return self._settle()
        try:
            self.pending = self.pending[os.write(self.sink, self.pending[:_CHUNK]) :]
        except BlockingIOError:
            return True
        except OSError:
            return False
        return True

    def end(self) -> bool:
        """Take back what the child has left, and close its input; return whether there was, or may be, more to read."""
        if self._lent:
            self._take(self._lent - _held(self.sink))
        os.close(self.sink)
        self.sink = -1
        if self.source < 0 or self.terminal:
            return False
        poll = select.poll()
        poll.register(self.source, select.POLLIN)
        return not any(event & select.POLLHUP and not event & select.POLLIN for _, event in poll.poll(0))

    def _lend(self) -> bool:
        count, fault = _tee(self.source, self.sink)
        if count > 0:
            self._lent = count
        elif count == 0:
            self.source = -1
        elif fault == errno.EPIPE:
            return False
        elif fault == errno.EAGAIN:
            self._is_full = _held(self.sink) > 0
        else:
            self._lends = False
            return self.read()
        return True

    def _settle(self) -> bool:
        poll = select.poll()
        poll.register(self.sink, select.POLLOUT)
        if any(event & select.POLLERR for _, event in poll.poll(0)):
            return False  # it has closed its input
        self._lends = _held(self.sink) == 0  # else its pipe has room before it is empty: lending is not possible here
        self._take(self._lent)
        self._is_full = False
        return True

    def _take(self, count: int) -> None:
        self._lent = 0
        while count > 0 and _held(self.source) > 0:
            data = os.read(self.source, count)
            self._keep(data)
            count -= len(data)

    def _keep(self, data: bytes) -> None:
        if self.terminal or self.overflowed:
            return
        if len(self.kept) + len(data) > self._limit:
            self.overflowed = True
            self.kept.clear()
        else:
            self.kept += data


def _is_pipe(descriptor: int) -> bool:
    return sys.platform == "linux" and stat.S_ISFIFO(os.fstat(descriptor).st_mode)


def _is_made_small(sink: int) -> bool:
    try:
        return fcntl.fcntl(sink, fcntl.F_SETPIPE_SZ, _PAGE) <= os.sysconf("SC_PAGESIZE")
    except (OSError, AttributeError):
        return False


def _held(pipe: int) -> int:
    """Return how many bytes stand in a pipe."""
    count = bytearray(4)
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return int.from_bytes(count, sys.byteorder)


@cache
def _system() -> CDLL:
    import ctypes  # only where something is read from a pipe

    return ctypes.CDLL(None, use_errno=True)


def _tee(source: int, sink: int) -> tuple[int, int]:
    """Copy what stands in a pipe into another; return how much, 0 at its end, or -1 and the error number."""
    count = int(_system().tee(source, sink, _CHUNK, _AT_ONCE))
    return count, _fault() if count < 0 else 0


def _fault() -> int:
    import ctypes

    return ctypes.get_errno()
