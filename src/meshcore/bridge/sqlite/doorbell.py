"""A unix datagram socket per listener: one byte says that the log has grown; rings may be lost.

All bells of a bridge hang in one folder under names that the bridge does not choose: eight hexadecimal digits and
`.bell`. Whatever else is there, or a row of the bridge names, is left alone. A bell is looked at through a descriptor
before anything is done to it, so that no link and nobody else's socket stands in its place.
"""

from __future__ import annotations

import errno
import os
import re
import select
import socket
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from meshcore.bridge.sqlite.places import file_mode, make_folder, opened_folder

MOST_BELLS = 256  # that are rung, or looked for
_MOST_FILES = 4096  # of the folder that are looked through for dead bells
_NAME = re.compile(r"[0-9a-f]{8}\.bell")
HAS_BELLS = sys.platform == "linux"
"""Tell whether this system has them; elsewhere listeners look every second."""


def is_bell(name: object) -> bool:
    """Tell whether a name is one that bells have."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None


class Doorbell:
    """The listener's end, with its `name`."""

    def __init__(self, folder: Path) -> None:
        """Hang a bell in the folder, which is made where it is missing. Raises OSError."""
        if not HAS_BELLS:
            raise OSError(errno.EOPNOTSUPP, "no descriptors of sockets on this system", str(folder))
        make_folder(folder)
        self.name = f"{os.urandom(4).hex()}.bell"
        self._folder = folder
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            with opened_folder(folder) as where:
                self._socket.bind(f"/proc/self/fd/{where}/{self.name}")
                with _bell(where, self.name) as bell:
                    found = os.fstat(bell)
                    self._identity = (found.st_dev, found.st_ino)
                    if found.st_uid != os.geteuid():
                        raise PermissionError(errno.EACCES, "socket of another user", self.name)
                    Path(f"/proc/self/fd/{bell}").chmod(file_mode(folder.parent))
        except OSError:
            self._socket.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)

    def fileno(self) -> int:
        """Return the descriptor, readable when the bell was rung."""
        return self._socket.fileno()

    def wait(self, seconds: float) -> bool:
        """Sleep until the bell rings (True) or `seconds` pass (False); all rings so far count as one."""
        return bool(self._poll.poll(max(0.0, seconds) * 1000)) and self._drain()

    def close(self) -> None:
        """Take the bell down."""
        self._socket.close()
        with suppress(OSError), opened_folder(self._folder) as where:
            with _bell(where, self.name) as bell:
                found = os.fstat(bell)
            if (found.st_dev, found.st_ino) == self._identity:
                os.unlink(self.name, dir_fd=where)

    def _drain(self) -> bool:
        rung = False
        with suppress(BlockingIOError):
            for _ in range(64):
                self._socket.recv(1)
                rung = True
        return rung


class Ringer:
    """The sender's end: one unbound socket for all bells."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket: socket.socket | None = None

    def ring(self, names: Iterable[str]) -> list[str]:
        """Ring the bells by name without ever waiting; return the names where nobody listens any more."""
        wanted = [name for name in islice(names, MOST_BELLS) if is_bell(name)]
        if not wanted or not HAS_BELLS:
            return []
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        try:
            with opened_folder(self._folder) as where:
                unreached = [name for name in wanted if not _is_reached(self._socket, where, name)]
        except FileNotFoundError:
            return wanted
        except OSError:
            return []
        # Those just woken often wait for this very core: let them read before the ringer goes on with other work.
        os.sched_yield()
        return unreached

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def sweep(folder: Path, known: Collection[str]) -> None:
    """Remove this user's bells that nobody has registered and nobody listens to."""
    with suppress(OSError), opened_folder(folder) as where, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        probe.setblocking(False)  # who listens and does not read is not waited for
        with os.scandir(where) as files:
            names = [file.name for file in islice(files, _MOST_FILES)]
        for name in names:
            if is_bell(name) and name not in known:
                _is_reached(probe, where, name)


@contextmanager
def _bell(where: int, name: str) -> Iterator[int]:
    """Give a descriptor of a socket in the folder that has one name and is no link. Raises OSError."""
    bell = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=where)
    try:
        found = os.fstat(bell)
        if not stat.S_ISSOCK(found.st_mode) or found.st_nlink > 1:
            raise PermissionError(errno.EACCES, "no bell", name)
        yield bell
    finally:
        os.close(bell)


def _is_reached(sender: socket.socket, where: int, name: str) -> bool:
    """Ring one bell; a dead one of this user is removed."""
    try:
        with _bell(where, name) as bell:
            own = os.fstat(bell).st_uid == os.geteuid()
            try:
                sender.sendto(b"\x00", f"/proc/self/fd/{bell}")
            except ConnectionRefusedError:
                if own:
                    os.unlink(name, dir_fd=where)
                return False
    except FileNotFoundError:
        return False
    except OSError:
        # Full queue: the listener is awake already. No permission, or no bell: its own poll finds the row.
        return True
    return True
