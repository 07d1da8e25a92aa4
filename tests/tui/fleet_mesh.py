"""A fleet of four hosts on one bridge file: one halted with a clock that is off, two of one name, one long silent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.config import Settings
from meshcore.control import decisions
from meshcore.exchange.announce import announce_incident
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.model import AgentInfo
from meshcore.node import Node
from meshcore.testing import FakeClock, incident


@dataclass(frozen=True)
class At:
    """One node of the fleet: agent and host, its machine, and how it fares."""

    name: str
    host: str
    machine: str = ""
    via: str = "claude-code"
    halted: str = ""
    ahead_ms: float = 0.4
    latency_ms: float = 0.2
    silent_for: float = 0.0


FLEET = (
    At("ci@build1", "build1", "a" * 16, "ci"),
    At("claude-code@db1", "db1", "b" * 16, halted="disk of db1 is full", ahead_ms=-42_000.0, latency_ms=1.4),
    At("codex@web", "web", "c" * 16, "codex"),
    At("claude-code@web", "web", "d" * 16, silent_for=4 * 3600),
)


@contextmanager
def fleet_of(settings: Settings, clock: FakeClock) -> Iterator[Node]:
    """Open this home's node on a bridge with all of `FLEET`, each met; the homes lie beside this one."""
    start = clock.now()
    with ExitStack() as open_nodes:

        def node(of: Settings, at: At | None = None) -> Node:
            bridge = SqliteBridge(Path(settings.bridge.url), clock=clock, doorbell=False)
            made = open_nodes.enter_context(Node(of, clock, bridge))
            made.machine = at.machine if at else ""
            made.require_bridge()
            return made

        me = node(settings)
        for at in sorted(FLEET, key=lambda at: -at.silent_for):
            clock.set_wall(start)
            clock.advance(-at.silent_for)
            home = settings.home.with_name(at.host + at.machine[:1])
            one = node(replace(settings, home=home, agent=at.name, host=at.host), at)
            one.store.agents.see(at.name, at.via, at.host)
            if at.host == "db1":
                failed = incident(7, agent=AgentInfo(at.name, at.via, at.host))
                one.store.incidents.open(failed, node=one.identity.node.public)
                announce_incident(one, failed)
                # Only this home: the switch itself is the operator's, who is the same everywhere here.
                one.store.halts.put(one.identity.node.public, at.halted, "")
            exchange(one)
            clock.advance(1)
            one._ahead_ms, one._latency_ms = at.ahead_ms, at.latency_ms
            one.beat(one.require_bridge())
            pull(me)
        clock.set_wall(start)
        clock.advance(5)
        pull(me)
        decisions.set_mode(me, "approve")
        me._ahead_ms, me._latency_ms = 0.0, 0.2
        exchange(me)
        announce_incident(me, incident(9))
        publish(me)
        yield me
