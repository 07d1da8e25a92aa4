"""What others must know, and what they said: the outbox and their records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from meshcore.model import Json, Record, canonical
from meshcore.store import queries as reads
from meshcore.store.authors import TrustTables, in_utc
from meshcore.store.queries import Read
from meshcore.store.rows import OutboxRow, outbox_of_row


class ExchangeTables(TrustTables):
    """The tables `outbox` and `records`."""

    def add_to_outbox(self, kind: str, body: Mapping[str, Json]) -> int:
        """Queue a statement; whoever next has the node's key signs and publishes it."""
        with self.transaction():
            done = self._write(
                "INSERT INTO outbox (kind, body, created) VALUES (?,?,?)", (kind, canonical(dict(body)), self.now())
            )
        return done.lastrowid or 0

    def outbox(self, limit: int = 100) -> list[OutboxRow]:
        """Return what is not published yet, in order."""
        sql = "SELECT * FROM outbox WHERE published='' ORDER BY seq LIMIT ?"
        return self._all(Read(sql, outbox_of_row, (limit,)))

    def keep_signed(self, seq: int, record: Record) -> None:
        """Keep the signed text of an outbox row, so that publishing it twice is publishing it once."""
        with self.transaction():
            self._write(
                "UPDATE outbox SET record_id=?, text=?, key=?, sig=? WHERE seq=?",
                (record.record_id, record.text, record.key, record.sig, seq),
            )

    def mark_published(self, seqs: Sequence[int]) -> None:
        """Note that outbox rows are on the bridge."""
        with self.transaction():
            for seq in seqs:
                self._write("UPDATE outbox SET published=? WHERE seq=?", (self.now(), seq))

    def next_author_seq(self) -> int:
        """Return the next number of this node's own statements; never used twice."""
        with self.transaction():
            number = int(self.meta("author_seq", "0")) + 1
            self.set_meta("author_seq", str(number))
        return number

    def add_record(self, record: Record, status: str, reason: str = "") -> bool:
        """Keep a record of another node as it came; False where it is there already.

        What was rejected gives way to the same text with a signature that holds: a bad copy sent first blocks nothing.
        """
        with self.transaction():
            done = self._write(
                "INSERT INTO records (record_id, kind, author, author_seq, text, key, sig, created, received, status,"
                " reason) VALUES (?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (record_id) DO UPDATE SET kind=excluded.kind,"
                " author=excluded.author, author_seq=excluded.author_seq, key=excluded.key, sig=excluded.sig,"
                " created=excluded.created, received=excluded.received, status=excluded.status, reason=excluded.reason"
                " WHERE records.status='rejected' AND excluded.status<>'rejected'",
                (
                    record.record_id,
                    record.kind,
                    record.author,
                    record.author_seq,
                    record.text,
                    record.key,
                    record.sig,
                    in_utc(record.created),
                    self.now(),
                    status,
                    reason,
                ),
            )
            if done.rowcount and status == "rejected":
                self.add_event("record.rejected", data={"record": record.record_id, "reason": reason})
        return done.rowcount == 1

    def has_record(self, record_id: str) -> bool:
        """Tell whether a record was received, and not rejected, before."""
        sql = "SELECT 1 FROM records WHERE record_id=? AND status<>'rejected'"
        return self._one(Read(sql, lambda row: True, (record_id,))) is True

    def highest_time(self) -> str:
        """Return the latest time that an accepted record says it is from, empty where there is none."""
        sql = "SELECT coalesce(max(created), '') FROM records WHERE status<>'rejected'"
        return self._one(Read(sql, lambda row: str(row[0]))) or ""

    def count_records(self) -> dict[str, int]:
        """Return the number of records per status."""
        return dict(self._all(reads.record_counts()))

    def rejected_records(self, limit: int = 50) -> list[tuple[str, str, str]]:
        """Return (received, record id, reason) of records that were not accepted, newest first."""
        return self._all(reads.rejected_records(limit))
