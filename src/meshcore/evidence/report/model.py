"""A report as values: sections of sentences, tables and charts, the same for every format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meshcore.evidence.report.charts import Chart

Cell = str | int | float | None
Kind = Literal["text", "code", "id", "count", "seconds", "share", "ratio", "time"]
"""How cells are shown: an id is cut for people; seconds, shares (0..1) and ratios are numbers; times are UTC text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    kind: Kind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Figures in rows; the first column names the row. `chains`: each row is a chain of evidence to open."""

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    empty: str = ""
    chains: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report; its charts show what its tables hold."""

    key: str
    title: str
    text: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """A figure that stands at the top: its value in words, and what it counts."""

    value: str
    name: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A whole report, made of one slice; the same slice makes the same report."""

    title: str
    subtitle: str
    made_at: str
    key_figures: tuple[KeyFigure, ...]
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
