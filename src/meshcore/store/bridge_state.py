"""How far this home has read each bridge, by its own account."""

from __future__ import annotations

from meshcore.store.database import Database
from meshcore.store.read import Read


class BridgeCursors:
    """The table `bridge_cursors`: written in the transaction that takes in what was read."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, bridge_id: str) -> int | None:
        """Return the highest seq of a bridge that was taken in, None for a bridge that was never read."""
        sql = "SELECT seq FROM bridge_cursors WHERE bridge_id=?"
        return self._db.one(Read(sql, lambda row: int(row[0]), (bridge_id,)))

    def has_any(self) -> bool:
        """Tell whether any bridge was ever read."""
        return bool(self._db.one(Read("SELECT EXISTS (SELECT 1 FROM bridge_cursors)", lambda row: int(row[0]))))

    def set(self, bridge_id: str, seq: int) -> None:
        """Note that a bridge was read up to a seq."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO bridge_cursors (bridge_id, seq) VALUES (?,?)"
                " ON CONFLICT (bridge_id) DO UPDATE SET seq=excluded.seq",
                (bridge_id, seq),
            )

    def note_pruned(self, bridge_id: str, pruned_to: int) -> bool:
        """Note up to which seq rows may have been missed; False where that was noted already."""
        with self._db.transaction():
            done = self._db.execute(
                "INSERT INTO bridge_cursors (bridge_id, seq, pruned_to) VALUES (?,0,?)"
                " ON CONFLICT (bridge_id) DO UPDATE SET pruned_to=excluded.pruned_to"
                " WHERE pruned_to<excluded.pruned_to",
                (bridge_id, pruned_to),
            )
        return done.rowcount == 1
