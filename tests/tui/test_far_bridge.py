"""The terminal where the bridge is over a network, and nobody answers there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from tests.tui.pilot import settings_in, shown

from meshcore.node import Node
from meshtui.bridgeview import BridgeReader
from meshtui.snapshot import BridgeView


async def test_what_this_host_knows_is_shown_before_a_far_bridge_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()

    def read(reader: BridgeReader) -> BridgeView:
        assert answers.wait(20)
        return BridgeView("ssh://hub", joined=7, seen=6)

    monkeypatch.setattr(BridgeReader, "read", read)
    with Node(settings_in(tmp_path)) as node:
        node.require_bridge()
    async with shown(settings_in(tmp_path, MESHTUI_BRIDGE="ssh://hub")) as it:
        assert it.app.feed is not None
        feed = it.app.feed
        assert "it has not answered yet" in feed.snapshot.bridge.fault
        answers.set()
        await it.until(lambda: feed.snapshot.bridge.joined == 7, "the bridge's figures")
        assert "nodes 6/7" in it.text()
