"""What others must know, and what they said: the outbox and their records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from meshcore.model import ChainMark, Json, ReceiptStatus, Record, canonical
from meshcore.store import queries as reads
from meshcore.store.authors import in_utc
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.meta import Meta
from meshcore.store.read import Read
from meshcore.store.rows import OutboxRow, outbox_of_row, record_of_row

KEPT_BYTES = 4096  # of what was rejected


class Outbox:
    """The table `outbox`, and the numbers of this node's own statements."""

    def __init__(self, db: Database, meta: Meta) -> None:
        self._db = db
        self._meta = meta

    def add(self, kind: str, body: Mapping[str, Json]) -> int:
        """Queue a statement; whoever next has the node's key signs and publishes it."""
        with self._db.transaction():
            done = self._db.execute(
                "INSERT INTO outbox (kind, body, created) VALUES (?,?,?)", (kind, canonical(dict(body)), self._db.now())
            )
        return done.lastrowid or 0

    def waiting(self, limit: int = 100) -> list[OutboxRow]:
        """Return what is not published yet, in order."""
        sql = "SELECT * FROM outbox WHERE published='' ORDER BY seq LIMIT ?"
        return self._db.all(Read(sql, outbox_of_row, (limit,)))

    def count_waiting(self, after: int = 0) -> int:
        """Return how many rows are not published yet, of those after a row."""
        sql = "SELECT count(*) FROM outbox WHERE published='' AND seq>?"
        return self._db.one(Read(sql, lambda row: int(row[0]), (after,))) or 0

    def keep_signed(self, seq: int, record: Record) -> None:
        """Keep the signed text of an outbox row, so that publishing it twice is publishing it once."""
        with self._db.transaction():
            link = record.chain if record.chain is not None and record.chain.is_link else ChainMark("", 0)
            self._db.execute(
                "UPDATE outbox SET record_id=?, text=?, key=?, sig=?, epoch=?, link=? WHERE seq=?",
                (record.record_id, record.text, record.key, record.sig, link.epoch, link.number, seq),
            )

    def record_id(self, seq: int) -> str:
        """Return the id of the record that a row became, "" before it is signed."""
        return self._db.one(Read("SELECT record_id FROM outbox WHERE seq=?", lambda row: str(row[0]), (seq,))) or ""

    def count_told(self, since: str) -> int:
        """Return how many habits and corrections were queued since a time."""
        sql = "SELECT count(*) FROM outbox WHERE kind IN ('habit', 'correction') AND created>=?"
        return self._db.one(Read(sql, lambda row: int(row[0]), (since,))) or 0

    def links_sent(self, epoch: str, newest: int) -> list[tuple[int, str]]:
        """Return (seq, record id) of what was published as links of a chain of this node, the newest first."""
        sql = "SELECT seq, record_id FROM outbox WHERE epoch=? AND link>0 AND published<>'' ORDER BY link DESC LIMIT ?"
        return self._db.all(Read(sql, lambda row: (int(row[0]), str(row[1])), (epoch, newest)))

    def send_again(self, seqs: Iterable[int]) -> None:
        """Let rows that were published wait once more, as they were signed."""
        with self._db.transaction():
            for seq in seqs:
                self._db.execute("UPDATE outbox SET published='' WHERE seq=?", (seq,))

    def mark_published(self, seqs: Sequence[int]) -> None:
        """Note that outbox rows are on the bridge."""
        with self._db.transaction():
            for seq in seqs:
                self._db.execute("UPDATE outbox SET published=? WHERE seq=?", (self._db.now(), seq))

    def last_author_seq(self) -> int:
        """Return the number of this node's newest statement, 0 before the first."""
        return int(self._meta.get("author_seq") or 0)

    def next_author_seq(self) -> int:
        """Return the next number of this node's own statements; never used twice."""
        with self._db.transaction():
            number = self.last_author_seq() + 1
            self._meta.set("author_seq", str(number))
        return number

    def raise_author_seq(self, number: int) -> None:
        """Let the next statement have a higher number than one that is known to have been used."""
        with self._db.transaction():
            if number > self.last_author_seq():
                self._meta.set("author_seq", str(number))


class Records:
    """The table `records`: what other nodes said, as it came."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def add(self, record: Record, status: str, reason: str = "") -> bool:
        """Keep a record of another node as it came; False where it is there already.

        `status` is stored, ignored, rejected, or faulted: kept out by a fault of this version's own. What was rejected
        gives way to the same text with a signature that holds: a bad copy sent first blocks nothing. What is faulted
        gives way to what was taken in, never to a bad copy. Of what is rejected only the beginning is kept.
        """
        text = record.text if status != "rejected" else record.text.encode()[:KEPT_BYTES].decode(errors="ignore")
        with self._db.transaction():
            done = self._db.execute(
                "INSERT INTO records (record_id, kind, author, author_seq, text, key, sig, created, received, status,"
                " reason) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (record_id) DO UPDATE SET kind=excluded.kind,"
                " author=excluded.author, author_seq=excluded.author_seq, text=excluded.text, key=excluded.key,"
                " sig=excluded.sig,"
                " created=excluded.created, received=excluded.received, status=excluded.status, reason=excluded.reason"
                " WHERE records.status IN ('rejected', 'faulted')"
                " AND excluded.status NOT IN ('rejected', records.status)",
                (
                    record.record_id,
                    record.kind,
                    record.author,
                    record.author_seq,
                    text,
                    record.key[:KEPT_BYTES],
                    record.sig[:KEPT_BYTES],
                    in_utc(record.created),
                    self._db.now(),
                    status,
                    reason,
                ),
            )
            if done.rowcount and status == "rejected":
                self._events.add("record.rejected", data={"record": record.record_id, "reason": reason})
        return done.rowcount == 1

    def has(self, record_id: str) -> bool:
        """Tell whether a record was taken in before."""
        sql = "SELECT 1 FROM records WHERE record_id=? AND status NOT IN ('rejected', 'faulted')"
        return self._db.one(Read(sql, lambda row: True, (record_id,))) is True

    def newest(self, kind: str, author: str) -> int:
        """Return the author's number of their newest record of a kind that was stored, 0 where there is none."""
        sql = "SELECT coalesce(max(author_seq), 0) FROM records WHERE kind=? AND author=? AND status='stored'"
        return self._db.one(Read(sql, lambda row: int(row[0]), (kind, author))) or 0

    def receipt_status(self, record_id: str) -> ReceiptStatus | None:
        """Return what a record's receipt says, None for one that never came or is faulted."""
        sql = "SELECT status FROM records WHERE record_id=? AND status<>'faulted'"
        return self._db.one(Read(sql, lambda row: cast(ReceiptStatus, row[0]), (record_id,)))

    def faulted(self, version: str, limit: int) -> list[Record]:
        """Return records that are faulted for another version than this, as they came; the oldest first."""
        sql = "SELECT * FROM records WHERE status='faulted' AND substr(reason, 1, ?)<>? ORDER BY seq LIMIT ?"
        mark = f"{version} "
        return self._db.all(Read(sql, record_of_row, (len(mark), mark, limit)))

    def faulted_of(self, author: str) -> int:
        """Return how many records of an author are faulted."""
        sql = "SELECT count(*) FROM records WHERE status='faulted' AND author=?"
        return self._db.one(Read(sql, lambda row: int(row[0]), (author,))) or 0

    def forget_faulted(self, record_ids: Iterable[str]) -> None:
        """Remove faulted records, which are about to be taken in again."""
        with self._db.transaction():
            for record_id in record_ids:
                self._db.execute("DELETE FROM records WHERE record_id=? AND status='faulted'", (record_id,))

    def try_faulted_again(self) -> None:
        """Let all faulted records count as another version's."""
        with self._db.transaction():
            self._db.execute("UPDATE records SET reason='' WHERE status='faulted'")

    def highest_time(self) -> str:
        """Return the latest time that an accepted record says it is from, empty where there is none."""
        sql = "SELECT coalesce(max(created), '') FROM records WHERE status<>'rejected'"
        return self._db.one(Read(sql, lambda row: str(row[0]))) or ""

    def count(self) -> dict[str, int]:
        """Return the number of records per status."""
        return dict(self._db.all(reads.record_counts()))

    def rejected(self, limit: int = 50) -> list[tuple[str, str, str]]:
        """Return (received, record id, reason) of records that were not accepted, newest first."""
        return self._db.all(reads.rejected_records(limit))
