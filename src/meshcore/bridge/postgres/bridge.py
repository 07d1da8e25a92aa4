"""The bridge in PostgreSQL: each statement a transaction, a notification as a hint, receipts per recipient."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress

import psycopg
from psycopg.types.numeric import Int8

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
    is_summary,
    not_joined,
)
from meshcore.bridge.postgres import queries
from meshcore.bridge.postgres.bell import FALSE_RING_SECONDS, LOOK_SECONDS, Bell, LateRinger
from meshcore.bridge.postgres.session import Row, Session
from meshcore.bridge.postgres.texts import check, storable
from meshcore.clock import Clock
from meshcore.config import BridgeAddress
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError
from meshcore.model import Receipt, Record

POLL_SECONDS = 1.0  # of who waits without a bell
_CHUNK = 500  # summaries that are looked at in one statement
_MOST_OLDER = 1e9  # seconds
_MOST_ROUNDS = 20  # of a claim that others come between


class PostgresBridge:
    """A `Bridge` in a database; nothing is opened before it is needed."""

    def __init__(
        self, address: BridgeAddress, *, clock: Clock, deadline: float = DEADLINE_SECONDS, doorbell: bool = True
    ) -> None:
        """`deadline` is the seconds of one call; without `doorbell`, `wait` only looks now and then."""
        self.address = address
        self.clock = clock
        self._bell = Bell() if doorbell else None
        self._listens = False
        self._deadline = deadline
        self._session = Session(address, deadline, self._opened)
        self._ringer = LateRinger(self._ring_late, 1.1 * FALSE_RING_SECONDS)
        self._noticing = threading.RLock()
        self._noticed = ("", 0)  # the log, and its highest seq that `receive` or `wait` has told of
        self._looked_at = float("-inf")

    @property
    def bridge_id(self) -> str:
        if not self._session.bridge_id:
            self._session.connection()
        return self._session.bridge_id

    def join(self, member: Member) -> None:
        hello = member.record
        check(hello)
        self._ask(
            "SELECT mesh.join(%s, %s, %s, %s, %s, %s)",
            (member.node, member.name, member.host, hello.key, hello.sig, hello.text),
        )

    def beat(self, node: str, state: Record | None = None) -> None:
        if state is not None:
            check(state)
        said = (None, None, None) if state is None else (state.key, state.sig, state.text)
        ((is_member,),) = self._ask("SELECT mesh.beat(%s, %s, %s, %s)", (node, *said))
        if not is_member:
            raise not_joined(node)

    def publish(self, publications: Sequence[Publication], state: Record | None = None) -> list[int]:
        records = [storable(item) for item in publications]
        for record in (*records, *([state] if state else ())):
            check(record)
        if not publications and state is None:
            return []
        said = (None, None, None) if state is None else (state.key, state.sig, state.text)
        ((seqs, is_told),) = self._ask(
            "SELECT seqs, told FROM mesh.publish(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], "
            "%s, %s, %s)",
            (
                [item.kind for item in publications],
                [item.origin for item in publications],
                [record.key for record in records],
                [record.sig for record in records],
                [record.text for record in records],
                *said,
            ),
        )
        if not is_told:
            self._ringer.want()
        return [int(seq) for seq in seqs]

    def receive(self, node: str, after: int, limit: int = 100, wants: Wants = lambda seq, key: True) -> Batch:
        heads, heard = self._session.ask_all(
            [(queries.HEAD, (node,), False), (queries.NEXT, {"after": Int8(after)}, True)]
        )
        if not heads:
            raise ConfigurationError(f"{self.address.shown}: the log has no head; restore it from a backup")
        ((bridge_id, end, pruned_to, acknowledged),) = heads
        if acknowledged is None:
            raise not_joined(node)
        if bridge_id != self._session.bridge_id:
            self._session.close()
            raise BridgeUnavailableError(f"{self.address.shown}: another log is there since just now; try again")
        rows = sorted(heard)
        end = max(end, rows[-1][0] if rows else 0)  # some may have come in since the head was read
        wanted: list[Row] = []
        more, size, cursor = end > after + MOST_SCANNED, 0, after
        for row in rows:
            seq, key, bytes_ = row[:3]
            if key != node and wants(seq, key):
                size += min(bytes_, BATCH_CHARACTERS)
                if len(wanted) == limit or (wanted and size > BATCH_CHARACTERS):
                    more = True
                    break
                wanted.append(row)
            cursor = seq
        else:
            if more:  # over what was pruned
                cursor = after + MOST_SCANNED if rows else self._ask(queries.BEYOND, (after,))[0][0] or end
        if not more:
            self._notice(bridge_id, end)
            cursor = max(after, end)
        return Batch(self._deliveries(wanted), more, cursor, end, pruned_to, acknowledged)

    def _deliveries(self, wanted: Sequence[Row]) -> tuple[Delivery, ...]:
        """Return rows, whose texts are read where they did not come with the numbers."""
        late = [row[0] for row in wanted if row[3] is None]
        read = {one.seq: one for one in map(queries.delivery, self._ask(queries.ROWS, (late,)))} if late else {}
        found = (read.get(row[0]) if row[3] is None else queries.delivery(row) for row in wanted)
        return tuple(one for one in found if one is not None)

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        seqs = [receipt.seq for receipt in receipts]
        statuses = {receipt.status for receipt in receipts}
        is_next = bool(seqs) and cursor - seqs[0] < len(seqs) and seqs == list(range(seqs[0], cursor + 1))
        if is_next and len(statuses) == 1 and not any(receipt.reason for receipt in receipts):
            ((is_done,),) = self._ask(
                "SELECT mesh.acknowledge_next(%s, %s, %s, %s)", (node, Int8(seqs[0]), Int8(cursor), *statuses)
            )
            if is_done:
                return
        ((is_member,),) = self._ask(
            "SELECT mesh.acknowledge(%s, %s::bigint[], %s::text[], %s::text[], %s)",
            (
                node,
                seqs,
                [receipt.status for receipt in receipts],
                [receipt.reason.replace("\0", "") for receipt in receipts],
                cursor,
            ),
        )
        if not is_member:
            raise not_joined(node)

    def wait(self, timeout: float) -> bool:
        until = time.monotonic() + timeout
        self._listen()
        while True:
            if self.drain():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            if self._bell is None:
                time.sleep(min(left, POLL_SECONDS))
            else:
                self._bell.wait(min(left, LOOK_SECONDS))

    def fileno(self) -> int:
        self._listen()
        return -1 if self._bell is None else self._bell.fileno()

    def drain(self) -> bool:
        self._listen()
        if self._bell is None:
            return self._look()
        try:
            with self._session.alone(self._deadline):
                heard, is_rung = self._bell.take()
        except psycopg.Error as error:
            self._session.close()
            raise BridgeUnavailableError(f"{self.address.shown}: the connection has ended; try again") from error
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            return self._look() or is_rung
        with self._noticing:
            bridge_id, known = self._noticed
            if heard > known:  # who then receives finds whether it is true
                self._noticed = (bridge_id, heard)
                return True
        return is_rung

    def _look(self) -> bool:
        """Ask how far the log goes; True where that is further than before."""
        ((bridge_id, end),) = self._ask("SELECT bridge_id, seq FROM mesh.head")
        if bridge_id != self._session.bridge_id:
            self._session.close()
            raise BridgeUnavailableError(f"{self.address.shown}: another log is there since just now; try again")
        return self._notice(bridge_id, end)

    def ring(self) -> None:
        self._ask("SELECT mesh.ring()")

    def stamp(self) -> object:
        try:
            return tuple(self._ask(queries.STAMP))
        except MeshError:
            return None

    def members(self, also: Collection[str] = ()) -> list[Member]:
        return [queries.member(row) for row in self._ask(queries.MEMBERS, {"also": list(also)})]

    def member(self, node: str) -> Member | None:
        return next(map(queries.member, self._ask(queries.MEMBER, (node,))), None)

    def forget(self, node: str) -> bool:
        ((was_member,),) = self._ask("SELECT mesh.leave(%s)", (node,))
        return bool(was_member)

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        return [queries.undelivered(row) for row in self._ask(queries.UNDELIVERED, (limit,))]

    def published(self, record_id: str) -> str:
        rows = self._ask("SELECT published_at FROM mesh.log WHERE record_id = %s ORDER BY seq LIMIT 1", (record_id,))
        return queries.moment(rows[0][0]) if rows else ""

    def erase(self, record_id: str) -> int:
        ((rows,),) = self._ask("SELECT mesh.erase(%s)", (record_id,))
        return int(rows)

    def receipts(self, record_id: str) -> list[Receipt]:
        return [queries.receipt(row) for row in self._ask(queries.RECEIPTS, (record_id, 2 * MOST_EXPECTED))]

    def received(self, seqs: Sequence[int]) -> set[int]:
        return {seq for (seq,) in self._ask(queries.RECEIVED, (list(seqs),))}

    def statistics(self) -> BridgeStatistics:
        ((bridge_id, records, members, received, rejected, missing, oldest),) = self._ask(queries.STATISTICS)
        return BridgeStatistics(
            bridge_id,
            records,
            members,
            received + missing,
            received,
            rejected,
            missing,
            queries.moment(oldest) if oldest else "",
        )

    def claim(
        self, claim: Record, skill_id: str, host: str, places: int, counts: Callable[[Claim], bool] = lambda claim: True
    ) -> bool:
        check(claim)
        for _ in range(_MOST_ROUNDS):
            number, found = self._claims(skill_id)
            held = {one.host: one for one in found if counts(one)}
            if host in held:
                return not held[host].failed
            if len(held) >= places:
                return False
            if self._put(claim, skill_id, host, number, failed=False):
                return True
        raise BridgeUnavailableError(f"{self.address.shown}: too many hosts want the same place at once; try again")

    def claims(self, skill_id: str) -> list[Claim]:
        return self._claims(skill_id)[1]

    def settle_claim(self, settlement: Record, skill_id: str, host: str, *, verified: bool) -> None:
        check(settlement)
        if verified:
            self._ask("SELECT mesh.give_back(%s, %s)", (skill_id, host))
        else:
            self._put(settlement, skill_id, host, None, failed=True)

    def writers(self) -> str:
        logins = [login for (login,) in self._ask(queries.WRITERS)]
        return f"the login{'s' if len(logins) > 1 else ''} {', '.join(logins)}" if logins else "the database's owner"

    def faults(self) -> list[str]:
        return []

    def integrity(self) -> list[tuple[str, str]]:
        ((end, gone, rows, last, changed),) = self._ask(queries.INTEGRITY, seconds=UPKEEP_SECONDS)
        wrong = []
        if rows + gone != end or last > end:
            wrong.append(f"{rows} rows where {end - gone} were published")
        if changed:
            wrong.append(f"{changed} texts are not what their ids say")
        return [(self.address.shown, "; ".join(wrong))]

    def prune(self, older_than: float, *, dry_run: bool = False) -> Pruned:
        after, gone, waiting = 0, 0, 0
        while rows := self._ask(
            queries.SUMMARIES, (after, min(older_than, _MOST_OLDER), _CHUNK), seconds=UPKEEP_SECONDS
        ):
            after = rows[-1][0]
            summaries = [(seq, is_received) for seq, text, is_received in rows if is_summary(text)]
            seqs = [seq for seq, is_received in summaries if is_received]
            waiting += len(summaries) - len(seqs)
            if seqs and not dry_run:
                ((count,),) = self._ask("SELECT mesh.prune(%s::bigint[])", (seqs,), seconds=UPKEEP_SECONDS)
                gone += count
            else:
                gone += len(seqs)
        return Pruned(gone, waiting)

    def compact(self, *, dry_run: bool = False) -> Compacted:
        """Return that nothing was done: the server gives space back by itself."""
        return Compacted(self.address.shown, 0, True)

    def sizes(self) -> Mapping[str, int]:
        ((size,),) = self._ask(queries.SIZE)
        return {"mesh_bridge": size}

    def row_counts(self) -> Mapping[str, int]:
        (row,) = self._ask(queries.ROW_COUNTS, seconds=UPKEEP_SECONDS)
        return dict(zip(queries.TABLES, row, strict=True))

    def close(self) -> None:
        self._ringer.finish()
        self._session.close()
        if self._bell is not None:
            self._bell.close()
            self._bell = None

    def _ask(
        self, query: str, parameters: Sequence[object] | Mapping[str, object] = (), *, seconds: float | None = None
    ) -> list[Row]:
        return self._session.ask(query, parameters, seconds=seconds)

    def _opened(self, connection: psycopg.Connection[Row]) -> None:
        if self._listens and self._bell is not None:
            self._bell.hang(connection)

    def _listen(self) -> None:
        if self._listens or self._bell is None:
            return
        self._session.close()  # a listener's stays for long, and what joining loaded into the server's memory with it
        connection = self._session.connection()
        self._listens = True
        with self._session.alone(self._deadline):
            self._bell.hang(connection)

    def _notice(self, bridge_id: str, end: int) -> bool:
        """Remember how far the log reaches; True where that is further than before."""
        self._looked_at = time.monotonic()
        with self._noticing:
            if self._bell is not None:
                self._bell.disbelieve(end)
            noticed, known = self._noticed
            is_news = end > (known if bridge_id == noticed else 0)
            if is_news or bridge_id != noticed or end < known:
                self._noticed = (bridge_id, end)
            return is_news

    def _ring_late(self) -> bool:
        with suppress(MeshError):
            ((is_told,),) = self._ask("SELECT mesh.tell_late()")
            return bool(is_told)
        return True

    def _claims(self, skill_id: str) -> tuple[int, list[Claim]]:
        return queries.claims(skill_id, self._ask(queries.CLAIMS, {"skill": skill_id}))

    def _put(self, record: Record, skill_id: str, host: str, number: int | None, *, failed: bool) -> bool:
        ((done,),) = self._ask(
            "SELECT mesh.claim(%s, %s, %s, %s, %s, %s, %s)",
            (skill_id, host, record.key, record.sig, record.text, failed, number),
        )
        return bool(done)
