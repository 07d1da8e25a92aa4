"""The section of a node's own report about what agents were told, what came of it and what it cost."""

from __future__ import annotations

from meshcore.evidence.digest import SENTENCES, Digest, Shown, per_hundred, saved_in_words
from meshcore.evidence.report.model import Cell, Column, Section, Table
from meshcore.safety.visible_text import visible

_COLUMNS = (
    Column("told", "count"),
    Column("right", "count"),
    Column("ignored", "count"),
    Column("wrong", "count"),
    Column("not shown", "count"),
    Column("wrong per 100 commands", "ratio"),
)


def section(found: Digest, withhold: float) -> Section | None:
    """Return the section, None where nothing was told and no call was counted."""
    if not found.whole.told and not found.calls:
        return None
    kinds = tuple((kind, *_cells(shown, found.calls)) for kind, shown in found.kinds.items() if shown.told)
    places = tuple(
        (visible(one.root, keep_newlines=False) or "not known", *_cells(one.shown, one.calls)) for one in found.projects
    )
    costs = tuple((one.via, one.when, one.calls, one.p50, one.p95) for one in found.costs)
    unread = tuple((via, version or "not told", n) for via, version, n in found.unread)
    would, by_hand, judged = found.auto
    return Section(
        "told",
        "What agents were told, and what came of it",
        (
            *(f"{name[0].upper()}{name[1:]}: {SENTENCES[name]}" for name in ("told", "right", "ignored", "wrong")),
            f"Auto would have run {would} more of {judged} known fixes that were fully ruled on; the same was then run"
            f" by hand for {by_hand} of them.",
            saved_in_words(found.saved, withhold),
        ),
        (),
        (
            Table("told", "By kind", (Column("kind"), *_COLUMNS), kinds, "Nothing was told in this time."),
            Table("told-projects", "By project, worst first", (Column("project"), *_COLUMNS), places),
            Table(
                "hook-cost",
                "Milliseconds of a hook, the start of its process included",
                (Column("agent"), Column("command"), Column("calls", "count"), Column("p50"), Column("p95")),
                costs,
            ),
            Table(
                "unread",
                "Payloads that could not be read",
                (Column("agent"), Column("version"), Column("payloads", "count")),
                unread,
                "None.",
            ),
        ),
    )


def _cells(shown: Shown, calls: int) -> tuple[Cell, ...]:
    return (
        shown.told, shown.right, shown.ignored, shown.wrong, shown.not_shown, per_hundred(shown.wrong, calls)
    )  # fmt: skip
