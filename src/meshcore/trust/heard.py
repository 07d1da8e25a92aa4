"""What other nodes say of commands, as a person reads it: one question that all who show it ask."""

from __future__ import annotations

import shlex
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshcore.store.read import Read
from meshcore.trust.modes import AUTHOR
from meshcore.trust.store_keys import REVOKED, TOLD

MOST_HEARD = 200


@dataclass(frozen=True, slots=True)
class Heard:
    """What one node says of one command: that it fails there, or with an `instead`, what passed there in its place.

    `name`, `host` and both commands are the author's own words. `tells`: the author is an own node, or one of whose
    words agents are told. `root` is a checkout of the project here, "" for none, and `accepted` says that others count
    in it. `last` is in seconds since 1970.
    """

    author: str
    name: str
    host: str
    own: bool
    tells: bool
    command: str
    instead: str
    sessions: int
    last: int
    root: str
    accepted: bool

    @property
    def says(self) -> str:
        """Return what it says in words, in how many of its sessions."""
        count = f"{self.sessions} session{'s' if self.sessions > 1 else ''}"
        return f"passed instead in {count}" if self.instead else f"fails in {count}"

    @property
    def where(self) -> str:
        """Return the name of the project's folder here."""
        return Path(self.root).name if self.root else "no checkout here"

    @property
    def reach(self) -> str:
        """Return whether agents here are told, or what keeps it from them."""
        if not self.tells:
            return f"no: meshtui trust enroll --tell {self.author[:12]}"
        if not self.root:
            return "no: no checkout of its project here"
        return "yes" if self.accepted else f"no: meshtui trust checkout {shlex.quote(self.root)}"


def heard(me: str, limit: int = MOST_HEARD) -> Read[Heard]:
    """Ask what other nodes than `me` say: that fails, and that passed instead, the newest first.

    Left out is what was taken back, and what an author says who is revoked, switched off or came with another key.
    """
    sql = """
WITH words AS (
  SELECT project, author, last, sessions, json_extract(body, '$.text') AS command, '' AS instead FROM told_habits
  UNION ALL
  SELECT project, author, last, sessions, json_extract(body, '$.failed'), json_extract(body, '$.passed')
  FROM told_corrections
)
SELECT a.node, a.name, a.host, a.own_operator,
  a.own_operator OR EXISTS (SELECT 1 FROM control WHERE key IN (?||a.node, ?||a.operator) AND value<>''),
  w.command, w.instead, w.sessions, w.last,
  coalesce((SELECT root FROM checkouts c JOIN projects p ON c.project=p.number WHERE p.identity=w.project
    ORDER BY accepted DESC, root LIMIT 1), ''),
  coalesce((SELECT max(accepted) FROM checkouts c JOIN projects p ON c.project=p.number WHERE p.identity=w.project), 0)
FROM words w JOIN authors a ON a.node=w.author
WHERE w.sessions>0 AND w.author<>? AND a.changed=0 AND coalesce(w.command, '')<>''
  AND NOT EXISTS (SELECT 1 FROM control WHERE key IN (?||a.node, ?||a.operator) AND value<>'')
  AND NOT EXISTS (SELECT 1 FROM control WHERE key=?||a.operator AND value='off')
ORDER BY w.last DESC, w.author, w.command LIMIT ?
"""

    def said(row: sqlite3.Row | tuple[Any, ...]) -> Heard:
        return Heard(
            str(row[0]), str(row[1]), str(row[2]), bool(row[3]), bool(row[4]), str(row[5]), str(row[6] or ""),
            int(row[7]), int(row[8]), str(row[9]), bool(row[10]),
        )  # fmt: skip

    return Read(sql, said, (TOLD, TOLD, me, REVOKED, REVOKED, AUTHOR, limit))
