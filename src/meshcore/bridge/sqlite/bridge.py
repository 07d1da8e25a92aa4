"""The embedded bridge: one SQLite log beside the old database, a doorbell for each listener, receipts per recipient."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from meshcore.bridge.base import (
    Batch,
    BridgeStatistics,
    Claim,
    Compacted,
    Delivery,
    Member,
    Pruned,
    Publication,
    Undelivered,
    Wants,
)
from meshcore.bridge.limits import (
    BATCH_CHARACTERS,
    DEADLINE_SECONDS,
    MOST_EXPECTED,
    MOST_SCANNED,
    UPKEEP_SECONDS,
    check_text,
    not_joined,
)
from meshcore.bridge.sqlite import members, rows
from meshcore.bridge.sqlite.doorbell import MOST_BELLS, Doorbell, Ringer, is_bell, sweep
from meshcore.bridge.sqlite.filesystem import refuse_network
from meshcore.bridge.sqlite.log import LogFile, append, erase, log_files, prune, statistics
from meshcore.bridge.sqlite.places import writers
from meshcore.clock import Clock, to_text
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError
from meshcore.model import Receipt, Record
from meshcore.store import upkeep

POLL_SECONDS = 1.0  # how late a message may come whose ring was lost
_CLOSE_SECONDS = 0.25


class SqliteBridge:
    """A `Bridge` in one file, the mesh's own log at `<path>.mesh.db`; nothing is opened before it is needed."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock,
        deadline: float = DEADLINE_SECONDS,
        doorbell: bool = True,
        poll: float = POLL_SECONDS,
        prepare: Callable[[bool], None] = lambda fresh: None,
    ) -> None:
        """`deadline` and `poll` are seconds; without `doorbell`, `wait` only polls; for `prepare` see `Engine.open`."""
        self.path = path
        self.clock = clock
        self.log = LogFile(path, deadline, prepare)
        self._bells = path.with_name(path.name + ".mesh.bells")
        self._ringer = Ringer(self._bells)
        self._bell: Doorbell | None = None
        self._has_doorbell = doorbell
        self._poll = poll
        self._noticing = threading.RLock()
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

    def beat(self, node: str, state: Record | None = None) -> None:
        if state is not None:
            check_text(state)
        with self.log.writing() as connection:
            if state is None:
                self._sign_of_life(connection, node)
            elif not members.say(connection, node, state, self.clock.now()):
                raise not_joined(node)

    def publish(self, publications: Sequence[Publication], state: Record | None = None) -> list[int]:
        for record in (*(item.record for item in publications), *([state] if state else ())):
            check_text(record)
        with self.log.writing() as connection:
            seqs = [append(connection, item.record, item.kind, self.clock, item.origin) for item in publications]
            if state is not None:
                members.say(connection, state.key, state, self.clock.now())
            bells = _bells(connection)
        self._ring(bells, own=False)
        self.log.checkpoint_if_due()
        return seqs

    def receive(self, node: str, after: int, limit: int = 100, wants: Wants = lambda seq, key: True) -> Batch:
        with self.log.reading() as connection:
            acknowledged, pruned_to = connection.execute(
                "SELECT (SELECT CAST(cursor AS INTEGER) FROM members WHERE node = ?), "
                "(SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'pruned_to')",
                (node,),
            ).fetchone()
            if acknowledged is None:
                raise not_joined(node)
            end = rows.end(connection)
            deliveries: list[Delivery] = []
            more, size, scanned, cursor = False, 0, 0, after
            for seq, key in rows.heads(connection, after, end):
                scanned += 1
                if key != node and wants(seq, key):
                    one = rows.delivery(connection, seq)
                    size += len(one.record.text)
                    if len(deliveries) == limit or (deliveries and size > BATCH_CHARACTERS):
                        more = True
                        break
                    deliveries.append(one)
                cursor = seq
            more = more or scanned == MOST_SCANNED
            if not more:
                self._notice(end)
                cursor = max(after, end)
        return Batch(tuple(deliveries), more, cursor, end, max(0, pruned_to or 0), acknowledged)

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        now = self._now()
        with self.log.writing() as connection:
            self._sign_of_life(connection, node)
            connection.executemany(
                "INSERT OR IGNORE INTO receipts (seq, node, expected, status, at, reason) "
                "SELECT seq, ?2, EXISTS (SELECT 1 FROM awaited WHERE seq = ?1 AND node = ?2), ?3, ?4, ?5 "
                "FROM log WHERE seq = ?1",
                [(receipt.seq, node, receipt.status, now, receipt.reason) for receipt in receipts],
            )
            connection.executemany(
                "DELETE FROM awaited WHERE seq = ? AND node = ?", [(receipt.seq, node) for receipt in receipts]
            )
            # Never back, and never past what exists: neither may cost a message.
            connection.execute(
                "UPDATE members SET cursor = max(CAST(cursor AS INTEGER), ?) WHERE node = ?",
                (min(cursor, rows.end(connection)), node),
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

    def drain(self) -> bool:
        bell = self._listening()
        is_rung = bell is not None and bell.wait(0)
        return self._has_news() or is_rung

    def ring(self) -> None:
        with self.log.reading() as connection:
            bells = _bells(connection)
        self._ring(bells, own=True)

    def stamp(self) -> object:
        try:
            found = self.log.wal.stat()
        except OSError:
            return None
        return found.st_size, found.st_mtime_ns

    def members(self, also: Collection[str] = ()) -> list[Member]:
        with self.log.reading() as connection:
            return members.members(connection, self.clock.now(), also)

    def member(self, node: str) -> Member | None:
        with self.log.reading() as connection:
            return members.member(connection, node, self.clock.now())

    def forget(self, node: str) -> bool:
        with self.log.writing() as connection:
            known = connection.execute("DELETE FROM members WHERE node = ?", (node,)).rowcount > 0
            connection.execute("DELETE FROM awaited WHERE node = ?", (node,))
        return known

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        with self.log.reading() as connection:
            found = connection.execute(
                "SELECT a.seq, substr(CAST(l.record_id AS TEXT), 1, 64), substr(CAST(l.kind AS TEXT), 1, 64), "
                "substr(CAST(a.node AS TEXT), 1, 64), substr(CAST(l.published_at AS TEXT), 1, 40) "
                "FROM awaited a JOIN log l USING (seq) ORDER BY a.seq, a.node LIMIT ?",
                (limit,),
            ).fetchall()
        return [Undelivered(*row) for row in found]

    def published(self, record_id: str) -> str:
        """Return when a record was published, "" where it was not."""
        with self.log.reading() as connection:
            row = connection.execute(
                "SELECT substr(CAST(published_at AS TEXT), 1, 40) FROM log WHERE record_id = ?", (record_id,)
            ).fetchone()
        return str(row[0]) if row else ""

    def erase(self, record_id: str) -> int:
        return erase(self.log, record_id)

    def receipts(self, record_id: str) -> list[Receipt]:
        with self.log.reading() as connection:
            found = connection.execute(
                "SELECT r.seq, substr(CAST(r.node AS TEXT), 1, 64), r.status, substr(CAST(r.at AS TEXT), 1, 40), "
                "substr(CAST(r.reason AS TEXT), 1, 400) FROM log l JOIN receipts r USING (seq) "
                "WHERE l.record_id = ? AND r.status IN ('stored', 'ignored', 'rejected') "
                "ORDER BY r.seq, r.at, r.node LIMIT ?",
                (record_id, 2 * MOST_EXPECTED),
            ).fetchall()
        return [Receipt(*row) for row in found]

    def received(self, seqs: Sequence[int]) -> set[int]:
        with self.log.reading() as connection:
            return {
                seq
                for seq in seqs
                if connection.execute(
                    "SELECT EXISTS (SELECT 1 FROM receipts WHERE seq = ?1) "
                    "AND NOT EXISTS (SELECT 1 FROM awaited WHERE seq = ?1)",
                    (seq,),
                ).fetchone()[0]
            }

    def claim(
        self, claim: Record, skill_id: str, host: str, places: int, counts: Callable[[Claim], bool] = lambda claim: True
    ) -> bool:
        check_text(claim)
        now = self.clock.now()
        with self.log.writing() as connection:
            members.drop_old_claims(connection, skill_id, now)
            held = {one.host: one for one in members.claims(connection, skill_id, now) if counts(one)}
            if host in held:
                return not held[host].failed
            if len(held) >= places:
                return False
            members.put_claim(connection, claim, skill_id, host, now, failed=False)
        return True

    def claims(self, skill_id: str) -> list[Claim]:
        with self.log.reading() as connection:
            return members.claims(connection, skill_id, self.clock.now())

    def settle_claim(self, settlement: Record, skill_id: str, host: str, *, verified: bool) -> None:
        check_text(settlement)
        with self.log.writing() as connection:
            if verified:
                connection.execute("DELETE FROM claims WHERE skill_id = ? AND host = ?", (skill_id, host))
            else:
                members.put_claim(connection, settlement, skill_id, host, self.clock.now(), failed=True)

    def statistics(self) -> BridgeStatistics:
        return statistics(self.log)

    def writers(self) -> str:
        return writers(self.log.path)

    def faults(self) -> list[str]:
        try:
            refuse_network(self.log.path)
        except ConfigurationError as error:
            return [str(error)]
        with self.log.reading() as connection:
            count = rows.misplaced(connection)
        return [f"{self.log.path}: {count} rows with numbers that no node gave, which are not read"] if count else []

    def integrity(self) -> list[tuple[str, str]]:
        with self.log.within(UPKEEP_SECONDS), self.log.reading() as connection:
            return [(str(self.log.path), upkeep.integrity(connection))]

    def prune(self, older_than: float, *, dry_run: bool = False) -> Pruned:
        with self.log.within(UPKEEP_SECONDS):
            return prune(self.log, self.clock, older_than, dry_run=dry_run)

    def compact(self, *, dry_run: bool = False) -> Compacted:
        with self.log.within(UPKEEP_SECONDS), self.log.bare() as connection:
            if dry_run:
                return Compacted(self.log.path.name, upkeep.unused_bytes(connection), False)
            given_back = upkeep.give_back(connection)
        return Compacted(self.log.path.name, given_back, self.log.checkpoint())

    def sizes(self) -> Mapping[str, int]:
        found: dict[str, int] = {}
        for name, path in log_files(self.path).items():
            with suppress(OSError):
                found[name] = path.stat().st_size
        return found

    def row_counts(self) -> Mapping[str, int]:
        with self.log.within(UPKEEP_SECONDS), self.log.reading() as connection:
            return upkeep.table_counts(connection)

    def close(self) -> None:
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.close()
        if bell is not None and self.log.path.exists():  # to say goodbye is no reason to make one anew
            with suppress(MeshError), self.log.within(_CLOSE_SECONDS), self.log.writing() as connection:
                connection.execute("DELETE FROM doorbells WHERE socket = ?", (bell.name,))
        self._ringer.close()
        self.log.close()

    def _now(self) -> str:
        return to_text(self.clock.now())

    def _sign_of_life(self, connection: sqlite3.Connection, node: str) -> None:
        updated = connection.execute("UPDATE members SET seen_at = ? WHERE node = ?", (self._now(), node))
        if updated.rowcount == 0:
            raise not_joined(node)

    def _listening(self) -> Doorbell | None:
        with self._noticing:
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
            (is_known,) = connection.execute(
                "SELECT EXISTS (SELECT 1 FROM doorbells WHERE socket = ?)", (self._bell.name if self._bell else "",)
            ).fetchone()
            is_news = self._notice(rows.end(connection))
        if self._bell is not None and not is_known:
            self._register(self._bell)
        return is_news

    def _notice(self, end: int) -> bool:
        """Remember how far the log reaches; True where that is further than before."""
        with self._noticing:
            bridge_id, known = self._noticed
            is_news = end > (known if bridge_id == self.log.bridge_id else 0)
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
    """Return the bells to ring; bells of version 0.1 that hang elsewhere are rung by nobody, their listeners look."""
    rows = connection.execute(
        "SELECT CAST(socket AS TEXT) FROM doorbells WHERE socket GLOB '????????.bell' ORDER BY since DESC LIMIT ?",
        (MOST_BELLS,),
    )
    return [name for (name,) in rows if is_bell(name)]
