"""Whose rows are read now: the own operator's and enrolled nodes' all, anybody else's so many in a minute.

What comes beyond that is passed over and read later, in its order: whoever floods the bridge delays themselves. The
key that a row is said to be signed with decides, before its text is read; a row under a false one is rejected then.
"""

from __future__ import annotations

from collections.abc import Callable

from meshcore.bridge.base import Bridge, Member
from meshcore.bridge.state_bodies import HelloBody
from meshcore.errors import BadRecordError
from meshcore.node import Node
from meshcore.safety.records import author_of, verify
from meshcore.trust.authors import meet, trust_in
from meshcore.trust.signed_decisions import granted
from meshcore.trust.store_keys import ENROLLED

AUTHOR_ROWS = 600  # of one author in a minute
NEWCOMER_ROWS = 300  # of all together who were never heard
OLD_ROWS = 600  # of programs of the earlier system, which sign nothing
LEAST_ROWS = 10  # of those who are not first that one look reads, however slow the bridge is
MOST_LANES = 1000  # that wait by themselves
_FIRST, _NEWCOMERS, _OLD = "first", "newcomers", "old programs"
_LIMITS = {_NEWCOMERS: NEWCOMER_ROWS, _OLD: OLD_ROWS}
_MOST_LOOKED_UP = 100  # keys that were never heard, in one look at the bridge


class Quotas:
    """One look at the bridge: asked of each row whether it is wanted (see `Bridge.receive`)."""

    def __init__(self, node: Node, bridge: Bridge, bridge_id: str, has_time: Callable[[], bool]) -> None:
        """`has_time`: whether there is time yet for more than `LEAST_ROWS` of those who are not first."""
        self._node = node
        self._bridge = bridge
        self._bridge_id = bridge_id
        self._read = 0  # rows of those who are not first
        self._is_early = has_time
        self._lanes: dict[str, str] = {}  # by key
        self._newcomers: list[str] = []
        self._looked_up: set[str] = set()
        self._waiting = node.store.lanes.waiting(bridge_id)
        self._taken = node.store.lanes.taken()
        self._as_kept = (dict(self._waiting), dict(self._taken))
        self._full: dict[str, int] = {}  # lanes that wait again, while what waits is read

    def wants(self, seq: int, key: str) -> bool:
        """Tell whether a row that nobody has read is to be read now; else its lane waits from there."""
        lane = self._lane(key)
        if lane == _FIRST or (lane not in self._waiting and self._has_room(lane)):
            return True
        # What somebody said before they were known may wait among the newcomers'.
        self._waiting.setdefault(lane, min(seq - 1, self._waiting.get(_NEWCOMERS, seq)))
        return False

    def wants_of_waiting(self, seq: int, key: str) -> bool:
        """Tell whether a row that was passed over is to be read now."""
        lane = self._lane(key)
        if lane not in self._waiting:
            lane = _NEWCOMERS  # whoever was one of them when the row was passed over
        if lane in self._full or seq <= self._waiting.get(lane, seq):
            return False
        if self._has_room(lane):
            return True
        self._full[lane] = seq - 1
        return False

    def first_waiting(self) -> int | None:
        """Return the seq after which some lane waits that may be read now, None where there is none."""
        open_ones = [after for lane, after in self._waiting.items() if self._left(lane) > 0]
        return min(open_ones) if open_ones and self._has_time() else None

    def note_read(self, cursor: int, *, to_end: bool) -> None:
        """Note that what waits was read as far as a seq, or `to_end`: as far as the bridge was read at all."""
        for lane, after in list(self._waiting.items()):
            if lane in self._full:
                self._waiting[lane] = self._full[lane]
            elif to_end:
                del self._waiting[lane]
            else:
                self._waiting[lane] = max(after, cursor)
        self._full.clear()

    def keep(self) -> None:
        """Store what waits and what was taken, inside the transaction that moves the cursor."""
        if (self._waiting, self._taken) != self._as_kept:
            self._node.store.lanes.set_waiting(self._bridge_id, self._waiting)
            self._node.store.lanes.set_taken(self._taken)
            self._as_kept = (dict(self._waiting), dict(self._taken))

    def introduce(self) -> bool:
        """Look up who the newcomers are; True where one is a node of the own operator, or enrolled.

        What was asked since the last `keep` is to be asked again then: they go first.
        """
        asked, self._newcomers = self._newcomers, []
        found = [key for key in asked if self._is_introduced(key)]
        if found:
            self._waiting, self._taken = dict(self._as_kept[0]), dict(self._as_kept[1])
            self._lanes.clear()
        return bool(found)

    def _is_introduced(self, key: str) -> bool:
        if key in self._looked_up or len(self._looked_up) >= _MOST_LOOKED_UP:
            return False
        self._looked_up.add(key)
        member = self._bridge.member(key)
        return member is not None and _met(self._node, member) and self._lane_of(key) == _FIRST

    def _lane(self, key: str) -> str:
        if (lane := self._lanes.get(key)) is None:
            lane = self._lanes[key] = self._lane_of(key)
            if lane == _NEWCOMERS:
                self._newcomers.append(key)
        return lane

    def _lane_of(self, key: str) -> str:
        if not key:
            return _OLD
        if trust_in(self._node, key).state in ("own", "enrolled"):
            return _FIRST
        if self._node.store.authors.get(key) is None:
            return _NEWCOMERS
        return key if key in self._waiting or len(self._waiting) < MOST_LANES else _NEWCOMERS

    def _has_time(self) -> bool:
        return self._read < LEAST_ROWS or self._is_early()

    def _left(self, lane: str) -> int:
        return _LIMITS.get(lane, AUTHOR_ROWS) - self._taken.get(lane, 0)

    def _has_room(self, lane: str) -> bool:
        if self._left(lane) <= 0 or not self._has_time():
            return False
        self._taken[lane] = self._taken.get(lane, 0) + 1
        self._read += 1
        return True


def _met(node: Node, member: Member) -> bool:
    """Remember a node by its signed hello where that is of the own operator, or of one that was enrolled."""
    try:
        record = verify(member.record)
        author = author_of(record)
        is_ours = author.operator == node.identity.operator or granted(node, ENROLLED + author.operator)
        if record.kind != HelloBody.kind or record.author != member.node or not author.operator or not is_ours:
            return False
        meet(node, record, author)
    except BadRecordError:
        return False
    return True
