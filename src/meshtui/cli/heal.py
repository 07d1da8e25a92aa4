"""`meshtui heal INCIDENT`: try what is known on an incident that is stored, and run its command again."""

from __future__ import annotations

import sys

import click

from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.healing import replay
from meshcore.healing.approvals import claim_approved
from meshcore.healing.series import Series
from meshcore.healing.session import Session as Healing
from meshcore.hook.answer import report
from meshcore.model import MODES, Incident, Mode
from meshcore.node import Node
from meshcore.safety.visible_text import fence
from meshcore.trust.authors import trust_in
from meshtui.cli.asking import ask_here
from meshtui.cli.context import Session, json_option, leave_on_signals, print_json, say

OUTPUT_LIMIT = 1_000  # bytes of what a fix printed that an agent is told


@click.command()
@click.argument("incident")
@click.option("--mode", type=click.Choice(MODES), default="auto", show_default=True, help="The ceiling for this call.")
@click.option("--approval", metavar="ID", help="Carry out what was approved under this id, and nothing else.")
@json_option
@click.pass_obj
def heal(session: Session, incident: str, mode: Mode, approval: str | None, as_json: bool) -> int:
    """Try what is known on an incident, in its recorded folder, and run its command again. `last` is the newest here.

    What a person must decide is asked at a terminal, and waits under `meshtui approvals` elsewhere. Exit 0 only if the
    command now succeeds.
    """
    with session.node(fresh=True) as node:
        found = node.store.incidents.find(incident)
        if found is None:
            raise UsageError(f"no incident {incident!r}; `meshtui incidents list` shows them")
        if approval is not None:
            return _heal_approved(node, found, approval, mode, as_json)
        one = replay.recorded_session(node, found)
        one.consider(mode)
        healing = Series(one, mode, ask=ask_here)
        with leave_on_signals():
            healing.heal()
        healing.finish()
        return _told(healing, as_json)


def _heal_approved(node: Node, incident: Incident, approval_id: str, mode: Mode, as_json: bool) -> int:
    claimed = claim_approved(node, approval_id)
    if claimed is None or claimed.incident_id != incident.incident_id:
        raise UsageError(f"approval {approval_id!r:.80} is none of it, not approved, or carried out already")
    with leave_on_signals():
        healing = replay.carry_out_claimed(node, claimed, mode)
    healing.finish()
    return _told(healing, as_json)


def _lines(healing: Series) -> list[str]:
    """Return what there is to say; what an agent may read is fenced, as in a hook's answer."""
    if sys.stdout.isatty():
        return replay.lines(healing)
    return [line for session in healing.links for line in _fenced(session)]


def _fenced(session: Healing) -> list[str]:
    lines, known, match = replay.about(session), session.considered.known, session.considered.match
    if known is None or match is None:
        return lines
    author = session.node.store.skills.learnt_by(known.skill_id) or trust_in(session.node, known.author).name
    said = "\n".join(replay.said(session))
    quoted = fence(said, "the fix", "what it printed", OUTPUT_LIMIT).split("\n") if said else []
    return [*report(known, match, author, now=session.node.store.skills.now()).split("\n"), *lines[2:], *quoted]


def _told(healing: Series, as_json: bool) -> int:
    if as_json:
        print_json("healing", replay.summary(healing))
    else:
        for line in _lines(healing):
            say(line)
    return 0 if healing.verified else EXIT_FAILURE
