"""The fleet: every node of the bridge by its own signed word, and what is wrong with it, for command line and terminal.

What a node reports of itself is shown and decides nothing. Whoever can write the bridge can keep a row from being
fresh, and can change none: what is not signed by the node itself is not taken for its word.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from meshcore import __version__
from meshcore.bridge.base import Bridge, Member
from meshcore.bridge.limits import SEEN_SECONDS
from meshcore.bridge.own_place import COPY_SPOKE_WITHIN
from meshcore.bridge.state_bodies import NO_REPORT, BeatBody, Report
from meshcore.bridge.states import signed_beat
from meshcore.clock import from_text, to_text
from meshcore.errors import BadRecordError
from meshcore.model import Json
from meshcore.node import Node
from meshcore.safety.visible_text import visible
from meshcore.store.authors import in_utc
from meshcore.store.chains import Heartbeat
from meshcore.trust.authors import AuthorState, trust_in
from meshcore.trust.hosts import Host, Hosts
from meshcore.trust.synced import missing

MOST_UNDELIVERED = 10_000  # deliveries that are counted
AHEAD_MS = 5_000.0  # by how much a clock may be off its engine's before that is said
LONGEST = 200


@dataclass(frozen=True, slots=True)
class FleetNode:
    """One node: who it is, how it fares by its own word, and what is wrong. Times are UTC texts, "" for none.

    `host` is unique for each machine; `seen` is when its last signed sign of life was made and `ago` how many seconds
    that is, None for none. `undelivered` is what it has not received. Without `joined` it is no member any more.
    """

    node: str
    name: str
    host: str
    whose: AuthorState
    is_this: bool
    joined: str
    seen: str
    ago: float | None
    version: str
    mode: str
    halted: str
    engine: str
    latency_ms: float | None
    ahead_ms: float | None
    undelivered: int
    waiting: int
    asks: int
    agents: tuple[str, ...]
    drill: str
    wrong: tuple[str, ...]

    @property
    def alive(self) -> bool:
        """Tell whether it showed a sign of life within the last minute."""
        return self.ago is not None and self.ago <= SEEN_SECONDS

    def to_json(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {**asdict(self), "agents": list(self.agents), "wrong": list(self.wrong), "alive": self.alive}


def fleet(node: Node, bridge: Bridge) -> list[FleetNode]:
    """Return every node of the bridge, and own nodes that are gone from it, by host. Raises BridgeUnavailableError."""
    members = bridge.members(node.store.authors.own())
    waits = Counter(one.node for one in bridge.undelivered(MOST_UNDELIVERED))
    view = _View(node)
    found = [view.of_member(member, waits[member.node]) for member in members]
    joined = {member.node for member in members}
    found += [view.gone(key, beat) for key, beat in view.heard.items() if key not in joined and view.is_missed(key)]
    return sorted(found, key=lambda one: (one.whose != "own", one.host, one.name, one.node))


class _View:
    def __init__(self, node: Node) -> None:
        self._node = node
        self._me = node.identity.node.public
        self._now = node.clock.now()
        self._hosts = Hosts(node)
        self._lacking = {one.node: one.text for one in missing(node)}
        self.heard = node.store.chains.heartbeats()

    def of_member(self, member: Member, undelivered: int) -> FleetNode:
        found = signed_beat(member)
        record, beat = found if found is not None else (None, None)
        kept = self.heard.get(member.node)
        seen = max(kept.created if kept is not None else "", in_utc(record.created) if record is not None else "")
        report = beat.report if beat is not None else NO_REPORT
        return self._row(member.node, member.name, member.host, member.joined_at, seen, beat, report, undelivered)

    def is_missed(self, key: str) -> bool:
        row = self._node.store.authors.get(key)
        return row is not None and not row.successor and trust_in(self._node, key).state == "own"

    def gone(self, key: str, kept: Heartbeat) -> FleetNode:
        row = self._node.store.authors.get(key)
        name, host = (row.name, row.host) if row is not None else ("", "")
        return self._row(key, name, host, "", kept.created, None, _kept_report(kept), 0)

    def _row(
        self,
        key: str,
        name: str,
        host: str,
        joined: str,
        seen: str,
        beat: BeatBody | None,
        report: Report,
        undelivered: int,
    ) -> FleetNode:
        trust, at = trust_in(self._node, key), self._hosts.of(key)
        ago = None
        if seen:
            ago = max(0.0, (self._now - from_text(seen)).total_seconds())
        version = beat.version if beat is not None else ""
        return FleetNode(
            node=key,
            name=_short(beat.name if beat is not None else name) or key[:12],
            host=_short(at.name if at is not None else beat.host if beat is not None else host),
            whose=trust.state,
            is_this=key == self._me,
            joined=joined,
            seen=seen,
            ago=ago,
            version=_short(version),
            mode=_short(report.mode),
            halted=_short(report.halted),
            engine=_short(report.engine),
            latency_ms=report.latency_ms,
            ahead_ms=report.ahead_ms,
            undelivered=undelivered,
            waiting=report.waiting,
            asks=report.asks,
            agents=tuple(map(_short, report.agents)),
            drill=_short(report.drill),
            wrong=tuple(map(_short, self._wrong(key, joined, version, report, at))),
        )

    def _wrong(self, key: str, joined: str, version: str, report: Report, at: Host | None) -> list[str]:
        trust, found = trust_in(self._node, key), list[str]()
        if trust.stop:
            found.append(trust.stop.removeprefix("its author "))
        if not joined:
            found.append("it is gone from the bridge: forgotten there, or taken away")
        if key in self._lacking:
            found.append(f"not synced: {self._lacking[key]}")
        kept = self.heard.get(key)
        if kept is not None and kept.twice and kept.twice >= to_text(self._now - COPY_SPOKE_WITHIN):
            found.append("its home is used in two places at once: it was cloned with its keys")
        if report.ahead_ms is not None and abs(report.ahead_ms) > AHEAD_MS:
            way = "ahead of" if report.ahead_ms > 0 else "behind"
            found.append(f"its clock is {abs(report.ahead_ms) / 1000:.0f} s {way} the bridge's")
        if at is not None:
            found += self._of_host(at)
        if version and version != __version__:
            found.append(f"it runs version {version}, this is {__version__}")
        return [*found, *report.wrong]

    def _of_host(self, at: Host) -> Sequence[str]:
        found = []
        if self._hosts.twins(at):
            found.append(f"another machine is called {at.called[0]} too")
        if len(at.called) > 1:
            found.append(f"one machine id under several names, which count as one host: {', '.join(at.called)}")
        return found


def _kept_report(kept: Heartbeat) -> Report:
    try:
        return Report.from_json(json.loads(kept.report))
    except (ValueError, BadRecordError):
        return NO_REPORT


def _short(text: str) -> str:
    return visible(text, limit=LONGEST, keep_newlines=False)
