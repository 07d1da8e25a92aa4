"""What happened, and the small values beside it: events, meta, what an operator has set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from meshcore.events import Event, EventKind
from meshcore.model import Json
from meshcore.store import queries as reads
from meshcore.store.database import StoreFile


class EventTables(StoreFile):
    """The tables `events`, `meta` and `control`."""

    def meta(self, key: str, default: str = "") -> str:
        """Return a stored value, or the default."""
        found = self._one(reads.meta(key))
        return default if found is None else found

    def set_meta(self, key: str, value: str) -> None:
        """Store a value."""
        with self.transaction():
            self._write("INSERT OR REPLACE INTO meta VALUES (?,?)", (key, value))

    def metas(self, prefix: str) -> dict[str, str]:
        """Return the stored values whose keys begin like this, by key."""
        return dict(self._all(reads.metas(prefix)))

    def drop_meta(self, key: str) -> None:
        """Forget a stored value."""
        with self.transaction():
            self._write("DELETE FROM meta WHERE key=?", (key,))

    def control(self, key: str) -> str:
        """Return what an operator has set, for example `mode` or `halt`; empty where nothing was."""
        return self._one(reads.control(key)) or ""

    def set_control(self, key: str, value: str, actor: str, kind: EventKind) -> None:
        """Set what an operator decides, with its event."""
        with self.transaction(durable=True):
            self._write("INSERT OR REPLACE INTO control VALUES (?,?,?,?)", (key, value, self.now(), actor))
            self.add_event(kind, data={"key": key, "value": value, "actor": actor})

    def take_control(self, key: str) -> str:
        """Return what was asked for under a key and take it away: one of several that look gets it; "" for nothing."""
        if not self.control(key):
            return ""
        with self.transaction():
            value = self.control(key)
            self._write("DELETE FROM control WHERE key=?", (key,))
        return value

    def add_event(
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
        with self.transaction():
            done = self._write(
                "INSERT INTO events (at, kind, incident_id, skill_id, agent, data) VALUES (?,?,?,?,?,?)",
                (self.now(), kind, incident_id, skill_id, agent, text),
            )
        return done.lastrowid or 0

    def events_after(self, seq: int, limit: int = 1000) -> list[Event]:
        """Return events in order, from the one after `seq`."""
        return self._all(reads.events_after(seq, limit))

    def events_of(self, incident_id: str) -> list[Event]:
        """Return the events of one incident, in order."""
        return self._all(reads.events_of(incident_id))

    def has_event_after(self, seq: int, kinds: Sequence[EventKind]) -> bool:
        """Tell whether an event of one of the kinds came after `seq`."""
        return self._one(reads.event_after(seq, kinds)) is not None

    def last_event(self) -> int:
        """Return the highest seq, 0 where nothing happened yet."""
        return self._one(reads.last_event()) or 0
