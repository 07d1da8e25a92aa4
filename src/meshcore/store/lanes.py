"""Whose records wait because their author, or strangers together, said too much at once: read on from where they do."""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.store.database import Database
from meshcore.store.read import Read

MINUTE_SECONDS = 60


class Lanes:
    """The tables `lanes` and `quotas`. A lane is an author's key, or a name for several who share one."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def waiting(self, bridge_id: str) -> dict[str, int]:
        """Return the seq after which each lane's rows wait, as far as the bridge was read."""
        sql = "SELECT lane, after FROM lanes WHERE bridge_id=?"
        return dict(self._db.all(Read(sql, lambda row: (str(row[0]), int(row[1])), (bridge_id,))))

    def set_waiting(self, bridge_id: str, lanes: Mapping[str, int]) -> None:
        """Note which lanes wait now, and from where."""
        with self._db.transaction():
            self._db.execute("DELETE FROM lanes WHERE bridge_id=?", (bridge_id,))
            for lane, after in lanes.items():
                self._db.execute("INSERT INTO lanes VALUES (?,?,?)", (bridge_id, lane, after))

    def taken(self) -> dict[str, int]:
        """Return how many rows of each lane were taken in this minute."""
        sql = "SELECT lane, taken FROM quotas WHERE minute=?"
        return dict(self._db.all(Read(sql, lambda row: (str(row[0]), int(row[1])), (self._minute(),))))

    def set_taken(self, taken: Mapping[str, int]) -> None:
        """Note how many rows of each lane were taken in this minute; what was noted of others is over."""
        minute = self._minute()
        with self._db.transaction():
            self._db.execute("DELETE FROM quotas WHERE minute<>?", (minute,))
            for lane, count in taken.items():
                self._db.execute("INSERT OR REPLACE INTO quotas VALUES (?,?,?)", (lane, minute, count))

    def _minute(self) -> int:
        return int(self._db.clock.now().timestamp() // MINUTE_SECONDS)
