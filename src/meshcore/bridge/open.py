"""Opens a bridge by its address: the one place that knows which engines there are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import cast

from meshcore.bridge.administration import Administration
from meshcore.bridge.base import Bridge, Engine, Follows, OldPrograms
from meshcore.bridge.limits import DEADLINE_SECONDS
from meshcore.clock import Clock
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError

_ENGINES = {
    "sqlite": "meshcore.bridge.sqlite.engine",
    "memory": "meshcore.bridge.memory",
    "postgresql": "meshcore.bridge.postgres.engine",
    "ssh": "meshcore.bridge.ssh.engine",
}
OLD_SECONDS = 0.5  # for the old database, where a person is only told how it looks


def open_bridge(
    address: BridgeAddress | Path, *, clock: Clock, deadline: float = DEADLINE_SECONDS, doorbell: bool = True
) -> Bridge:
    """Return the bridge at an address, each call at most `deadline` seconds long; without `doorbell` it has no bell.

    Nothing is opened or made before it is needed. Raises ConfigurationError for an address of no known kind.
    """
    where = _address(address)
    return _engine(where).open(where, clock, deadline, doorbell, lambda fresh: _prepare(where, clock, deadline, fresh))


def open_old_programs(
    address: BridgeAddress, bridge: Bridge, *, clock: Clock, deadline: float, follows: Follows
) -> OldPrograms | None:
    """Return the programs of the earlier system as clients of a bridge; None where the address has no old database."""
    if address.path is None:
        return None
    from meshcore.bridge.legacy.gateway import LegacyGateway

    return LegacyGateway(bridge, address.path, clock=clock, deadline=deadline, follows=follows)


def old_queries(address: BridgeAddress | Path) -> list[tuple[str, int]]:
    """Return the queries that the operators' documents quote, each with its count; none without an old database.

    Raises MeshError.
    """
    from meshcore.bridge.legacy.table import OldFile

    path = _address(address).path
    return [] if path is None else OldFile(path, OLD_SECONDS).queries()


def is_there(address: BridgeAddress) -> bool:
    """Tell whether a bridge was ever made at an address. Raises ConfigurationError for one of no known kind."""
    return _engine(address).is_there(address)


def files(address: BridgeAddress) -> Mapping[str, Path]:
    """Return the files of this host that a bridge's data lie in, by what they are."""
    return _engine(address).files(address) if address.scheme in _ENGINES else {}


def written(address: BridgeAddress) -> list[Path]:
    """Return the files of this host of which one is written when something is new on a bridge, or of old programs."""
    if address.path is None:
        return []
    from meshcore.bridge.legacy.state import StateFile

    old = address.path
    return [*files(address).values(), old, old.with_name(f"{old.name}-wal"), StateFile(old, OLD_SECONDS).wal]


def administration(address: BridgeAddress) -> Administration:
    """Return what its owner does with a bridge. Raises ConfigurationError for one without logins."""
    if address.scheme != "postgresql":
        raise ConfigurationError(
            f"{address.shown} has no logins, as a bridge in PostgreSQL has (postgresql://login@host/database): who"
            " reads it is in `meshtui nodes`, and a key lets another host in by `meshtui bridge authorize`"
        )
    found = import_module(_ENGINES[address.scheme]).ENGINE.administer(address)
    return cast(Administration, found)


def _prepare(address: BridgeAddress, clock: Clock, deadline: float, fresh: bool) -> None:
    """Look at the old database first: one that is none of ours must not get a log beside it."""
    if address.path is not None:
        from meshcore.bridge.legacy.table import OldFile

        OldFile(address.path, deadline).check(fresh)


def _address(address: BridgeAddress | Path) -> BridgeAddress:
    return BridgeAddress.of(address) if isinstance(address, Path) else address


def _engine(address: BridgeAddress) -> Engine:
    name = _ENGINES.get(address.scheme)
    if name is not None:
        return cast(Engine, import_module(name).ENGINE)
    raise ConfigurationError(
        f"{address.shown}: {address.scheme}:// is no kind of bridge; name a file or sqlite:///path with --bridge"
    )
