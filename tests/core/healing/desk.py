"""A person at a node with one incident."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import Fix, SmallMesh, failure

from meshcore.exchange.receive import exchange
from meshcore.healing import replay as recorded
from meshcore.healing.replay import recorded_session
from meshcore.model import Incident
from meshcore.node import Node
from meshcore.store.rows import Approval

ARGV = (sys.executable, "app.py")  # a program that is there wherever these tests run


class Desk:
    """What a person decides about an incident of a node, in a folder that exists."""

    def __init__(self, mesh: SmallMesh, node: Node, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.mesh = mesh
        self.node = node
        self.folder = folder
        self.fix = Fix(node, mesh.clock)
        monkeypatch.setattr(recorded, "make_healer", lambda *_: self.fix.healer)

    def incident(self, **changes: object) -> Incident:
        """Let a command fail in a folder that exists."""
        incident = replace(failure(self.node, argv=ARGV, cwd=str(self.folder)), **changes)  # type: ignore[arg-type]
        self.fix.healer.open(incident, self.mesh.clock.monotonic())
        exchange(self.node)
        return incident

    def asked(self) -> tuple[Incident, Approval]:
        """Let the fix of an incident wait for a person."""
        self.fix.policy.decision = "approve"
        incident = self.incident()
        recorded_session(self.node, incident).consider("auto")
        [approval] = self.node.store.approvals.all()
        return self.stored(incident), approval

    def stored(self, incident: Incident) -> Incident:
        found = self.node.store.incidents.find(incident.incident_id)
        assert found is not None
        return found
