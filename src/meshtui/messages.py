"""What the feed tells the app: frozen values in the past tense; one that replaces an earlier one says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from meshcore.events import Event
    from meshcore.store.views import IncidentBrief
    from meshtui.snapshot import Snapshot


class SnapshotTaken(Message):
    """The mesh at one moment; a newer one replaces one that was not yet handled."""

    def __init__(self, snapshot: Snapshot) -> None:
        super().__init__()
        self.snapshot = snapshot

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, SnapshotTaken)


class EventsSeen(Message):
    """Events that were written since the feed last looked, in order."""

    def __init__(self, events: Sequence[Event]) -> None:
        super().__init__()
        self.events = tuple(events)


class IncidentsChanged(Message):
    """Incidents that are new or have moved on, newest first."""

    def __init__(self, incidents: Sequence[IncidentBrief]) -> None:
        super().__init__()
        self.incidents = tuple(incidents)


class TimelineGrown(Message):
    """The feed's timeline holds more than before."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, TimelineGrown)
