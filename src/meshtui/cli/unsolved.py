"""`meshtui unsolved`: what fails again and again and nobody has solved, the costliest first."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from meshcore.clock import to_text
from meshcore.errors import UsageError
from meshcore.knowledge.habits import DAY, EXPECTED_DAYS, ago
from meshcore.model import Json
from meshcore.node import Node
from meshcore.store.walls import Wall, incidents_at, walls
from meshcore.trust.heard import Heard, heard
from meshtui.cli.context import Session, facts, json_option, print_json, say, table
from meshtui.cli.group import Group
from meshtui.cli.incidents import STATE_WORDS

MOST_INCIDENTS = 20


@click.group(cls=Group, invoke_without_command=True)
@click.option("--limit", default=20, show_default=True, help="How many, the costliest first.")
@json_option
@click.pass_context
def unsolved(ctx: click.Context, limit: int, as_json: bool) -> None:
    """What fails again and again and nobody has solved: the costliest first; show, expect, elsewhere."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, max(1, limit), as_json)


def _list(session: Session, limit: int, as_json: bool) -> None:
    with session.node() as node:
        found, now = node.store.answers(walls(_now(node), limit)), _now(node)
    if as_json:
        print_json("unsolved", [_as_json(one) for one in found])
        return
    rows = [
        (
            one.wall,
            one.cost,
            one.in_sessions,
            one.runs,
            one.where,
            ", ".join(one.agents),
            f"{ago(now - one.last)} ago",
            one.command,
            one.line,
        )
        for one in found
    ]
    columns = ("wall", "cost", "sessions", "runs", "where", "agents", "last", "command", "error")
    table(columns, rows, empty="nothing fails again and again", spare=("runs", "agents", "where", "last", "error"))


@unsolved.command()
@click.argument("wall")
@json_option
@click.pass_obj
def show(session: Session, wall: str, as_json: bool) -> None:
    """Show one wall, its newest incidents, and how to teach what gets past it."""
    with session.node() as node:
        one, now = _find(node, wall), _now(node)
        ids = node.store.answers(incidents_at(one.incident_id, MOST_INCIDENTS)) if one.incident_id else []
        incidents = [found for name in ids if (found := node.store.incidents.find(name)) is not None]
    if as_json:
        print_json("wall", {**_as_json(one), "incidents": ids})
        return
    facts(
        {
            "wall": one.wall,
            "command": one.what,
            "error": one.line or "not kept",
            "exit code": one.exit_code,
            "where": one.places,
            "failed": f"{one.runs} runs in {one.in_sessions} sessions, which took {one.cost}",
            "agents": ", ".join(one.agents) or "not known",
            "first": f"{ago(now - one.first)} ago",
            "last": f"{ago(now - one.last)} ago",
        }
    )
    rows = [(i.opened[:19].replace("T", " "), i.incident_id[:8], i.agent.name, STATE_WORDS[i.state]) for i in incidents]
    table(("opened (UTC)", "incident", "agent", "state"), rows)
    if one.incident_id:
        say(f"teach what gets past it: meshtui learn --incident {one.incident_id[:8]} --fix COMMAND")
    say(f"it is meant to fail: meshtui unsolved expect {one.wall}")


@unsolved.command()
@click.argument("wall")
@click.pass_obj
def expect(session: Session, wall: str) -> None:
    """Say that it is meant to fail: nobody is told of it for 14 days, or until it passes once."""
    with session.node() as node:
        one = _find(node, wall)
        node.store.habits.expect(one.wall, _now(node) + EXPECTED_DAYS * DAY)
    say(f"{one.command}: expected to fail for {EXPECTED_DAYS} days, or until it passes")


@unsolved.command()
@click.option("--limit", default=20, show_default=True, help="How many, the newest first.")
@json_option
@click.pass_obj
def elsewhere(session: Session, limit: int, as_json: bool) -> None:
    """List what other nodes say fails, and what passed there instead, and whether agents here are told."""
    with session.node(fresh=True) as node:
        found, now = node.store.answers(heard(max(1, limit))), _now(node)
    if as_json:
        print_json("elsewhere", [_heard_as_json(one) for one in found])
        return
    rows = [
        (
            f"{one.name} ({one.author[:12]}){'' if one.own else ', another operator'}",
            one.says,
            one.command,
            one.instead or "-",
            f"{ago(max(0, now - one.last))} ago",
            one.where,
            one.reach,
        )
        for one in found
    ]
    columns = ("who", "says", "command", "instead", "last", "where", "agents told")
    table(columns, rows, empty="no other node says that anything fails", spare=("where", "last", "says", "agents told"))


def _heard_as_json(one: Heard) -> Json:
    last = to_text(datetime.fromtimestamp(one.last, UTC))
    said = {name: value for name, value in asdict(one).items() if name != "word"}
    return {**said, "last": last, "agents_told": one.reach == "yes", "why_not": one.reach.removeprefix("no: ")}


def _find(node: Node, wall: str) -> Wall:
    found = [one for one in node.store.answers(walls(_now(node), -1)) if one.wall.startswith(wall)]
    if len(found) != 1 or not wall:
        raise UsageError(f"no wall, or several, {wall!r:.40}; `meshtui unsolved` lists them")
    return found[0]


def _now(node: Node) -> int:
    return int(node.clock.now().timestamp())


def _as_json(one: Wall) -> Json:
    moments = {name: to_text(datetime.fromtimestamp(getattr(one, name), UTC)) for name in ("first", "last")}
    return {**asdict(one), **moments, "agents": list(one.agents)}
