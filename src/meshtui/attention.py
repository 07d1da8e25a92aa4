"""A new approval makes itself heard, whatever is on the screen: here is which of them are new."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from meshtui.snapshot import Snapshot


class Attention:
    """Remembers what a person was told of, so that each approval rings once; what waited at the start does not."""

    def __init__(self) -> None:
        self._known: set[str] | None = None
        self._homes: set[str] = set()  # of others that were looked at: what waited at the first look does not ring

    def look(self, snapshot: Snapshot) -> str:
        """Return what newly waits for a person, in words; "" where nothing does."""
        asked = snapshot.needs_you
        known, self._known = self._known, {approval_id for approval_id, _, _ in asked.commands()}
        homes, self._homes = self._homes, {"", *(str(one.home) for one in asked.homes)}
        if known is None:
            return ""
        new = [command for approval_id, command, home in asked.commands() if approval_id not in known and home in homes]
        return new[0] if len(new) == 1 else f"{len(new)} fixes" if new else ""
