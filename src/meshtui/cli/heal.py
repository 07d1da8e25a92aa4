"""`meshtui heal INCIDENT`: try what is known on an incident that is stored, and run its command again."""

from __future__ import annotations

import click

from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.healing.node import Node
from meshcore.healing.recorded import RecordedSession
from meshcore.model import MODES, Mode
from meshcore.store import Approval
from meshtui.cli.context import Session, json_option, leave_on_signals, note, print_json, say


@click.command()
@click.argument("incident")
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="The ceiling for this call.")
@json_option
@click.pass_obj
def heal(session: Session, incident: str, mode: Mode, as_json: bool) -> int:
    """Try what is known on an incident, in its recorded folder, and run its command again. `last` is the newest here.

    Exit 0 only if the command now succeeds.
    """
    with session.node(fresh=True) as node:
        found = node.store.incident(incident)
        if found is None:
            raise UsageError(f"no incident {incident!r}; `meshtui incidents list` shows them")
        recorded = RecordedSession(node, found)
        recorded.consider(mode)
        if recorded.may_apply:
            with leave_on_signals():
                recorded.heal(actor="policy")
        recorded.finish()
        if as_json:
            print_json("healing", recorded.summary())
        else:
            _say(recorded)
        return 0 if recorded.verified else EXIT_FAILURE


def heal_approved(node: Node, approval: Approval) -> int:
    """Execute what a person approved, if it is still exactly that; return the exit code."""
    found = node.store.incident(approval.incident_id)
    if found is None:
        raise UsageError(f"incident {approval.incident_id} is gone; reject the approval")
    recorded = RecordedSession(node, found)
    recorded.approve(approval)
    if not node.store.resolve_approval(approval.approval_id, "approved", node.name):
        note("somebody else has just settled it")
        return EXIT_FAILURE
    with leave_on_signals():
        recorded.heal(actor=node.name)
    recorded.finish()
    _say(recorded)
    return 0 if recorded.verified else EXIT_FAILURE


def _say(recorded: RecordedSession) -> None:
    for line in recorded.lines():
        say(line)
