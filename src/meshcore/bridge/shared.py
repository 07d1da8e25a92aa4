"""The open connection of a home's runtime, shared with that home's commands: none of them needs one of its own.

To connect costs a failing command most of what it may wait for a network. A socket in the home, which only its user can
enter, speaks the protocol that is spoken over ssh; it is named for the address, so that who means another bridge finds
none. Nothing is believed for coming through it that would not be believed of the bridge.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from meshcore.bridge.base import Bridge
from meshcore.bridge.sqlite.places import opened_folder
from meshcore.bridge.ssh.bridge import SshBridge
from meshcore.bridge.ssh.link import Pipe
from meshcore.bridge.ssh.server import OneNode, Server
from meshcore.config import BridgeAddress
from meshcore.errors import BridgeUnavailableError, MeshError

MOST_GUESTS = 16  # commands at once; one more connects for itself
_BACKLOG = 16
_LONGEST_SECONDS = 86_400.0  # that a command keeps it open without a word
_CREDENTIALS = struct.Struct("3i")  # process, user, group


def socket_of(folder: Path, address: BridgeAddress) -> Path:
    """Return where the connection to an address is shared, in a home's folder of state."""
    return folder / f"bridge-{hashlib.sha256(address.url.encode()).hexdigest()[:12]}.sock"


class Sharing:
    """The runtime's side: lets this user's commands speak as one node over a bridge, for as long as that is open."""

    def __init__(self, folder: Path, address: BridgeAddress) -> None:
        """`folder` is private to the user. Nothing is made before there is something to share."""
        self._path = socket_of(folder, address)
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._guests: set[socket.socket] = set()
        self._shared: tuple[Bridge, str] | None = None

    def share(self, bridge: Bridge, node: str) -> None:
        """Let commands use a bridge, as a node; where that is done already, or cannot be done here, nothing happens."""
        if self._shared == (bridge, node) or sys.platform != "linux":
            return
        self.withdraw()
        with suppress(OSError), _short(self._path) as path:
            self._path.unlink(missing_ok=True)
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(path)
            self._path.chmod(0o600)
            listener.listen(_BACKLOG)
            self._listener, self._shared = listener, (bridge, node)
            threading.Thread(target=self._welcome, args=(listener, bridge, node), name="shared", daemon=True).start()

    def withdraw(self) -> None:
        """End the sharing; who is there is cut off."""
        listener, self._listener, self._shared = self._listener, None, None
        if listener is None:
            return
        self._path.unlink(missing_ok=True)
        _end(listener)
        with self._lock:
            guests = list(self._guests)
        for guest in guests:
            _end(guest)

    def _welcome(self, listener: socket.socket, bridge: Bridge, node: str) -> None:
        while listener is self._listener:
            try:
                guest, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                is_welcome = _user_of(guest) == os.geteuid() and len(self._guests) < MOST_GUESTS
                if is_welcome:
                    self._guests.add(guest)
            if is_welcome:
                threading.Thread(target=self._serve, args=(guest, bridge, node), name="guest", daemon=True).start()
            else:
                guest.close()

    def _serve(self, guest: socket.socket, bridge: Bridge, node: str) -> None:
        try:
            with guest, guest.makefile("rb") as reading, guest.makefile("wb") as writing:
                Server(bridge, reading, writing, OneNode(node), rings=False).serve()
        except OSError:
            pass  # the command has ended
        finally:
            with self._lock:
                self._guests.discard(guest)


def through_runtime(
    folder: Path, address: BridgeAddress, *, deadline: float, monotonic: Callable[[], float]
) -> Bridge | None:
    """Return the bridge over the connection of a home's runtime; None where no runtime shares one."""
    path = socket_of(folder, address)
    if not path.exists():
        return None
    found = SshBridge(lambda: _SocketPipe(path, address.shown), address.shown, deadline=deadline, monotonic=monotonic)
    try:
        found.bridge_id  # noqa: B018  it connects
    except MeshError:
        found.close()
        return None
    return found


class _SocketPipe(Pipe):
    """A command's end of the socket."""

    def __init__(self, path: Path, shown: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Not None: the other end of this descriptor's copy is set not to block.
        self._socket.settimeout(_LONGEST_SECONDS)
        try:
            with _short(path) as name:
                self._socket.connect(name)
            if _user_of(self._socket) != os.geteuid():
                raise PermissionError
        except OSError as error:
            self._socket.close()
            raise BridgeUnavailableError(f"{shown}: the runtime does not answer; try again") from error
        self._reading: IO[bytes] = self._socket.makefile("rb")

    @property
    def reading(self) -> IO[bytes]:
        return self._reading

    @property
    def writing(self) -> IO[bytes]:
        return self._reading

    def why(self) -> str:
        return ""

    def end(self) -> None:
        _end(self._socket)


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name of a path that is short enough for a socket."""
    with opened_folder(path.parent) as folder:
        yield f"/proc/self/fd/{folder}/{path.name}"


def _user_of(peer: socket.socket) -> int:
    said = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(said)[1])


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    with suppress(OSError):
        one.close()
