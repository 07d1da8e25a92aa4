"""The bridge as the terminal reads it: figures, without joining it and without making it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

from meshcore.bridge.base import Bridge, Undelivered
from meshcore.bridge.open import files, is_there, open_bridge
from meshcore.clock import Clock, from_text
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError, MeshError
from meshcore.model import Receipt
from meshcore.node import BEGIN_ANOTHER, Node
from meshcore.safety.managed import managed
from meshcore.service.fleet import FleetNode, fleet
from meshcore.sight import stamp
from meshtui.snapshot import NOT_THERE, BridgeView

DEADLINE_SECONDS = 0.5
FAR_DEADLINE_SECONDS = 3.0  # over a network: ssh begins with a program at each end
GONE = f"gone; {BEGIN_ANOTHER}"
FAR_PAUSE_SECONDS = 10.0  # for which one that did not answer is left alone: what this host knows is not to wait for it


@dataclass(frozen=True, slots=True)
class Receipted:
    """A record of this node, and who has it: (node, status, seconds after it was published)."""

    record_id: str
    kind: str
    receipts: tuple[tuple[str, str, float], ...]


class BridgeReader:
    """Reads of one bridge, each in whatever thread calls; a bridge that cannot be used is a fault to show."""

    def __init__(self, address: BridgeAddress, clock: Clock) -> None:
        self._address = address
        self._clock = clock
        self._bridge: Bridge | None = None
        self._away: tuple[float, MeshError] | None = None  # until when it is left alone, and why
        self._lock = threading.Lock()
        self._was_there = False
        self._was_read = False
        self._files = [str(path) for path in (*files(address).values(), managed().path)]

    @property
    def is_at_hand(self) -> bool:
        """Tell whether `stamp` waits for nobody: it is a file of this host, and was read."""
        return self._was_read and not self._address.is_afar

    def read(self) -> BridgeView:
        """Return the bridge in figures."""
        shown = self._address.shown
        try:
            bridge = self._open()
            if bridge is None:
                return BridgeView(shown, fault=GONE if self._was_there else NOT_THERE)
            counts, members = bridge.statistics(), bridge.members()
        except MeshError as error:
            self._leave_alone(error)
            return BridgeView(shown, fault=str(error))
        self._was_read = True
        return BridgeView(
            path=shown,
            joined=len(members),
            seen=sum(member.seen for member in members),
            records=counts.records,
            expected=counts.expected,
            received=counts.received,
            rejected=counts.rejected,
            undelivered=counts.undelivered,
            oldest_undelivered=counts.oldest_undelivered,
        )

    def stamp(self) -> object:
        """Return a value that is another one once somebody wrote to the bridge; None where it cannot be used.

        A far one that is not open is not opened for this: `read` does.
        """
        if self.is_at_hand:
            return [stamp(path) for path in self._files]
        if self._address.is_afar and self._bridge is None:
            return None
        try:
            bridge = self._open()
            return bridge.stamp() if bridge else None
        except MeshError as error:
            self._leave_alone(error)
            return None

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

    def receipted(self, records: Sequence[tuple[str, str]]) -> list[Receipted]:
        """Return who has received these records (id and kind), and how long after they were published."""
        found = []
        for record_id, kind in records:
            published = self.published(record_id)
            receipts = self.receipts(record_id) if published else ()
            after = tuple((r.node, r.status, _seconds(published, r.at)) for r in receipts)
            found.append(Receipted(record_id, kind, after))
        return found

    def fleet(self, node: Node) -> list[FleetNode]:
        """Return every node of the bridge as this home sees it, none where there is no bridge. Raises MeshError."""
        try:
            bridge = self._open()
            return fleet(node, bridge) if bridge else []
        except MeshError as error:
            self._leave_alone(error)
            raise

    def close(self) -> None:
        """Let go of the bridge."""
        with self._lock:
            if self._bridge is not None:
                self._bridge.close()
                self._bridge = None

    def _open(self) -> Bridge | None:
        with self._lock:
            if why := managed().why_not_bridge(self._address):
                raise ConfigurationError(why)
            if self._away is not None:
                until, error = self._away
                if self._clock.monotonic() < until:
                    raise error
                self._away = None
            if not is_there(self._address):  # whoever reads makes none
                self._bridge = None
                return None
            self._was_there = True
            if self._bridge is None:
                seconds = FAR_DEADLINE_SECONDS if self._address.is_afar else DEADLINE_SECONDS
                self._bridge = open_bridge(self._address, clock=self._clock, deadline=seconds, doorbell=False)
            return self._bridge

    def _leave_alone(self, error: MeshError) -> None:
        self._was_read = False
        self.close()
        with self._lock:
            if self._address.is_afar and self._away is None:
                self._away = (self._clock.monotonic() + FAR_PAUSE_SECONDS, error)


def _seconds(start: str, end: str) -> float:
    return (from_text(end) - from_text(start)).total_seconds()
