"""`meshtui nodes`: every node of the mesh by host, how it fares, and what is wrong with it."""

from __future__ import annotations

import click

from meshcore.errors import UsageError
from meshcore.service.fleet import FleetNode, fleet
from meshcore.trust.synced import silent
from meshtui.cli.context import Session, json_option, print_json, say, table
from meshtui.cli.group import Group
from meshtui.cli.moments import seconds_ago


@click.group(cls=Group, invoke_without_command=True)
@json_option
@click.pass_context
def nodes(ctx: click.Context, as_json: bool) -> None:
    """The fleet, by host: list, forget."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_nodes, as_json=as_json)


@nodes.command("list")
@json_option
@click.pass_obj
def list_nodes(session: Session, as_json: bool) -> None:
    """List the nodes that read the bridge, how each fares by its own word, and what is wrong with it."""
    with session.node(fresh=True, needs_bridge=True) as node:
        bridge = node.require_bridge()
        found = fleet(node, bridge)
        cursors = {member.node: member.cursor for member in bridge.members()} if as_json else {}
    if as_json:
        print_json("nodes", [{**one.to_json(), "cursor": cursors.get(one.node, 0)} for one in found])
        return
    columns = ("host", "node", "version", "mode", "engine", "clock", "seen", "undelivered", "asks", "agents", "key")
    table(columns, [_line(one) for one in found], spare=("key", "agents", "version", "clock", "engine"))
    for one in found:
        for what in (*([f"HALTED: {one.halted}"] if one.halted else []), *one.wrong):
            say(f"{one.name} on {one.host}: {what}")


def _line(one: FleetNode) -> tuple[str, ...]:
    seen = "never" if one.ago is None else seconds_ago(one.ago)
    return (
        one.host,
        one.name + (" (this)" if one.is_this else "") + ("" if one.whose == "own" else f" ({one.whose})"),
        one.version or "?",
        "HALTED" if one.halted else one.mode or "?",
        one.engine + ("" if one.latency_ms is None else f" {one.latency_ms:.1f} ms"),
        clock(one),
        seen if one.joined else f"{seen}, not joined",
        str(one.undelivered),
        str(one.asks),
        ", ".join(one.agents),
        one.node[:12],
    )


def clock(one: FleetNode) -> str:
    """Return by how much a node's clock is off that of its engine."""
    if one.ahead_ms is None:
        return "?"
    seconds = round(one.ahead_ms / 1000, 2) + 0.0  # no -0.00
    return f"{seconds:+.0f} s" if abs(seconds) >= 10 else f"{seconds:+.2f} s"


@nodes.command()
@click.argument("name")
@click.pass_obj
def forget(session: Session, name: str) -> None:
    """Expect no more receipts of a node; it may join again by itself."""
    with session.node() as node:
        bridge = node.require_bridge()
        joined = [(m.node, m.name) for m in bridge.members()]
        silenced = [(one.node, one.name) for one in silent(node) if one.node not in dict(joined)]
        found = [
            (key, called)
            for key, called in (*joined, *silenced)
            if called == name or (len(name) >= 6 and key.startswith(name))
        ]
        if len(found) != 1:
            what = "several nodes are" if found else "no node is"
            raise UsageError(f"{what} called {name!r}; `meshtui nodes` lists them")
        [(key, called)] = found
        bridge.forget(key)
        node.store.chains.forget(key)
    say(f"{called} ({key[:12]}) is forgotten")
