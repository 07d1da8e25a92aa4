"""`meshtui approvals`: what waits for a person. Who approves executes, here, exactly what was shown."""

from __future__ import annotations

import os
import pwd
import shlex
import time
from collections.abc import Callable

import click

from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.healing.capture import project_root
from meshcore.healing.node import Node
from meshcore.healing.trust import always_key, not_here_key, trust_in
from meshcore.model import Incident, Json
from meshcore.store import Approval
from meshtui.cli.context import Session, json_option, print_json, say, table
from meshtui.cli.heal import heal_approved

POLL_SECONDS = 0.2


@click.group()
def approvals() -> None:
    """What waits for a person: list, approve, reject, wait."""


@approvals.command("list")
@click.option("--all", "everything", is_flag=True, help="Settled ones too.")
@json_option
@click.pass_obj
def list_approvals(session: Session, everything: bool, as_json: bool) -> None:
    """List what would run, where, as whom, why a person is asked, and how its author has fared."""
    with session.node() as node:
        rows = [_as_json(node, approval) for approval in node.store.approvals(waiting_only=not everything)]
    _show(rows, as_json)


@approvals.command()
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Give up after this time (exit 1).")
@json_option
@click.pass_obj
def wait(session: Session, timeout: float | None, as_json: bool) -> int:
    """Wait until something waits for a person, and list it: exit 0. For scripts."""
    with session.node() as node:
        found = wait_for_approvals(node, timeout, time.sleep)
        rows = [_as_json(node, approval) for approval in found]
    if not rows:
        return EXIT_FAILURE
    _show(rows, as_json)
    return 0


def wait_for_approvals(node: Node, timeout: float | None, sleep: Callable[[float], None]) -> list[Approval]:
    """Return what waits for a person, as soon as there is any; nothing after `timeout` seconds (None: never)."""
    started = node.clock.monotonic()
    while not (found := node.store.approvals()):
        waited = node.clock.monotonic() - started
        if timeout is not None and waited >= timeout:
            break
        sleep(POLL_SECONDS if timeout is None else min(POLL_SECONDS, timeout - waited))
    return found


def _as_json(node: Node, approval: Approval) -> dict[str, Json]:
    incident, known = node.store.incident(approval.incident_id), node.store.skill(approval.skill_id)
    author = trust_in(node, known.author) if known else None
    evidence = known.evidence if known else None
    return {
        "approval_id": approval.approval_id,
        "incident_id": approval.incident_id,
        "skill_id": approval.skill_id,
        "command": approval.command,
        "cwd": incident.cwd if incident else "",
        "for": shlex.join(incident.argv) if incident else "",
        "as": f"{_user()}@{node.settings.host}",
        "reasons": list(approval.reasons),
        "author": {
            "node": known.author if known else "",
            "name": author.name if author else "",
            "trust": author.state if author else "unknown",
            "verified": evidence.verified if evidence else 0,
            "tries": evidence.verified + evidence.failed if evidence else 0,
        },
        "asked": approval.asked,
        "state": approval.state,
        "actor": approval.actor,
    }


def _user() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _show(rows: list[dict[str, Json]], as_json: bool) -> None:
    if as_json:
        print_json("approvals", rows)
        return
    columns = ("approval", "state", "would run", "in", "as", "for", "why you are asked", "author")
    lines = [
        (
            row["approval_id"][:8],
            row["state"],
            row["command"],
            row["cwd"],
            row["as"],
            row["for"],
            "; ".join(row["reasons"]),
            _author_in_words(row["author"]),
        )
        for row in rows
    ]
    table(columns, lines, empty="nothing waits for you", spare=("state", "as", "for", "author", "in"))


def _author_in_words(author: dict[str, Json]) -> str:
    return f"{author['name'] or '-'} ({author['trust']}), verified {author['verified']} of {author['tries']}"


def _find(node: Node, reference: str) -> Approval:
    found = node.store.approval(reference)
    if found is None:
        raise UsageError(f"no approval {reference!r}; `meshtui approvals list` shows them")
    if found.state != "waiting":
        raise UsageError(f"approval {reference} is {found.state} already, by {found.actor}")
    return found


def _project(incident: Incident) -> str:
    return project_root(incident.cwd) or incident.cwd


@approvals.command()
@click.argument("approval")
@click.option("--always", is_flag=True, help="From now on too: exactly this, for this skill, in this project.")
@click.pass_obj
def approve(session: Session, approval: str, always: bool) -> int:
    """Run what waits, in its recorded folder, and run the failed command again."""
    with session.node(fresh=True) as node:
        found = _find(node, approval)
        code = heal_approved(node, found)
        settled = node.store.approval(found.approval_id)
        if always and settled is not None and settled.state == "approved":
            _always(node, found)
    return code


def _always(node: Node, approval: Approval) -> None:
    incident = node.store.incident(approval.incident_id)
    if incident is None:
        return
    folder = _project(incident)
    _set_rule(node, always_key(approval.skill_id, approval.action_hash, folder), approval, f"always in {folder}")
    say(f"from now on without asking in {folder}, as far as modes and brakes allow: {approval.command}")


def _set_rule(node: Node, key: str, approval: Approval, what: str) -> None:
    with node.store.transaction(durable=True):
        node.store.set_rule(key, node.name, node.name)
        data = {"rule": what, "command": approval.command, "actor": node.name}
        node.store.add_event("approval.rule", skill_id=approval.skill_id, data=data)
    node.project()


@approvals.command()
@click.argument("approval")
@click.option("--not-here", is_flag=True, help="And do not offer this skill in this project again.")
@click.pass_obj
def reject(session: Session, approval: str, not_here: bool) -> int:
    """Do not run it."""
    with session.node() as node:
        found = _find(node, approval)
        if not node.store.resolve_approval(found.approval_id, "rejected", node.name):
            return EXIT_FAILURE
        node.store.set_incident_state(found.incident_id, "refused", skill_id=found.skill_id)
        incident = node.store.incident(found.incident_id)
        if not_here and incident is not None:
            folder = _project(incident)
            _set_rule(node, not_here_key(found.skill_id, folder), found, f"not in {folder}")
        node.project()
    say(f"rejected: {found.command}")
    return 0
