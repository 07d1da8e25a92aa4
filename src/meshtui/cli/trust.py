"""`meshtui trust`: whose fixes may run here. Your own nodes are enrolled by your operator key, all others by you."""

from __future__ import annotations

from pathlib import Path

import click

from meshcore.control.decisions import accept_checkout, enrol_author, revoke
from meshcore.control.host_brakes import revoke_host
from meshcore.control.key_protection import (
    enrol_here,
    grants,
    protect,
    sign_decisions,
    unprotect,
    unsigned,
    unsigned_skills,
)
from meshcore.control.key_rotation import rotate
from meshcore.errors import UsageError
from meshcore.exchange.receive import exchange
from meshcore.model import Json
from meshcore.node import Node
from meshcore.safety.operator_key import is_protected, unlock
from meshcore.service.runtime import RuntimeLock
from meshcore.trust.authors import author_mode, find_author, meet_members, trust_in
from meshcore.trust.hosts import Hosts
from meshcore.trust.signed_decisions import protected, require
from meshcore.trust.telling import is_told
from meshtui.cli.context import Session, json_option, note, print_json, say, table
from meshtui.cli.group import Group
from meshtui.cli.passphrase import passphrase, passphrase_option, signing_key


@click.group(cls=Group)
def trust() -> None:
    """Whose fixes may run here: list, enroll, checkout, revoke, rotate, protect, sign, unprotect."""


@trust.command("list")
@json_option
@click.pass_obj
def list_authors(session: Session, as_json: bool) -> None:
    """List every node that was heard: whose it is, what it is to you, how far its skills may go."""
    with session.node(fresh=True) as node:
        meet_members(node)
        rows = _rows(node)
    if as_json:
        print_json("authors", rows)
        return
    lines = [
        (
            row["node"][:12],
            row["name"] or "-",
            row["host"] or "-",
            row["operator"][:12] or "-",
            row["state"] + (f": {row['why']}" if row["why"] else ""),
            row["mode"] + (", told" if row["told"] and row["state"] != "own" else ""),
            row["skills"],
            row["seen"][:19],
        )
        for row in rows
    ]
    columns = ("node", "name", "host", "operator", "trust", "mode", "skills", "last heard (UTC)")
    table(columns, lines, empty="nobody was heard yet", spare=("last heard (UTC)", "skills", "host"))


def _rows(node: Node) -> list[dict[str, Json]]:
    skills = node.store.authors.count_skills()
    rows = []
    for author in node.store.authors.all():
        found = trust_in(node, author.node)
        state, why = ("replaced", author.successor[:12]) if author.successor else (found.state, found.why)
        rows.append(
            {
                "node": author.node,
                "name": author.name,
                "host": author.host,
                "operator": author.operator,
                "state": state,
                "why": why,
                "mode": author_mode(node, author.node),
                "told": state == "own" or (not found.stop and is_told(node.store, author.node, author.operator)),
                "skills": skills.get(author.node, 0),
                "highest_seq": author.highest_seq,
                "newest": author.newest,
                "seen": author.last_seen,
            }
        )
    return rows


@trust.command()
@click.argument("who")
@click.option("--tell", is_flag=True, help="Tell agents what it says fails and what to type instead. Never run.")
@passphrase_option
@click.pass_obj
def enroll(session: Session, who: str, tell: bool, passphrase_file: str | None) -> None:
    """Let the skills of a node, or of all of an operator's nodes, be offered to you for approval on this home.

    It also lifts a revocation on this home, and accepts a key that has changed. To let such skills run unattended, set
    `meshtui mode auto --author WHO` as well.

    With --tell agents also hear, fenced and with its name, what it says of a project's commands: that one fails, and
    what passed instead. Enrolled again without it, they hear that no longer.
    """
    with session.node(fresh=True) as node:
        meet_members(node)
        key, name = find_author(node, who)
        enrol_author(node, key, signer=signing_key(node, passphrase_file), tell=tell)
    told = "; agents are told what it says fails" if tell else ""
    say(f"enrolled: {name} ({key[:12]}); its fixes may be offered for approval{told}")


@trust.command()
@click.argument("folder", default=".", type=click.Path(exists=True, file_okay=False))
@click.option("--undo", is_flag=True, help="Let it count no longer.")
@click.pass_obj
def checkout(session: Session, folder: str, undo: bool) -> None:
    """Let what other nodes say of a project's commands count in this checkout of it: FOLDER, or the one you are in.

    A project is known by its remote and its first commit, which a hostile folder can copy. So on each machine you say
    once that a checkout is what it says it is.
    """
    with session.node() as node:
        root, known = accept_checkout(node, str(Path(folder).resolve()), not undo)
    counts = "counts no longer" if undo else "counts"
    commands = "1 command" if known == 1 else f"{known} commands"
    say(f"{root}: what other nodes say of this project {counts} here ({commands} so far)")


@trust.command("revoke")
@click.argument("who")
@click.argument("why", default="")
@click.option("--host", is_flag=True, help="WHO is a host of yours: withdraw all of its nodes.")
@click.pass_obj
def revoke_author(session: Session, who: str, why: str, host: bool) -> None:
    """Let nothing of a node, or of an operator, run any more: here at once, on your other nodes when they next look.

    Skills stay to be seen. `meshtui trust enroll` lifts it, on each home by itself.
    """
    with session.node(fresh=host) as node:
        if host:
            keys, name = revoke_host(node, Hosts(node).find(who), why), who
        else:
            key, name = _find_known(node, who)
            if key == node.identity.operator:
                raise UsageError("that is yourself: stop everything with `meshtui halt WHY`")
            revoke(node, key, why)
            keys = [key]
        exchange(node)
        node.project()
        if node.bridge_fault:
            note(f"your other nodes are told later; bridge: {node.bridge_fault}")
    say(f"revoked: {name} ({', '.join(key[:12] for key in keys)})")


def _find_known(node: Node, who: str) -> tuple[str, str]:
    try:
        return find_author(node, who)
    except UsageError:
        meet_members(node)
        return find_author(node, who)


@trust.command("rotate")
@passphrase_option
@click.pass_obj
def rotate_key(session: Session, passphrase_file: str | None) -> None:
    """Give this node a new key; the others take it for the same node. Needs the bridge, and no runtime of this home."""
    with session.node(fresh=True, needs_bridge=True) as node:
        lock = RuntimeLock(node.home.runtime_lock)
        lock.take()
        try:
            old, new = rotate(node, signing_key(node, passphrase_file))
        finally:
            lock.release()
        node.project()
    say(f"this node's key is now {new[:12]}, it was {old[:12]}")


@trust.command("protect")
@passphrase_option
@click.pass_obj
def protect_key(session: Session, passphrase_file: str | None) -> None:
    """Put a passphrase on your operator key: from then on whatever widens what may run needs it.

    What this home has decided so far is signed, so that it goes on as before. Your other homes are enrolled by
    `meshtui trust sign` there.
    """
    with session.node(fresh=True) as node:
        first = not is_protected(node.operator_key)
        protect(node, passphrase(passphrase_file, "new passphrase: " if first else "passphrase: ", twice=first))
        exchange(node)
        signed = [what for _, _, what in grants(node)]
        node.project()
    say(f"{node.operator_key} is protected; your other nodes need `meshtui trust sign` once")
    if first:
        for what in signed:
            say(f"signed: {what}")


@trust.command("unprotect")
@passphrase_option
@click.pass_obj
def unprotect_key(session: Session, passphrase_file: str | None) -> None:
    """Take the passphrase off your operator key again: any program that runs as you can then approve."""
    with session.node() as node:
        unprotect(node, passphrase(passphrase_file, f"passphrase of {node.operator_key}: "))
    say(f"{node.operator_key} has no passphrase any more")


@trust.command()
@click.option("--decisions", is_flag=True, help="Also sign the rules and confirmed skills of this home, as listed.")
@passphrase_option
@click.pass_obj
def sign(session: Session, decisions: bool, passphrase_file: str | None) -> None:
    """Enrol this node under your protected operator key, so that your other nodes know it for yours.

    With --decisions, what this home has decided without a signature counts too: read the list first, without it.
    """
    with session.node(fresh=True) as node:
        if not protected(node):
            raise UsageError("the operator key is not protected: nothing needs a signature")
        listed = unsigned(node) + [f"skill {skill_id[:12]}" for skill_id in unsigned_skills(node)]
        key = unlock(node.operator_key, passphrase(passphrase_file, f"passphrase of {node.operator_key}: "))
        require(node, key)
        new = enrol_here(node, key)
        if decisions:
            sign_decisions(node, key)
        exchange(node)
        node.project()
    say("this node is enrolled now" if new else "this node was enrolled already")
    for what in listed:
        say(f"{'signed' if decisions else 'not signed, so it does not count'}: {what}")
