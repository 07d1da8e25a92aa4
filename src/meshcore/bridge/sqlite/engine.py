"""The engine of addresses that are a file of this host."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.log import log_files, log_path
from meshcore.clock import Clock
from meshcore.config import BridgeAddress


class SqliteEngine:
    """Opens `SqliteBridge`s; see `Engine`."""

    def open(
        self, address: BridgeAddress, clock: Clock, deadline: float, doorbell: bool, prepare: Callable[[bool], None]
    ) -> SqliteBridge:
        return SqliteBridge(_path(address), clock=clock, deadline=deadline, doorbell=doorbell, prepare=prepare)

    def is_there(self, address: BridgeAddress) -> bool:
        try:
            return log_path(_path(address)).exists()
        except OSError:
            return True  # opening it says what is wrong

    def files(self, address: BridgeAddress) -> Mapping[str, Path]:
        return log_files(_path(address))


ENGINE = SqliteEngine()


def _path(address: BridgeAddress) -> Path:
    assert address.path is not None
    return address.path
