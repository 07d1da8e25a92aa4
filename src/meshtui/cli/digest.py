"""`meshtui digest`: what agents were told, what came of it, what it cost, and what telling is worth."""

from __future__ import annotations

import click

from meshcore.evidence.digest import Digest, Shown, digest, per_hundred, saved_in_words
from meshtui.cli.context import Session, json_option, print_json, say, table


@click.command("digest")
@click.option("--since", metavar="TIME", help="Only what happened from then on: 2026-11-22 or 2026-11-22T08:00 (UTC).")
@json_option
@click.pass_obj
def digest_command(session: Session, since: str | None, as_json: bool) -> None:
    """Say what agents of this node were told, what came of it, and what it cost them.

    What telling saves is measured only where `[effect] withhold` in config.toml keeps a share of it back.
    """
    from meshcore.evidence.compare import parse_time

    start = parse_time(since) if since else None
    with session.node() as node:
        found = digest(node.store, start)
        withhold = node.settings.withhold
    if as_json:
        print_json("digest", {"since": since, "withhold": withhold, **found.to_json()})
        return
    _print(found, withhold)


def _print(found: Digest, withhold: float) -> None:
    whole = found.whole
    if not whole.told and not found.calls:
        say("Nothing was told yet. `meshtui connect` lets an agent program ask at each command that failed.")
        return
    counted = f"in {found.calls} commands that agents reported (per 100 of them in brackets)"
    say(f"Told {whole.told} times, {counted if found.calls else 'and no hook has counted a command yet'}.")
    columns = ("told", "times", "right", "ignored", "wrong", "not shown", "to")
    rows = [(kind, *_cells(shown, found.calls)) for kind, shown in found.kinds.items() if shown.told]
    table(columns, rows, spare=("to", "not shown"))
    if found.projects:
        say("By project, worst first:")
        table(
            ("project", *columns[1:-1]),
            [(one.root or "-", *_cells(one.shown, one.calls)[:-1]) for one in found.projects],
        )
    if found.costs:
        say("Milliseconds of a hook, the start of its process included:")
        rows = [(one.via, one.when, one.calls, one.p50, one.p95) for one in found.costs]
        table(("agent", "command", "calls", "p50", "p95"), rows)
    would, by_hand, judged = found.auto
    say(
        f"Auto would have run {would} more of {judged} known fixes that were fully ruled on;"
        f" the same was then run by hand for {by_hand} of them."
    )
    for via, version, n in found.unread:
        say(f"Could not be read: {n} payloads of {via} {version or '(version not told)'}.")
    say(saved_in_words(found.saved, withhold))


def _cells(shown: Shown, calls: int) -> tuple[object, ...]:
    def cell(count: int) -> str:
        share = per_hundred(count, calls)
        return f"{count} ({share:g})" if share is not None else f"{count}"

    to = ", ".join(f"{via} {n}" for via, n in sorted(shown.to.items()))
    return shown.told, cell(shown.right), cell(shown.ignored), cell(shown.wrong), shown.not_shown, to
