"""The section of a node's own report about what fails again and again and nobody has solved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from meshcore.clock import to_text
from meshcore.evidence.report.model import Column, Section, Table
from meshcore.safety.visible_text import visible
from meshcore.store.walls import Wall

_COLUMNS = (
    Column("command", "code"),
    Column("where"),
    Column("projects", "count"),
    Column("sessions", "count"),
    Column("runs", "count"),
    Column("time of the failed runs", "seconds"),
    Column("first", "time"),
    Column("last", "time"),
    Column("agents"),
)


def section(found: Sequence[Wall]) -> Section | None:
    """Return the section, None where nothing is unsolved. No line that a command printed is in it."""
    if not found:
        return None
    rows = tuple(
        (
            visible(one.command, keep_newlines=False), visible(one.root, keep_newlines=False), one.projects,
            one.sessions, one.runs, one.seconds, _at(one.first), _at(one.last),
            visible(", ".join(one.agents), keep_newlines=False),
        )
        for one in found
    )  # fmt: skip
    return Section(
        "unsolved",
        "What fails again and again and nobody has solved",
        ("Failed in two sessions or three runs, has not passed since, and nobody expects it. The costliest first.",),
        (),
        (Table("unsolved", "Unsolved", _COLUMNS, rows),),
    )


def _at(seconds: int) -> str:
    return to_text(datetime.fromtimestamp(seconds, UTC))
