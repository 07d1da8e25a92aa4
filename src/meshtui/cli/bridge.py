"""`meshtui bridge`: what would leave this machine, and the bridge of this host for others."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from meshcore.config import BridgeAddress
from meshcore.errors import UsageError
from meshcore.model import Json
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible
from meshtui.cli.context import Session, json_option, note, print_json, say, table
from meshtui.cli.group import Group

if TYPE_CHECKING:
    from meshcore.bridge.administration import Administration


@click.group(cls=Group)
def bridge() -> None:
    """What lies between this machine and the others: what leaves it, exchange; bridges over ssh and in PostgreSQL."""


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
    """Print the command that lets this node join, to be run on the host of the bridge or by who owns the database."""
    from meshcore.bridge.ssh.authorize import MOST_KEY
    from meshcore.home import read_plain_file

    if session.settings.bridge.scheme == "postgresql":
        scheme, _, place = session.settings.bridge.shown.partition("://")
        login, _, server = place.rpartition("@")
        with session.node() as node:
            words = ["meshtui", "bridge", "grant", login or session.settings.host, "--node", node.identity.node.public]
            click.echo(shlex.join([*words, "--at", f"{scheme}://{server}"]))
        note("run it as a login that owns the database: LOGIN@ after the ://, or PGUSER")
        return

    found = [Path(key)] if key else sorted(Path.home().glob(".ssh/id_*.pub"))
    if not found:
        raise UsageError("there is no ~/.ssh/id_*.pub: make a key with ssh-keygen, or name one with --key")
    text = read_plain_file(found[0], MOST_KEY).decode("utf-8", "replace").strip()
    with session.node() as node:
        click.echo(shlex.join(["meshtui", "bridge", "authorize", text, "--node", node.identity.node.public]))
    note('then, here: bridge = "ssh://[user@]HOST" in config.toml, or MESHTUI_BRIDGE')


_at = click.option(
    "--at", metavar="URL", help="The database, with a login that owns it; by default this node's bridge."
)


@bridge.command()
@click.argument("url", metavar="URL")
@click.option("--sql", is_flag=True, help="Print for psql what would be run, and run nothing.")
def init(url: str, sql: bool) -> None:
    """Make a bridge in a PostgreSQL database, or bring an older one to this version.

    URL is postgresql://LOGIN@HOST/DATABASE; the login may make roles, and make or own the database.
    """
    found = _administration(url)
    if sql:
        click.echo(found.script(), nl=False)
    else:
        say(found.make())


@bridge.command()
@click.argument("host", metavar="HOST")
@click.option("--node", "nodes", multiple=True, required=True, metavar="ID", help="A node of that host, in full.")
@click.option("--out", metavar="FILE", help="Where its password goes; by default HOST.pgpass, which must not be there.")
@_at
@click.pass_obj
def grant(session: Session, host: str, nodes: tuple[str, ...], out: str | None, at: str | None) -> None:
    """Let a HOST into a PostgreSQL bridge: its login, a new password, and the nodes that it speaks for.

    Run it again for another node of the same host, or for a new key: the password is then a new one too.
    """
    path = Path(out or f"{host}.pgpass")
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not written ({error}); name another with --out") from error
    try:
        granted = _administration(at, session).grant(host, nodes)
    except BaseException:
        os.close(descriptor)
        path.unlink()
        raise
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(granted.line + "\n")
    say(f"{granted.login} speaks for {', '.join(node[:12] for node in nodes)}; its password is in {path}")
    note(f"bring {path} to that host as ~/.pgpass (chmod 600), and write bridge = … with the login {host} there")


@bridge.command()
@click.argument("host", metavar="HOST")
@_at
@click.pass_obj
def revoke(session: Session, host: str, at: str | None) -> None:
    """Keep a HOST out of a PostgreSQL bridge from now on; what it said stays.

    Its operator's statements are withdrawn by `meshtui trust revoke`.
    """
    count = _administration(at, session).revoke(host)
    say(f"{host} has no login any more; it spoke for {count} node{'' if count == 1 else 's'}")


@bridge.command()
@_at
@json_option
@click.pass_obj
def status(session: Session, at: str | None, as_json: bool) -> None:
    """Say who may speak on a PostgreSQL bridge, and who keeps others from it."""
    found = _administration(at, session).state()
    if as_json:
        print_json("bridge_status", asdict(found))
        return
    rows = [[one.login, one.sessions, ", ".join(node[:12] for node in one.nodes)] for one in found.access]
    say(found.server)
    table(["login", "sessions", "speaks for"], rows, empty="no host was granted anything: meshtui bridge grant")
    for holder in found.holders:
        say(f"process {holder.process} of login {holder.login} holds the head of the log: nobody can publish")


@bridge.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def copy_bridge(source: str, target: str) -> None:
    """Copy one bridge into another, a file or postgresql://…: records as they were signed, members and receipts.

    Again and again without harm, so that hosts can move one after the other. On PostgreSQL as a login that owns it.
    """
    from meshcore.bridge.copying import copy
    from meshcore.bridge.open import is_there, open_bridge
    from meshcore.clock import SystemClock

    addresses = [_address(text) for text in (source, target)]
    if addresses[0].path is not None and not is_there(addresses[0]):
        raise UsageError(f"{addresses[0].shown}: there is no bridge to copy; nothing was made")
    opened = [open_bridge(one, clock=SystemClock(), doorbell=False) for one in addresses]
    try:
        done = copy(*opened)
    finally:
        for one in opened:
            one.close()
    left = f"; {done.left_out} rows were left out: erased, or too long" if done.left_out else ""
    say(f"{done.records} records, {done.members} members, {done.receipts} receipts are in {addresses[1].shown}{left}")


def _address(text: str) -> BridgeAddress:
    """Return an address from the command line. Raises UsageError for one with a password in it."""
    found = BridgeAddress.parse(text)
    if found.path is None and urlsplit(found.url).password is not None:
        raise UsageError(f"{found.shown}: others see a password in a command line; put it into ~/.pgpass")
    return found


def _administration(url: str | None, session: Session | None = None) -> Administration:
    from meshcore.bridge.open import administration

    if url is None:
        assert session is not None
        return administration(session.settings.bridge)
    return administration(_address(url))


def _of_this_host(session: Session) -> Path:
    address = session.settings.bridge
    if address.path is None:
        raise UsageError(f"{address.shown} is no bridge of this host; name its file with --bridge")
    return address.path
