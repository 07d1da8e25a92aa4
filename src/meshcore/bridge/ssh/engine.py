"""The engine of addresses that are the bridge of another host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from meshcore.bridge.ssh.bridge import SshBridge
from meshcore.bridge.ssh.link import Destination, Pipe, SshPipe
from meshcore.clock import Clock
from meshcore.config import BridgeAddress


class SshEngine:
    """Opens `SshBridge`s; see `Engine`."""

    def open(
        self, address: BridgeAddress, clock: Clock, deadline: float, doorbell: bool, prepare: Callable[[bool], None]
    ) -> SshBridge:
        to = Destination.parse(address.url, address.shown)

        def connect() -> Pipe:
            return SshPipe(to, address.shown)

        return SshBridge(connect, address.shown, deadline=deadline, monotonic=clock.monotonic)

    def is_there(self, address: BridgeAddress) -> bool:
        """Return True: only opening tells, and it says what is wrong."""
        return True

    def files(self, address: BridgeAddress) -> Mapping[str, Path]:
        return {}


ENGINE = SshEngine()
