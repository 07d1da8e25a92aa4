"""What a report says first: the figures that count, and a few sentences that hold nothing but figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshcore.evidence.metrics import Facts, Figures
from meshcore.evidence.report import format as words
from meshcore.evidence.report.model import KeyFigure
from meshcore.evidence.report.record import Watched
from meshcore.evidence.slice.rows import Slice


def key_figures(facts: Facts, figured: Figures, monitors: Sequence[Watched]) -> Iterator[KeyFigure]:
    """Yield the figures that stand at the top."""
    if not facts.incidents and monitors:
        seen = monitors[0].course
        yield KeyFigure(words.count(sum(m.course.snapshots for m in monitors)), "snapshots", words.span(seen.span))
        yield KeyFigure(words.count(sum(len(m.course.holes) for m in monitors)), "holes in the record")
        yield KeyFigure(f"{seen.entries.first or 0:,} → {seen.entries.last or 0:,}", "entries of the skills file")
        yield KeyFigure(words.count(sum(m.course.handled.added for m in monitors)), "errors handled, by its own count")
        yield KeyFigure(words.count(seen.resolved.last or 0), "auto-resolved, by its own count")
        yield KeyFigure("0", "repairs proved by a rerun")
        return
    total, green = len(facts.incidents), figured.first.verified + figured.again.verified
    yield KeyFigure(words.count(total), "failures")
    yield KeyFigure(words.count(green), "verified by a rerun", words.share(green / total) if total else "")
    avoided = figured.repeats_avoided
    name, note = ("repeat avoided", "with its chain") if avoided == 1 else ("repeats avoided", "each with its chain")
    yield KeyFigure(words.count(avoided), name, note)
    yield KeyFigure(words.span(figured.first.to_green.median), "first time, median", f"n = {figured.first.to_green.n}")
    yield KeyFigure(words.span(figured.again.to_green.median), "again, median", f"n = {figured.again.to_green.n}")
    yield KeyFigure(words.count(figured.approvals_waiting), "waiting for a person")


def summary(facts: Facts, figured: Figures, monitors: Sequence[Watched], found: Slice) -> Iterator[str]:
    """Yield the report in sentences."""
    first, again, total = figured.first, figured.again, len(facts.incidents)
    green = first.verified + again.verified
    if total:
        yield (
            f"{green:,} of {words.of(total, 'failure')} {'is' if green == 1 else 'are'} verified:"
            " the command that had failed ran again and exited 0."
        )
        a, b = again.to_green, first.to_green
        if a.n and b.n:
            yield (
                f"A failure whose fix was known took {words.span(a.median)} to green at the median,"
                f" where the first of its kind took {words.span(b.median)} (n = {a.n:,} and {b.n:,})."
            )
        elif a.n or b.n:
            side, name = (a, "whose fix was known") if a.n else (b, "of a new kind")
            yield f"A failure {name} took {words.span(side.median)} to green at the median (n = {side.n:,})."
        if figured.repeats_avoided or figured.unproven:
            yield (
                f"{words.of(figured.repeats_avoided, 'repeat was', 'repeats were')} avoided"
                " with a whole chain of evidence"
                + (f"; {figured.unproven:,} more lack a link and are not claimed." if figured.unproven else ".")
            )
        yield (
            (f"{words.of(figured.fixes_failed, 'fix', 'fixes')} failed" if figured.fixes_failed else "No fix failed")
            + (
                f", and {words.of(figured.approvals_waiting, 'approval waits', 'approvals wait')} for a person,"
                f" the oldest since {figured.oldest_approval[:16].replace('T', ' ')} UTC."
                if figured.approvals_waiting
                else ", and nothing waits for a person."
            )
        )
    elif not monitors:
        yield "Nothing is recorded for this time: no failure, and no snapshot of a monitor."
    for monitor in monitors:
        yield from _watched_in_words(monitor)
    if monitors and not total:
        yield (
            "Nothing in this record proves a repaired failure: it holds counters,"
            " but no failure, no fix that was run and no rerun."
        )
    if found.contradictions:
        yield f"The exports contradict each other in {words.of(len(found.contradictions), 'place')}; see Sources."


def _watched_in_words(monitor: Watched) -> Iterator[str]:
    seen = monitor.course
    missing = "no hole"
    if seen.holes:
        longest = max(seen.holes, key=lambda hole: hole.seconds)
        size = words.span(longest.seconds)
        missing = f"1 hole of {size}" if len(seen.holes) == 1 else f"{len(seen.holes):,} holes, the longest {size}"
    course = f" in {words.span(seen.span)}, with {missing}" if seen.snapshots > 1 else ""
    yield f"The monitor of {monitor.name} recorded {words.of(seen.snapshots, 'snapshot')}{course}."
    counted = seen.entries.first is not None and seen.handled.last is not None
    if counted and not any(snapshot.mesh for snapshot in monitor.snapshots):
        yield (
            f"By its own counters the entries grew from {seen.entries.first:,} to {seen.entries.last:,},"
            f" {words.of(seen.handled.added, 'error was', 'errors were')} handled, and"
            f" {seen.resolved.last or 0:,} auto-resolved."
        )
        if seen.handled.added and seen.handled.added == seen.tests["total"]:
            yield (
                f"In the same time the monitor ran {words.of(seen.tests['total'], 'check')} of its own:"
                " as many as errors were handled."
            )
