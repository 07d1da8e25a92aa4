"""`meshtui report` as a process: what a user asks, gets, and is told where it cannot be."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from tests.world import ERROR, FIX, Agent, only_one_line


def healed(a: Agent) -> None:
    """Let one failure be healed by what a person taught."""
    a.run(*a.app)
    a.call("learn", "--error", ERROR, "--fix", FIX)
    assert a.call("heal", "last").returncode == 0


def test_a_healed_failure_stands_in_the_report_of_its_node(a: Agent, tmp_path: Path) -> None:
    healed(a)
    a.call("monitor", "--skip-tests")
    page = tmp_path / "report.html"
    done = a.call("report", "-o", str(page))
    assert (done.returncode, done.stdout) == (0, "")
    assert only_one_line(done) == f"meshtui: written: {page}"
    assert "1 of 1 failure is verified" in page.read_text()
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    figures = json.loads(a.call("report", "--format", "json").stdout)["report"]
    assert figures["key_figures"][0] == {"name": "failures", "value": "1", "note": ""}
    assert "1 snapshot" in " ".join(figures["summary"])


def test_in_a_pipe_it_is_a_page_and_the_ending_of_a_file_names_the_format(a: Agent, tmp_path: Path) -> None:
    assert a.call("report").stdout.startswith("<!doctype html>")
    for ending, start in (("md", "# "), ("json", "{"), ("csv", "section,table,row")):
        path = tmp_path / f"r.{ending}"
        assert a.call("report", "-o", str(path)).returncode == 0
        assert path.read_text().startswith(start)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (["--since", "2026-11-02", "--until", "2026-11-01"], 2, "no time lies in it"),
        (["--since", "soon"], 2, "'soon' is no time"),
        (["--compare", "2026-11-01..2026-11-03", "2026-11-02..2026-11-04"], 2, "overlap"),
        (["--label", "team=x"], 2, "nothing has the label"),
        (["-o", "report.pdf"], 2, "no format has this ending"),
        (["-o", "no/such/folder/r.md"], 1, "not written"),
        (["no-such-export"], 2, "no such file or folder"),
        (["."], 2, "holds no slice"),
    ],
)
def test_what_cannot_be_is_one_line(a: Agent, arguments: list[str], code: int, reason: str) -> None:
    done = a.call("report", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert reason in only_one_line(done)
