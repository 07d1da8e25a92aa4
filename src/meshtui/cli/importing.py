"""`meshtui import`: what agents learnt before they were on the mesh."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from meshcore.agents.table import with_sessions
from meshcore.knowledge.history import Preview, preview
from meshcore.model import Json, Skill
from meshtui.cli.context import Session, json_option, note, print_json, say

SHOWN = 20  # fixes that are listed before the question


@click.group()
def import_from() -> None:
    """What agents learnt before they were on the mesh."""


@import_from.command()
@click.argument("agent", required=False, type=click.Choice(with_sessions()))
@click.option("--yes", is_flag=True, help="Import without asking.")
@click.option("--dry-run", is_flag=True, help="Only show what would be imported.")
@json_option
@click.pass_obj
def history(session: Session, agent: str | None, yes: bool, dry_run: bool, as_json: bool) -> int:
    """Find failure → fix sequences in the local session files of AGENT (default: of all that are known).

    Nothing is written without a yes. A fix comes in unconfirmed, until it was seen in two sessions and two projects;
    what brings something in from the network stays unconfirmed.
    """
    names = [agent] if agent else with_sessions()
    previews = []
    for name in names:
        with _bar(name) as progress:
            previews.append(preview(name, progress=progress))
    if not as_json:
        for found in previews:
            _show(found)
    wanted = any(found.sessions for found in previews) and not dry_run
    if wanted and not yes:
        wanted = _asked(as_json)
    rows = [_import(session, found, as_json) if wanted and found.sessions else _as_json(found) for found in previews]
    if as_json:
        print_json("history", {"imported": wanted, "agents": rows})
    return 0


def _asked(as_json: bool) -> bool:
    if as_json or not sys.stdin.isatty():
        note("nothing was imported: say --yes to import without being asked")
        return False
    return click.confirm("Import?", default=False, err=True)


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show how far the reading is, on a terminal only."""
    if not sys.stderr.isatty():
        yield None
        return
    shown = click.progressbar(length=1, label=f"reading {name}", file=sys.stderr, show_eta=False, width=24)
    with shown as bar:

        def progress(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield progress


def _show(found: Preview) -> None:
    if not found.sessions:
        say(f"{found.agent}: no session files here")
        return
    say(f"{found.agent}: {found.sentence()}")
    for fix in found.fixes[:SHOWN]:
        times = "once" if fix.times == 1 else f"{fix.times} times"
        say(f"  {times:<8}  {_one_line(fix.skill.example_line, 52)} → {_command(fix.skill)}")
    if len(found.fixes) > SHOWN:
        say(f"  and {len(found.fixes) - SHOWN} more")
    before = _before(found)["seconds_to_green"]
    if before["n"]:
        say(
            f"  before, from failure to green: median {before['median']:.0f} s, p90 {before['p90']:.0f} s,"
            f" {before['min']:.0f}–{before['max']:.0f} s (n={before['n']}; retrospective)"
        )
    for reason, number in found.left_out.items():
        say(f"  left out: {number} × {reason}")
    if found.broken:
        note(f"{found.agent}: {found.broken} lines passed over, the first: {'; '.join(found.named[:3])}")


def _import(session: Session, found: Preview, as_json: bool) -> dict[str, Json]:
    from meshcore.exchange.receive import exchange
    from meshcore.healing.importing import adopt_history

    with session.node() as node:
        done = adopt_history(node, found, _before(found))
        exchange(node)
        node.project()
    if not as_json:
        skills = "1 skill" if done.added == 1 else f"{done.added} skills"
        say(f"{found.agent}: {skills} added, {done.confirmed} of them confirmed")
        for reason in done.left_out:
            say(f"left out: {reason}")
    return {**_as_json(found), "added": done.added, "confirmed": done.confirmed, "refused": list(done.left_out)}


def _before(found: Preview) -> dict[str, Json]:
    from meshcore.evidence.distribution import distribution

    return {
        "seconds_to_green": distribution(found.seconds).to_json(),
        "seconds_to_green_any": distribution(found.seconds_any).to_json(),
    }


def _as_json(found: Preview) -> dict[str, Json]:
    fixes = [
        {"skill_id": f.skill.skill_id, "line": f.skill.example_line, "command": _command(f.skill), "times": f.times}
        for f in found.fixes
    ]
    counted = ("agent", "sessions", "size", "commands", "failures", "repeated", "proven", "broken")
    return {
        **{name: getattr(found, name) for name in counted},
        "fixes": fixes,
        "left_out": dict(found.left_out),
        "retrospective": True,
        **_before(found),
    }


def _command(skill: Skill) -> str:
    from meshcore.knowledge.parts import example_fix

    return example_fix(skill)


def _one_line(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
