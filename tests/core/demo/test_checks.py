"""The two checks of our own: a mesh that works passes, one that does not fails with a line that says why."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from meshcore.demo.checks import main
from meshcore.evidence.monitor.checks import CONNECTOR, MULTI_AGENT, built_in, run_check


def test_one_agents_round_trip_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    entry = run_check(built_in()[0])
    assert entry["status"] == "passed", entry
    assert "the bridge: 1 skill broadcast" in entry["stdout"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_two_agents_heal_and_verify(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("MESHTUI_CONTAINMENT", "off")
    entry = run_check(built_in()[1])
    assert entry["status"] == "passed", entry
    assert "agent_b_test: 1 skill" in entry["stdout"]
    assert list(tmp_path.iterdir()) == []


def test_a_mesh_that_does_not_work_fails_its_check(tmp_path: Path) -> None:
    blocked = {**os.environ, "TMPDIR": str(tmp_path), "PATH": "", "PYTHONPATH": str(broken_meshtui(tmp_path))}
    done = subprocess.run(built_in()[0].argv, capture_output=True, text=True, env=blocked, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{CONNECTOR}: meshtui learn: exit 1")
    assert "Traceback" not in done.stderr.splitlines()[0]


def broken_meshtui(tmp_path: Path) -> Path:
    folder = tmp_path / "broken"
    (folder / "meshtui").mkdir(parents=True)
    (folder / "meshtui" / "__init__.py").write_text("raise SystemExit('does not work')\n")
    return folder


def test_a_check_that_is_ended_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(built_in()[0].argv, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("1. learning")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [[], ["unknown.py"], [CONNECTOR, MULTI_AGENT]])
def test_without_one_known_name_it_lists_the_names(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == 2
    assert CONNECTOR in capsys.readouterr().err
