"""The report: what it says in every format, what it does not claim, and what no text from outside can do to it."""

from __future__ import annotations

import csv
import html
import io
import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from meshcore.clock import to_text
from meshcore.errors import UsageError
from meshcore.evidence.compare import Range
from meshcore.evidence.monitor.log import missed_beats
from meshcore.evidence.report.html import ROWS
from meshcore.evidence.report.report import FORMATS, build, render
from meshcore.evidence.slice.gather import gather_slice, merge, origin, read_slice, slice_of_log, write_slice
from meshcore.evidence.slice.rows import (
    ApprovalRow,
    AuthorRow,
    GrowthRow,
    HistoryRow,
    HookRow,
    IncidentRow,
    MonitorRow,
    OutcomeRow,
    SkillRow,
    Slice,
    StepRow,
    ValidationRow,
)
from meshcore.store.store import Store
from meshcore.testing import START

A, B, SKILL = "a" * 64, "b" * 64, "5" * 64
BEFORE = {"n": 3, "median": 240.0, "p90": 900.0, "min": 40.0, "max": 901.5}
CHROMIUM = "/usr/bin/chromium"


def at(minutes: float) -> str:
    return to_text(START + timedelta(minutes=minutes))


def mesh(count: int = 12, text: str = "") -> Slice:
    """Return two agents' failures: every third the first of its kind, the last not healed; `text` is in every field."""
    about = origin(A, f"node{text}", f"host{text}", "0" * 64, START, {f"team{text}": f"payments{text}"})
    incidents, outcomes = [], []
    for n in range(count):
        again, green = n % 3 != 0, n < count - 1
        incidents.append(
            IncidentRow(
                f"{n:016x}",
                A,
                at(n * 7),
                f"agent{n % 2}{text}",
                f"shell{text}",
                f"host{text}",
                f"/srv/app{text}",
                f"ModuleNotFoundError: No module named 'm{n}'{text}",
                f"python app.py{text}",
                1,
                "verified" if green else "fix_failed",
                again,
                True,
                SKILL,
                (2.0 if again else 40.0) + n / 10 if green else None,
                0.02 if green else None,
                about.labels,
                answered=again,
                taken=again,
            )
        )
        outcomes.append(
            OutcomeRow(
                f"{n:016x}",
                f"{n:016x}",
                SKILL,
                "verified" if green else "fix_failed",
                at(n * 7 + 1),
                A,
                f"host{text}",
                f"agent{n % 2}{text}",
                f"policy{text}",
                (StepRow(f"pip install m{text}", 0, 1.0),),
                StepRow(f"python app.py{text}", 0 if green else 3, 0.1),
                2.0 if green else None,
                0.02,
            )
        )
    beats = [0, 5, 10, 45, 50]
    return Slice(
        origins=(about,),
        incidents=tuple(incidents),
        outcomes=tuple(outcomes),
        skills=(SkillRow(SKILL, 1, f"error{text}", f"pip install m{text}", A, at(-9), "active", "taught"),),
        authors=(AuthorRow(A, f"node{text}", f"host{text}", "0" * 64, "", ""),),
        approvals=(
            ApprovalRow(A, "1" * 16, f"{1:016x}", SKILL, f"pip{text}", (f"why{text}",), at(3), "waiting", "", ""),
        ),
        growth=tuple(GrowthRow(A, at(n), n + 1, min(n + 1, 3)) for n in range(6)),
        monitor=tuple(
            MonitorRow(
                A,
                {
                    "timestamp": at(n),
                    "skills_snapshot": {"skill_count": 3, "stats": {}},
                    "mesh": {"undelivered_total": n, "unique_skills": 2, "undelivered": {text or "x": 1}},
                },
            )
            for n in beats
        ),
        validation=tuple(ValidationRow(A, at(n), f"run{n}{text}", "failed" if n else "passed") for n in range(3)),
        hooks=(HookRow(A, at(1), f"agent0{text}", f"{0:016x}", "", {"via": f"claude{text}"}),),
        history=(HistoryRow(A, at(1), {"via": f"claude{text}", "seconds_to_green": BEFORE}),),
        skipped=(f"log:1: blank{text}",),
        contradictions=(f"skill x: fix differs{text}",),
    )


def as_json(found: Slice, **options: Any) -> Any:
    return json.loads(render(build(found, **options), "json"))["report"]


def test_the_summary_says_what_was_healed_and_how_fast_in_words() -> None:
    summary = build(mesh()).summary
    assert summary[:4] == (
        "11 of 12 failures are verified: the command that had failed ran again and exited 0.",
        "A failure whose fix was known took 2.5 s to green at the median, where the first of its kind took 40.5 s"
        " (n = 7 and 4).",
        "7 repeats were avoided with a whole chain of evidence.",
        "1 fix failed, and 1 approval waits for a person, the oldest since 2026-11-22 08:03 UTC.",
    )
    assert "1 hole of 35 min" in summary[4]


def test_one_of_a_thing_is_said_in_the_singular_and_one_snapshot_has_no_course() -> None:
    report = build(replace(mesh(3), monitor=mesh().monitor[:1]))
    named = {figure.name: (figure.value, figure.note) for figure in report.key_figures}
    assert named["repeat avoided"] == ("1", "with its chain")
    assert "The monitor of node recorded 1 snapshot." in report.summary


def test_the_effect_by_kind_of_agent_follows_from_the_slice(tmp_path: Path) -> None:
    write_slice(tmp_path, mesh())
    tables = as_json(read_slice(tmp_path))["sections"]["effect"]["tables"]
    assert tables["effect"]["rows"] == [["shell", 12, 8, 8, 7, 7, 7, 11, 2.8, 40.6, 2.1, 40.9]]
    assert tables["hooks"]["rows"] == [["node", "agent0", "claude", 1]]


def test_the_failures_of_other_nodes_are_no_effect_of_this_one() -> None:
    found = replace(mesh(), incidents=tuple(replace(row, own=False) for row in mesh().incidents), hooks=())
    assert "effect" not in as_json(found)["sections"]


def test_every_format_holds_the_same_figures() -> None:
    report = build(mesh())
    tables = {(s.key, t.key): t for s in report.sections for t in s.tables}
    as_dict = json.loads(render(report, "json"))
    assert as_dict["schema_version"] == 1
    lines = list(csv.DictReader(io.StringIO(render(report, "csv"))))
    page, markdown = html.unescape(render(report, "html")), render(report, "md")
    for (section, key), table in tables.items():
        assert as_dict["report"]["sections"][section]["tables"][key]["rows"] == [list(row) for row in table.rows]
        assert sum(line["section"] == section and line["table"] == key for line in lines) == sum(map(len, table.rows))
        if table.rows:
            assert table.caption in page
            assert table.caption.split("'")[0] in markdown
    green = [line for line in lines if line["table"] == "to_green" and line["column"] == "median"]
    assert [float(line["value"]) for line in green if line["value"]] == [40.45, 0.02, 2.5, 0.02]


def test_the_same_slice_makes_the_same_report_also_from_its_folder(tmp_path: Path) -> None:
    found = mesh()
    write_slice(tmp_path, found)
    for form in FORMATS:
        assert render(build(read_slice(tmp_path)), form) == render(build(found), form)


def test_an_empty_store_makes_a_report_that_says_so() -> None:
    report = build(Slice(origins=(origin(A, "n", "h", "", START),)))
    assert report.summary == ("Nothing is recorded for this time: no failure, and no snapshot of a monitor.",)
    for form in FORMATS:
        assert "nan" not in render(report, form).lower().replace("maintenance", "")


def test_a_monitor_without_a_usable_record_is_as_none() -> None:
    found = replace(mesh(), monitor=(MonitorRow(A, {"timestamp": "soon"}),))
    assert as_json(found)["sections"]["record"]["tables"]["record"]["rows"] == []


def test_the_old_systems_log_is_told_as_it_is(shared: Path) -> None:
    path = shared / "seed-data" / "collective_learning_monitor_log.jsonl"
    found = as_json(slice_of_log(path, START))
    text = " ".join(found["summary"])
    assert "recorded 579 snapshots in 4.5 days, with 23 holes, the longest 8.8 h" in text
    assert "the entries grew from 7 to 1,149, 1,142 errors were handled, and 1 auto-resolved" in text
    assert "Nothing in this record proves a repaired failure" in text
    assert "ledger" not in found["sections"]
    holes = found["sections"]["record"]["tables"]["holes"]["rows"]
    assert all(missed_beats(row[3], 309.0) == row[4] for row in holes)


def test_a_repeat_without_its_chain_is_named_and_not_claimed() -> None:
    found = mesh()
    broken = replace(found, outcomes=tuple(replace(o, rerun=None) for o in found.outcomes))
    sections = as_json(broken)["sections"]
    assert sections["ledger"]["tables"]["ledger"]["rows"] == []
    assert len(sections["ledger"]["tables"]["unproven"]["rows"]) == 7


def test_a_label_keeps_what_carries_it_and_an_unknown_one_names_the_known() -> None:
    labelled = mesh()
    other = replace(
        mesh(4),
        origins=(origin(B, "other", "h", "", START, {"team": "search"}),),
        incidents=tuple(
            replace(row, incident_id=f"b{n}", node=B, labels={"team": "search"})
            for n, row in enumerate(mesh(4).incidents)
        ),
    )
    both = merge([labelled, other])
    assert build(both).key_figures[0].value == "16"
    assert build(both, label="team=search").key_figures[0].value == "4"
    assert build(both, label="team").key_figures[0].value == "16"
    with pytest.raises(UsageError, match=r"team=payments, team=search"):
        build(both, label="team=sales")


def test_a_comparison_says_too_few_where_that_is_so() -> None:
    ranges = (
        Range(START, START + timedelta(minutes=30)),
        Range(START + timedelta(minutes=30), START + timedelta(days=1)),
    )
    few = as_json(mesh(), ranges=ranges)["sections"]["comparison"]
    assert any(text.startswith("Rate of repeats: too few to say (0 of 5 failures before") for text in few["text"])
    ranges = (Range(START, START + timedelta(hours=3)), Range(START + timedelta(hours=3), START + timedelta(hours=9)))
    many = as_json(mesh(60), ranges=ranges)["sections"]["comparison"]["tables"]
    assert [row[2] for row in many["repeats"]["rows"]] == [26, 34]
    assert many["change"]["rows"][1][4] == "no change can be told from chance"


def test_a_long_ledger_is_cut_in_the_page_alone() -> None:
    report = build(mesh(ROWS * 2))
    page = render(report, "html")
    assert page.count('<details class="chain">') == ROWS
    assert "more rows are in the report’s other formats" in page
    [ledger] = [t for s in report.sections for t in s.tables if t.key == "ledger"]
    assert len(ledger.rows) > ROWS


# --- what texts from outside may not do -------------------------------------------------------------------------------

HOSTILE = (
    "<script>alert(1)</script>\"'><img src=http://x.example/ onerror=alert(1)>&amp; | [x](http://x.example) `b` *c*"
    + "x" * 500
)


class Page(HTMLParser):
    """What a page holds: elements, attributes, texts of titles and captions."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def test_hostile_texts_in_every_field_stay_texts() -> None:
    found = mesh(text=HOSTILE)
    report = build(found)
    plain = Page(render(build(mesh()), "html"))
    page = Page(render(report, "html"))
    assert {tag for tag, _ in page.elements} == {tag for tag, _ in plain.elements}
    assert "script" not in {tag for tag, _ in page.elements}
    assert not any(name.startswith("on") or name == "style" for _, attributes in page.elements for name in attributes)
    assert not any("x.example" in str(a.get("href", "")) + str(a.get("src", "")) for _, a in page.elements)
    markdown = render(report, "md")
    assert "<script" not in markdown.replace("\\<script", "")
    assert not re.search(r"(?<!\\)\]\(http", markdown)
    rows = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert all(len(re.findall(r"(?<!\\)\|", line)) > 1 for line in rows)


def test_a_text_that_a_spreadsheet_would_run_is_written_as_text() -> None:
    found = mesh()
    evil = replace(found, incidents=(replace(found.incidents[0], agent="=HYPERLINK(1)"),), outcomes=())
    values = [line["value"] for line in csv.DictReader(io.StringIO(render(build(evil), "csv")))]
    assert "'=HYPERLINK(1)" in values
    assert not any(value.startswith(("=", "@")) for value in values)


def test_a_time_that_is_none_is_listed_and_not_drawn() -> None:
    found = mesh()
    odd = replace(found, incidents=(replace(found.incidents[0], opened="yesterday"), *found.incidents[1:]))
    assert build(odd).key_figures[0].value == "12"
    render(build(odd), "html")


# --- what a browser and a screen reader make of it --------------------------------------------------------------------


def test_every_chart_has_a_title_and_its_numbers_and_every_table_a_caption_and_scopes() -> None:
    report = build(mesh(), ranges=None)
    page = Page(render(report, "html"))
    charts = [attributes for tag, attributes in page.elements if tag == "svg" and attributes.get("role") == "img"]
    assert len(charts) == sum(len(section.charts) for section in report.sections) == 7
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    for chart in charts:
        assert set(str(chart["aria-labelledby"]).split()) <= ids
    assert all(any(table.rows for table in section.tables) for section in report.sections if section.charts)
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") > 10
    assert all(a.get("scope") in ("col", "row") for tag, a in page.elements if tag == "th")


@pytest.fixture(scope="module")
def browser() -> str:
    if not Path(CHROMIUM).exists():
        pytest.skip(f"{CHROMIUM} is not here")
    return CHROMIUM


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a folder on this machine alone; yield its address and, as they come, the paths that are asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, format: str, *arguments: object) -> None:
            asked.append(self.path)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), name="report-server")
        thread.start()
        yield f"http://127.0.0.1:{http.server_address[1]}", asked
        http.shutdown()
        thread.join()


@pytest.mark.slow
def test_chromium_shows_it_without_an_error_or_a_request(
    browser: str, tmp_path: Path, server: tuple[str, list[str]]
) -> None:
    address, asked = server
    text = HOSTILE.replace("http://x.example", address)
    (tmp_path / "report.html").write_text(render(build(mesh(text=text)), "html"))
    done = subprocess.run(
        [
            browser,
            *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"],
            *["--disable-background-networking", "--disable-component-update", "--enable-logging=stderr", "--dump-dom"],
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={tmp_path / 'profile'}",
            f"{address}/report.html",
        ],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "CONSOLE" not in done.stderr
    assert asked == ["/report.html"]
    dom = Page(done.stdout)
    assert len([1 for tag, a in dom.elements if tag == "svg" and a.get("role") == "img"]) == 7
    assert "7 repeats were avoided with a whole chain of evidence." in done.stdout


def test_the_page_forbids_every_request_and_every_script() -> None:
    text = render(build(mesh()), "html")
    [policy] = [a["content"] for tag, a in Page(text).elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert str(policy).startswith("default-src 'none'; style-src 'sha256-")
    assert "http://" not in text
    assert "https://" not in text


def test_every_node_of_a_merged_report_stands_in_its_sources() -> None:
    other = Slice(origins=(origin(B, "second", "h2", "", START),))
    sources = as_json(merge([mesh(), other]))["sections"]["sources"]["tables"]["sources"]["rows"]
    assert sorted(row[0] for row in sources) == ["node", "second"]


def test_the_time_before_the_mesh_is_shown_apart_and_called_retrospective(store: Store) -> None:
    for n in (2, 3):
        store.events.add("history.imported", data={"via": "codex", "seconds_to_green": {**BEFORE, "n": n}})
    found = gather_slice(store, origin(A, "a", "h", "", START))
    [section] = [one for one in build(found).sections if one.key == "before"]
    assert "retrospect" in section.title
    [table] = section.tables
    assert table.rows[0][1:] == ("codex", "a command fixed it", 3, 240.0, 900.0, 40.0, 901.5)
    assert table.rows[1][3:] == (None,) * 5
