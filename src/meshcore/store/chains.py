"""Chains of control records, numbered without a gap: this node's own, and what was received of those of others."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from meshcore.store.database import Database
from meshcore.store.read import Read


@dataclass(frozen=True, slots=True)
class OwnChain:
    """The chain that goes on: in which bridge's name, under which key, and its last link (0 before the first)."""

    node: str
    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class EndedChain:
    """A chain that its author continues no more: under which key, and its last link."""

    node: str
    epoch: str
    last: int


@dataclass(frozen=True, slots=True)
class Chain:
    """What was received of another node's chain (see `store_004.sql`)."""

    node: str
    epoch: str
    received_to: int = 0
    named: int = 0
    searched: int = 0
    searched_at: str = ""
    fork: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A node's newest signed sign of life: when it was made by its author's clock, and when it was first seen here.

    The rest is what it reported of itself (see `store_004.sql`).
    """

    node: str
    sig: str
    created: str
    heard: str
    report: str = "{}"
    machine: str = ""
    place: str = ""
    former: str = ""
    twice: str = ""


class OwnChains:
    """The tables `own_chains` and `ended_chains`, and the links that wait in the outbox."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, bridge_id: str) -> OwnChain | None:
        """Return this node's chain on a bridge, None before the first."""
        sql = "SELECT node, epoch, last FROM own_chains WHERE bridge_id=?"
        return self._db.one(Read(sql, lambda row: OwnChain(*row), (bridge_id,)))

    def begin(self, bridge_id: str, address: str, node: str, epoch: str) -> OwnChain:
        """Begin a chain; that of this bridge, and of whatever other bridge had this address, has ended."""
        with self._db.transaction():
            sql = "SELECT node, epoch, last FROM own_chains WHERE bridge_id=? OR address=? ORDER BY bridge_id"
            for chain in self._db.all(Read(sql, lambda row: OwnChain(*row), (bridge_id, address))):
                # What waits under this key is signed anew, for the new chain; under another key it goes out as it is.
                last = self.published(chain) if chain.node == node else chain.last
                self.end(address, EndedChain(chain.node, chain.epoch, last))
            self._db.execute("DELETE FROM own_chains WHERE bridge_id=? OR address=?", (bridge_id, address))
            self._db.execute("INSERT INTO own_chains VALUES (?,?,?,?,0)", (bridge_id, address, node, epoch))
        return OwnChain(node, epoch, 0)

    def add_link(self, bridge_id: str, number: int) -> None:
        """Note the number of the newest link."""
        with self._db.transaction():
            self._db.execute("UPDATE own_chains SET last=? WHERE bridge_id=?", (number, bridge_id))

    def published(self, chain: OwnChain, after: int = 0) -> int:
        """Return up to which link a chain is published, but for what waits; rows up to `after` count as published."""
        sql = (
            "SELECT min(link) FROM outbox INDEXED BY outbox_links_waiting"
            " WHERE published='' AND seq>? AND link>0 AND epoch=?"
        )
        first = self._db.one(Read(sql, lambda row: row[0], (after, chain.epoch)))
        return chain.last if first is None else int(first) - 1

    def break_off(self, epoch: str, number: int) -> None:
        """End a chain before a link that was signed and is not to be published."""
        sql = "SELECT address, node FROM own_chains WHERE epoch=?"
        with self._db.transaction():
            for address, node in self._db.all(Read(sql, tuple, (epoch,))):
                self.end(address, EndedChain(node, epoch, number - 1))
                self._db.execute("DELETE FROM own_chains WHERE epoch=?", (epoch,))

    def end(self, address: str, chain: EndedChain) -> None:
        """Note a chain that goes on no more; its last link only rises."""
        with self._db.transaction():
            self._db.execute(
                "INSERT INTO ended_chains (address, node, epoch, last) VALUES (?,?,?,?)"
                " ON CONFLICT (address, node, epoch) DO UPDATE SET last=max(last, excluded.last)",
                (address, chain.node, chain.epoch, chain.last),
            )

    def knows(self, epoch: str) -> bool:
        """Tell whether a chain is, or was, one of this node's, on whatever bridge."""
        sql = "SELECT 1 FROM own_chains WHERE epoch=?1 UNION ALL SELECT 1 FROM ended_chains WHERE epoch=?1"
        return self._db.one(Read(sql, lambda row: True, (epoch,))) is True

    def ended(self, address: str, limit: int) -> list[EndedChain]:
        """Return the newest chains with links that ended on the bridges of an address, the newest first."""
        sql = "SELECT node, epoch, last FROM ended_chains WHERE address=? AND last>0 ORDER BY seq DESC LIMIT ?"
        return self._db.all(Read(sql, lambda row: EndedChain(*row), (address, limit)))


class Chains:
    """The tables `chains`, `links` and `heartbeats`: what others promised, and what came of it."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def receive(self, node: str, epoch: str, number: int, record_id: str) -> bool:
        """Note a link that came; False where another record had come under this number, which is noted too."""
        with self._db.transaction():
            self._name(node, epoch, 0)
            before = self._db.one(
                Read(
                    "SELECT record_id FROM links WHERE node=? AND epoch=? AND number=?",
                    lambda row: str(row[0]),
                    (node, epoch, number),
                )
            )
            if before is not None:
                if before != record_id:
                    self._db.execute(
                        "UPDATE chains SET fork=? WHERE node=? AND epoch=? AND fork=0", (number, node, epoch)
                    )
                return before == record_id
            self._db.execute("INSERT INTO links VALUES (?,?,?,?)", (node, epoch, number, record_id))
            self._db.execute(_RECEIVED_TO, (node, epoch, number))
        return True

    def name(self, node: str, epoch: str, last: int) -> None:
        """Note that a chain has so many links by its author's word; the number only rises."""
        with self._db.transaction():
            self._name(node, epoch, last)

    def _name(self, node: str, epoch: str, last: int) -> None:
        self._db.execute(
            "INSERT INTO chains (node, epoch, named) VALUES (?,?,?) ON CONFLICT (node, epoch) DO UPDATE SET"
            " named=excluded.named WHERE named<excluded.named",
            (node, epoch, last),
        )

    def find(self, node: str, epoch: str) -> Chain | None:
        """Return what was received of a chain, None where nothing of it was ever heard."""
        return self._db.one(Read("SELECT * FROM chains WHERE node=? AND epoch=?", _chain, (node, epoch)))

    def of(self, node: str) -> list[Chain]:
        """Return the chains of a node; none where it has promised nothing."""
        return self._db.all(Read("SELECT * FROM chains WHERE node=? ORDER BY epoch", _chain, (node,)))

    def not_whole(self) -> list[Chain]:
        """Return the chains that lack links, or have two records under one number."""
        return self._db.all(Read("SELECT * FROM chains WHERE received_to<named OR fork>0 ORDER BY node", _chain))

    def lacking(self, chain: Chain, limit: int) -> list[int]:
        """Return the first numbers of a chain that were named and did not come."""
        numbers: list[int] = []
        at = chain.received_to
        sql = "SELECT number FROM links WHERE node=? AND epoch=? AND number>? AND number<=? ORDER BY number"
        came = self._db.all(Read(sql, lambda row: int(row[0]), (chain.node, chain.epoch, at, chain.named)))
        for number in (*came, chain.named + 1):
            numbers += range(at + 1, min(number, at + 1 + limit - len(numbers)))
            at = number
        return numbers

    def count_lacking(self, chain: Chain) -> int:
        """Return how many links of a chain were named and did not come."""
        sql = "SELECT count(*) FROM links WHERE node=? AND epoch=? AND number>? AND number<=?"
        span = (chain.node, chain.epoch, chain.received_to, chain.named)
        return chain.named - chain.received_to - (self._db.one(Read(sql, lambda row: int(row[0]), span)) or 0)

    def note_search(self, chain: Chain) -> None:
        """Note that the whole log is read again for what a chain lacks up to what is named now."""
        with self._db.transaction():
            self._db.execute(
                "UPDATE chains SET searched=named, searched_at=? WHERE node=? AND epoch=?",
                (self._db.now(), chain.node, chain.epoch),
            )

    def end(self, node: str, epoch: str, last: int) -> None:
        """Note that a chain ends with this link, whatever else was named."""
        with self._db.transaction():
            self._db.execute("UPDATE chains SET named=? WHERE node=? AND epoch=?", (last, node, epoch))

    def accept(self, node: str) -> None:
        """Ask for nothing any more that a node's chains lack now, and let two records under one number be."""
        with self._db.transaction():
            self._db.execute(_ACCEPT, (node,))

    # --- signs of life ------------------------------------------------------------------------------------------------

    def heartbeat(self, node: str) -> Heartbeat | None:
        """Return a node's newest signed sign of life, None where there was none."""
        return self._db.one(Read("SELECT * FROM heartbeats WHERE node=?", lambda row: Heartbeat(*row), (node,)))

    def heartbeats(self) -> dict[str, Heartbeat]:
        """Return the newest signed sign of life of every node."""
        found = self._db.all(Read("SELECT * FROM heartbeats", lambda row: Heartbeat(*row)))
        return {one.node: one for one in found}

    def hear(
        self, node: str, sig: str, created: str, *, report: str = "{}", machine: str = "", place: str = ""
    ) -> bool:
        """Note a signed sign of life; False for one that is not newer than the newest.

        A node that is back at the place before its last one is in two places at once: its home is used twice.
        """
        with self._db.transaction():
            done = self._db.execute(_HEAR, (node, sig, created, self._db.now(), report, machine, place))
        return done.rowcount == 1

    def machines(self) -> list[tuple[str, str, str]]:
        """Return (node, host, machine) of the own operator's nodes, the first heard first; "" for no machine."""
        sql = (
            "SELECT a.node, a.host, coalesce(h.machine, '') FROM authors a LEFT JOIN heartbeats h ON h.node=a.node"
            " WHERE a.own_operator=1 AND a.host<>'' ORDER BY a.first_seen, a.node"
        )
        return self._db.all(Read(sql, lambda row: (str(row[0]), str(row[1]), str(row[2]))))

    # --- where this node's key is used --------------------------------------------------------------------------------

    def place(self, place: str) -> str:
        """Return "ours" for a place where this home was used, "others" for one where a copy was, "" for a new one."""
        found = self._db.one(Read("SELECT is_ours FROM places WHERE place=?", lambda row: int(row[0]), (place,)))
        return "" if found is None else "ours" if found else "others"

    def note_place(self, place: str, *, is_ours: bool) -> None:
        """Note a place for good, and that it was seen just now."""
        with self._db.transaction(durable=True):
            self._db.execute("INSERT OR REPLACE INTO places VALUES (?,?,?)", (place, self._db.now(), int(is_ours)))

    def copy_spoke_since(self, since: str) -> bool:
        """Tell whether this node's key was used by a copy of this home after a time."""
        sql = "SELECT 1 FROM places WHERE is_ours=0 AND at>=?"
        return self._db.one(Read(sql, lambda row: True, (since,))) is True

    def forget(self, node: str) -> None:
        """Forget a node's signs of life; what it has promised stays."""
        with self._db.transaction():
            self._db.execute("DELETE FROM heartbeats WHERE node=?", (node,))


_HEAR = """
INSERT INTO heartbeats (node, sig, created, heard, report, machine, place) VALUES (?,?,?,?,?,?,?)
ON CONFLICT (node) DO UPDATE SET sig=excluded.sig, created=excluded.created, heard=excluded.heard,
  report=excluded.report, machine=CASE machine WHEN '' THEN excluded.machine ELSE machine END,
  place=excluded.place, former=CASE excluded.place WHEN place THEN former ELSE place END,
  twice=CASE WHEN excluded.place<>'' AND excluded.place=former AND place<>former THEN excluded.heard ELSE twice END
WHERE created<excluded.created
"""

# What came early counts from here on: up to the first number that has no next one.
_RECEIVED_TO = """
UPDATE chains SET received_to=(
  SELECT min(number) FROM links l WHERE l.node=?1 AND l.epoch=?2 AND l.number>received_to AND NOT EXISTS (
    SELECT 1 FROM links n WHERE n.node=l.node AND n.epoch=l.epoch AND n.number=l.number+1
  )
) WHERE node=?1 AND epoch=?2 AND received_to=?3-1
"""

_ACCEPT = """
UPDATE chains SET fork=0, received_to=max(received_to, named, coalesce((
  SELECT max(number) FROM links l WHERE l.node=chains.node AND l.epoch=chains.epoch
), 0)) WHERE node=?
"""


def _chain(row: sqlite3.Row) -> Chain:
    return Chain(*row)
