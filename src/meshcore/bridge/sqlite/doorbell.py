"""A unix datagram socket per listener: one byte says that the log has grown; rings may be lost."""

from __future__ import annotations

import hashlib
import os
import select
import socket
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from meshcore.bridge.sqlite.file import SHARED, file_mode

MAX_ADDRESS = 107  # bytes of a socket's path, without its terminating zero
_NAME_BYTES = 14  # "/", 8 hex digits, ".bell"


class Doorbell:
    """The listener's end. `name` is what ringers need: a bare file name inside the bells' folder, else a full path."""

    def __init__(self, folder: Path) -> None:
        """Open a socket in the folder, or in one of this user where the path would be too long. Raises OSError."""
        home = folder if len(os.fsencode(folder)) + _NAME_BYTES <= MAX_ADDRESS else _runtime_folder(folder)
        _make_folder(home, private=home != folder)
        self.path = home / f"{os.urandom(4).hex()}.bell"
        self.name = self.path.name if home == folder else str(self.path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.bind(str(self.path))
            self.path.chmod(file_mode(folder.parent) if home == folder else 0o600)
        except OSError:
            self.close()
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
        with suppress(OSError):
            self.path.unlink()

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
        if self._socket is None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
        unreached = [name for name in names if not self._reached(self._socket, name)]
        # Those just woken often wait for this very core: let them read before the ringer goes on with other work.
        os.sched_yield()
        return unreached

    def close(self) -> None:
        """Let go of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _reached(self, sender: socket.socket, name: str) -> bool:
        path = address(self._folder, name)
        try:
            sender.sendto(b"\x00", path)
        except FileNotFoundError:
            return False
        except ConnectionRefusedError:
            with suppress(OSError):
                Path(path).unlink()
            return False
        except OSError:
            # Full queue: the listener is awake already. No permission: its own poll finds the row.
            return True
        return True


def address(folder: Path, name: str) -> str:
    """Return the socket's path for a name."""
    return name if name.startswith("/") else f"{folder}/{name}"


def sweep(folder: Path, known: Iterable[str]) -> None:
    """Remove sockets in the folder that nobody has registered and nobody listens to."""
    kept = set(known)
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        for path in folder.glob("*.bell"):
            if path.name not in kept and _is_dead(probe, path):
                path.unlink()


def _is_dead(probe: socket.socket, path: Path) -> bool:
    try:
        probe.connect(str(path))
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False


def _make_folder(folder: Path, *, private: bool) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if private and (status.st_uid != os.getuid() or status.st_mode & 0o077):
        raise PermissionError(13, "folder of another user", str(folder))
    if not private and file_mode(folder.parent) == SHARED and status.st_uid == os.getuid():
        # The group of the bridge's folder rings and sweeps here too.
        os.chown(folder, -1, folder.parent.stat().st_gid)
        folder.chmod(0o2770)


def _runtime_folder(folder: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    base = os.environ.get("XDG_RUNTIME_DIR", "")
    if base and len(os.fsencode(base)) < 60 and Path(base).is_dir():
        return Path(base) / f"meshtui-{digest}"
    # Not the configured temporary folder: that one may be as deep as the bridge.
    return Path("/tmp") / f"meshtui-{os.getuid()}-{digest}"  # noqa: S108  made private, its owner checked
