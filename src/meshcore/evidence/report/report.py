"""A report of a slice: its figures in words, tables and charts, as HTML, Markdown, JSON or CSV.

A pure function of the slice and what was asked: the same slice makes the same report, so its figures can be recomputed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from meshcore.errors import UsageError
from meshcore.evidence.compare import Range, compare
from meshcore.evidence.metrics import facts_of, figures
from meshcore.evidence.report import comparison as report_comparison
from meshcore.evidence.report import effect as report_effect
from meshcore.evidence.report import incidents as report_incidents
from meshcore.evidence.report import record as report_record
from meshcore.evidence.report.html import to_html
from meshcore.evidence.report.model import Column, Report, Section, Table
from meshcore.evidence.report.record import shared_holes, watched
from meshcore.evidence.report.summary import key_figures, summary
from meshcore.evidence.report.text import to_csv, to_json_text, to_markdown
from meshcore.evidence.slice.rows import Slice

Format = Literal["html", "md", "json", "csv"]
FORMATS: tuple[Format, ...] = ("html", "md", "json", "csv")

_RENDERERS = {"html": to_html, "md": to_markdown, "json": to_json_text, "csv": to_csv}
_CONTRADICTIONS_SHOWN = 50


def render(report: Report, form: Format) -> str:
    """Return a report as text of one format."""
    return _RENDERERS[form](report)


def build(
    found: Slice,
    *,
    label: str = "",
    ranges: tuple[Range, Range] | None = None,
    whole: Slice | None = None,
    own: Sequence[Section] = (),
) -> Report:
    """Return the report of a slice.

    `label`: NAME or NAME=VALUE, only failures of nodes with that label. `ranges`: compared, before and after, from
    `whole` (default: the slice itself). `own`: what only the node itself knows (`told`, `walls`).
    Raises UsageError for a label that no failure has.
    """
    comparison = compare(_labelled(whole or found, label).incidents, *ranges) if ranges else None
    found = _labelled(found, label)
    facts = facts_of(found)
    figured = figures(facts)
    monitors = watched(found)
    holes = shared_holes(monitors)
    sections = [
        *([report_comparison.section(comparison)] if comparison else []),
        *(report_incidents.sections(facts, holes) if facts.incidents else ()),
        *report_effect.sections(found, facts),
        *own,
        *report_record.sections(found, monitors),
        _sources(found),
    ]
    return Report(
        title="What the mesh has healed" if facts.incidents else "What the record shows",
        subtitle=_subtitle(found, label),
        made_at=max((about.made_at for about in found.origins), default=""),
        key_figures=tuple(key_figures(facts, figured, monitors)),
        summary=tuple(summary(facts, figured, monitors, found)),
        sections=tuple(sections),
    )


def _labelled(found: Slice, label: str) -> Slice:
    if not label:
        return found
    name, _, value = label.partition("=")

    def has(labels: object) -> bool:
        here = labels.get(name) if isinstance(labels, dict) else None
        return here is not None and ("=" not in label or here == value)

    nodes = {about.node for about in found.origins if has(about.labels)}
    incidents = tuple(row for row in found.incidents if has(row.labels))
    if not nodes and not incidents:
        known = sorted({f"{k}={v}" for about in found.origins for k, v in about.labels.items()})
        known_text = ", ".join(known)[:200] or "none; set them under [labels] in config.toml"
        raise UsageError(f"nothing has the label {label[:60]!r}; known labels: {known_text}")
    ids = {row.incident_id for row in incidents}
    return replace(
        found,
        incidents=incidents,
        outcomes=tuple(row for row in found.outcomes if row.incident_id in ids),
        approvals=tuple(row for row in found.approvals if row.incident_id in ids),
        growth=tuple(row for row in found.growth if row.node in nodes),
        monitor=tuple(row for row in found.monitor if row.node in nodes),
        validation=tuple(row for row in found.validation if row.node in nodes),
        hooks=tuple(row for row in found.hooks if row.node in nodes),
    )


def _subtitle(found: Slice, label: str) -> str:
    names = [about.name for about in found.origins]
    who = ", ".join(dict.fromkeys(names[:6])) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
    since = min((about.since for about in found.origins), default="")[:16].replace("T", " ")
    until = max((about.until for about in found.origins), default="")[:16].replace("T", " ")
    within = f"from {since} UTC" * bool(since) + " " * bool(since and until) + f"until {until} UTC" * bool(until)
    return " · ".join(part for part in (who, within or "all that is kept", f"label {label}" if label else "") if part)


# --- sources ----------------------------------------------------------------------------------------------------------


def _sources(found: Slice) -> Section:
    rows = tuple(
        (
            about.name,
            about.host,
            about.node[:16],
            about.operator[:16],
            about.since or "the beginning",
            about.until or "its end",
            about.made_at,
            ", ".join(f"{name} {version}" for name, version in sorted(about.versions.items())),
            ", ".join(f"{name}={value}" for name, value in sorted(about.labels.items())),
        )
        for about in found.origins
    )
    tables = [
        Table(
            "sources",
            "Whose record this is",
            (
                Column("name"),
                Column("host"),
                Column("node", "code"),
                Column("operator", "code"),
                Column("from", "time"),
                Column("to", "time"),
                Column("made at", "time"),
                Column("versions"),
                Column("labels"),
            ),
            rows,
        )
    ]
    if found.contradictions:
        shown = found.contradictions[:_CONTRADICTIONS_SHOWN]
        caption = f"Where the exports contradict each other ({len(found.contradictions):,})"
        tables.append(Table("contradictions", caption, (Column("contradiction"),), tuple((text,) for text in shown)))
    return Section(
        "sources",
        "Sources",
        ("Every figure is computed from the rows of these nodes' slices; times are UTC, texts are redacted.",),
        (),
        tuple(tables),
    )
