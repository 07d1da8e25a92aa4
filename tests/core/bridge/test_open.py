"""A bridge is opened by its address, and only by it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest
from tests.core.bridge.helpers import ALICE, BOB, member, publication, take

from meshcore.bridge.base import Bridge
from meshcore.bridge.memory import MemoryBridge
from meshcore.bridge.open import files, is_there, old_queries, open_bridge
from meshcore.clock import Clock
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError
from meshcore.testing import FakeClock


def test_a_path_and_its_url_open_the_same_bridge(tmp_path: Path) -> None:
    path = tmp_path / "with space" / "bridge.db"
    first = open_bridge(path, clock=FakeClock())
    second = open_bridge(BridgeAddress.parse(f"sqlite://{tmp_path}/with%20space/bridge.db"), clock=FakeClock())
    first.join(member(BOB))
    second.publish([publication(ALICE)])
    assert len(take(first, BOB)) == 1
    first.close()
    second.close()


def test_memory_is_shared_by_name_and_else_nobodys(tmp_path: Path) -> None:
    def opened(url: str) -> str:
        return open_bridge(BridgeAddress.parse(url), clock=FakeClock()).bridge_id

    assert opened(f"memory:{tmp_path}") == opened(f"memory:{tmp_path}")
    assert opened("memory:") != opened("memory:")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("ssh://ann:secret@build2/srv/bridge.db", "write it as ssh://"),
        ("mysql://u:secret@h/d", "no kind of bridge"),
        ("file:///tmp/bridge.db", "no kind of bridge"),
    ],
)
def test_what_no_engine_serves_is_said_in_one_line_without_its_password(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as caught:
        open_bridge(BridgeAddress.parse(url), clock=FakeClock())
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


class Echo:
    """An engine that a later version could bring."""

    def open(self, address: BridgeAddress, clock: Clock, *_: object) -> Bridge:
        return MemoryBridge(clock)


def test_an_engine_is_a_module_and_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("echo_engine")
    module.ENGINE = Echo()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "echo_engine", module)
    monkeypatch.setattr("meshcore.bridge.open._ENGINES", {"echo": "echo_engine"})
    bridge = open_bridge(BridgeAddress.parse("echo://somewhere"), clock=FakeClock())
    bridge.join(member(BOB))
    bridge.publish([publication(ALICE)])
    assert len(take(bridge, BOB)) == 1


def test_nothing_is_made_by_asking_whether_a_bridge_is_there(tmp_path: Path) -> None:
    address = BridgeAddress.of(tmp_path / "bridge.db")
    assert not is_there(address)
    assert not any(path.exists() for path in files(address).values())
    bridge = open_bridge(address, clock=FakeClock())
    assert list(tmp_path.iterdir()) == []
    bridge.join(member(BOB))
    assert is_there(address)
    assert all(path.exists() for path in files(address).values())
    bridge.close()


def test_a_bridge_that_is_no_file_has_no_old_queries_and_no_files() -> None:
    assert old_queries(BridgeAddress.parse("memory:")) == []
    assert files(BridgeAddress.parse("postgresql://db/mesh")) == {}
