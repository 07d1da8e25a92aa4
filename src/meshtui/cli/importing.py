"""`meshtui import`: what agents learnt before they were on the mesh."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from meshcore.agents.table import with_sessions
from meshcore.healing.past_habits import PastHabits
from meshcore.knowledge.history import Preview, preview
from meshcore.model import Json, Skill
from meshcore.safety.visible_text import visible
from meshtui.cli.context import Session, json_option, note, print_json, say
from meshtui.cli.group import Group

SHOWN = 20  # fixes that are listed before the question
WALLS = 8
NEWEST = 512 << 20  # bytes of sessions, the newest, that are read within a minute


@click.group(cls=Group)
def import_from() -> None:
    """What agents learnt before they were on the mesh."""


@import_from.command()
@click.argument("agent", required=False, type=click.Choice(with_sessions()))
@click.option("--yes", is_flag=True, help="Import without asking.")
@click.option("--dry-run", is_flag=True, help="Only show what would be imported.")
@click.option("--all", "everything", is_flag=True, help=f"Read all sessions, not only the newest {NEWEST >> 20} MiB.")
@json_option
@click.pass_obj
def history(session: Session, agent: str | None, yes: bool, dry_run: bool, everything: bool, as_json: bool) -> int:
    """Read what failed, what was typed instead and what fixed it from the session files of AGENT (default: of all).

    Nothing is written without a yes. A fix comes in unconfirmed, until it was seen in two sessions and two projects;
    what brings something in from the network stays unconfirmed. What is known to fail is told after a failure only,
    and to no other node.
    """
    names = [agent] if agent else with_sessions()
    previews, pasts = [], {}
    for name in names:
        past = pasts[name] = PastHabits(name)
        with _bar(name) as progress:
            most = None if everything else NEWEST
            previews.append(preview(name, progress=progress, most=most, listener=past.take))
    if not as_json:
        for found in previews:
            _show(found, pasts[found.agent])
    wanted = any(found.sessions for found in previews) and not dry_run
    if wanted and not yes:
        wanted = _asked(as_json)
    rows = []
    for found in previews:
        past = pasts[found.agent]
        is_taken = wanted and found.sessions
        rows.append(_import(session, found, past, as_json) if is_taken else _as_json(found, past))
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


def _show(found: Preview, past: PastHabits) -> None:
    if not found.sessions:
        say(f"{found.agent}: no session files here")
        return
    say(f"{found.agent}: {found.sentence()}")
    number, sessions = past.told()
    if number:
        said = "once" if number == 1 else f"{number} times"
        say(f"  would have been told {said}, in {sessions} of these sessions: what is known to fail, or passed instead")
    walls = past.walls()
    for wall in walls[:WALLS]:
        instead = f"; passed: {_one_line(wall.instead, 50)}" if wall.instead else ""
        where = wall.folder.rpartition("/")[2]
        say(f"  fails in {where}: {_one_line(visible(wall.command), 52)}, in {wall.sessions} sessions{instead}")
    if len(walls) > WALLS:
        say(f"  and {len(walls) - WALLS} more that failed in two sessions or more and have not passed since")
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
    for reason, number in (*found.left_out.items(), *past.left_out.items()):
        say(f"  left out: {number} × {reason}")
    if found.older:
        say(f"  left out: {found.older >> 20} MiB of older sessions; --all reads them, too")
    if found.broken:
        counted = ", ".join(f"{number} of {version or 'an unknown version'}" for version, number in _versions(found))
        note(f"{found.agent}: {found.broken} lines passed over ({counted}), the first: {'; '.join(found.named[:3])}")
    if not found.commands:
        note(f"{found.agent}: no file tells how a command ended; this version of it writes what meshtui cannot read")


def _versions(found: Preview) -> list[tuple[str, int]]:
    return sorted(found.versions.items(), key=lambda pair: -pair[1])[:5]


def _import(session: Session, found: Preview, past: PastHabits, as_json: bool) -> dict[str, Json]:
    from meshcore.exchange.receive import exchange
    from meshcore.healing.importing import adopt_history

    with session.node() as node:
        done = adopt_history(node, found, _before(found), past)
        exchange(node)
        node.project()
    if not as_json:
        skills = "1 skill" if done.added == 1 else f"{done.added} skills"
        known = f"{done.habits} commands that fail and {done.corrections} corrections noted"
        say(f"{found.agent}: {skills} added, {done.confirmed} of them confirmed; {known}")
        for reason in done.left_out:
            say(f"left out: {reason}")
    counts = {"added": done.added, "confirmed": done.confirmed, "habits": done.habits, "corrections": done.corrections}
    return {**_as_json(found, past), **counts, "refused": list(done.left_out)}


def _before(found: Preview) -> dict[str, Json]:
    from meshcore.evidence.distribution import distribution

    return {
        "seconds_to_green": distribution(found.seconds).to_json(),
        "seconds_to_green_any": distribution(found.seconds_any).to_json(),
    }


def _as_json(found: Preview, past: PastHabits) -> dict[str, Json]:
    fixes = [
        {"skill_id": f.skill.skill_id, "line": f.skill.example_line, "command": _command(f.skill), "times": f.times}
        for f in found.fixes
    ]
    counted = ("agent", "sessions", "size", "commands", "failures", "repeated", "proven", "broken")
    return {
        **{name: getattr(found, name) for name in counted},
        "fixes": fixes,
        "left_out": {**found.left_out, **past.left_out},
        "told": dict(zip(("times", "sessions"), past.told(), strict=True)),
        "walls": [asdict(wall) for wall in past.walls()[:WALLS]],
        "versions": dict(found.versions),
        "older": found.older,
        "retrospective": True,
        **_before(found),
    }


def _command(skill: Skill) -> str:
    from meshcore.knowledge.parts import example_fix

    return example_fix(skill)


def _one_line(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"
