"""What other nodes say of commands, as a person reads it: one question that all who show it ask."""

from __future__ import annotations

import shlex
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshcore.store.listed import Listed, Order, like
from meshcore.store.meta import OWN_NODE
from meshcore.store.read import Read
from meshcore.trust.modes import AUTHOR
from meshcore.trust.store_keys import REVOKED, TOLD


@dataclass(frozen=True, slots=True)
class Heard:
    """What one node says of one command: that it fails there, or with an `instead`, what passed there in its place.

    `word` is its id. `name`, `host` and both commands are the author's own words. `tells`: the author is an own node,
    or one of whose words agents are told. `root` is a checkout of the project here, "" for none, and `accepted` says
    that others count in it. `last` is in seconds since 1970.
    """

    word: str
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


def _number(one: Heard) -> str:
    """Return what tells words of one moment apart, as the list makes it in SQL."""
    return f"{one.last:012d}{one.word}"


ORDERS: tuple[Order[Heard], ...] = (
    Order("last", "h.number", _number),
    Order("who", "h.name", lambda one: one.name, descending=False),
    Order("says", "h.sessions", lambda one: one.sessions),
    Order("command", "h.command", lambda one: one.command, descending=False),
)
"""What other nodes say is ordered by: the newest first."""

_IS_NOT_EMPTY = "EXISTS (SELECT 1 FROM control WHERE key IN ('{key}'||a.node, '{key}'||a.operator) AND value<>'')"
_GIVEN = f"""
WITH words AS (
  SELECT 'fails '||project||' '||command||' '||author AS word, project, author, last, sessions,
    json_extract(body, '$.text') AS command, '' AS instead FROM told_habits
  UNION ALL
  SELECT 'passed '||project||' '||way||' '||mark||' '||author, project, author, last, sessions,
    json_extract(body, '$.failed'), coalesce(json_extract(body, '$.passed'), '') FROM told_corrections
), heard AS MATERIALIZED (
  SELECT w.word, printf('%012d', w.last)||w.word AS number, a.node, a.name, a.host, a.own_operator AS own,
    a.own_operator OR {_IS_NOT_EMPTY.format(key=TOLD)} AS tells, w.command, w.instead, w.sessions, w.last,
    coalesce((SELECT root FROM checkouts c JOIN projects p ON c.project=p.number WHERE p.identity=w.project
      ORDER BY accepted DESC, root LIMIT 1), '') AS root,
    coalesce((SELECT max(accepted) FROM checkouts c JOIN projects p ON c.project=p.number
      WHERE p.identity=w.project), 0) AS accepted
  FROM words w JOIN authors a ON a.node=w.author
  WHERE w.sessions>0 AND w.author<>{OWN_NODE} AND a.changed=0 AND coalesce(w.command, '')<>''
    AND NOT {_IS_NOT_EMPTY.format(key=REVOKED)}
    AND NOT EXISTS (SELECT 1 FROM control WHERE key='{AUTHOR}'||a.operator AND value='off')
)
"""  # noqa: S608
_COLUMNS = "word, node, name, host, own, tells, command, instead, sessions, last, root, accepted"


def _heard(row: sqlite3.Row | tuple[Any, ...]) -> Heard:
    return Heard(
        str(row[0]), str(row[1]), str(row[2]), str(row[3]), bool(row[4]), bool(row[5]), str(row[6]), str(row[7]),
        int(row[8]), int(row[9]), str(row[10]), bool(row[11]),
    )  # fmt: skip


HEARD: Listed[Heard] = Listed(
    reading=Read(f"SELECT {_COLUMNS} FROM heard h", _heard),  # noqa: S608
    table="heard h",
    number="h.number",
    id="h.word",
    state="''",
    id_of=lambda one: one.word,
    number_of=_number,
    matches=like("h.command", "h.instead", "h.name", "h.host", "h.root"),
    orders=ORDERS,
    given=_GIVEN,
)
"""What other nodes say: that fails, and that passed instead.

Left out is what was taken back, and what an author says who is revoked, switched off or came with another key.
"""


def heard(limit: int) -> Read[Heard]:
    """Ask what other nodes say, the newest first."""
    return HEARD.page(ORDERS[0], limit, descending=True)


def heard_sum() -> Read[tuple[int, int, int]]:
    """Ask how many nodes say something, how many words these are, and of how many agents here are told."""
    told = "coalesce(sum(tells AND root<>'' AND accepted), 0)"
    sql = f"{_GIVEN}SELECT count(DISTINCT node), count(*), {told} FROM heard"  # noqa: S608
    return Read(sql, lambda row: (int(row[0]), int(row[1]), int(row[2])))
