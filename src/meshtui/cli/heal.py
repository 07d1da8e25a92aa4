"""`meshtui heal INCIDENT`: try what is known on an incident that is stored, and run its command again."""

from __future__ import annotations

import sys

import click

from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.healing import replay
from meshcore.healing.approvals import claim_approved
from meshcore.healing.session import Session as Healing
from meshcore.hook.answer import report
from meshcore.model import MODES, Incident, Mode
from meshcore.node import Node
from meshcore.trust.authors import trust_in
from meshtui.cli.context import Session, json_option, leave_on_signals, print_json, say


@click.command()
@click.argument("incident")
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="The ceiling for this call.")
@click.option("--approval", metavar="ID", help="Carry out what was approved under this id, and nothing else.")
@json_option
@click.pass_obj
def heal(session: Session, incident: str, mode: Mode, approval: str | None, as_json: bool) -> int:
    """Try what is known on an incident, in its recorded folder, and run its command again. `last` is the newest here.

    Exit 0 only if the command now succeeds.
    """
    with session.node(fresh=True) as node:
        found = node.store.incidents.find(incident)
        if found is None:
            raise UsageError(f"no incident {incident!r}; `meshtui incidents list` shows them")
        if approval is not None:
            return _heal_approved(node, found, approval, as_json)
        healing = replay.recorded_session(node, found)
        healing.consider(mode)
        if healing.may_apply:
            with leave_on_signals():
                healing.heal()
        healing.finish()
        return _told(healing, as_json)


def _heal_approved(node: Node, incident: Incident, approval_id: str, as_json: bool) -> int:
    claimed = claim_approved(node, approval_id)
    if claimed is None or claimed.incident_id != incident.incident_id:
        raise UsageError(f"approval {approval_id!r:.80} is none of it, not approved, or carried out already")
    with leave_on_signals():
        healing = replay.carry_out_claimed(node, claimed)
    healing.finish()
    return _told(healing, as_json)


def _lines(healing: Healing) -> list[str]:
    """Return what there is to say; what an agent may read is fenced, as in a hook's answer."""
    found, known, match = replay.lines(healing), healing.considered.known, healing.considered.match
    if sys.stdout.isatty() or known is None or match is None:
        return found
    author = healing.node.store.skills.learnt_by(known.skill_id) or trust_in(healing.node, known.author).name
    return [*report(known, match, author).split("\n"), *found[2:]]


def _told(healing: Healing, as_json: bool) -> int:
    if as_json:
        print_json("healing", replay.summary(healing))
    else:
        for line in _lines(healing):
            say(line)
    return 0 if healing.verified else EXIT_FAILURE
