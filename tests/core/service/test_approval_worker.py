"""What carries out an approval is told where the bridge is without its command line showing it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.core.test_node import settings

from meshcore.config import BridgeAddress
from meshcore.node import Node
from meshcore.service.approval_worker import Carrier
from meshcore.store.rows import Approval

SECRET = "postgresql://team:M4rkerPassw0rd@127.0.0.1:1/mesh"


def test_the_child_finds_the_bridge_in_its_environment(tmp_path: Path) -> None:
    approval = Approval("a" * 12, "i" * 32, "s" * 64, "h", "pip install x", (), "", "approved")
    with Node(replace(settings(tmp_path), bridge=BridgeAddress.parse(SECRET))) as node:
        carrier = Carrier(node)
        assert "M4rkerPassw0rd" not in " ".join(carrier._command(approval))
        assert carrier._environment()["MESHTUI_BRIDGE"] == SECRET
