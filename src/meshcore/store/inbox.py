"""What own nodes on other hosts ask a person: one row for each approval, as its node told it last."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from meshcore.model import Json
from meshcore.store.database import Database
from meshcore.store.read import Read

MOST_WAITING = 200  # of one node
MOST_KEPT = 1000  # rows in all; what was settled first goes first


@dataclass(frozen=True, slots=True)
class Asked:
    """An approval of another node, with the body that the node signed."""

    node: str
    approval_id: str
    state: str
    body: Mapping[str, Json]
    received: str


class Inbox:
    """The table `inbox`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def put(self, node: str, approval_id: str, author_seq: int, state: str, body: Mapping[str, Json]) -> bool:
        """Keep what a node says of an approval; False where it said more since, or too much of it waits."""
        sql = "SELECT count(*) FROM inbox WHERE node=? AND state='waiting' AND approval_id<>?"
        with self._db.transaction():
            waiting = self._db.one(Read(sql, lambda row: int(row[0]), (node, approval_id))) or 0
            if state == "waiting" and waiting >= MOST_WAITING:
                return False
            done = self._db.execute(
                "INSERT INTO inbox VALUES (?,?,?,?,?,?) ON CONFLICT (node, approval_id) DO UPDATE SET"
                " author_seq=excluded.author_seq, state=excluded.state, received=excluded.received,"
                " body=CASE excluded.state WHEN 'waiting' THEN excluded.body ELSE body END"
                " WHERE author_seq<excluded.author_seq",
                (node, approval_id, author_seq, state, json.dumps(dict(body)), self._db.now()),
            )
            self._db.execute(_FORGET, (MOST_KEPT,))
        return done.rowcount == 1

    def waiting(self) -> list[Asked]:
        """Return what waits, the same fix together, what was asked first first."""
        return self._db.all(asked_elsewhere())

    def find(self, reference: str) -> list[Asked]:
        """Return what waits whose id is this one, or begins with it (6 or more characters)."""
        if len(reference) < 6:
            return []
        return [one for one in self.waiting() if one.approval_id.startswith(reference)]


def asked_elsewhere() -> Read[Asked]:
    """What waits for a person on other hosts; see `Inbox.waiting`."""
    sql = (
        "SELECT node, approval_id, state, body, received FROM inbox WHERE state='waiting'"
        " ORDER BY json_extract(body, '$.action_hash'), json_extract(body, '$.asked'), node, approval_id"
    )
    return Read(sql, _asked)


_FORGET = """
DELETE FROM inbox WHERE state<>'waiting' AND (node, approval_id) IN (
  SELECT node, approval_id FROM inbox ORDER BY state='waiting' DESC, received DESC LIMIT -1 OFFSET ?
)
"""


def _asked(row: sqlite3.Row) -> Asked:
    return Asked(str(row[0]), str(row[1]), str(row[2]), json.loads(row[3]), str(row[4]))
