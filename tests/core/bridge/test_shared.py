"""The runtime's connection, shared with the commands of its home: as one node, for one address, while it is open."""

from __future__ import annotations

import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.bridge.helpers import ALICE, BOB, member, open_at, publication, take

from meshcore.bridge.base import Bridge
from meshcore.bridge.shared import MOST_GUESTS, Sharing, socket_of, through_runtime
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.errors import BridgeUnavailableError, UsageError

ADDRESS = BridgeAddress.parse("postgresql://build2@db.example/mesh")
OTHER = BridgeAddress.parse("postgresql://build2@db.example/other")


@pytest.fixture
def bridge(tmp_path: Path) -> Iterator[Bridge]:
    opened = open_at("sqlite://{root}/bridge.db", tmp_path, SystemClock())
    opened.join(member(ALICE))
    opened.join(member(BOB))
    yield opened
    opened.close()


@pytest.fixture
def sharing(bridge: Bridge, tmp_path: Path) -> Iterator[Sharing]:
    # A home whose path is longer than a socket's name may be.
    folder = tmp_path / ("long" * 40)
    folder.mkdir(mode=0o700)
    opened = Sharing(folder, ADDRESS)
    opened.share(bridge, ALICE)
    yield opened
    opened.withdraw()


def _through(tmp_path: Path, address: BridgeAddress = ADDRESS) -> Bridge | None:
    return through_runtime(tmp_path / ("long" * 40), address, deadline=20.0, monotonic=time.monotonic)


def test_a_command_speaks_over_it_as_the_runtimes_node_and_as_no_other(
    bridge: Bridge, sharing: Sharing, tmp_path: Path
) -> None:
    found = _through(tmp_path)
    assert found is not None
    assert found.bridge_id == bridge.bridge_id
    found.publish([publication(ALICE, 1)])
    assert len(take(bridge, BOB)) == 1
    bridge.publish([publication(BOB, 1)])
    assert len(take(found, ALICE)) == 1
    with pytest.raises(UsageError, match="another node"):
        found.beat(BOB)
    found.close()


def test_it_takes_no_ring_from_the_runtime(bridge: Bridge, sharing: Sharing, tmp_path: Path) -> None:
    found = _through(tmp_path)
    assert found is not None
    bridge.drain()
    bridge.publish([publication(BOB, 1)])
    assert not found.drain()
    assert bridge.drain()
    found.close()


def test_who_means_another_bridge_or_finds_no_runtime_connects_for_itself(sharing: Sharing, tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 40)
    assert stat.S_IMODE(socket_of(folder, ADDRESS).stat().st_mode) == 0o600
    assert _through(tmp_path, OTHER) is None
    socket_of(folder, OTHER).touch()  # what a runtime that was killed has left
    assert _through(tmp_path, OTHER) is None
    sharing.withdraw()
    assert list(folder.glob("*.sock")) == [socket_of(folder, OTHER)]
    assert _through(tmp_path) is None


def test_a_runtime_that_loses_the_bridge_cuts_off_who_speaks_over_it(
    bridge: Bridge, sharing: Sharing, tmp_path: Path
) -> None:
    found = _through(tmp_path)
    assert found is not None
    sharing.withdraw()
    with pytest.raises(BridgeUnavailableError):
        found.beat(ALICE)
    found.close()
    sharing.share(bridge, ALICE)
    again = _through(tmp_path)
    assert again is not None
    again.close()


def test_one_command_too_many_connects_for_itself(sharing: Sharing, tmp_path: Path) -> None:
    found = [_through(tmp_path) for _ in range(MOST_GUESTS)]
    assert all(found)
    assert _through(tmp_path) is None
    for one in found:
        assert one is not None
        one.close()
