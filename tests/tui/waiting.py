"""A fix that waits for a person as it does in life: taught, met in a folder that exists, and ruled on."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.core.healing.small_mesh import failure, taught

from meshcore.clock import Clock
from meshcore.config import Settings
from meshcore.healing.replay import recorded_session
from meshcore.node import Node
from meshcore.store.rows import Approval

ARGV = (sys.executable, "app.py")


def let_wait(settings: Settings, clock: Clock, folder: Path, error: str = "", fix: str = "") -> Approval:
    """Let the fix of a failure in a folder wait for a person."""
    said = (error, fix) if error else ("KeyError: 'settings'", "python make_settings.py")
    with Node(settings, clock) as node:
        taught(node, *said)
        incident = failure(node, said[0], argv=ARGV, cwd=str(folder))
        session = recorded_session(node, incident)
        node.store.incidents.open(incident, node.identity.node.public)
        session.consider("approve")
        return next(one for one in node.store.approvals.all() if one.incident_id == incident.incident_id)
