"""`meshtui bridge`: what would leave this machine, and the bridge of this host for others."""

from __future__ import annotations

import json
import shlex
import sys
from collections import Counter
from pathlib import Path

import click

from meshcore.errors import UsageError
from meshcore.model import Json
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible
from meshtui.cli.context import Session, json_option, note, print_json, say, table


@click.group()
def bridge() -> None:
    """What lies between this machine and the others: outgoing, exchange, introduce, authorize, serve."""


@bridge.command()
@click.option("--limit", default=100, show_default=True, help="How many, oldest first.")
@json_option
@click.pass_obj
def outgoing(session: Session, limit: int, as_json: bool) -> None:
    """Show what would leave this machine: what waits in the outbox, secrets taken out, and how many of each kind.

    Nothing is sent by looking. `meshtui purge ID` withdraws what should not leave, by the id of its incident or skill.
    """
    with session.node() as node:
        rows = node.store.outbox.waiting(max(1, limit))
        counts = Counter(row.kind for row in node.store.outbox.waiting(1_000_000))
        where = node.settings.bridge.shown
    if as_json:
        waiting = [{"seq": row.seq, "kind": row.kind, "body": _clean(dict(row.body))} for row in rows]
        print_json("outgoing", {"bridge": where, "counts": dict(counts), "waiting": waiting})
        return
    cells = [[row.seq, row.kind, _in_words(_clean(dict(row.body)))] for row in rows]
    table(["seq", "kind", "says"], cells, empty="nothing waits: all that was to be said is on the bridge")
    if counts:
        say(f"to {where}: " + ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items())))


def _in_words(body: Json) -> str:
    """Return what a body says in one line: its error, what fixes it, what came of it; `--json` shows all of it."""
    skill = body.get("skill", {})
    steps = skill.get("action", {}).get("steps", [])
    said = [body.get("line"), skill.get("example_line"), " && ".join(" ".join(map(str, step)) for step in steps)]
    said += [body.get("result"), body.get("why"), body.get("record_id") or body.get("skill_id")]
    return "  ".join(str(part) for part in said if part) or json.dumps(body, ensure_ascii=False)


def _clean(value: Json) -> Json:
    """Return a body as people may see it: no secrets, nothing that steers a terminal."""
    if isinstance(value, str):
        return visible(redact(value), keep_newlines=False)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return {str(name): _clean(one) for name, one in value.items()} if isinstance(value, dict) else value


@bridge.command()
@click.option("--within", type=float, metavar="SECONDS", help="How long one answer of the bridge may take.")
@click.pass_obj
def exchange(session: Session, within: float | None) -> None:
    """Tell what waits and hear what others said, once; a runtime does this all the time."""
    with session.node(fresh=True, needs_bridge=True, patience=within):
        pass


@bridge.command()
@click.option("--stdio", is_flag=True, required=True, help="On standard input and output, as ssh leaves them.")
@click.option("--node", default="", metavar="ID", help="The node that may speak; without it the first that does.")
@click.pass_obj
def serve(session: Session, stdio: bool, node: str) -> None:
    """Serve the bridge of this host to one node of another; `ssh` runs this, see `meshtui bridge authorize`."""
    from meshcore.bridge.open import open_bridge
    from meshcore.bridge.ssh.server import OneNode, Server
    from meshcore.clock import SystemClock

    opened = open_bridge(_of_this_host(session), clock=SystemClock())
    try:
        Server(opened, sys.stdin.buffer, sys.stdout.buffer, OneNode(node)).serve()
    finally:
        opened.close()


@bridge.command()
@click.argument("key", metavar="KEY")
@click.option("--node", required=True, metavar="ID", help="The node of the other host, in full.")
@click.pass_obj
def authorize(session: Session, key: str, node: str) -> None:
    """Print the line of authorized_keys that lets a KEY join this bridge as one node, and do nothing else.

    KEY is a public key, or the file of one. The line names this meshtui and this bridge by their paths.
    """
    from meshcore.bridge.ssh.authorize import MOST_KEY, authorized_line
    from meshcore.home import read_plain_file
    from meshtui.cli.service import own_program

    path = _of_this_host(session)
    if len(key) < 1000 and Path(key).is_file():
        key = read_plain_file(Path(key), MOST_KEY).decode("utf-8", "replace")
    click.echo(authorized_line(key, node, own_program(), path))
    note("append this line to ~/.ssh/authorized_keys of the account that has the bridge")


@bridge.command()
@click.option("--key", metavar="FILE", help="The public key to join with; by default the first of ~/.ssh/id_*.pub.")
@click.pass_obj
def introduce(session: Session, key: str | None) -> None:
    """Print the command that lets this node join, to be run on the host of the bridge."""
    from meshcore.bridge.ssh.authorize import MOST_KEY
    from meshcore.home import read_plain_file

    found = [Path(key)] if key else sorted(Path.home().glob(".ssh/id_*.pub"))
    if not found:
        raise UsageError("there is no ~/.ssh/id_*.pub: make a key with ssh-keygen, or name one with --key")
    text = read_plain_file(found[0], MOST_KEY).decode("utf-8", "replace").strip()
    with session.node() as node:
        click.echo(shlex.join(["meshtui", "bridge", "authorize", text, "--node", node.identity.node.public]))
    note('then, here: bridge = "ssh://[user@]HOST" in config.toml, or MESHTUI_BRIDGE')


def _of_this_host(session: Session) -> Path:
    address = session.settings.bridge
    if address.path is None:
        raise UsageError(f"{address.shown} is no bridge of this host; name its file with --bridge")
    return address.path
