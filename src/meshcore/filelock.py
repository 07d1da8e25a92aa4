"""An advisory lock between processes: held by an open file, gone when its holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PAUSE = 0.005  # seconds between two attempts
_CAREFUL = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # no link is followed, and no pipe waited for


class FileLock:
    """A lock on a file that is created where it is missing; not reentrant."""

    def __init__(self, path: Path, mode: int = 0o600) -> None:
        self.path = path
        self._mode = mode
        self._descriptor = -1

    @property
    def is_held(self) -> bool:
        """Say whether this object holds the lock."""
        return self._descriptor >= 0

    def acquire(self, timeout: float = 0.0) -> bool:
        """Take the lock within about `timeout` seconds; False where another process keeps it. Raises OSError."""
        if self.is_held:
            return True
        descriptor = os.open(self.path, os.O_CREAT | os.O_RDWR | _CAREFUL, self._mode)
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            os.close(descriptor)
            raise OSError(errno.EINVAL, "no plain file with one name", str(self.path))
        if found.st_mode & self._mode != self._mode and found.st_uid == os.geteuid():
            os.fchmod(descriptor, self._mode)  # the umask took from the group what a shared folder gives it
        for _ in range(int(timeout / _PAUSE) + 1):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if timeout:
                    time.sleep(_PAUSE)
            except OSError:
                os.close(descriptor)
                raise
            else:
                self._descriptor = descriptor
                return True
        os.close(descriptor)
        return False

    def note(self, text: str) -> None:
        """Write into the file of this lock, which is held, who holds it; the lock holds without. Raises OSError."""
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text.encode(), 0)

    def show_life(self, at: float) -> None:
        """Show whoever looks at the file of this lock, which is held, that its holder is alive `at` this time."""
        with suppress(OSError):
            os.utime(self._descriptor, (at, at))

    def release(self) -> None:
        """Let go of the lock, if it is held."""
        if self.is_held:
            os.close(self._descriptor)
            self._descriptor = -1

    @contextmanager
    def held(self, timeout: float = 0.0) -> Iterator[bool]:
        """Hold the lock for a block, which is told whether it was to be had."""
        taken = self.acquire(timeout)
        try:
            yield taken
        finally:
            if taken:
                self.release()


def wait_for_lock(descriptor: int) -> None:
    """Take the lock of an open file, however long that takes; closing the file releases it. Raises OSError."""
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def is_alive(process: int) -> bool:
    """Tell whether a process is there; probing its lock every second would now and then be in the way of a start."""
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_stopped(process: int) -> bool:
    """Tell whether a process is stopped (ctrl-z, SIGSTOP): it keeps its locks and does nothing. False without /proc."""
    try:
        with open(f"/proc/{process}/stat", "rb") as file:  # noqa: PTH123  light
            return file.read(1000).rpartition(b")")[2][1:2] in (b"T", b"t")
    except OSError:
        return False


def holder(path: Path) -> str | None:
    """Return what the holder of a lock has noted in its file, at most 100 bytes of it, None where nobody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _CAREFUL)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 100, 0).decode(errors="replace").strip()
    finally:
        os.close(descriptor)
    return None
