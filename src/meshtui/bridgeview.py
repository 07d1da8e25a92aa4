"""The bridge as the terminal reads it: figures, without joining it and without making it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from meshcore.bridge.base import Undelivered
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.log import log_path
from meshcore.clock import Clock, from_text
from meshcore.errors import MeshError
from meshcore.model import Receipt
from meshtui.snapshot import BridgeView

SEEN_SECONDS = 60.0
PATIENCE_SECONDS = 0.5


class BridgeReader:
    """Reads of one bridge, each in whatever thread calls; a bridge that cannot be used is a fault to show."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._clock = clock
        self._bridge: SqliteBridge | None = None
        self._lock = threading.Lock()

    def read(self) -> BridgeView:
        """Return the bridge in figures."""
        try:
            bridge = self._open()
            if bridge is None:
                return BridgeView(str(self.path), fault="not there yet")
            counts, members, now = bridge.statistics(), bridge.members(), self._clock.now()
        except MeshError as error:
            self.close()
            return BridgeView(str(self.path), fault=str(error))
        return BridgeView(
            path=str(self.path),
            joined=len(members),
            seen=sum((now - from_text(m.seen_at)).total_seconds() <= SEEN_SECONDS for m in members),
            records=counts.records,
            expected=counts.expected,
            received=counts.received,
            rejected=counts.rejected,
            undelivered=counts.undelivered,
            oldest_undelivered=counts.oldest_undelivered,
        )

    def undelivered(self, limit: int = 1000) -> Sequence[Undelivered]:
        """Return who has not received what, oldest first. Raises MeshError."""
        bridge = self._open()
        return bridge.undelivered(limit) if bridge else ()

    def names(self) -> dict[str, str]:
        """Return the joined nodes' names by their ids. Raises MeshError."""
        bridge = self._open()
        return {member.node: member.name for member in bridge.members()} if bridge else {}

    def published(self, record_id: str) -> str:
        """Return when a record was published, "" where it was not. Raises MeshError."""
        bridge = self._open()
        return bridge.published(record_id) if bridge else ""

    def receipts(self, record_id: str) -> Sequence[Receipt]:
        """Return who has received a record. Raises MeshError."""
        bridge = self._open()
        return bridge.receipts(record_id) if bridge else ()

    def close(self) -> None:
        """Let go of the bridge."""
        with self._lock:
            if self._bridge is not None:
                self._bridge.close()
                self._bridge = None

    def _open(self) -> SqliteBridge | None:
        with self._lock:
            if self._bridge is None and log_path(self.path).exists():
                self._bridge = SqliteBridge(self.path, clock=self._clock, busy_timeout=PATIENCE_SECONDS, doorbell=False)
            return self._bridge
