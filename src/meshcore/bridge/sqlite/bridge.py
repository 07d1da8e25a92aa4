"""The embedded bridge: one SQLite log beside the old database, a doorbell for each listener, receipts per recipient."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from meshcore.bridge.base import CLAIM_SECONDS, Batch, BridgeStatistics, Delivery, Member, Publication, Undelivered
from meshcore.bridge.legacy import table as oldtable
from meshcore.bridge.legacy.table import OldFile
from meshcore.bridge.sqlite.doorbell import Doorbell, Ringer, sweep
from meshcore.bridge.sqlite.log import LogFile, append, check_text
from meshcore.clock import Clock, to_text
from meshcore.errors import BridgeUnavailableError, MeshError, UsageError
from meshcore.model import Receipt, Record

BUSY_TIMEOUT_SECONDS = 5.0
POLL_SECONDS = 1.0  # how late a message may come whose ring was lost
OLD_PATIENCE_SECONDS = 0.25  # how long a publisher waits for the old database before it leaves the row queued
BATCH_CHARACTERS = 4 * 1024 * 1024


class SqliteBridge:
    """A `Bridge` in two files: the old table at `path`, the mesh's own log at `<path>.mesh.db`.

    Nothing is opened before it is needed. Usable from several threads; one process opens one per node.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        busy_timeout: float = BUSY_TIMEOUT_SECONDS,
        doorbell: bool = True,
        poll: float = POLL_SECONDS,
    ) -> None:
        """`busy_timeout` and `poll` are seconds; without `doorbell`, `wait` only polls."""
        self.path = path
        self.clock = clock
        lock = threading.RLock()
        self.old = OldFile(path, busy_timeout, lock)
        self.log = LogFile(path, busy_timeout, lock, self.old.check)
        self._bells = path.with_name(path.name + ".mesh.bells")
        self._ringer = Ringer(self._bells)
        self._bell: Doorbell | None = None
        self._has_doorbell = doorbell
        self._poll = poll
        self._noticed = ("", 0)  # the log, and its highest seq that `receive` or `wait` has told of

    @property
    def bridge_id(self) -> str:
        with self.log.reading():
            return self.log.bridge_id

    def join(self, member: Member) -> None:
        hello, now = member.record, self._now()
        check_text(hello)
        with self.log.writing() as connection:
            connection.execute(
                "INSERT INTO members (node, name, host, joined_at, seen_at, key, sig, text) "
                "VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7) ON CONFLICT (node) DO UPDATE SET name = excluded.name, "
                "host = excluded.host, seen_at = excluded.seen_at, key = excluded.key, sig = excluded.sig, "
                "text = excluded.text",
                (member.node, member.name, member.host, now, hello.key, hello.sig, hello.text),
            )

    def beat(self, node: str) -> None:
        with self.log.writing() as connection:
            self._sign_of_life(connection, node)

    def publish(self, publications: Sequence[Publication]) -> list[int]:
        for publication in publications:
            check_text(publication.record)
        now, seqs, is_queued = self.clock.now(), [], False
        with self.log.writing() as connection:
            for item in publications:
                seq, is_new = append(connection, item.record, item.kind, now)
                seqs.append(seq)
                # An incomplete SKILL would stop old listeners for ever: it stays out of their table.
                if is_new and item.legacy_skill is not None and oldtable.is_complete(item.legacy_skill):
                    oldtable.queue(connection, seq, item.record, item.legacy_skill, item.skill_id, now)
                    is_queued = True
            bells = _bells(connection)
        self._ring(bells, own=False)
        if is_queued:
            # The record is out. What the old database cannot take now waits for the gateway or the next publisher.
            with suppress(MeshError), self.old.patience(OLD_PATIENCE_SECONDS):
                oldtable.write_queued(self.log, self.old)
        self.log.checkpoint_if_due()
        return seqs

    def receive(self, node: str, limit: int = 100) -> Batch:
        with self.log.reading() as connection:
            row = connection.execute(
                "SELECT cursor, (SELECT max(seq) FROM log) FROM members WHERE node = ?", (node,)
            ).fetchone()
            if row is None:
                raise _not_joined(node)
            start, end = row[0], row[1] or 0
            deliveries: list[Delivery] = []
            more, size = False, 0
            rows = connection.execute(
                "SELECT seq, CAST(text AS TEXT), CAST(key AS TEXT), CAST(sig AS TEXT), published_at, origin FROM log "
                "WHERE seq > ? AND seq <= ? AND key != ? ORDER BY seq LIMIT ?",
                (start, end, node, limit + 1),
            )
            for seq, text, key, sig, published_at, origin in rows:
                if len(deliveries) == limit or (deliveries and size + len(text) > BATCH_CHARACTERS):
                    more = True
                    break
                size += len(text)
                deliveries.append(Delivery(seq, Record(text, key, sig), published_at, origin))
            rows.close()
            cursor = deliveries[-1].seq if more else max(start, end)
            if not more:
                self._notice(end)
        return Batch(tuple(deliveries), more, cursor)

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        with self.log.writing() as connection:
            self._sign_of_life(connection, node)
            connection.executemany(
                "INSERT OR IGNORE INTO receipts (seq, node, expected, status, at, reason) "
                "SELECT seq, ?2, EXISTS (SELECT 1 FROM awaited WHERE seq = ?1 AND node = ?2), ?3, ?4, ?5 "
                "FROM log WHERE seq = ?1",
                [(receipt.seq, node, receipt.status, receipt.at, receipt.reason) for receipt in receipts],
            )
            connection.executemany(
                "DELETE FROM awaited WHERE seq = ? AND node = ?", [(receipt.seq, node) for receipt in receipts]
            )
            # Never back, and never past what exists: neither may cost a message.
            connection.execute(
                "UPDATE members SET cursor = max(cursor, min(?, (SELECT coalesce(max(seq), 0) FROM log))) "
                "WHERE node = ?",
                (cursor, node),
            )
        self.log.checkpoint_if_due()

    def wait(self, timeout: float) -> bool:
        bell = self._listening()
        left = timeout
        while True:
            if self._has_news():
                return True
            pause = max(0.0, min(left, self._poll))
            if bell is None:
                time.sleep(pause)
            elif bell.wait(pause):
                return True
            left -= pause
            if left <= 0:
                return self._has_news()

    def fileno(self) -> int:
        bell = self._listening()
        return -1 if bell is None else bell.fileno()

    def members(self) -> list[Member]:
        with self.log.reading() as connection:
            rows = connection.execute(
                "SELECT node, name, host, joined_at, seen_at, cursor, text, key, sig FROM members "
                "ORDER BY joined_at, node"
            ).fetchall()
        return [
            Member(node, name, host, Record(*hello), joined_at, seen_at, cursor)
            for node, name, host, joined_at, seen_at, cursor, *hello in rows
        ]

    def forget(self, node: str) -> bool:
        with self.log.writing() as connection:
            known = connection.execute("DELETE FROM members WHERE node = ?", (node,)).rowcount > 0
            connection.execute("DELETE FROM awaited WHERE node = ?", (node,))
        return known

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        with self.log.reading() as connection:
            rows = connection.execute(
                "SELECT a.seq, l.record_id, l.kind, a.node, l.published_at FROM awaited a JOIN log l USING (seq) "
                "ORDER BY a.seq, a.node LIMIT ?",
                (limit,),
            ).fetchall()
        return [Undelivered(*row) for row in rows]

    def published(self, record_id: str) -> str:
        """Return when a record was published, "" where it was not."""
        with self.log.reading() as connection:
            row = connection.execute("SELECT published_at FROM log WHERE record_id = ?", (record_id,)).fetchone()
        return str(row[0]) if row else ""

    def receipts(self, record_id: str) -> list[Receipt]:
        with self.log.reading() as connection:
            rows = connection.execute(
                "SELECT r.seq, r.node, r.status, r.at, r.reason FROM log l JOIN receipts r USING (seq) "
                "WHERE l.record_id = ? ORDER BY r.seq, r.at, r.node",
                (record_id,),
            ).fetchall()
        return [Receipt(*row) for row in rows]

    def claim(self, skill_id: str, host: str, places: int) -> bool:
        since = to_text(self.clock.now() - timedelta(seconds=CLAIM_SECONDS))
        with self.log.writing() as connection:
            connection.execute("DELETE FROM claims WHERE skill_id = ? AND NOT failed AND at < ?", (skill_id, since))
            rows = connection.execute("SELECT host, failed FROM claims WHERE skill_id = ?", (skill_id,)).fetchall()
            if (host, 0) in rows:
                return True
            if len(rows) >= places:
                return False
            connection.execute(
                "INSERT INTO claims (skill_id, host, at) VALUES (?, ?, ?)", (skill_id, host, self._now())
            )
        return True

    def settle_claim(self, skill_id: str, host: str, *, verified: bool) -> None:
        with self.log.writing() as connection:
            if verified:
                connection.execute("DELETE FROM claims WHERE skill_id = ? AND host = ?", (skill_id, host))
            else:
                connection.execute("UPDATE claims SET failed = 1 WHERE skill_id = ? AND host = ?", (skill_id, host))

    def statistics(self) -> BridgeStatistics:
        with self.log.reading() as connection:
            (records,) = connection.execute("SELECT count(*) FROM log").fetchone()
            (members,) = connection.execute("SELECT count(*) FROM members").fetchone()
            (awaited,) = connection.execute("SELECT count(*) FROM awaited").fetchone()
            received, rejected = connection.execute(
                "SELECT coalesce(sum(expected), 0), coalesce(sum(status = 'rejected'), 0) FROM receipts"
            ).fetchone()
            oldest = connection.execute(
                "SELECT published_at FROM log WHERE seq = (SELECT min(seq) FROM awaited)"
            ).fetchone()
            bridge_id = self.log.bridge_id
        broadcast, pending = self.old.counts()
        return BridgeStatistics(
            bridge_id,
            records,
            members,
            received + awaited,
            received,
            rejected,
            awaited,
            oldest[0] if oldest else "",
            broadcast,
            pending,
        )

    def close(self) -> None:
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.close()
            with suppress(MeshError), self.log.patience(0.25), self.log.writing() as connection:
                connection.execute("DELETE FROM doorbells WHERE socket = ?", (bell.name,))
        self._ringer.close()
        self.old.close()
        self.log.close()

    def ring(self) -> None:
        """Ring every doorbell, this process's own too."""
        with self.log.reading() as connection:
            bells = _bells(connection)
        self._ring(bells, own=True)

    def _now(self) -> str:
        return to_text(self.clock.now())

    def _sign_of_life(self, connection: sqlite3.Connection, node: str) -> None:
        updated = connection.execute("UPDATE members SET seen_at = ? WHERE node = ?", (self._now(), node))
        if updated.rowcount == 0:
            raise _not_joined(node)

    def _listening(self) -> Doorbell | None:
        if self._bell is None and self._has_doorbell:
            with self.log.reading() as connection:
                sweep(self._bells, _bells(connection))
            try:
                self._bell = Doorbell(self._bells)
            except OSError:
                self._has_doorbell = False  # the poll alone is slower, and enough
                return None
            self._register(self._bell)
        return self._bell

    def _register(self, bell: Doorbell) -> None:
        with self.log.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO doorbells (socket, since) VALUES (?, ?)", (bell.name, self._now())
            )

    def _has_news(self) -> bool:
        """Look whether the log grew without a ring, and whether our bell is still known to those who ring."""
        with self.log.reading() as connection:
            end, is_known = connection.execute(
                "SELECT (SELECT max(seq) FROM log), EXISTS (SELECT 1 FROM doorbells WHERE socket = ?)",
                (self._bell.name if self._bell else "",),
            ).fetchone()
            is_news = self._notice(end or 0)
        if self._bell is not None and not is_known:
            self._register(self._bell)
        return is_news

    def _notice(self, end: int) -> bool:
        """Remember how far the log reaches; True where that is further than before."""
        bridge_id, before = self._noticed
        is_news = end > (before if bridge_id == self.log.bridge_id else 0)
        if is_news:
            self._noticed = (self.log.bridge_id, end)
        return is_news

    def _ring(self, bells: Sequence[str], *, own: bool) -> None:
        mine = self._bell.name if self._bell else ""
        gone = self._ringer.ring(name for name in bells if own or name != mine)
        if gone:
            with suppress(BridgeUnavailableError), self.log.writing() as connection:
                connection.executemany("DELETE FROM doorbells WHERE socket = ?", [(name,) for name in gone])


def _bells(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT socket FROM doorbells")]


def _not_joined(node: str) -> UsageError:
    return UsageError(f"node {node[:12]} has not joined this bridge, or was forgotten; start it again to join")
