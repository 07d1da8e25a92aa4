"""The engine of addresses that are a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path

from meshcore.bridge.administration import Administration
from meshcore.bridge.base import Bridge
from meshcore.clock import Clock
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError


class PostgresEngine:
    """Opens `PostgresBridge`s; see `Engine`."""

    def open(
        self, address: BridgeAddress, clock: Clock, deadline: float, doorbell: bool, prepare: Callable[[bool], None]
    ) -> Bridge:
        _need_psycopg(address)
        from meshcore.bridge.postgres.bridge import PostgresBridge

        return PostgresBridge(address, clock=clock, deadline=deadline, doorbell=doorbell)

    def is_there(self, address: BridgeAddress) -> bool:
        """Return True: only opening tells, and it says what is wrong."""
        return True

    def files(self, address: BridgeAddress) -> Mapping[str, Path]:
        return {}

    def administer(self, address: BridgeAddress) -> Administration:
        """Return what the database's owner may do there."""
        _need_psycopg(address)
        from meshcore.bridge.postgres.administration import PostgresAdministration

        return PostgresAdministration(address)


ENGINE = PostgresEngine()


def _need_psycopg(address: BridgeAddress) -> None:
    if find_spec("psycopg") is None:
        raise ConfigurationError(
            f"{address.shown}: this needs psycopg, which is not installed; pip install 'meshtui[postgres]'"
        )
