"""`meshtui monitor`, and the old commands under their old names, as processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.world import TIMEOUT_S, Agent, World, only_one_line

LOG = "collective_learning_monitor_log.jsonl"
SCRIPTS = Path(__file__).parents[2] / "scripts"


def records(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_the_command_of_the_original_document_writes_two_records(a: Agent) -> None:
    a.learn()
    arguments = ["--watch", "--interval", "1", "--iterations", "2", "--include-manifest", "--skip-tests"]
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "monitor_collective_learning.py"), *arguments],
        capture_output=True,
        text=True,
        env=a.environment,
        timeout=TIMEOUT_S,
    )
    assert (done.returncode, done.stderr) == (0, "")
    printed = records(done.stdout)
    assert printed == records((a.home / LOG).read_text())
    assert [record["skills_snapshot"]["skill_count"] for record in printed] == [1, 1]
    assert [record["tests"] for record in printed] == [[], []]
    manifest = a.home / "COLLECTIVE_LEARNING_MANIFEST.md"
    assert printed[-1]["manifest_size_bytes"] == manifest.stat().st_size
    assert printed[0]["mesh"]["undelivered"] == {"a": 0}


def test_each_pass_is_an_event_of_the_journal(a: Agent) -> None:
    [record] = records(a.call("monitor", "--skip-tests").stdout)
    events = records((a.home / "journal.jsonl").read_text())
    [snapshot] = [event for event in events if event["kind"] == "monitor.snapshot"]
    assert snapshot["mesh"] == record["mesh"]


def test_it_makes_no_bridge_where_there_is_none(a: Agent, world: World) -> None:
    for _ in range(2):
        [record] = records(a.call("monitor", "--skip-tests").stdout)
        assert record["bridge_db_present"] is False
    assert not list(world.root.glob("claude_bridge*"))


def test_what_a_peer_taught_is_counted_without_a_runtime(a: Agent, b: Agent) -> None:
    b.call("status")
    b.call("monitor", "--skip-tests")
    a.learn()
    [record] = records(b.call("monitor", "--skip-tests").stdout)
    assert record["mesh"]["unique_skills"] == 1
    assert record["mesh"]["agents_joined"] == 2


def test_checks_that_the_configuration_names_run_beside_our_own(a: Agent) -> None:
    a.operator.mkdir(exist_ok=True)
    program = [sys.executable, "-c", "print('mine ran'); raise SystemExit(4)"]
    (a.operator / "config.toml").write_text(
        f'[[checks]]\nname = "mine.py"\nargv = {json.dumps(program)}\ntimeout = 30\n'
    )
    done = a.call("monitor", "--show-output", env={"PYTHONPATH": str(broken_demo(a))})
    assert done.returncode == 0
    [record] = records(done.stdout.splitlines()[0])
    states = {test["script"]: test["status"] for test in record["tests"]}
    assert states == {
        "test_skill_connector.py": "passed",
        "test_multi_agent_learning.py": "failed",
        "mine.py": "failed",
    }
    assert record["tests_summary"] == {"total": 3, "passed": 1, "failed": 2, "errors": 0, "missing": 0}
    assert "mine.py: failed\n  mine ran" in done.stdout


def broken_demo(agent: Agent) -> Path:
    """Return a folder that takes pip's place from new environments, so that the long check fails at its beginning."""
    folder = agent.work / "broken"
    (folder / "ensurepip").mkdir(parents=True)
    (folder / "ensurepip" / "__init__.py").write_text("raise SystemExit('no pip here')\n")
    (folder / "venv").mkdir()
    (folder / "venv" / "__init__.py").write_text("raise SystemExit('no environments here')\n")
    return folder


def test_an_interval_below_1_is_raised_and_said(a: Agent) -> None:
    done = a.call("monitor", "--skip-tests", "--interval", "0.2")
    assert done.returncode == 0
    assert only_one_line(done) == "meshtui: --interval 0.2 raised to 1 s"


@pytest.mark.parametrize("arguments", [("--interval", "nan"), ("--interval", "inf"), ("--iterations", "-1")])
def test_what_is_no_interval_or_number_is_refused(a: Agent, arguments: tuple[str, str]) -> None:
    done = a.call("monitor", "--skip-tests", *arguments)
    assert done.returncode == 2
    assert only_one_line(done)


def test_a_log_that_cannot_be_written_is_said_and_the_record_is_printed(a: Agent) -> None:
    done = a.call("monitor", "--skip-tests", "--log-file", str(a.work / "missing" / "log.jsonl"))
    assert done.returncode == 1
    assert "name another file with --log-file" in only_one_line(done)
    assert len(records(done.stdout)) == 1


def test_the_log_file_is_where_it_is_asked_for(a: Agent) -> None:
    a.call("monitor", "--skip-tests", "--log-file", "my.jsonl")
    assert len(records((a.work / "my.jsonl").read_text())) == 1
    assert not (a.home / LOG).exists()


@pytest.mark.parametrize(("content", "expected"), [(b"{half", {"error": "invalid_json"}), (None, {})])
def test_a_broken_or_missing_skills_file_is_recorded_not_mended(
    a: Agent, content: bytes | None, expected: dict[str, str]
) -> None:
    a.learn()
    file = a.home / "skills_database.json"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    for _ in range(2):
        [record] = records(a.call("monitor", "--skip-tests").stdout)
        assert record["skills_snapshot"] == expected
        assert record["mesh"]["unique_skills"] == 1


@pytest.mark.parametrize("broken", ["store", "bridge"])
def test_a_broken_database_is_named_in_the_record(a: Agent, world: World, broken: str) -> None:
    a.learn()
    path = {"store": a.home / "store.db", "bridge": Path(f"{world.bridge}.mesh.db")}[broken]
    for wal in path.parent.glob(path.name + "-*"):
        wal.unlink()
    path.write_bytes(b"this is no database at all, and long enough to be looked at " * 100)
    done = a.call("monitor", "--skip-tests")
    [record] = records(done.stdout)
    [fault] = record["mesh"]["faults"]
    assert str(path) in fault
    assert only_one_line(done)
    assert record["skills_snapshot"]["skill_count"] == 1
    assert records((a.home / LOG).read_text()) == [record]


def test_two_monitors_of_one_home_never_mix_their_lines(a: Agent) -> None:
    arguments = ("monitor", "--watch", "--interval", "1", "--iterations", "2", "--skip-tests")
    both = [a.start(*arguments) for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, err) == (0, "")
        assert len(records(out)) == 2
    assert len(records((a.home / LOG).read_text())) == 4


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_the_watch_between_two_whole_records(a: Agent, number: int, code: int) -> None:
    process = a.start("monitor", "--watch", "--interval", "3600", "--skip-tests")
    assert process.stdout is not None
    first = process.stdout.readline()
    process.send_signal(number)
    process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == code
    assert records((a.home / LOG).read_text()) == records(first)


def test_the_connector_check_runs_under_its_old_name(a: Agent) -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "test_skill_connector.py")],
        capture_output=True,
        text=True,
        env=a.environment,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    assert "passed" in done.stdout


def test_the_check_of_two_agents_is_there_under_its_old_name() -> None:
    text = (SCRIPTS / "test_multi_agent_learning.py").read_text()
    assert "main([MULTI_AGENT])" in text
