"""The end of the pipe on the host that has the bridge: one node's requests, answered in order.

Whoever holds the key that sshd let in may be hostile: the node's methods of the contract are all there is, it speaks
for one node, and what it sends is bounded. What the owner of a bridge does (prune, forget, repair) is done on its host.
"""

from __future__ import annotations

import select
import threading
from collections.abc import Callable, Sequence
from typing import IO

from meshcore import __version__
from meshcore.bridge.base import Bridge, Claim, Delivery
from meshcore.bridge.ssh import wire
from meshcore.bridge.ssh.wire import WireError
from meshcore.errors import BridgeUnavailableError, MeshError, UsageError
from meshcore.model import Json, Record

MOST_ROWS = 1000  # of one look
INLINE_TEXT = 8 * 1024  # characters of one record that a look brings along unasked
INLINE_TEXTS = 128 * 1024  # characters of all of them
_LOOK_SECONDS = 5.0  # how late a change may be told of whose ring was lost
_RETRY_SECONDS = 1.0


class OneNode:
    """The node that a connection speaks for: a given one, or else the first that it names."""

    def __init__(self, node: str = "") -> None:
        self.node = node

    def __call__(self, node: str) -> bool:
        self.node = self.node or node
        return self.node == node


class Server:
    """Serves one connection. `is_own` tells which node it may speak for; without `rings` its bell never rings."""

    def __init__(
        self,
        bridge: Bridge,
        reading: IO[bytes],
        writing: IO[bytes],
        is_own: Callable[[str], bool] | None = None,
        *,
        rings: bool = True,
    ) -> None:
        self._bridge = bridge
        self._reading = reading
        self._writing = writing
        self._is_own = is_own or OneNode()
        self._rings = rings
        self._sending = threading.Lock()
        self._armed = threading.Event()
        self._ended = threading.Event()
        self._draining = threading.Lock()
        self._rung = False
        self._calls: dict[str, Callable[..., Json]] = {
            one.__name__.removeprefix("_"): one
            for one in (
                *(self._join, self._beat, self._publish, self._look, self._rows, self._acknowledge, self._drain),
                *(self._ring, self._stamp, self._members, self._member, self._undelivered, self._published),
                *(self._receipts, self._received, self._statistics, self._claim, self._claims, self._settle_claim),
                *(self._writers, self._faults),
            )
        }

    def serve(self) -> None:
        """Say hello and answer requests until the other side is gone."""
        watching = threading.Thread(target=self._watch, name="bridge-bell", daemon=True)
        try:
            self._send(self._hello())
            if self._rings:
                watching.start()
            while request := self._reading.readline(wire.MOST_LINE + 1):
                self._send(self._answer(request))
        except (OSError, ValueError):
            return  # the other side is gone
        finally:
            self._ended.set()
            self._armed.set()

    def _hello(self) -> Json:
        hello: dict[str, Json] = {"meshtui_bridge": wire.PROTOCOL, "version": __version__}
        try:
            return {**hello, "bridge_id": self._bridge.bridge_id}
        except MeshError as error:
            return {**hello, **_error(error)}

    def _answer(self, request: bytes) -> Json:
        answer: dict[str, Json] = {"id": None}
        try:
            said = wire.read(request)
            answer["id"] = wire.number(said.get("id"))
            name = said.get("call")
            call = self._calls.get(name) if isinstance(name, str) else None
            arguments = said.get("with")
            if call is None or not isinstance(arguments, list):
                raise UsageError(f"{name!r:.40} is nothing that this end does; is its meshtui ({__version__}) older?")
            return {**answer, "value": call(*arguments)}
        except MeshError as error:
            return {**answer, **_error(error)}
        except (WireError, TypeError) as error:
            return {**answer, **_error(UsageError(f"the request cannot be read: {error}"))}
        except Exception as error:  # a fault of ours ends one call, and tells nothing of this host
            return {**answer, **_error(BridgeUnavailableError(f"the other end failed ({type(error).__name__})"))}

    def _send(self, value: Json) -> None:
        try:
            text = wire.line(value)
        except WireError as error:
            text = wire.line({"id": value.get("id"), **_error(BridgeUnavailableError(str(error)))})
        with self._sending:
            self._writing.write(text)
            self._writing.flush()

    def _own(self, node: Json) -> str:
        if not self._is_own(wire.text(node)):
            raise UsageError("this connection speaks for another node; `meshtui bridge authorize` names it")
        return wire.text(node)

    def _signed(self, record: Record) -> Record:
        """Return a record that the node says it has signed: readers check whether it did."""
        self._own(record.key)
        return record

    def _state(self, value: Json) -> Record | None:
        state = wire.record_or_none(value)
        return None if state is None else self._signed(state)

    # --- the calls ----------------------------------------------------------------------------------------------------

    def _join(self, member: Json) -> Json:
        one = wire.member(member)
        self._own(one.node)
        self._bridge.join(one)

    def _beat(self, node: Json, state: Json) -> Json:
        self._bridge.beat(self._own(node), self._state(state))

    def _publish(self, publications: Json, state: Json) -> Json:
        wanted = wire.items(publications, wire.publication)
        for one in wanted:
            if one.origin != "legacy" or one.record.key or one.record.sig:  # a row of the old table has no author
                self._signed(one.record)
        return self._bridge.publish(wanted, self._state(state))

    def _look(self, node: Json, after: Json, limit: Json) -> Json:
        """Return the next rows; long texts are left out until they are asked for by `rows`."""
        found = self._bridge.receive(self._own(node), wire.number(after), min(wire.number(limit), MOST_ROWS))
        brought, told = 0, list[Json]()
        for one in found.deliveries:
            length = len(one.record.text)
            is_brought = length <= INLINE_TEXT and brought + length <= INLINE_TEXTS
            brought += length if is_brought else 0
            told.append([one.seq, one.record.key, wire.of_delivery(one) if is_brought else None])
        return [told, [found.more, found.cursor, found.end, found.pruned_to, found.acknowledged]]

    def _rows(self, node: Json, seqs: Json) -> Json:
        wanted = set(wire.items(seqs, wire.number, MOST_ROWS))
        rows: list[Delivery] = []
        if wanted:
            after = min(wanted) - 1
            found = self._bridge.receive(self._own(node), after, len(wanted), lambda seq, key: seq in wanted)
            rows += found.deliveries
        return [wire.of_delivery(one) for one in rows]

    def _acknowledge(self, node: Json, receipts: Json, cursor: Json) -> Json:
        self._bridge.acknowledge(self._own(node), wire.items(receipts, wire.receipt), wire.number(cursor))

    def _drain(self) -> Json:
        if not self._rings:
            return False
        with self._draining:
            rung, self._rung = self._rung, False
            is_news = self._bridge.drain() or rung
            self._armed.set()
        return is_news

    def _ring(self) -> Json:
        self._bridge.ring()

    def _stamp(self) -> Json:
        return repr(self._bridge.stamp())

    def _members(self, also: Json) -> Json:
        return [wire.of_member(one) for one in self._bridge.members(wire.items(also, wire.text))]

    def _member(self, node: Json) -> Json:
        found = self._bridge.member(wire.text(node))
        return None if found is None else wire.of_member(found)

    def _undelivered(self, limit: Json) -> Json:
        return [wire.of_undelivered(one) for one in self._bridge.undelivered(min(wire.number(limit), MOST_ROWS))]

    def _published(self, record_id: Json) -> Json:
        return self._bridge.published(wire.text(record_id))

    def _receipts(self, record_id: Json) -> Json:
        return [wire.of_receipt(one) for one in self._bridge.receipts(wire.text(record_id))]

    def _received(self, seqs: Json) -> Json:
        return sorted(self._bridge.received(wire.items(seqs, wire.number)))

    def _statistics(self) -> Json:
        return wire.of_statistics(self._bridge.statistics())

    def _claim(self, claim: Json, skill_id: Json, host: Json, places: Json, uncounted: Json) -> Json:
        """Take a place. `uncounted`: names of the claims that the node has looked at and does not count."""
        mine, skill, passed_over = (
            self._signed(wire.record(claim)),
            wire.text(skill_id),
            wire.items(uncounted, wire.text),
        )
        self._refuse_anothers(skill, wire.text(host), passed_over)

        def counts(one: Claim) -> bool:
            return wire.name_of(one) not in passed_over

        return self._bridge.claim(mine, skill, wire.text(host), wire.number(places), counts)

    def _claims(self, skill_id: Json) -> Json:
        return [wire.of_claim(one) for one in self._bridge.claims(wire.text(skill_id))]

    def _settle_claim(self, settlement: Json, skill_id: Json, host: Json, verified: Json) -> Json:
        mine, skill, where = self._signed(wire.record(settlement)), wire.text(skill_id), wire.text(host)
        self._refuse_anothers(skill, where)
        self._bridge.settle_claim(mine, skill, where, verified=wire.flag(verified))

    def _refuse_anothers(self, skill_id: str, host: str, passed_over: Sequence[str] = ()) -> None:
        """Refuse to put a claim in the place of one that another node has signed for a host."""
        for held in self._bridge.claims(skill_id):
            if held.host == host and wire.name_of(held) not in passed_over and not self._is_own(held.record.key):
                raise UsageError(f"another node holds the place of {host:.60}")

    def _writers(self) -> Json:
        return self._bridge.writers()

    def _faults(self) -> Json:
        return self._bridge.faults()

    # --- the bell -----------------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        """Tell the other side once that something may be there, and again only after it has drained."""
        stamp: object = None
        while not self._ended.is_set():
            try:
                descriptor, before = self._bridge.fileno(), stamp
                if descriptor < 0:
                    may_be_news = self._bridge.wait(_LOOK_SECONDS)
                else:
                    _is_readable(descriptor, _LOOK_SECONDS)
                    stamp = self._bridge.stamp()
                    may_be_news = before is not None and stamp != before
                if self._note(descriptor, may_be_news):
                    self._send({"ring": True})
                    self._armed.wait()
            except MeshError:
                self._ended.wait(_RETRY_SECONDS)
            except (OSError, ValueError):
                return  # the other side is gone

    def _note(self, descriptor: int, may_be_news: bool) -> bool:
        """Note a ring that nobody has drained meanwhile; return whether there is one."""
        with self._draining:
            if self._ended.is_set() or not (may_be_news or (descriptor >= 0 and _is_readable(descriptor, 0))):
                return False
            self._armed.clear()
            self._rung = True
            return True


def _is_readable(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])


def _error(error: MeshError) -> dict[str, Json]:
    kind = next((name for name, known in wire.ERRORS.items() if isinstance(error, known)), "unavailable")
    return {"error": kind, "message": str(error)}
