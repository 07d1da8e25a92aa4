"""`meshtui resume`, `mode`: what an operator allows."""

from __future__ import annotations

import click

from meshcore.control import decisions, host_brakes
from meshcore.errors import UsageError
from meshcore.exchange.receive import exchange
from meshcore.model import MODES, Mode
from meshcore.node import Node
from meshcore.policy.policy_file import load as load_rules
from meshcore.trust.authors import find_author, operator_of
from meshcore.trust.ceilings import mode_here, raises
from meshcore.trust.halting import halted
from meshcore.trust.hosts import Hosts
from meshcore.trust.modes import ACTION, AUTHOR, FROM, MODE, VIA
from meshtui.cli.context import Session, json_option, note, print_json, say, table
from meshtui.cli.host_brakes import ALL
from meshtui.cli.passphrase import passphrase_option, signing_key


@click.command()
@click.option("--host", metavar="HOST", help="Take back what this node has halted on this host only.")
@passphrase_option
@click.pass_obj
def resume(session: Session, host: str | None, passphrase_file: str | None) -> None:
    """Allow fixes again after a halt, and let the breaker count anew.

    What this node had halted elsewhere is lifted there too; what another node had halted is lifted here only.
    """
    if host is not None:
        with session.node(fresh=True) as node:
            found = Hosts(node).find(host)
            host_brakes.resume_host(node, found, signer=signing_key(node, passphrase_file))
            exchange(node)
            still = halted(node) if node.identity.node.public in found.nodes else ""
        say(f"{found.name} is told to go on, as far as nobody else halts it")
        if still:
            note(f"it is still halted: {still}; `meshtui resume` takes that back")
        return
    with session.node() as node:
        signer = signing_key(node, passphrase_file) if halted(node) else None
        was = decisions.resume(node, signer=signer)
        exchange(node)
    say(f"resumed; it was halted because: {was}" if was else "nothing was halted; the breaker counts anew")


@click.command()
@click.argument("ceiling", required=False, type=click.Choice(MODES))
@click.option("--via", metavar="KIND", help="For agents of this kind, for example claude-code.")
@click.option(
    "--author", metavar="WHO", help="For skills of this operator: their key, or the name of a node of theirs."
)
@click.option("--action", metavar="TYPE", help="For actions of this type of policy.toml.")
@click.option("--host", metavar="HOST", help="Of this host of yours, or all of them: it holds, whatever is set there.")
@click.option("--clear", is_flag=True, help="Take back what was set.")
@passphrase_option
@json_option
@click.pass_obj
def mode(
    session: Session,
    ceiling: Mode | None,
    via: str | None,
    author: str | None,
    action: str | None,
    host: str | None,
    clear: bool,
    passphrase_file: str | None,
    as_json: bool,
) -> None:
    """Show the ceilings of this home, or set one: off, hint, approve or auto. Of all that apply the lowest counts.

    off does nothing, hint shows the known fix, approve asks a person, auto lets policy decide. Authors of other
    operators start at hint, once enrolled at approve; only --author lets their skills run unattended.
    """
    named = [name for name in (via, author, action, host) if name is not None]
    if len(named) > 1 or (ceiling and clear) or (named and not (ceiling or clear)):
        raise UsageError("name one of --via, --author, --action, --host, and a mode or --clear; alone it lists all")
    if host is not None:
        with session.node(fresh=True) as node:
            found = None if host == ALL else Hosts(node).find(host)
            signer = signing_key(node, passphrase_file) if clear or ceiling not in ("off", "hint") else None
            host_brakes.set_ceiling(node, found, ceiling or "", signer=signer)
            exchange(node)
        where = "all your hosts" if found is None else found.name
        say(f"{where}: at most {ceiling}" if ceiling else f"{where}: as set there")
        return
    with session.node() as node:
        if ceiling or clear:
            key = _mode_key(node, via, author, action)
            signer = signing_key(node, passphrase_file) if ceiling and raises(node, key, ceiling) else None
            decisions.set_mode(node, ceiling or "", key=key, signer=signer)
        now, rows = mode_here(node), node.store.controls.under(MODE)
    if as_json:
        print_json("mode", {"mode": now, "set": [{"for": _whose(key), "mode": value} for key, value in rows.items()]})
        return
    say(now)
    table(("for", "mode"), [(_whose(key), value) for key, value in rows.items() if key != MODE])


def _mode_key(node: Node, via: str | None, author: str | None, action: str | None) -> str:
    if via is not None:
        return VIA + via
    if author is not None:
        return AUTHOR + operator_of(node, find_author(node, author)[0])
    if action is None:
        return MODE
    known = sorted(one.name for one in load_rules(node.settings.operator / "policy.toml").actions)
    if action not in known:
        raise UsageError(f"no action type {action!r:.60}; known are {', '.join(known)}")
    return ACTION + action


def _whose(key: str) -> str:
    if key.startswith(FROM):
        return f"this host, by your node {key.removeprefix(FROM)[:12]}"
    for prefix, word in ((VIA, "via"), (AUTHOR, "author"), (ACTION, "action")):
        if key.startswith(prefix):
            return f"{word} {key.removeprefix(prefix)}"
    return "this home"
