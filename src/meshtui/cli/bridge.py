"""`meshtui bridge`: what would leave this machine."""

from __future__ import annotations

import json
from collections import Counter

import click

from meshcore.model import Json
from meshcore.safety.redaction import redact
from meshcore.safety.visible_text import visible
from meshtui.cli.context import Session, json_option, print_json, say, table


@click.group()
def bridge() -> None:
    """What lies between this machine and the others: outgoing."""


@bridge.command()
@click.option("--limit", default=100, show_default=True, help="How many, oldest first.")
@json_option
@click.pass_obj
def outgoing(session: Session, limit: int, as_json: bool) -> None:
    """Show what would leave this machine: what waits in the outbox, secrets taken out, and how many of each kind.

    Nothing is sent by looking. `meshtui purge ID` withdraws what should not leave, by the id of its incident or skill.
    """
    with session.node() as node:
        rows = node.store.outbox.waiting(max(1, limit))
        counts = Counter(row.kind for row in node.store.outbox.waiting(1_000_000))
        where = node.settings.bridge.shown
    if as_json:
        waiting = [{"seq": row.seq, "kind": row.kind, "body": _clean(dict(row.body))} for row in rows]
        print_json("outgoing", {"bridge": where, "counts": dict(counts), "waiting": waiting})
        return
    cells = [[row.seq, row.kind, _in_words(_clean(dict(row.body)))] for row in rows]
    table(["seq", "kind", "says"], cells, empty="nothing waits: all that was to be said is on the bridge")
    if counts:
        say(f"to {where}: " + ", ".join(f"{number} {kind}" for kind, number in sorted(counts.items())))


def _in_words(body: Json) -> str:
    """Return what a body says in one line: its error, what fixes it, what came of it; `--json` shows all of it."""
    skill = body.get("skill", {})
    steps = skill.get("action", {}).get("steps", [])
    said = [body.get("line"), skill.get("example_line"), " && ".join(" ".join(map(str, step)) for step in steps)]
    said += [body.get("result"), body.get("why"), body.get("record_id") or body.get("skill_id")]
    return "  ".join(str(part) for part in said if part) or json.dumps(body, ensure_ascii=False)


def _clean(value: Json) -> Json:
    """Return a body as people may see it: no secrets, nothing that steers a terminal."""
    if isinstance(value, str):
        return visible(redact(value), keep_newlines=False)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    return {str(name): _clean(one) for name, one in value.items()} if isinstance(value, dict) else value
