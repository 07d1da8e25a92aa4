"""A new approval makes itself heard, whatever is on the screen: the bell, the terminal's notification, one line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from meshtui.bell import sequence

if TYPE_CHECKING:
    from meshtui.app import MeshApp
    from meshtui.snapshot import Snapshot


class Attention:
    """Remembers what a person was told of, so that each approval rings once; what waited at the start does not."""

    def __init__(self) -> None:
        self._known: set[str] | None = None

    def look(self, app: MeshApp, snapshot: Snapshot) -> None:
        """Ring where something new waits for a person."""
        waiting = {approval.approval_id for approval in snapshot.approvals}
        known, self._known = self._known, waiting
        if known is None:
            return
        new = [approval for approval in snapshot.approvals if approval.approval_id not in known]
        if not new:
            return
        text = new[0].command if len(new) == 1 else f"{len(new)} fixes"
        if app._driver is not None and not app.is_headless:
            app._driver.write(sequence(f"needs you: {text}", os.environ))
            app._driver.flush()
        app.say(f"needs you: {text} (4 shows it)", severity="warning")
