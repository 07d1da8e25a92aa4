"""A new approval makes itself heard, whatever is on the screen: here is which of them are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshtui.snapshot import Snapshot


class Attention:
    """Remembers what a person was told of, so that each approval rings once; what waited at the start does not."""

    def __init__(self) -> None:
        self._known: set[str] | None = None

    def look(self, snapshot: Snapshot) -> str:
        """Return what newly waits for a person, in words; "" where nothing does."""
        waiting = {approval.approval_id for approval in snapshot.approvals}
        known, self._known = self._known, waiting
        if known is None:
            return ""
        new = [approval.command for approval in snapshot.approvals if approval.approval_id not in known]
        return new[0] if len(new) == 1 else f"{len(new)} fixes" if new else ""
