"""`meshtui approvals`: what waits for a person. Who approves executes, here, exactly what was shown."""

from __future__ import annotations

import shlex

import click

from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.healing.node import Node
from meshcore.store import Approval
from meshtui.cli.context import Session, json_option, print_json, say, table
from meshtui.cli.heal import heal_approved


@click.group()
def approvals() -> None:
    """What waits for a person: list, approve, reject."""


@approvals.command("list")
@click.option("--all", "everything", is_flag=True, help="Settled ones too.")
@json_option
@click.pass_obj
def list_approvals(session: Session, everything: bool, as_json: bool) -> None:
    """List what would run, where, and why a person is asked."""
    with session.node() as node:
        found = node.store.approvals(waiting_only=not everything)
        where = {a.incident_id: i for a in found if (i := node.store.incident(a.incident_id))}
    if as_json:
        rows = [
            {
                "approval_id": a.approval_id,
                "incident_id": a.incident_id,
                "skill_id": a.skill_id,
                "command": a.command,
                "cwd": where[a.incident_id].cwd if a.incident_id in where else "",
                "reasons": list(a.reasons),
                "asked": a.asked,
                "state": a.state,
                "actor": a.actor,
            }
            for a in found
        ]
        print_json("approvals", rows)
        return
    lines = [
        (
            a.approval_id[:8],
            a.state,
            a.command,
            where[a.incident_id].cwd if a.incident_id in where else "",
            shlex.join(where[a.incident_id].argv) if a.incident_id in where else "",
            "; ".join(a.reasons),
        )
        for a in found
    ]
    columns = ("approval", "state", "would run", "in", "for", "why you are asked")
    table(columns, lines, empty="nothing waits for you", spare=("state", "for", "in"))


def _find(node: Node, reference: str) -> Approval:
    found = node.store.approval(reference)
    if found is None:
        raise UsageError(f"no approval {reference!r}; `meshtui approvals list` shows them")
    if found.state != "waiting":
        raise UsageError(f"approval {reference} is {found.state} already, by {found.actor}")
    return found


@approvals.command()
@click.argument("approval")
@click.pass_obj
def approve(session: Session, approval: str) -> int:
    """Run what waits, in its recorded folder, and run the failed command again."""
    with session.node(fresh=True) as node:
        found = _find(node, approval)
        return heal_approved(node, found)


@approvals.command()
@click.argument("approval")
@click.pass_obj
def reject(session: Session, approval: str) -> int:
    """Do not run it."""
    with session.node() as node:
        found = _find(node, approval)
        if not node.store.resolve_approval(found.approval_id, "rejected", node.name):
            return EXIT_FAILURE
        node.store.set_incident_state(found.incident_id, "refused", skill_id=found.skill_id)
        node.project()
    say(f"rejected: {found.command}")
    return 0
