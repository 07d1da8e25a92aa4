"""What README says is typed by somebody with an empty home, command by command, as it stands there."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tui.test_docs import calls

REPOSITORY = Path(__file__).parents[2]
README = (REPOSITORY / "README.md").read_text("utf-8")
TIMEOUT_S = 60

STORY = {
    "meshtui connect claude-code": 0,
    "meshtui import history": 0,
    "meshtui run -- make report": 2,
    "meshtui learn --last --fix 'mkdir -p build/reports'": 0,
    "meshtui heal last": 1,
    'eval "$(meshtui shell-init bash 2>/dev/null)"': 0,
    "meshtui nodes": 0,
    "meshtui report": 0,
    "meshtui evidence export DIR": 0,
    "meshtui digest": 0,
    'meshtui halt "why"': 0,
}
"""What is typed, in the order of a first hour, and how it ends: a fix that waits for a yes is exit code 1."""

ANSWERED = {"meshtui connect claude-code": " --yes", "meshtui import history": " --yes"}
"""What asks on a terminal, and what stands for the answer where there is none."""

ELSEWHERE = {
    "meshtui": "a screen: test_terminal_app",
    "meshtui --no-ui": "runs until it is ended: tui/test_cli_serve",
    "meshtui run --": "in front of any command",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty home, in which a project lacks a folder that its Makefile writes into."""
    root = tmp_path_factory.mktemp("stranger")
    project = root / "src" / "shop"
    project.mkdir(parents=True)
    (root / ".claude").mkdir()
    (project / "Makefile").write_text("report:\n\t@echo fine > build/reports/day.txt\n")
    return root


def typed(home: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Type a line into a shell, in the project."""
    environment = {
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "ann",
    }
    return subprocess.run(
        ["/bin/bash", "-c", text],
        cwd=home / "src" / "shop",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_each_of_its_commands_of_meshtui_is_typed_here_or_elsewhere() -> None:
    named = {re.split(r"\s{2,}#", call)[0] for call in calls(README)}
    assert named - STORY.keys() - ELSEWHERE.keys() == set()
    assert {line for line in STORY if line.startswith("meshtui")} <= named
    assert all(line in README for line in STORY)


def test_each_ends_as_it_says_without_a_traceback(home: Path) -> None:
    for line, code in STORY.items():
        done = typed(home, line + ANSWERED.get(line, ""))
        assert done.returncode == code, f"{line}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, line
    assert "HALTED: why" in typed(home, "meshtui status").stdout


def test_each_target_of_make_and_each_benchmark_is_there() -> None:
    targets = set(re.findall(r"`make ([a-z-]+)`", README)) | set(re.findall(r"(?m)^make ([a-z-]+)", README))
    assert {"demo", "test"} <= targets
    for target in targets:
        done = subprocess.run(["make", "-n", target], cwd=REPOSITORY, capture_output=True, check=False)
        assert done.returncode == 0, target
    benchmarks = set(re.findall(r"`python -m (benchmarks[a-z_.]+)", README))
    assert len(benchmarks) > 3
    assert [name for name in benchmarks if importlib.util.find_spec(name) is None] == []
