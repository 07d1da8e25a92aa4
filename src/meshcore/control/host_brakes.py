"""Brakes for one host, or all: halt, mode ceiling, withdrawal, and the drill that shows who would have stopped.

A brake is a signed record of this node, taken by the nodes that it names; what this node has said it can take back.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from meshcore.bridge.states import beat_of
from meshcore.control import decisions
from meshcore.errors import UsageError
from meshcore.exchange.brakes import take_ceiling
from meshcore.exchange.control_bodies import CeilingBody, DrillBody, HaltBody
from meshcore.exchange.publish import publish
from meshcore.model import MODES
from meshcore.node import Node
from meshcore.safety.halt import halt as write_halt
from meshcore.safety.halt import halted as switched_off
from meshcore.safety.halt import resume as remove_halt
from meshcore.safety.keys import SigningKey
from meshcore.trust.authors import trust_in
from meshcore.trust.halting import note_halt
from meshcore.trust.hosts import Host, Hosts
from meshcore.trust.signed_decisions import (
    carried,
    ceiling_key,
    ceiling_subject,
    halt_key,
    protected,
    sign_decision,
)

HALTED_THERE = "halted_there:"  # + host: the mark of the halt, the nodes that are told, and the reason written here
CEILING_THERE = "ceiling_there:"  # + node: the mark and mode of the ceiling that this node told it
LOOK_SECONDS = 0.05


def halt_host(node: Node, host: Host, why: str) -> None:
    """Stop every fix of this operator on one host, until `resume_host`."""
    mark, me, here = secrets.token_hex(8), node.identity.node.public, ""
    if me in host.nodes:
        write_halt(node.settings.operator, why)
        here = switched_off(node.settings.operator)
        if protected(node):
            note_halt(node, here)
    others = tuple(key for key in host.nodes if key != me)
    with node.store.transaction(durable=True):
        node.store.events.add("mesh.halted", data={"reason": why, "actor": node.name, "host": host.name})
        node.store.controls.set(HALTED_THERE + host.host_id, json.dumps([mark, others, here]), node.name)
        if others:
            _queue(node, HaltBody(why, node.name, mark, only=others))
    node.project()
    node.ring()


def resume_host(node: Node, host: Host, *, signer: SigningKey | None = None) -> None:
    """Take back this node's halt of one host. Raises UsageError where this node has not halted it.

    On its own host only the halt that it wrote: where another was written since, that one holds.
    """
    kept = node.store.controls.get(HALTED_THERE + host.host_id)
    if not kept:
        raise UsageError(f"this node has not halted {host.name} alone; `meshtui resume` there, or where it was halted")
    mark, nodes, *rest = json.loads(kept)  # of older ones nothing more was kept
    here = bool(rest and rest[0]) and switched_off(node.settings.operator) in ("", rest[0])
    with node.store.transaction(durable=True):
        if nodes:
            sign_decision(node, signer, "resume", halt_key(mark), {"halt": mark})
            signed = carried(node, "resume", halt_key(mark))
            _queue(node, HaltBody("", node.name, signed=signed, only=tuple(nodes)))
        if here:
            sign_decision(node, signer, "resume", "halt", {"halt": node.store.state.get()["last_halt"]})
            remove_halt(node.settings.operator)
        node.store.controls.set(HALTED_THERE + host.host_id, "", node.name)
        node.store.events.add("mesh.resumed", data={"was": "", "actor": node.name, "host": host.name})
    node.project()
    node.ring()


def set_ceiling(node: Node, host: Host | None, mode: str, *, signer: SigningKey | None = None) -> None:
    """Hold one host, or all for None, at a mode at most; "" takes this node's word back. A host's own ceiling stays.

    Raises UsageError where that raises a ceiling, the operator's key is protected and `signer` is not theirs.
    """
    me, controls = node.identity.node.public, node.store.controls
    nodes = host.nodes if host is not None else tuple(key for one in Hosts(node).all for key in one.nodes)
    groups: dict[tuple[str, str], list[str]] = {}
    for key in nodes:
        mark, before = json.loads(controls.get(CEILING_THERE + key) or '["", ""]')
        groups.setdefault((mark, before), []).append(key)
    with node.store.transaction(durable=True):
        for (mark, before), keys in groups.items():
            signed = None
            if MODES.index(mode or "auto") > MODES.index(before or "auto"):
                sign_decision(node, signer, "rule", ceiling_key(mark), ceiling_subject(mark, mode))
                signed = carried(node, "rule", ceiling_key(mark))
            only = () if host is None and len(groups) == 1 else tuple(keys)
            body = CeilingBody(mode, node.name, secrets.token_hex(8), only, signed)
            _queue(node, body)
            for key in keys:
                controls.set(CEILING_THERE + key, json.dumps([body.mark, mode]), node.name)
            if me in keys:
                take_ceiling(node, body, me, node.name)
    node.project()
    node.ring()


def revoke_host(node: Node, host: Host, why: str) -> list[str]:
    """Withdraw every node of a host; return their keys. Raises UsageError for this host."""
    if node.identity.node.public in host.nodes:
        raise UsageError(f"{host.name} is this host; withdraw it from another one")
    for key in host.nodes:
        decisions.revoke(node, key, why)
    return list(host.nodes)


@dataclass(frozen=True, slots=True)
class Drilled:
    """What a halt drill showed of one node: after how many seconds it confirmed, signed; None where it did not.

    `received`: the bridge has its receipt, which nobody signs. `last`: when its last sign of life was made, UTC.
    """

    node: str
    name: str
    host: str
    seconds: float | None
    received: bool
    last: str


def drill(node: Node, seconds: float, sleep: Callable[[float], None]) -> list[Drilled]:
    """Tell all own nodes a halt that is none, and wait for who confirms it; raises BridgeUnavailableError."""
    bridge, me = node.require_bridge(), node.identity.node.public
    members = [one for one in bridge.members(node.store.authors.own()) if one.node != me]
    expected = {one.node: one for one in members if trust_in(node, one.node).state == "own"}
    mark, started = secrets.token_hex(8), node.clock.monotonic()
    row = _queue(node, DrillBody(mark, node.name))
    publish(node)
    confirmed: dict[str, float] = {}
    while True:
        elapsed = node.clock.monotonic() - started
        for member in bridge.members(expected):
            beat = beat_of(member) if member.node in expected and member.node not in confirmed else None
            if beat is not None and beat.report.drill == mark:
                confirmed[member.node] = elapsed
        if len(confirmed) == len(expected) or elapsed >= seconds:
            break
        sleep(LOOK_SECONDS)
    got = {receipt.node for receipt in bridge.receipts(node.store.outbox.record_id(row))}
    hosts, heard = Hosts(node), node.store.chains.heartbeats()

    def of(key: str) -> Drilled:
        at, member = hosts.of(key), expected[key]
        last = heard[key].created if key in heard else member.seen_at
        return Drilled(key, member.name, at.name if at else member.host, confirmed.get(key), key in got, last)

    return sorted(map(of, expected), key=lambda one: (one.seconds is None, one.seconds or 0.0, one.host))


def _queue(node: Node, body: HaltBody | CeilingBody | DrillBody) -> int:
    return node.store.outbox.add(body.kind, body.to_json())
