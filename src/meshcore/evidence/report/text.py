"""A report as Markdown, JSON and CSV: the same tables, in the same order, for other programs and plain readers."""

from __future__ import annotations

import csv
import io
import json
import re

from meshcore.evidence.report import format as words
from meshcore.evidence.report.model import Cell, Column, Report, Table
from meshcore.model import Json

SCHEMA_VERSION = 1
ID_SHOWN = 12
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_MARKUP = re.compile(r"([\\`*\[\]<>|~&]|^[#+-]|(?<!\w)_|_(?!\w))")


def shown(cell: Cell, column: Column) -> str:
    """Return a cell as people read it."""
    if cell is None or cell == "":
        return "–"
    if isinstance(cell, str):
        if column.kind == "id":
            return cell[:ID_SHOWN]
        return cell[:19].replace("T", " ") if column.kind == "time" else cell
    if column.kind == "seconds":
        return words.span(cell)
    if column.kind == "share":
        return words.share(cell)
    if isinstance(cell, int):
        return words.count(cell)
    return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"


def is_number(column: Column) -> bool:
    """Tell whether a column holds numbers."""
    return column.kind in ("count", "seconds", "share", "ratio")


def to_json_text(report: Report) -> str:
    """Return a report as one JSON object with a `schema_version`; numbers are not rounded."""
    sections = {
        section.key: {
            "title": section.title,
            "text": list(section.text),
            "tables": {
                table.key: {
                    "caption": table.caption,
                    "columns": [{"name": column.name, "kind": column.kind} for column in table.columns],
                    "rows": [list(row) for row in table.rows],
                }
                for table in section.tables
            },
        }
        for section in report.sections
    }
    content: Json = {
        "title": report.title,
        "subtitle": report.subtitle,
        "made_at": report.made_at,
        "key_figures": [{"name": f.name, "value": f.value, "note": f.note} for f in report.key_figures],
        "summary": list(report.summary),
        "sections": sections,
    }
    return json.dumps({"schema_version": SCHEMA_VERSION, "report": content}, indent=1, allow_nan=False) + "\n"


def to_csv(report: Report) -> str:
    """Return a report as long CSV: section, table, row, column, value; one line a figure.

    A text that a spreadsheet would take for a formula is given an apostrophe.
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("section", "table", "row", "column", "value"))
    for number, sentence in enumerate(report.summary, start=1):
        writer.writerow(("summary", "summary", number, "text", _plain(sentence)))
    for section in report.sections:
        for table in section.tables:
            for number, row in enumerate(table.rows, start=1):
                for column, cell in zip(table.columns, row, strict=True):
                    value = _plain(cell) if isinstance(cell, str) else cell
                    writer.writerow((section.key, table.key, number, column.name, value))
    return file.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def to_markdown(report: Report) -> str:
    """Return a report as Markdown; nothing in a text is markup."""
    lines = [f"# {_escaped(report.title)}", "", _escaped(report.subtitle), ""]
    lines += [f"- **{_escaped(f.value)}** {_escaped(f.name)}" + _note(f.note) for f in report.key_figures]
    lines += ["", *(line for sentence in report.summary for line in (_escaped(sentence), ""))]
    for section in report.sections:
        lines += [f"## {_escaped(section.title)}", ""]
        lines += [line for sentence in section.text for line in (_escaped(sentence), "")]
        for table in section.tables:
            lines += _table(table)
    return "\n".join(lines).rstrip() + "\n"


def _note(note: str) -> str:
    return f" ({_escaped(note)})" if note else ""


def _table(table: Table) -> list[str]:
    if not table.rows:
        return [_escaped(table.empty), ""] if table.empty else []
    head = " | ".join(_escaped(column.name) for column in table.columns)
    rule = " | ".join("---:" if is_number(column) else "---" for column in table.columns)
    rows = [
        "| " + " | ".join(_escaped(shown(cell, column)) for cell, column in zip(row, table.columns, strict=True)) + " |"
        for row in table.rows
    ]
    return [f"**{_escaped(table.caption)}**", "", f"| {head} |", f"| {rule} |", *rows, ""]


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", text.replace("\n", " "))
