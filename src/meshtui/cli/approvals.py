"""`meshtui approvals`: what waits for a person. Who approves executes, here, exactly what was shown."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict

import click

from meshcore.control import other_homes
from meshcore.control.needs_you import NeedsYou, needs_you
from meshcore.control.other_homes import OtherHome
from meshcore.control.standing_rules import find_rule, standing_rules, withdraw
from meshcore.errors import EXIT_FAILURE, UsageError
from meshcore.exchange.receive import exchange
from meshcore.healing import approvals as waiting
from meshcore.healing.approvals import ApprovalView, approval_view, view_elsewhere
from meshcore.healing.replay import approval_session, lines, take_back
from meshcore.healing.series import Series
from meshcore.model import Json
from meshcore.node import Node
from meshcore.safety.keys import SigningKey
from meshcore.service.holding import when_there
from meshcore.store.inbox import Asked
from meshcore.store.rows import Approval
from meshcore.trust.hosts import Hosts
from meshtui.cli.context import Session, json_option, leave_on_signals, note, print_json, say, table
from meshtui.cli.group import Group
from meshtui.cli.passphrase import passphrase_option, signing_key

POLL_SECONDS = 0.2


@click.group(cls=Group)
def approvals() -> None:
    """What waits for a person: list, approve, reject, undo, wait; what was ruled for good: rules, withdraw."""


@approvals.command("list")
@click.option("--all", "everything", is_flag=True, help="Settled ones too.")
@json_option
@click.pass_obj
def list_approvals(session: Session, everything: bool, as_json: bool) -> int:
    """List what would run, where, as whom, why a person is asked, and how its author has fared.

    What waits in the other homes that `homes` in config.toml names is listed too. Where one of them cannot be read,
    that is said, and the exit code is 1.
    """
    others = other_homes.look(session.settings)
    with session.node() as node:
        exchange(node)
        listed = node.store.approvals.all(waiting_only=not everything)
        asked = needs_you(listed, node.store.inbox.waiting(), others)
        rows = _rows(node, asked)
    _show(rows, as_json, asked.homes)
    return EXIT_FAILURE if asked.unread else 0


def _rows(node: Node, asked: NeedsYou) -> list[dict[str, Json]]:
    rows = [_as_json(node, approval) for approval in asked.here]
    if asked.nodes:  # the same fix together
        rows += [_elsewhere(node, one) for one in asked.nodes]
        fixes = list(dict.fromkeys(row["command"] for row in rows))
        rows.sort(key=lambda row: fixes.index(row["command"]))
    return [*rows, *({**_to_json(view), "home": str(one.home)} for one in asked.homes for view in one.waiting)]


@approvals.command()
@click.option("--timeout", type=click.FloatRange(0), metavar="SECONDS", help="Give up after this time (exit 1).")
@json_option
@click.pass_obj
def wait(session: Session, timeout: float | None, as_json: bool) -> int:
    """Wait until something waits for a person, and list it: exit 0. For scripts."""
    with session.node() as node:
        found = wait_for_approvals(node, timeout, time.sleep)
        rows = _rows(node, found)
    if not rows:
        return EXIT_FAILURE
    _show(rows, as_json, found.homes)
    return 0


def wait_for_approvals(node: Node, timeout: float | None, sleep: Callable[[float], None]) -> NeedsYou:
    """Return what waits for a person, as soon as there is any; nothing after `timeout` seconds (None: never)."""
    started = node.clock.monotonic()
    homes = other_homes.Watched(node.settings)
    while not (found := _needs_you(node, homes)).count:
        waited = node.clock.monotonic() - started
        if timeout is not None and waited >= timeout:
            break
        sleep(POLL_SECONDS if timeout is None else min(POLL_SECONDS, timeout - waited))
    return found


def _needs_you(node: Node, homes: other_homes.Watched) -> NeedsYou:
    if node.settings.homes:
        homes.look()
    return needs_you(node.store.approvals.all(), node.store.inbox.waiting(), homes.homes)


def _as_json(node: Node, approval: Approval) -> dict[str, Json]:
    return _to_json(approval_view(node, approval))


def _to_json(view: ApprovalView) -> dict[str, Json]:
    found = asdict(view)
    return {**found, "for": found.pop("failed"), "as": found.pop("user")}


def _elsewhere(node: Node, asked: Asked) -> dict[str, Json]:
    """Return what another host asks, as that host's node has signed it."""
    return {**_to_json(view_elsewhere(node, asked)), "node": asked.node}


def _show(rows: list[dict[str, Json]], as_json: bool, others: Sequence[OtherHome] = ()) -> None:
    for one in others:
        if said := one.fault or (f"{one.home}: {one.held}" if one.held and one.waiting else ""):
            note(said)
        if one.more:
            note(f"{one.home}: more waits than the {len(one.waiting)} that are listed")
    if as_json:
        print_json("approvals", rows)
        return
    unread = sum(bool(one.fault) for one in others)
    home = ("home",) if others else ()
    columns = ("approval", "state", "would run", "then again", "in", "as", "for", "why you are asked", "author", *home)
    lines = [
        (
            row["approval_id"][:8],
            row["state"],
            _executed(row["runs"], row["command"]),
            row["rerun"] or "-",
            row["cwd"],
            row["as"],
            row["for"],
            "; ".join(row["reasons"]),
            _author_in_words(row["author"]),
            *([row.get("home", "this one")] if home else []),
        )
        for row in rows
    ]
    empty = "nothing waits for you" + (" in the homes that could be read" if unread else "")
    table(columns, lines, empty=empty, spare=("state", "as", "for", "author", "in"))


def _executed(runs: str, command: str) -> str:
    """Return what would be executed; also as it was written, where that names a file of which only a copy is used."""
    return f"{runs}  (from: {command})" if runs and command.rpartition(" ")[2] not in runs else runs or command


def _author_in_words(author: dict[str, Json]) -> str:
    trust = author["trust"] or "judged there"
    return f"{author['name'] or '-'} ({trust}), verified {author['verified']} of {author['tries']}"


def _find(node: Node, reference: str) -> Approval:
    found = node.store.approvals.find(reference)
    if found is None:
        raise UsageError(f"no approval {reference!r}; `meshtui approvals list` shows them")
    if found.state != "waiting":
        raise UsageError(f"approval {reference} is {found.state} already, by {found.actor}")
    return found


def _asked_elsewhere(node: Node, reference: str, *, everywhere: bool = False) -> list[Asked]:
    """Return what other hosts ask under an id, or for the same fix. Raises UsageError where the id means several."""
    found, here = node.store.inbox.find(reference), node.store.approvals.find(reference)
    if len(found) > 1 or (found and here is not None):
        raise UsageError(f"several approvals begin with {reference!r}; `meshtui approvals list` shows them")
    if not everywhere:
        return found
    same = (
        (here.action_hash, here.runs)
        if here is not None
        else (found[0].body.get("action_hash"), found[0].body.get("runs"))
        if found
        else None
    )
    return [one for one in node.store.inbox.waiting() if (one.body.get("action_hash"), one.body.get("runs")) == same]


def _in_another_home(session: Session, node: Node, reference: str) -> tuple[OtherHome, ApprovalView] | None:
    """Return what waits in another home under an id, None where this one knows it or none does. Raises UsageError."""
    if not node.settings.homes or len(reference) < 6 or node.store.approvals.find(reference) is not None:
        return None
    told = [asked.approval_id for asked in node.store.inbox.find(reference)]
    others = other_homes.unless_told(other_homes.look(session.settings), told)
    found = [(one, view) for one in others for view in one.waiting if view.approval_id.startswith(reference)]
    if len(found) > 1:
        raise UsageError(f"several approvals begin with {reference!r:.80}; `meshtui approvals list` shows them")
    if not found:
        for one in others:
            if one.fault:
                note(one.fault)
    return found[0] if found else None


def _settle_there(
    node: Node, other: OtherHome, view: ApprovalView, *, yes: bool, signer: SigningKey | None = None
) -> int:
    """Write a yes or no into another home. Raises MeshError."""
    if not other_homes.settle(other, view, node.settings, node.clock, yes=yes, signer=signer):
        note("somebody else has just settled it")
        return EXIT_FAILURE
    say(f"{'approved' if yes else 'rejected'} in {other.home}: {view.runs or view.command}")
    if yes:
        say(when_there(other.home))
    return 0


def _answer(node: Node, asked: list[Asked], *, yes: bool, signer: SigningKey | None = None) -> None:
    hosts = Hosts(node)
    for one in asked:
        waiting.answer_elsewhere(node, one, yes=yes, signer=signer)
        at = hosts.of(one.node)
        where, command = at.name if at is not None else one.node[:12], one.body.get("runs")
        if yes:
            say(f"{where} is told, signed: {command}; it runs there as far as its own policy and brakes allow")
        else:
            say(f"{where} is told not to run: {command}")
    exchange(node)
    if node.bridge_fault:
        note(f"not told yet: {node.bridge_fault}")


@approvals.command()
@click.argument("approval")
@click.option("--always", is_flag=True, help="From now on too: exactly this, for this skill, in this project.")
@click.option("--everywhere", is_flag=True, help="On each other host that asks for exactly the same, too.")
@passphrase_option
@click.pass_obj
def approve(session: Session, approval: str, always: bool, everywhere: bool, passphrase_file: str | None) -> int:
    """Run what waits, in its recorded folder, and run the failed command again.

    What another host of yours asks is told that host, signed: it is carried out there, under its policy. What waits in
    another home of yours (`homes` in config.toml) is approved in that home, and carried out by its runtime.
    """
    with session.node(fresh=True) as node:
        if there := _in_another_home(session, node, approval):
            if always or everywhere:
                raise UsageError("--always and --everywhere are for this home; say it in the other one, with --home")
            return _settle_there(node, *there, yes=True, signer=signing_key(node, passphrase_file))
        elsewhere = _asked_elsewhere(node, approval, everywhere=everywhere)
        if elsewhere:
            if always:
                raise UsageError("--always is for a project of this host; say it there")
            signer = signing_key(node, passphrase_file)
            _answer(node, elsewhere, yes=True, signer=signer)
            if node.store.approvals.find(approval) is None:
                return 0
        found = _find(node, approval)
        healing = approval_session(node, found)
        signer = signing_key(node, passphrase_file)
        if not waiting.approve(node, found.approval_id, always=always, signer=signer, claim=True):
            note("somebody else has just settled it")
            return EXIT_FAILURE
        series = Series(healing, "auto")
        with leave_on_signals():
            series.heal()
        series.finish()
        for line in lines(series):
            say(line)
    if always:
        say(f"from now on without asking in its project, as far as modes and brakes allow: {found.command}")
    return 0 if series.verified else EXIT_FAILURE


@approvals.command()
@click.argument("approval")
@click.option("--not-here", is_flag=True, help="And do not offer this skill in this project again.")
@click.pass_obj
def reject(session: Session, approval: str, not_here: bool) -> int:
    """Do not run it."""
    with session.node(fresh=True) as node:
        if there := _in_another_home(session, node, approval):
            if not_here:
                raise UsageError("--not-here is for a project of this home; say it in the other one, with --home")
            return _settle_there(node, *there, yes=False)
        if elsewhere := _asked_elsewhere(node, approval):
            if not_here:
                raise UsageError("--not-here is for a project of this host; say it there")
            _answer(node, elsewhere, yes=False)
            return 0
        found = _find(node, approval)
        if not waiting.reject(node, found.approval_id, not_here=not_here):
            return EXIT_FAILURE
    say(f"rejected: {found.command}; `meshtui approvals undo {found.approval_id[:8]}` takes that back")
    return 0


@approvals.command()
@click.argument("approval")
@click.pass_obj
def undo(session: Session, approval: str) -> None:
    """Take your rejection back: it is judged anew and waits again. Nothing runs by this."""
    with session.node(fresh=True) as node:
        again = take_back(node, approval)
    say(f"it waits again, as {again.approval_id[:8]}: {again.runs or again.command}")


@approvals.command()
@json_option
@click.pass_obj
def rules(session: Session, as_json: bool) -> None:
    """List what was ruled for whole projects, for good: what, where, by whom, since when, and how often it was used."""
    with session.node() as node:
        found = standing_rules(node)
    if as_json:
        print_json("rules", [asdict(rule) for rule in found])
        return
    lines = [
        (
            rule.rule_id[:8],
            rule.kind if rule.counts else f"{rule.kind}, not signed",
            rule.command,
            rule.folder,
            rule.actor,
            rule.since[:19],
            "-" if rule.used is None else rule.used,
        )
        for rule in found
    ]
    columns = ("rule", "kind", "what", "in", "by", "since (UTC)", "used")
    table(columns, lines, empty="nothing was ruled for a whole project", spare=("by", "since (UTC)"))


@approvals.command("withdraw")
@click.argument("rule")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def withdraw_rule(session: Session, rule: str, yes: bool) -> int:
    """Let a standing rule hold no longer: a person is asked again, or the skill is offered again. Asks once."""
    with session.node(fresh=True) as node:
        found = find_rule(node, rule)
        if not yes:
            if not sys.stdin.isatty():
                raise UsageError("nothing was withdrawn: there is no terminal to ask on; add --yes")
            note(f"{found.kind}: {found.command} in {found.folder}")
            if not click.confirm("withdraw it?", err=True):
                return EXIT_FAILURE
        if not withdraw(node, found):
            note("somebody else has just withdrawn it")
            return EXIT_FAILURE
    say(f"withdrawn: {found.kind}: {found.command} in {found.folder}")
    return 0
