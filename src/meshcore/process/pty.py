"""The user's terminal between us and a child: raw while the child has its own, always given back as it was."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import termios
import tty
from typing import Any

_SIZE = b"\0" * 8  # struct winsize: rows, columns, pixels across, pixels down
_LOCAL_FLAGS, _OUTPUT_FLAGS, _CONTROL_CHARACTERS = 3, 1, 6  # places in what tcgetattr returns


def same_file(first: int, second: int) -> bool:
    """Say whether two descriptors are of one file, pipe or terminal."""
    one, two = os.fstat(first), os.fstat(second)
    if stat.S_ISCHR(one.st_mode) and stat.S_ISCHR(two.st_mode):
        return one.st_rdev == two.st_rdev
    return os.path.samestat(one, two)


def is_kept(descriptor: int) -> bool:
    """Say whether somebody keeps or reads what is written there: a file, a pipe, a socket; no terminal, no null."""
    return not stat.S_ISCHR(os.fstat(descriptor).st_mode)


def in_foreground(descriptor: int) -> bool:
    """Say whether we may read the terminal and set its modes: it is ours and we are not a background job."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return False


class PseudoTerminal:
    """A terminal for the child that is as large as ours.

    `session`: it becomes the child's controlling terminal, keyboard included, and ours is set to raw while the child
    runs. Otherwise it only receives output and passes it on as it was written. Use as a context manager.
    """

    def __init__(self, ours: int, *, session: bool) -> None:
        self.session = session
        self.master, self._slave = os.openpty()
        os.set_blocking(self.master, False)
        self.slave_name = os.ttyname(self._slave)
        self._ours = ours
        self._saved: list[Any] | None = None
        self._is_raw = False
        self.resize()
        with contextlib.suppress(termios.error):
            self._imitate()

    @property
    def slave(self) -> int:
        """Return the child's end, open here until `child_started`."""
        return self._slave

    def _imitate(self) -> None:
        modes = termios.tcgetattr(self._ours)
        if not self.session:
            modes[_OUTPUT_FLAGS] &= ~termios.OPOST  # the real terminal does that, once
        termios.tcsetattr(self._slave, termios.TCSANOW, modes)

    def close(self) -> None:
        """Give our terminal back and hang up the child's; a second time does nothing."""
        self.give_back()
        self.child_started()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def child_started(self) -> None:
        """Let go of the child's end, so that the last child that leaves it ends the stream."""
        if self._slave >= 0:
            os.close(self._slave)
            self._slave = -1

    def resize(self) -> None:
        """Make the child's terminal as large as ours; the kernel tells the child."""
        with contextlib.suppress(OSError, ValueError):
            fcntl.ioctl(self.master, termios.TIOCSWINSZ, fcntl.ioctl(self._ours, termios.TIOCGWINSZ, _SIZE))

    def take(self) -> bool:
        """Set our terminal to raw: every key is the child's; tell whether it was not so before.

        Does nothing for an output-only one, nor in the background.
        """
        if not self.session or self._is_raw or not in_foreground(self._ours):
            return False
        with contextlib.suppress(termios.error):
            if self._saved is None:
                self._saved = termios.tcgetattr(self._ours)
            tty.setraw(self._ours, termios.TCSANOW)
            self._is_raw = True
        return self._is_raw

    def give_back(self) -> None:
        """Set our terminal as it was before the first `take`."""
        self._is_raw = False
        if self._saved is not None:
            with contextlib.suppress(termios.error):
                termios.tcsetattr(self._ours, termios.TCSANOW, self._saved)

    def suspend_key(self, child: int) -> bytes:
        """Return the key that asks to suspend the child now; empty while the key is the child's own business."""
        try:
            modes = termios.tcgetattr(self.master)
            leader = os.tcgetpgrp(self.master)
        except (OSError, ValueError, termios.error):
            return b""  # it has ended
        key = modes[_CONTROL_CHARACTERS][termios.VSUSP]
        asked = modes[_LOCAL_FLAGS] & termios.ISIG and leader == child and isinstance(key, bytes) and key != b"\0"
        return key if asked else b""
