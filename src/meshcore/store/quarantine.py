"""What failed too often, and what a person made of it: actions under quarantine, forgiven failures, lifts."""

from __future__ import annotations

from collections.abc import Sequence

from meshcore.store.database import Database
from meshcore.store.read import Read


class Quarantine:
    """The tables `bad_actions`, `forgiven` and `lifts`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def skill_of(self, action_hash: str) -> str:
        """Return the skill whose failures put an action (see `store_keys.normalised`) under quarantine, else ""."""
        sql = "SELECT skill_id FROM bad_actions WHERE action_hash=?"
        return self._db.one(Read(sql, lambda row: str(row[0]), (action_hash,))) or ""

    def put(self, action_hash: str, skill_id: str) -> None:
        """Put an action under quarantine, whatever skill it comes with."""
        with self._db.transaction():
            self._db.execute("INSERT OR REPLACE INTO bad_actions VALUES (?,?)", (action_hash, skill_id))

    def lift(self, action_hash: str) -> None:
        """Let an action be used again."""
        with self._db.transaction():
            self._db.execute("DELETE FROM bad_actions WHERE action_hash=?", (action_hash,))

    def forgiven(self, skill_id: str) -> list[str]:
        """Return the ids of a skill's failures that count no longer, the newest last; some may not be here yet."""
        sql = "SELECT outcome_id FROM forgiven WHERE skill_id=? ORDER BY seq"
        return self._db.all(Read(sql, lambda row: str(row[0]), (skill_id,)))

    def forgive(self, skill_id: str, failures: Sequence[str], newest: int) -> None:
        """Let failures, by their ids, count against a skill no longer; only the `newest` ones are kept."""
        with self._db.transaction():
            for outcome_id in failures:
                self._db.execute(
                    "INSERT OR IGNORE INTO forgiven (skill_id, outcome_id) VALUES (?,?)", (skill_id, outcome_id)
                )
            self._db.execute(
                "DELETE FROM forgiven WHERE skill_id=? AND seq<="
                "(SELECT seq FROM forgiven WHERE skill_id=? ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (skill_id, skill_id, newest),
            )

    def note_lift(self, skill_id: str, node: str, author_seq: int) -> None:
        """Note the lift of a skill that a node told of; the number only rises."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO lifts VALUES (?,?,?) ON CONFLICT (skill_id, node) DO UPDATE SET"
                " author_seq=excluded.author_seq WHERE author_seq<excluded.author_seq",
                (skill_id, node, author_seq),
            )

    def last_lift(self, skill_id: str, node: str) -> int:
        """Return the number of the last lift of a skill that a node told of, 0 for none."""
        sql = "SELECT author_seq FROM lifts WHERE skill_id=? AND node=?"
        return self._db.one(Read(sql, lambda row: int(row[0]), (skill_id, node))) or 0
