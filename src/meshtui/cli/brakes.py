"""`meshtui halt`, `resume`, `mode`: what an operator allows."""

from __future__ import annotations

import click

from meshcore.healing.agent import BREAKER_RESET
from meshcore.model import MODES
from meshcore.safety.halt import halt as write_halt
from meshcore.safety.halt import halt_file, halted
from meshcore.safety.halt import resume as remove_halt
from meshtui.cli.context import Session, json_option, print_json, say


@click.command()
@click.argument("why")
@click.pass_obj
def halt(session: Session, why: str) -> None:
    """Stop every unattended fix of this operator on this host, at once and until `meshtui resume`.

    The same is done by creating the file HALT in the operator's folder.
    """
    write_halt(session.settings.operator, why)
    with session.node() as node:
        node.store.add_event("mesh.halted", data={"reason": why, "actor": node.name})
        node.project()
    say(f"halted: {why} ({halt_file(session.settings.operator)})")


@click.command()
@click.pass_obj
def resume(session: Session) -> None:
    """Allow fixes again after a halt, and let the breaker count anew."""
    was = halted(session.settings.operator)
    removed = remove_halt(session.settings.operator)
    with session.node() as node:
        node.store.set_meta(BREAKER_RESET, node.store.now())
        if not removed:
            say("nothing was halted; the breaker counts anew")
            return
        node.store.add_event("mesh.resumed", data={"was": was, "actor": node.name})
        node.project()
    say(f"resumed; it was halted because: {was}")


@click.command()
@click.argument("ceiling", required=False, type=click.Choice(MODES))
@json_option
@click.pass_obj
def mode(session: Session, ceiling: str | None, as_json: bool) -> None:
    """Show the ceiling for this home, or set it: off, hint, approve or auto.

    off does nothing, hint shows the known fix, approve asks a person, auto lets policy decide.
    """
    with session.node() as node:
        if ceiling:
            node.store.set_control("mode", ceiling, node.name, "mesh.mode")
            node.project()
        now = node.mode()
    if as_json:
        print_json("mode", now)
    else:
        say(now)
