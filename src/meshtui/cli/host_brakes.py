"""Brakes for one host of the fleet, on the command line."""

from __future__ import annotations

import time
from dataclasses import asdict

from meshcore.control import host_brakes
from meshcore.errors import EXIT_FAILURE, EXIT_OK
from meshcore.exchange.receive import exchange
from meshcore.node import Node
from meshcore.trust.hosts import Host, Hosts
from meshtui.cli.context import Session, print_json, say, table
from meshtui.cli.moments import ago

ALL = "all"


def host_of(node: Node, reference: str) -> Host:
    """Return the host that a person means, once the newest is heard. Raises UsageError."""
    return Hosts(node).find(reference)


def halt_one(session: Session, reference: str, why: str) -> int:
    """Stop one host; tell whether it could be told."""
    with session.node(fresh=True) as node:
        host = host_of(node, reference)
        host_brakes.halt_host(node, host, why)
        exchange(node)
        fault = node.bridge_fault
    said = f"not told yet: {fault}" if fault else "it is told; `meshtui nodes` shows when it has stopped"
    say(f"halted on {host.name}: {why} ({said})")
    return EXIT_FAILURE if fault else EXIT_OK


def show_drill(session: Session, timeout: float, *, as_json: bool) -> int:
    """Show who confirmed a drill in which time, and who is missing; exit 1 where somebody is."""
    with session.node(fresh=True, needs_bridge=True) as node:
        found = host_brakes.drill(node, timeout, time.sleep)
        lines = [
            (one.host, one.name, f"confirmed in {one.seconds:.2f} s")
            if one.seconds is not None
            else (one.host, one.name, _missing(one, ago(node, one.last)))
            for one in found
        ]
    missing = sum(one.seconds is None for one in found)
    if as_json:
        print_json("drill", [asdict(one) for one in found])
    else:
        table(("host", "node", "halt drill"), lines, empty="no other node of yours is on this bridge")
        if found:
            say(
                f"{len(found) - missing} of {len(found)} confirmed, signed"
                + (f"; {missing} missing" if missing else "")
            )
    return EXIT_FAILURE if missing else EXIT_OK


def _missing(one: host_brakes.Drilled, last: str) -> str:
    if one.received:
        return "received, not confirmed: an older version, or somebody else's receipt"
    return f"missing, last sign of life {last}: it hears before its next fix, where a runtime or command runs"
