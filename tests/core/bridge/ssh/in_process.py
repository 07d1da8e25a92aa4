"""The server of a bridge in a thread of the test, at the other end of two sockets."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import IO, cast

from meshcore.bridge.base import Bridge, Compacted, Pruned
from meshcore.bridge.ssh.bridge import SshBridge
from meshcore.bridge.ssh.server import Server


class Piped:
    """Two sockets, one for each direction, with a server at their other end."""

    def __init__(self, bridge: Bridge, is_own: Callable[[str], bool] | None) -> None:
        self._sockets = (*socket.socketpair(), *socket.socketpair())
        here, there, from_there, from_here = self._sockets
        self.writing = cast("IO[bytes]", here.makefile("wb", buffering=0))
        self.reading: IO[bytes] = from_there.makefile("rb")
        streams = (there.makefile("rb"), from_here.makefile("wb"))
        self._server = threading.Thread(target=self._serve, args=(bridge, *streams, is_own), daemon=True)
        self._server.start()

    def why(self) -> str:
        return ""

    def end(self) -> None:
        self._shut()
        self._server.join(10)
        for one in (self.writing, self.reading, *self._sockets):
            one.close()

    def _shut(self) -> None:
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _serve(
        self, bridge: Bridge, reading: IO[bytes], writing: IO[bytes], is_own: Callable[[str], bool] | None
    ) -> None:
        with suppress(OSError, ValueError), reading, writing:
            Server(bridge, reading, writing, is_own).serve()
            self._shut()


class WithOwner(SshBridge):
    """A bridge through pipes for any node, with its owner at the other end for what is done there."""

    def __init__(self, hub: Bridge) -> None:
        super().__init__(lambda: Piped(hub, lambda node: True), "ssh://hub")
        self._hub = hub

    def forget(self, node: str) -> bool:
        return self._hub.forget(node)

    def erase(self, record_id: str) -> int:
        return self._hub.erase(record_id)

    def integrity(self) -> list[tuple[str, str]]:
        return self._hub.integrity()

    def prune(self, older_than: float, *, dry_run: bool = False) -> Pruned:
        return self._hub.prune(older_than, dry_run=dry_run)

    def compact(self, *, dry_run: bool = False) -> Compacted:
        return self._hub.compact(dry_run=dry_run)

    def sizes(self) -> Mapping[str, int]:
        return self._hub.sizes()

    def row_counts(self) -> Mapping[str, int]:
        return self._hub.row_counts()

    def close(self) -> None:
        super().close()
        self._hub.close()
