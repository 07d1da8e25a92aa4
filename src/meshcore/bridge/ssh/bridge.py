"""The bridge of another host as a `Bridge`: each call is a request to the server there."""

from __future__ import annotations

import os
import random
import select
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn, TypeVar

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
from meshcore.bridge.limits import DEADLINE_SECONDS, check_text
from meshcore.bridge.ssh import wire
from meshcore.bridge.ssh.link import Link, Pipe
from meshcore.bridge.ssh.wire import WireError
from meshcore.errors import BridgeUnavailableError, ConfigurationError, UsageError
from meshcore.model import Json, Receipt, Record

POLL_SECONDS = 10.0  # how late a message may come whose ring was lost
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before the next try to connect
_MOST_AT_ONCE = 8 * 1024 * 1024  # characters of one request

T = TypeVar("T")


class SshBridge:
    """A `Bridge` at the other end of a pipe, which is opened where it is needed and again where it broke.

    What only its owner may do is done on its host: those methods raise UsageError.
    """

    def __init__(
        self,
        connect: Callable[[], Pipe],
        shown: str,
        *,
        deadline: float = DEADLINE_SECONDS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`connect` raises BridgeUnavailableError; `deadline` is the seconds of one call, connecting included."""
        self._connect = connect
        self._shown = shown
        self._deadline = deadline
        self._monotonic = monotonic
        self._connecting = threading.Lock()
        self._link: Link | None = None
        self._failures = 0
        self._not_before = 0.0
        self._refusal: BridgeUnavailableError | ConfigurationError | None = None
        self._bell, self._rope = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._closed = False

    @property
    def bridge_id(self) -> str:
        return self._linked().bridge_id

    def join(self, member: Member) -> None:
        check_text(member.record)
        self._ask("join", wire.of_member(member))

    def beat(self, node: str, state: Record | None = None) -> None:
        if state is not None:
            check_text(state)
        self._ask("beat", node, wire.of_record(state))

    def publish(self, publications: Sequence[Publication], state: Record | None = None) -> list[int]:
        for record in (*(item.record for item in publications), *([state] if state else ())):
            check_text(record)
        parts = _parts(publications)
        seqs: list[int] = []
        for number, part in enumerate(parts, 1):
            said = wire.of_record(state) if number == len(parts) else None
            seqs += self._read(self._ask("publish", [wire.of_publication(one) for one in part], said), _numbers)
        return seqs

    def receive(self, node: str, after: int, limit: int = 100, wants: Wants = lambda seq, key: True) -> Batch:
        rows, state = self._read(self._ask("look", node, after, limit), lambda said: wire.fields(said, 2))
        looked = self._read(rows, lambda said: wire.items(said, _row))
        wanted = [(seq, brought) for seq, key, brought in looked if wants(seq, key)]
        brought = {seq: one for seq, one in wanted if one is not None}
        while missing := [seq for seq, _ in wanted if seq not in brought]:
            came = self._read(self._ask("rows", node, missing), lambda said: wire.items(said, wire.delivery))
            found = {one.seq: one for one in came if one.seq in missing}
            if not found:
                break  # erased or pruned meanwhile
            brought |= found
        deliveries = [brought[seq] for seq, _ in wanted if seq in brought]
        return self._read(state, lambda said: wire.batch_of(deliveries, said))

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        rest = list(receipts)
        while len(rest) > wire.MOST_ITEMS:
            part, rest = rest[: wire.MOST_ITEMS], rest[wire.MOST_ITEMS :]
            self._ask("acknowledge", node, [wire.of_receipt(one) for one in part], 0)
        self._ask("acknowledge", node, [wire.of_receipt(one) for one in rest], cursor)

    # --- waiting ---

    def wait(self, timeout: float) -> bool:
        until = self._monotonic() + timeout
        while True:
            if self.drain():
                return True
            left = until - self._monotonic()
            if left <= 0 or self._closed:
                return False
            select.select([self._bell], [], [], min(left, POLL_SECONDS))

    def fileno(self) -> int:
        return self._bell

    def drain(self) -> bool:
        with suppress(BlockingIOError):
            while os.read(self._bell, 4096):
                pass
        return self._read(self._ask("drain"), wire.flag)

    def ring(self) -> None:
        self._ask("ring")

    def stamp(self) -> object:
        try:
            return self._read(self._ask("stamp"), wire.text)
        except (BridgeUnavailableError, ConfigurationError):
            return None

    # --- asking ---

    def members(self, also: Collection[str] = ()) -> list[Member]:
        return list(self._read(self._ask("members", list(also)), lambda said: wire.items(said, wire.member)))

    def member(self, node: str) -> Member | None:
        said = self._ask("member", node)
        return None if said is None else self._read(said, wire.member)

    def undelivered(self, limit: int = 1000) -> list[Undelivered]:
        return list(self._read(self._ask("undelivered", limit), lambda said: wire.items(said, wire.undelivered)))

    def published(self, record_id: str) -> str:
        return self._read(self._ask("published", record_id), wire.text)

    def receipts(self, record_id: str) -> list[Receipt]:
        return list(self._read(self._ask("receipts", record_id), lambda said: wire.items(said, wire.receipt)))

    def received(self, seqs: Sequence[int]) -> set[int]:
        return set(self._read(self._ask("received", list(seqs)), _numbers)) & set(seqs)

    def statistics(self) -> BridgeStatistics:
        return self._read(self._ask("statistics"), wire.statistics)

    # --- claims ---

    def claim(
        self, claim: Record, skill_id: str, host: str, places: int, counts: Callable[[Claim], bool] = lambda claim: True
    ) -> bool:
        """Take a place; a claim that comes while we look at those before it counts, as far as this call goes."""
        check_text(claim)
        passed_over = [wire.name_of(one) for one in self.claims(skill_id) if not counts(one)]
        return self._read(self._ask("claim", wire.of_record(claim), skill_id, host, places, passed_over), wire.flag)

    def claims(self, skill_id: str) -> list[Claim]:
        return list(self._read(self._ask("claims", skill_id), lambda said: wire.items(said, wire.claim)))

    def settle_claim(self, settlement: Record, skill_id: str, host: str, *, verified: bool) -> None:
        check_text(settlement)
        self._ask("settle_claim", wire.of_record(settlement), skill_id, host, verified)

    # --- upkeep ---

    def writers(self) -> str:
        return f"on {self._shown}: {self._read(self._ask('writers'), wire.text)}"

    def faults(self) -> list[str]:
        return list(self._read(self._ask("faults"), lambda said: wire.items(said, wire.text)))

    def forget(self, node: str) -> bool:
        self._not_here("`meshtui nodes forget`")

    def erase(self, record_id: str) -> int:
        """Leave the text to the host that has it, whose own node erases it as the signed record says."""
        return 0

    def integrity(self) -> list[tuple[str, str]]:
        return []

    def prune(self, older_than: float, *, dry_run: bool = False) -> Pruned:
        self._not_here("`meshtui maintenance`")

    def compact(self, *, dry_run: bool = False) -> Compacted:
        self._not_here("`meshtui maintenance`")

    def sizes(self) -> Mapping[str, int]:
        return {}

    def row_counts(self) -> Mapping[str, int]:
        return {}

    def close(self) -> None:
        with self._connecting:
            if self._closed:
                return
            self._closed = True
            if self._link is not None:
                self._link.close()
            os.close(self._rope)
            self._rope = -1
            os.close(self._bell)

    # --- the link ---

    def _ask(self, name: str, *arguments: Json) -> Json:
        return self._linked().call(name, arguments, self._deadline)

    def _linked(self) -> Link:
        """Return the conversation, begun anew where it ended; not sooner than some seconds after one that failed."""
        with self._connecting:
            if self._link is not None and self._link.is_open:
                return self._link
            if self._closed:
                raise BridgeUnavailableError(f"{self._shown} was closed")
            if self._monotonic() < self._not_before and self._refusal is not None:
                raise type(self._refusal)(str(self._refusal))
            try:
                if self._link is not None:
                    self._link.close()
                self._link = Link(self._connect(), self._shown, self._rung, self._deadline)
            except (BridgeUnavailableError, ConfigurationError) as error:
                pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2**self._failures) * random.uniform(0.5, 1.0)  # noqa: S311
                self._failures = min(self._failures + 1, 10)
                self._not_before, self._refusal = self._monotonic() + pause, error
                raise
            self._failures = 0
            return self._link

    def _rung(self) -> None:
        with suppress(BlockingIOError, OSError):
            os.write(self._rope, b"\0")

    def _read(self, said: Json, read: Callable[[Json], T]) -> T:
        try:
            return read(said)
        except WireError as error:
            raise BridgeUnavailableError(f"{self._shown} answered what cannot be read ({error})") from error

    def _not_here(self, command: str) -> NoReturn:
        raise UsageError(f"{self._shown}: that is done on the host of the bridge; run {command} there")


def _row(value: Json) -> tuple[int, str, Delivery | None]:
    seq, key, brought = wire.fields(value, 3)
    delivery = None if brought is None else wire.delivery(brought)
    if delivery is not None and (delivery.seq, delivery.record.key) != (seq, key):
        raise WireError("a row that is not what its head says")
    return wire.number(seq), wire.text(key), delivery


def _numbers(value: Json) -> tuple[int, ...]:
    return wire.items(value, wire.number)


def _parts(publications: Sequence[Publication]) -> list[list[Publication]]:
    """Return publications in parts of a bounded size; one part, maybe empty, at least."""
    parts: list[list[Publication]] = [[]]
    size = 0
    for one in publications:
        size += len(one.record.text)
        if parts[-1] and (size > _MOST_AT_ONCE or len(parts[-1]) == wire.MOST_ITEMS):
            parts.append([])
            size = len(one.record.text)
        parts[-1].append(one)
    return parts
