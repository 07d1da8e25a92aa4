"""A report as one HTML file: no script, no request, everything escaped; a page to read, to print and to hear."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path

from meshcore import __version__
from meshcore.evidence.report.charts import Chart, Columns, Lanes, Lines, Spread, Tone
from meshcore.evidence.report.model import Cell, Column, Report, Section, Table
from meshcore.evidence.report.svg import draw, shape
from meshcore.evidence.report.text import is_number, shown

STYLE = Path(__file__).with_name("report.css")
ROWS = 200  # of one table; the other formats hold all
_UNIT = re.compile(r"(\d) (?=(?:ms|s|min|h|days|%)(?!\w))")
_LONG = 28  # characters that may be broken anywhere
_WORDS: dict[Tone, str] = {
    "first": "verified, the first time",
    "again": "verified, the fix was known",
    "bad": "fix failed",
    "wait": "waits for a person",
    "quiet": "not healed",
}


def to_html(report: Report) -> str:
    """Return the page."""
    style = STYLE.read_text("utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    head = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n<link rel="icon" href="data:,">\n'
        f"<title>{escape(report.title)}: {escape(report.subtitle)}</title>\n<style>{style}</style>\n</head>\n"
    )
    figures = "".join(
        f"<div><dt>{escape(f.name)}{f'<small>{escape(f.note)}</small>' if f.note else ''}</dt>"
        f"<dd>{escape(f.value)}</dd></div>\n"
        for f in report.key_figures
    )
    summary = "".join(f"<li>{_sentence(sentence)}</li>\n" for sentence in report.summary)
    charts = _Numbered()
    sections = "".join(_section(section, charts) for section in report.sections)
    made = escape(report.made_at[:19].replace("T", " "))
    return (
        f'{head}<body>\n<header>\n<p class="kind">meshtui report</p>\n<h1>{escape(report.title)}</h1>\n'
        f'<p class="subtitle">{escape(report.subtitle)}</p>\n<dl class="figures">\n{figures}</dl>\n'
        f'<ul class="summary">\n{summary}</ul>\n</header>\n<main>\n{sections}</main>\n'
        f"<footer>Made {made} UTC by meshtui {__version__}. Nothing in this page is loaded from anywhere.</footer>\n"
        "</body>\n</html>\n"
    )


def _sentence(text: str) -> str:
    """Return a sentence whose lines do not end between a figure and its unit."""
    return _UNIT.sub("\\1\N{NO-BREAK SPACE}", escape(text))


class _Numbered:
    """Numbers for the charts of one page."""

    def __init__(self) -> None:
        self._last = 0

    def next(self) -> int:
        self._last += 1
        return self._last


def _section(section: Section, charts: _Numbered) -> str:
    text = "".join(f'<p class="note">{_sentence(sentence)}</p>\n' for sentence in section.text)
    figures = "".join(_figure(chart, charts.next()) for chart in section.charts)
    shown_tables = [_chains(table) if table.chains else _table(table, section.title) for table in section.tables]
    tables = "".join(shown_tables)
    if section.charts and any(table.rows for table in section.tables):
        opened = "" if sum(len(table.rows) for table in section.tables) > 12 else " open"
        tables = f'<details class="numbers"{opened}><summary>The numbers</summary>\n{tables}</details>\n'
    return (
        f'<section id="{escape(section.key)}" aria-labelledby="{escape(section.key)}-title">\n'
        f'<h2 id="{escape(section.key)}-title">{escape(section.title)}</h2>\n{text}{figures}'
        f'<div class="tables">\n{tables}</div>\n</section>\n'
    )


# --- charts -----------------------------------------------------------------------------------------------------------


def _figure(chart: Chart, number: int) -> str:
    legend = "".join(
        f'<li><svg viewBox="0 0 14 14" aria-hidden="true">{swatch}</svg>{escape(text)}</li>'
        for swatch, text in _legend(chart)
    )
    return (
        f"<figure>\n<figcaption>{escape(chart.title)}<small>{escape(chart.about)}</small></figcaption>\n"
        f'<ul class="legend">{legend}</ul>\n'
        f'<div class="draw">{draw(chart, number)}</div>\n</figure>\n'
    )


def _legend(chart: Chart) -> Iterator[tuple[str, str]]:
    if isinstance(chart, Lanes):
        used = {mark.tone for lane in chart.lanes for mark in lane.marks}
        yield from ((shape(tone, 7, 7), text) for tone, text in _WORDS.items() if tone in used)
    elif isinstance(chart, Columns):
        yield from ((_square(series.tone), series.label) for series in chart.series)
    elif isinstance(chart, Lines):
        yield from ((_stroke(line.tone), line.label) for line in chart.lines)
    if not isinstance(chart, Spread) and chart.holes:
        yield (
            '<rect class="hatch-ground" width="14" height="14"/><path class="hatch-line" d="M0 10L10 0M4 14L14 4"/>',
            "no record",
        )


def _square(tone: Tone) -> str:
    return f'<rect class="{tone}" x="2" y="2" width="10" height="10"/>'


def _stroke(tone: Tone) -> str:
    return f'<path class="line {tone}" d="M1 7H13"/>'


# --- tables -----------------------------------------------------------------------------------------------------------


def _table(table: Table, title: str) -> str:
    if not table.rows:
        return f'<p class="empty">{escape(table.empty)}</p>\n' if table.empty else ""
    head = "".join(f'<th scope="col"{_class(column)}>{escape(column.name)}</th>' for column in table.columns)
    unseen = ' class="unseen"' if table.caption == title else ""
    rows = "".join(_row(row, table.columns) for row in table.rows[:ROWS])
    return (
        f'<div class="wide"><table>\n<caption{unseen}>{escape(table.caption)}</caption>\n'
        f"<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table></div>\n{_more(table)}"
    )


def _row(row: Sequence[Cell], columns: Sequence[Column]) -> str:
    cells = [_cell(cell, column) for cell, column in zip(row, columns, strict=True)]
    first = f'<th scope="row"{_class(columns[0], row[0])}>{cells[0]}</th>'
    rest = "".join(
        f"<td{_class(column, raw)}>{cell}</td>"
        for cell, column, raw in zip(cells[1:], columns[1:], row[1:], strict=True)
    )
    return f"<tr>{first}{rest}</tr>\n"


def _cell(cell: Cell, column: Column) -> str:
    text = escape(shown(cell, column))
    return f"<code>{text}</code>" if column.kind in ("code", "id") and cell else text


def _class(column: Column, cell: Cell = None) -> str:
    if is_number(column):
        return ' class="n"'
    if isinstance(cell, str) and column.kind == "text" and len(cell) > _LONG:
        return ' class="long"'
    if column.kind == "code":
        return ' class="long"'
    return ' class="t"' if column.kind in ("time", "id") else ""


def _more(table: Table) -> str:
    left = len(table.rows) - ROWS
    if left <= 0:
        return ""
    return f'<p class="empty">{left:,} more rows are in the report’s other formats: --format md, json or csv.</p>\n'


def _chains(table: Table) -> str:
    """Return each row as a chain to open: in its head when, what, who and how long, below every link."""
    if not table.rows:
        return f'<p class="empty">{escape(table.empty)}</p>\n' if table.empty else ""
    names = [column.name for column in table.columns]
    items = "".join(_chain(dict(zip(names, row, strict=True)), table.columns) for row in table.rows[:ROWS])
    return f'<div class="chains" role="group" aria-label="{escape(table.caption)}">\n{items}</div>\n{_more(table)}'


def _chain(row: dict[str, Cell], columns: Iterable[Column]) -> str:
    text = {column.name: _cell(row[column.name], column) for column in columns}
    where = f"{text['agent']} on {text['host']}"
    links = (
        (
            "failure",
            f"{text['error']}<br>{text['incident']} at {text['opened']} UTC, {where}",
        ),
        ("known fix", f"skill {text['skill']}"),
        ("taught by", f"{text['taught by']} at {text['taught at']} UTC"),
        ("command run", f"{text['command']}, allowed by {text['allowed by']}"),
        ("failed command again", f"{text['rerun']} → exit {text['exit code']}"),
        ("verified", f"at {text['verified at']} UTC on {text['host']}, {text['to green']} after the failure"),
    )
    body = "".join(f"<li><b>{name}</b><span>{value}</span></li>" for name, value in links)
    head = "".join(
        f'<span class="{kind}">{text[name]}</span>'
        for kind, name in (("t", "opened"), ("what", "error"), ("who", "agent"), ("n", "to green"))
    )
    return f'<details class="chain"><summary>{head}</summary>\n<ol>{body}</ol></details>\n'
