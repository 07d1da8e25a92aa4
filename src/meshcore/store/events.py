"""What happened, in the order in which it happened here: written in the transaction of the change it tells of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from meshcore.events import Event, EventKind
from meshcore.model import Json
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.read import Read, marks
from meshcore.store.rows import event_of_row


class Events:
    """The table `events`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self,
        kind: EventKind,
        *,
        incident_id: str = "",
        skill_id: str = "",
        agent: str = "",
        data: Mapping[str, Json] | None = None,
    ) -> int:
        """Write an event in the transaction that is open (or one of its own); return its seq."""
        # ASCII: a path that is not UTF-8 is no reason to lose an event.
        text = json.dumps(dict(data or {}), sort_keys=True, separators=(",", ":"), allow_nan=False)
        with self._db.transaction():
            done = self._db.execute(
                "INSERT INTO events (at, kind, incident_id, skill_id, agent, data) VALUES (?,?,?,?,?,?)",
                (self._db.now(), kind, incident_id, skill_id, agent, text),
            )
        return done.lastrowid or 0

    def after(self, seq: int, limit: int = 1000) -> list[Event]:
        """Return events in order, from the one after `seq`."""
        return self._db.all(reads.events_after(seq, limit))

    def of_incident(self, incident_id: str) -> list[Event]:
        """Return the events of one incident, in order."""
        return self._db.all(reads.events_of(incident_id))

    def has_after(self, seq: int, kinds: Sequence[EventKind]) -> bool:
        """Tell whether an event of one of the kinds came after `seq`."""
        return self._db.one(reads.event_after(seq, kinds)) is not None

    def last(self) -> int:
        """Return the highest seq, 0 where nothing happened yet."""
        return self._db.one(reads.last_event()) or 0

    def of_kinds(self, kinds: Sequence[EventKind]) -> list[Event]:
        """Return the events of some kinds."""
        sql = f"SELECT * FROM events WHERE kind IN ({marks(kinds)}) ORDER BY seq"  # noqa: S608
        return self._db.all(Read(sql, event_of_row, kinds))
