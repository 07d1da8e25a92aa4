"""Sections of a report about the record itself: what the monitor saw, its holes, skills, deliveries, validation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from meshcore.evidence.monitor.log import Course, Hole, Snapshot, course, holes, snapshot_of
from meshcore.evidence.report import format as words
from meshcore.evidence.report.charts import Chart, Columns, Line, Lines, Series, Tone
from meshcore.evidence.report.model import Cell, Column, Section, Table
from meshcore.evidence.slice.gather import moment_of
from meshcore.evidence.slice.rows import Slice
from meshcore.model import Json

_DRAWN = 6  # nodes with a chart of their own; all are in the tables
SHORT_NODE = 12
_SPREAD = ("n", "median", "p90", "min", "max")


@dataclass(frozen=True, slots=True)
class Watched:
    """What the monitor of one node has recorded, by time."""

    node: str
    name: str
    snapshots: tuple[Snapshot, ...]
    course: Course


def watched(found: Slice) -> tuple[Watched, ...]:
    """Return the monitors of a slice."""
    names = names_of(found)
    by_node: dict[str, list[Snapshot]] = {}
    for row in found.monitor:
        try:
            snapshot = snapshot_of(row.record)
        except ValueError:
            continue
        by_node.setdefault(row.node, []).append(snapshot)
    return tuple(_watched(node, names.get(node, node[:SHORT_NODE]), rows) for node, rows in by_node.items())


def _watched(node: str, name: str, rows: Sequence[Snapshot]) -> Watched:
    ordered = tuple(sorted(rows, key=lambda snapshot: snapshot.at))
    return Watched(node, name, ordered, course(ordered))


def names_of(found: Slice) -> dict[str, str]:
    """Return what each node is called; where two are called the same, the key tells them apart."""
    names = {about.node: about.name for about in found.origins} | {row.node: row.name for row in found.authors}
    called = Counter(names.values())
    return {node: name if called[name] == 1 else f"{name} ({node[:8]})" for node, name in names.items()}


def shared_holes(monitors: Sequence[Watched]) -> tuple[Hole, ...]:
    """Return when no monitor recorded anything, by the longest of their beats."""
    moments = sorted(snapshot.at for monitor in monitors for snapshot in monitor.snapshots)
    beats = [beat for monitor in monitors if (beat := monitor.course.beat)]
    return holes(moments, max(beats)) if beats else ()


def sections(found: Slice, monitors: Sequence[Watched]) -> Iterator[Section]:
    """Yield the sections about the record."""
    yield _growth(found, monitors)
    yield _undelivered(monitors)
    yield _validation(found)
    yield _record(found, monitors)
    if found.history:
        yield _before(found)


def _growth(found: Slice, monitors: Sequence[Watched]) -> Section:
    names = names_of(found)
    charts: list[Chart] = []
    rows: list[tuple[Cell, ...]] = []
    told: dict[str, list[tuple[datetime, int, int]]] = {}
    for row in found.growth:
        if (at := moment_of(row.at)) is not None:
            told.setdefault(row.node, []).append((at, row.entries, row.unique))
    for node, unordered in told.items():
        points = sorted(unordered)
        name = names.get(node, node[:SHORT_NODE])
        rows.append((name, "taught or received", points[0][1], points[-1][1], points[0][2], points[-1][2]))
        entries = Line("entries", "quiet", tuple((at, n) for at, n, _ in points))
        unique = Line("unique skills", "again", tuple((at, n) for at, _, n in points))
        charts.extend(
            _lines(f"Skills known to {name}", "Entries count every telling, unique skills each once.", entries, unique)
        )
    for monitor in monitors:
        known = [(s.at, s.entries) for s in monitor.snapshots if s.entries is not None]
        unique_at = [(s.at, n) for s in monitor.snapshots if isinstance(n := s.mesh.get("unique_skills"), int)]
        if not known:
            continue
        ends: tuple[Cell, Cell] = (unique_at[0][1], unique_at[-1][1]) if unique_at else (None, None)
        rows.append((monitor.name, "skills file, as the monitor saw it", known[0][1], known[-1][1], *ends))
        if monitor.node not in told:
            lines = [Line("entries", "quiet", tuple(known))]
            lines += [Line("unique skills", "again", tuple(unique_at))] if unique_at else []
            about = "Entries of the skills file at each snapshot of the monitor; nothing is drawn across a hole."
            charts.extend(_lines(f"Skills seen by {monitor.name}", about, *lines, gaps=monitor.course.holes))
    return Section(
        "growth",
        "Growth of skills",
        (),
        tuple(charts[:_DRAWN]),
        (
            Table(
                "growth",
                "Entries and unique skills, at the beginning and at the end",
                (
                    Column("node"),
                    Column("source"),
                    Column("entries at first", "count"),
                    Column("entries at last", "count"),
                    Column("unique at first", "count"),
                    Column("unique at last", "count"),
                ),
                tuple(rows),
                "No skill was learnt, and no monitor has counted any.",
            ),
        ),
    )


def _lines(title: str, about: str, *lines: Line, gaps: Sequence[Hole] = ()) -> Iterator[Lines]:
    """Yield the chart of lines; a single moment is no course."""
    moments = {at for line in lines for at, _ in line.points}
    if len(moments) > 1:
        yield Lines(title, about, min(moments), max(moments), lines, tuple(gaps))


def _undelivered(monitors: Sequence[Watched]) -> Section:
    charts: list[Chart] = []
    rows: list[tuple[Cell, ...]] = []
    for monitor in monitors:
        points = [(s.at, n) for s in monitor.snapshots if isinstance(n := s.mesh.get("undelivered_total"), int)]
        if not points:
            continue
        values = [n for _, n in points]
        rows.append((monitor.name, len(points), sum(n > 0 for n in values), max(values), values[-1]))
        line = Line("undelivered", "wait", tuple(points))
        about = "Deliveries that were expected and not yet received, at each snapshot of the monitor."
        charts.extend(_lines(f"Undelivered, seen by {monitor.name}", about, line, gaps=monitor.course.holes))
    return Section(
        "undelivered",
        "Undelivered over time",
        (),
        tuple(charts[:_DRAWN]),
        (
            Table(
                "undelivered",
                "Deliveries that were expected and not yet received",
                (
                    Column("node"),
                    Column("snapshots", "count"),
                    Column("with any", "count"),
                    Column("most", "count"),
                    Column("at last", "count"),
                ),
                tuple(rows),
                "No monitor has recorded deliveries.",
            ),
        ),
    )


def _validation(found: Slice) -> Section:
    timed = [(at, row) for row in found.validation if (at := moment_of(row.at)) is not None]
    runs: dict[str, list[str]] = {}
    for _, row in timed:
        runs.setdefault(row.run, []).append(row.status)
    charts: tuple[Chart, ...] = ()
    if timed:
        first, last = min(at for at, _ in timed), max(at for at, _ in timed)
        step = next((s for s in (60, 300, 3600, 86400) if (last - first).total_seconds() / s <= 240), 7 * 86400)
        start = datetime.fromtimestamp(first.timestamp() // step * step, UTC)
        counts = Counter((row.status, int((at - start).total_seconds() // step)) for at, row in timed)
        size = max(index for _, index in counts) + 1
        parts: tuple[tuple[str, Tone], ...] = (("passed", "again"), ("failed", "bad"))
        charts = (
            Columns(
                "Validation of runs",
                f"Verdicts per {words.bucket(step)}, passed and failed.",
                start,
                step,
                tuple(Series(name, tone, tuple(counts[name, i] for i in range(size))) for name, tone in parts),
            ),
        )
    return Section(
        "validation",
        "Validation history",
        (),
        charts,
        (
            Table(
                "validation",
                "Verdicts by run",
                (Column("run"), Column("verdicts", "count"), Column("failed", "count"), Column("last")),
                tuple((run, len(all_), all_.count("failed"), all_[-1]) for run, all_ in sorted(runs.items())),
                "No validation was recorded.",
            ),
        ),
    )


def _record(found: Slice, monitors: Sequence[Watched]) -> Section:
    rows, missing, charts = [], [], []
    for monitor in monitors:
        seen = monitor.course
        lost = sum(hole.seconds - (seen.beat or 0.0) for hole in seen.holes)
        checks = seen.tests
        rows.append(
            (
                monitor.name,
                seen.snapshots,
                str(monitor.snapshots[0].at.strftime("%Y-%m-%d %H:%M:%S")),
                str(monitor.snapshots[-1].at.strftime("%Y-%m-%d %H:%M:%S")),
                seen.span,
                seen.beat,
                len(seen.holes),
                lost / seen.span if seen.span else None,
                seen.handled.added,
                seen.resolved.last,
                checks["total"],
                checks["passed"],
                seen.unreadable_skills,
            )
        )
        missing += [
            (monitor.name, words.moment(h.since), words.moment(h.until), h.seconds, h.missed) for h in seen.holes
        ]
        if seen.snapshots > 1:
            charts.append(_coverage(monitor))
    notes = [f"Skipped: {text}" for text in found.skipped[:20]]
    return Section(
        "record",
        "The record and its holes",
        tuple(notes),
        tuple(charts[:_DRAWN]),
        (
            Table(
                "record",
                "What the monitor has recorded",
                (
                    Column("node"),
                    Column("snapshots", "count"),
                    Column("first", "time"),
                    Column("last", "time"),
                    Column("span", "seconds"),
                    Column("beat", "seconds"),
                    Column("holes", "count"),
                    Column("in holes", "share"),
                    Column("errors handled (added)", "count"),
                    Column("auto-resolved (last)", "count"),
                    Column("checks", "count"),
                    Column("checks passed", "count"),
                    Column("skills unreadable", "count"),
                ),
                tuple(rows),
                "No monitor ran: nothing is known of the time between what the other tables name.",
            ),
            Table(
                "holes",
                "Times without a record",
                (
                    Column("node"),
                    Column("since", "time"),
                    Column("until", "time"),
                    Column("length", "seconds"),
                    Column("beats missed", "count"),
                ),
                tuple(missing),
                "The record has no hole." if rows else "",
            ),
        ),
    )


def _coverage(monitor: Watched) -> Columns:
    first, last = monitor.snapshots[0].at, monitor.snapshots[-1].at
    seconds = max((last - first).total_seconds(), 60.0)
    step = next((s for s in (60, 300, 900, 3600, 3 * 3600, 86400) if seconds / s <= 240), 7 * 86400)
    start = datetime.fromtimestamp(first.timestamp() // step * step, UTC)
    counts = Counter(int((s.at - start) / timedelta(seconds=step)) for s in monitor.snapshots)
    values = tuple(counts[i] for i in range(max(counts) + 1))
    return Columns(
        f"Snapshots of {monitor.name}",
        f"Snapshots per {words.bucket(step)}; where there was no record the time is hatched.",
        start,
        step,
        (Series("snapshots", "muted", values),),
        monitor.course.holes,
    )


def _before(found: Slice) -> Section:
    names = names_of(found)
    rows: list[tuple[Cell, ...]] = []
    for row in found.history:
        node, via = names.get(row.node, row.node[:SHORT_NODE]), str(row.data.get("via", ""))
        for word, key in (("a command fixed it", "seconds_to_green"), ("however it was fixed", "seconds_to_green_any")):
            spread = row.data.get(key)
            figures = spread if isinstance(spread, dict) else {}
            rows.append((node, via, word, *(_figure(figures.get(name)) for name in _SPREAD)))
    seconds = (Column("n", "count"), *(Column(name, "seconds") for name in _SPREAD[1:]))
    return Section(
        "before",
        "Before the mesh, in retrospect",
        (
            "Read from agents' session files when they were imported: the time from a failure to the success of the"
            " same command. It was not measured by the mesh and enters no other figure.",
        ),
        (),
        (
            Table(
                "before",
                "From failure to green in past sessions (retrospective)",
                (Column("node"), Column("via"), Column("which"), *seconds),
                tuple(rows),
            ),
        ),
    )


def _figure(value: Json) -> Cell:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None
