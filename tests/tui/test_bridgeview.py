"""The bridge as the terminal reads it."""

from __future__ import annotations

import pytest

from meshcore.config import BridgeAddress
from meshcore.errors import BridgeUnavailableError
from meshcore.testing import FakeClock
from meshtui.bridgeview import FAR_PAUSE_SECONDS, BridgeReader


def test_a_far_host_that_does_not_answer_is_left_alone_for_a_while_and_said_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[float] = []

    def nobody(address: BridgeAddress, *, deadline: float, **_: object) -> None:
        asked.append(deadline)
        raise BridgeUnavailableError(f"{address.shown} did not answer")

    monkeypatch.setattr("meshtui.bridgeview.open_bridge", nobody)
    clock = FakeClock()
    reader = BridgeReader(BridgeAddress.parse("ssh://hub"), clock)
    for _ in range(3):
        assert reader.read().fault == "ssh://hub did not answer"
        assert reader.stamp() is None
    assert len(asked) == 1
    clock.advance(FAR_PAUSE_SECONDS + 1)
    reader.read()
    assert len(asked) == 2
