"""`meshtui report`: what was healed, how fast, who taught it, and what the record does not show."""

from __future__ import annotations

import gc
import sys
from datetime import datetime
from pathlib import Path

import click

from meshcore.errors import MeshError, UsageError
from meshcore.evidence.compare import parse_range, parse_time
from meshcore.evidence.digest import digest
from meshcore.evidence.report import told
from meshcore.evidence.report import walls as unsolved
from meshcore.evidence.report.model import Section
from meshcore.evidence.report.report import FORMATS, Format, build, render
from meshcore.evidence.slice.gather import cut, merge
from meshcore.home import write_atomically
from meshcore.store.walls import walls
from meshtui.cli.context import Session, note
from meshtui.cli.slices import own_slice, slice_of_export


@click.command()
@click.argument("exports", nargs=-1, metavar="[EXPORT]...")
@click.option("--since", metavar="TIME", help="Only what happened from then on: 2026-11-22 or 2026-11-22T08:00 (UTC).")
@click.option("--until", metavar="TIME", help="Only what happened before then.")
@click.option("--compare", nargs=2, metavar="FROM..TO FROM..TO", help="Compare two ranges, before and after.")
@click.option("--label", default="", metavar="NAME[=VALUE]", help="Only failures of nodes with this label.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="Default: by FILE's ending; html, md on a terminal.")
@click.option("-o", "--output", default="", metavar="FILE", help="Where to write it (default standard output).")
@click.option(
    "--validation-log", "logs", multiple=True, metavar="FILE", help="The validator's log, where it is elsewhere."
)
@click.pass_obj
def report(
    session: Session,
    exports: tuple[str, ...],
    since: str | None,
    until: str | None,
    compare: tuple[str, str] | None,
    label: str,
    form: Format | None,
    output: str,
    logs: tuple[str, ...],
) -> None:
    """Report what was healed, how fast, who taught it, and where the record has holes.

    Without EXPORT of this node. An EXPORT is a folder that `meshtui evidence export` wrote, or the log of a monitor,
    also of the old system; several are merged, and what they tell differently is named.
    """
    form = form or _format_of(output)
    gc.disable()  # millions of rows that live to the end, none of them in a circle
    ends = (parse_time(since) if since else None, parse_time(until) if until else None)
    ranges = (parse_range(compare[0]), parse_range(compare[1])) if compare else None
    if exports:
        whole = merge([slice_of_export(Path(name)) for name in exports])
    else:
        whole = own_slice(session, validation_logs=[Path(name) for name in logs])
    own = _own(session, ends[0]) if not exports and not until and not label else []
    text = render(build(cut(whole, *ends), label=label, ranges=ranges, whole=whole, own=own), form)
    if output in ("", "-"):
        sys.stdout.write(text)
        if sys.stderr.isatty() and not output:
            note(f"the report, as {form}, went to standard output; -o FILE writes a file")
        return
    path = Path(output).absolute()
    try:
        write_atomically(path, text.encode("utf-8"))
    except OSError as error:
        raise MeshError(f"{path}: not written ({error.strerror}); name another file with -o") from error
    note(f"written: {path}")


def _own(session: Session, since: datetime | None) -> list[Section]:
    """Return the sections of what only this node knows: what its agents were told, and what nobody has solved."""
    with session.node() as node:
        found = node.store.answers(walls(int(node.clock.now().timestamp())))
        both = told.section(digest(node.store, since), node.settings.withhold), unsolved.section(found)
    return [one for one in both if one]


def _format_of(output: str) -> Format:
    ending = Path(output).suffix.removeprefix(".").lower()
    if output in ("", "-"):
        return "md" if sys.stdout.isatty() else "html"
    if ending not in FORMATS:
        raise UsageError(f"{output[:80]}: no format has this ending; use {', '.join(FORMATS)}, or add --format")
    return ending
