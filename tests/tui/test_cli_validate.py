"""`meshtui validate`: the old command line and output, and what is new."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.core.runs import samples
from tests.world import Agent, World, only_one_line

from meshcore.store.store import Store
from meshcore.store.views import run_results

REPOSITORY = Path(__file__).parents[2]
STAMP = r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00\]"


@pytest.fixture
def root(world: World) -> Path:
    folder = world.root / "runs"
    folder.mkdir()
    return folder


def broken(root: Path, name: str) -> None:
    folder = samples.write_run(root, name)
    graph = samples.graph()
    graph["steps"][0]["children"][0]["kind"] = "cook"
    (folder / "step_graph.json").write_text(json.dumps(graph))


def log_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_it_prints_a_line_a_run_a_summary_and_writes_the_log(a: Agent, root: Path) -> None:
    samples.write_run(root, "run-1")
    samples.write_run(root, "run-2")
    done = a.call("validate", "--runs-root", str(root))
    assert (done.returncode, done.stderr) == (0, "")
    first, second, _, summary = done.stdout.splitlines()
    assert re.fullmatch(rf"{STAMP} run-1 -> PASSED", first)
    assert re.fullmatch(rf"{STAMP} run-2 -> PASSED", second)
    assert re.fullmatch(rf"{STAMP} Validation summary: 2/2 runs passed\.", summary)
    lines = log_lines(root / "validation_log.jsonl")
    assert [list(line) for line in lines] == [["run", "path", "status", "warnings", "timestamp"]] * 2
    assert lines[0]["path"] == str(root / "run-1")


def test_a_run_that_fails_is_exit_1_with_each_error_at_its_place(a: Agent, root: Path) -> None:
    broken(root, "bad")
    samples.write_run(root, "good")
    log = root / "logs" / "own.jsonl"
    done = a.call("validate", "--runs-root", str(root), "--log-file", str(log), "--json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)["validation"]
    assert (answer["passed"], answer["total"]) == (1, 2)
    [error] = answer["runs"][0]["errors"]
    assert error.startswith("step_graph.json: steps[0].children[0].kind: must be one of")
    assert [line["status"] for line in log_lines(log)] == ["failed", "passed"]
    done = a.call("validate", "--runs-root", str(root), "--run-id", "good")
    assert done.returncode == 0
    done = a.call("validate", "--runs-root", str(root), "--run-id", "bad")
    assert done.returncode == 1
    assert "bad -> FAILED" in done.stdout
    assert "- bad: see details above." in done.stdout


def test_warnings_are_in_the_summary_where_that_is_asked_for(a: Agent, root: Path) -> None:
    (samples.write_run(root) / "trace_events.json").unlink()
    plain = a.call("validate", "--runs-root", str(root)).stdout
    assert "Runs with warnings" not in plain
    asked = a.call("validate", "--runs-root", str(root), "--include-warnings").stdout
    end = asked.splitlines()[-3:]
    assert end == ["Runs with warnings:", "- run-1:", "    trace_events.json: missing, not checked"]


def test_an_empty_root_has_no_runs_and_a_wrong_one_is_exit_2(a: Agent, root: Path) -> None:
    done = a.call("validate", "--runs-root", str(root))
    assert done.returncode == 0
    assert f"No runs found under {root}" in done.stdout
    assert not (root / "validation_log.jsonl").exists()
    (root / "file").touch()
    for wrong in (root / "gone", root / "file"):
        done = a.call("validate", "--runs-root", str(wrong))
        assert done.returncode == 2
        assert f"no runs found under {wrong}" in only_one_line(done)


@pytest.mark.parametrize("run_id", ["../runs", "..", "gone", "a\n\x1b[31mb"])
def test_a_run_id_that_leads_elsewhere_is_refused_in_one_line(a: Agent, root: Path, run_id: str) -> None:
    done = a.call("validate", "--runs-root", str(root), "--run-id", run_id)
    assert done.returncode == 2
    assert "\x1b" not in only_one_line(done)


def test_what_could_steer_a_terminal_is_made_visible_and_links_out_are_told(a: Agent, root: Path) -> None:
    samples.write_run(root, "a\nb\x1b[31m")
    (root / "out").symlink_to(a.work)
    done = a.call("validate", "--runs-root", str(root))
    assert done.returncode == 0
    assert "a␊b␛[31m -> PASSED" in done.stdout
    assert "'out': a link that leads out of the runs root: not followed" in only_one_line(done)
    assert "\x1b" not in done.stdout
    assert "Validation summary: 1/1" in done.stdout


def test_a_log_that_cannot_be_written_is_told_beside_the_verdicts(a: Agent, root: Path) -> None:
    samples.write_run(root)
    done = a.call("validate", "--runs-root", str(root), "--log-file", str(root))
    assert done.returncode == 1
    assert "run-1 -> PASSED" in done.stdout
    assert "the log was not written" in only_one_line(done)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watching_tells_what_changed_and_ends_with_a_signal(a: Agent, root: Path, number: int) -> None:
    samples.write_run(root, "run-1")
    samples.write_run(root, "run-2")
    process = a.start("validate", "--runs-root", str(root), "--watch", "--interval", "0")
    assert process.stdout is not None
    try:
        assert any("Validation summary: 2/2" in line for line in process.stdout)
        broken(root, "run-3")
        assert any("run-3 -> FAILED" in line for line in process.stdout)
    finally:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.endswith("Validation loop interrupted by user.\n")
    assert err == "meshtui: --interval 0 raised to 1 s\n"


def test_watching_goes_on_when_the_log_is_taken_away(a: Agent, root: Path) -> None:
    samples.write_run(root)
    process = a.start("validate", "--runs-root", str(root), "--watch", "--interval", "1")
    log = root / "validation_log.jsonl"
    assert process.stdout is not None
    try:
        for change in (lambda: log.rename(root / "old.jsonl"), lambda: os.truncate(log, 0), log.unlink):
            assert any("Validation summary" in line for line in process.stdout)
            assert any("-> PASSED" in line for line in process.stdout)
            change()
        assert any("Validation summary" in line for line in process.stdout)
        assert any("-> PASSED" in line for line in process.stdout)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert all(line["status"] == "passed" for line in log_lines(log))


def test_a_bar_is_drawn_on_a_terminal_from_20_runs_on(a: Agent, root: Path) -> None:
    for number in range(20):
        samples.write_run(root, f"run-{number:02}")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        a.command("validate", "--runs-root", str(root)),
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**a.environment, "TERM": "xterm-256color", "COLUMNS": "100"},
        cwd=a.work,
    ) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=60)
    assert b"validating" in os.read(ours, 65536)
    os.close(ours)
    assert b"20/20 runs passed" in out


def test_the_old_name_works_from_the_repository(a: Agent, root: Path) -> None:
    samples.write_run(root)
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "scripts/validate_runs_loop.py"), "--runs-root", str(root)],
        capture_output=True,
        text=True,
        env=a.environment,
        cwd=a.work,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "run-1 -> PASSED" in done.stdout


def test_the_results_are_in_the_home_where_there_is_one(a: Agent, root: Path) -> None:
    broken(root, "run-1")
    a.call("validate", "--runs-root", str(root))
    assert not (a.home / "store.db").exists()
    a.call("status")
    a.call("validate", "--runs-root", str(root))
    with closing(Store(a.home / "store.db")) as store:
        [state] = store.answers(run_results())
    assert (state.run, state.status) == ("run-1", "failed")
    assert any("step_graph.json" in error for error in state.errors)


def test_the_old_name_finds_the_projects_own_python(a: Agent, root: Path) -> None:
    plain = Path("/usr/bin/python3")
    if not plain.exists() or not (REPOSITORY / ".venv" / "bin" / "python").exists():
        pytest.skip("no Python without meshtui here, or no .venv in the repository")
    samples.write_run(root)
    done = subprocess.run(
        [plain, "scripts/validate_runs_loop.py", "--runs-root", str(root)],
        capture_output=True,
        text=True,
        env=a.environment,
        cwd=REPOSITORY,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "run-1 -> PASSED" in done.stdout
