"""`meshtui incidents`: failures, what was done about them, and how that went."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import click

from meshcore.errors import UsageError
from meshcore.healing.obstacles import last_lines
from meshcore.knowledge.filling import fix_of
from meshcore.knowledge.migration import as_it_answers
from meshcore.knowledge.parts import never_tried
from meshcore.model import Incident, Json, KnownSkill
from meshcore.safety.visible_text import visible
from meshcore.store.rows import incident_to_row, outcome_to_json
from meshtui.cli.context import Session, facts, json_option, print_json, say, table
from meshtui.cli.group import Group

STATE_WORDS = {
    "open": "open",
    "matched": "known fix",
    "needs_approval": "needs you",
    "fixing": "fixing",
    "verified": "✓ verified",
    "fix_failed": "fix failed",
    "applied_not_rerun": "applied, not rerun",
    "progress": "fixed, then another",
    "not_applied": "could not be applied",
    "unknown": "unknown",
    "refused": "refused",
}


LINES = 5  # of what a fix that failed printed


@click.group(cls=Group)
def incidents() -> None:
    """Failures, what was done about them, and how that went: list, show."""


@incidents.command("list")
@click.option("--state", default="", type=click.Choice(["", *STATE_WORDS]), help="Only those.")
@click.option("--limit", default=50, show_default=True, help="How many, newest first.")
@json_option
@click.pass_obj
def list_incidents(session: Session, state: str, limit: int, as_json: bool) -> None:
    """List incidents of the whole mesh, newest first."""
    with session.node(fresh=True) as node:
        found = node.store.incidents.all(state=state, limit=limit)
        times = {i.incident_id: node.store.incidents.times(i.incident_id)[2] for i in found}
    if as_json:
        print_json("incidents", [{**_as_json(i), "seconds": times[i.incident_id]} for i in found])
        return
    rows = [
        (
            i.opened[:19].replace("T", " "),
            i.incident_id[:8],
            i.agent.name,
            STATE_WORDS[i.state],
            "" if (seconds := times[i.incident_id]) is None else f"{seconds:.1f} s",
            i.signature.line,
        )
        for i in found
    ]
    table(
        ("opened (UTC)", "incident", "agent", "state", "to green", "error"),
        rows,
        empty="no incidents",
        spare=("to green", "agent"),
    )


@incidents.command()
@click.argument("incident")
@click.option("--tui", is_flag=True, help="In the terminal app: its chain, as it grows.")
@json_option
@click.pass_obj
def show(session: Session, incident: str, tui: bool, as_json: bool) -> int:
    """Show one incident and its chain: error, known fix, decision, commands, rerun. `last` is the newest here."""
    with session.node(fresh=True) as node:
        found = node.store.incidents.find(incident)
        if found is None:
            raise UsageError(f"no incident {incident!r}; `meshtui incidents list` shows them")
        if tui:
            from meshtui.state import Opening
            from meshtui.terminal import run_app

            return run_app(session.settings, Opening(incident=found.incident_id))
        outcomes = node.store.outcomes.of(incident_id=found.incident_id)
        events = node.store.events.of_incident(found.incident_id)
        known = as_it_answers(node.store, found.skill_id) if found.skill_id else None
        _, _, seconds, own = node.store.incidents.times(found.incident_id)
        series = [
            (one, as_it_answers(node.store, one.skill_id) if one.skill_id else None)
            for one in node.store.incidents.series(found.incident_id)
        ]
    if as_json:
        print_json(
            "incident",
            {
                **_as_json(found),
                "seconds": seconds,
                "own_seconds": own,
                **({"series": [_brief(*one) for one in series]} if len(series) > 1 else {}),
                "outcomes": [outcome_to_json(o) for o in outcomes],
                "events": [event.to_json() for event in events],
            },
        )
        return 0
    facts(
        {
            "incident": found.incident_id,
            "agent": f"{found.agent.name} on {found.agent.host} (via {found.agent.via})"
            + (f", sub-agent {found.agent.sub}" if found.agent.sub else ""),
            "opened": found.opened,
            "command": _line(found.argv),
            "folder": found.cwd or "-",
            "exit code": found.exit_code,
            "error": found.signature.line,
            "state": STATE_WORDS[found.state],
            "fix": _fix(found, known) if known else "-",
        }
    )
    if len(series) > 1:
        for at, (one, answer) in enumerate(series, 1):
            here = "▸" if one.incident_id == found.incident_id else " "
            fix = f" → {_fix(one, answer)}" if answer else ""
            line = visible(f"{one.signature.line}{fix}", keep_newlines=False)
            say(f"{here} error {at:<2}  {one.incident_id[:8]}  {STATE_WORDS[one.state]:<18}  {line}")
    for event in events:
        if event.kind == "incident.matched":
            say(f"  why       {event.data.get('why', '')}")
        elif event.kind == "try.decided":
            say(f"  decision  {event.data.get('decision', '')}: {'; '.join(map(str, event.data.get('reasons', [])))}")
    for outcome in outcomes:
        for step in outcome.steps:
            say(f"  ran       {_line(step.argv)} → {step.exit_code} ({step.seconds:.2f} s)")
            for line in last_lines(step, LINES) if step.exit_code != 0 else ():
                say(f"            | {line}")
        if outcome.rerun:
            rerun = outcome.rerun
            say(f"  rerun     {_line(rerun.argv)} → {rerun.exit_code} ({rerun.seconds:.2f} s)")
        say(f"  outcome   {outcome.result} by {outcome.actor or '-'} at {outcome.at}")
        if outcome.why:
            say(f"            {outcome.why}")
    if seconds is not None:
        say(f"  to green  {seconds:.3f} s" + (f", of it the mesh {own * 1000:.0f} ms" if own is not None else ""))
    return 0


def _line(argv: Sequence[str]) -> str:
    """Return a command as one line, also where it has several."""
    return visible(shlex.join(argv), keep_newlines=False)


def _fix(incident: Incident, known: KnownSkill) -> str:
    """Return what answers an incident, filled in for it."""
    fix = fix_of(known.skill, incident.signature)
    return f"#{known.label} {fix}" + ("  (derived, never tried)" if never_tried(known) else "")


def _brief(incident: Incident, known: KnownSkill | None) -> Json:
    fix = _fix(incident, known) if known else ""
    return {
        "incident_id": incident.incident_id,
        "state": incident.state,
        "line": incident.signature.line,
        "skill_id": incident.skill_id,
        "fix": fix,
    }


def _as_json(incident: Incident) -> dict[str, Json]:
    import json

    row = incident_to_row(incident)
    for name in ("argv", "slots", "circumstances", "environment"):
        row[name] = json.loads(row[name])
    for name in ("follows", "sub_agent"):
        if not row[name]:
            del row[name]
    return row
