"""The section of a report about what the mesh did for each kind of agent, and how often hooks answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from meshcore.evidence.effect import Effect, effect_of
from meshcore.evidence.metrics import Facts
from meshcore.evidence.report.model import Cell, Column, Section, Table
from meshcore.evidence.report.record import SHORT_NODE, names_of
from meshcore.evidence.slice.rows import Slice

_COLUMNS = (
    Column("via"),
    Column("failures", "count"),
    Column("answered", "count"),
    Column("taken", "count"),
    Column("verified", "count"),
    Column("known before", "count"),
    Column("in the ledger", "count"),
    Column("became green", "count"),
    Column("median", "seconds"),
    Column("p90", "seconds"),
    Column("min", "seconds"),
    Column("max", "seconds"),
)


def sections(found: Slice, facts: Facts) -> Iterator[Section]:
    """Yield the section, where there is anything to say."""
    kinds = effect_of(found)
    if not kinds and not found.hooks:
        return
    claimed = {claim.incident_id for claim in facts.ledger}
    ledger = Counter(row.via for row in found.incidents if row.own and row.incident_id in claimed)
    tables = [
        Table(
            "effect",
            "What became of the failures of each kind of agent",
            _COLUMNS,
            tuple(_cells(kind, ledger[kind.via]) for kind in kinds),
            "No failure was met in this time.",
        )
    ]
    if found.hooks:
        tables.append(_answers(found))
    yield Section(
        "effect",
        "Effect by kind of agent",
        (
            "Answered: a known fix was named, or used. Taken: of these it was run, by the agent or by the mesh."
            " Verified: after that the failed command succeeded. Known before: of these the fix was known before the"
            " failure; in the ledger stand those whose failed command the mesh itself ran again."
            " Times are those of all failures that became green, however.",
        ),
        (),
        tuple(tables),
    )


def _cells(kind: Effect, claimed: int) -> tuple[Cell, ...]:
    green = kind.to_green
    counts = (kind.seen, kind.answered, kind.taken, kind.verified, kind.avoided, claimed, green.n)
    return (kind.via or "not known", *counts, green.median, green.p90, green.min, green.max)


def _answers(found: Slice) -> Table:
    names = names_of(found)
    answers = Counter(
        (names.get(row.node, row.node[:SHORT_NODE]), row.agent, str(row.data.get("via", ""))) for row in found.hooks
    )
    return Table(
        "hooks",
        "Answers that hooks gave",
        (Column("node"), Column("agent"), Column("via"), Column("answers", "count")),
        tuple((*key, n) for key, n in sorted(answers.items())),
    )
