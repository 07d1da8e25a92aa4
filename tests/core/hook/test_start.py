"""Hooks that were installed once go on working: they name the stubs by path, as version 0.1 wrote them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.agents.desk import COMMAND, ERROR, FIX, Desk

import meshcore
from meshcore.agents.table import program

PACKAGE = Path(meshcore.__file__).parent


def call(desk: Desk, *arguments: str, data: bytes = b"", **variables: str) -> bytes:
    """Run an installed command; return what it printed."""
    command = [sys.executable, "-I", "-S", *arguments]
    environment = {**desk.environment, **variables}
    done = subprocess.run(command, input=data, capture_output=True, env=environment, cwd=desk.work, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


def failure(desk: Desk, number: int) -> bytes:
    """Return a failed command as Claude Code reports it."""
    sample = program("claude-code").sample(COMMAND, ERROR, str(desk.work), desk.root, f"call-{number}")
    return json.dumps(sample).encode()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    found = Desk(tmp_path)
    found.teach()
    return found


@pytest.mark.parametrize("pinned", [0, 1, 2])
def test_an_agent_s_hook_of_version_0_1_is_answered(desk: Desk, pinned: int) -> None:
    pins = [desk.environment["MESHTUI_HOME"], desk.environment["MESHTUI_BRIDGE"]][:pinned]
    elsewhere = {"MESHTUI_HOME": str(desk.root / "elsewhere")} if pinned else {}
    said = call(desk, str(PACKAGE / "hookstart.py"), "claude-code", *pins, data=failure(desk, 1), **elsewhere)
    assert FIX in said.decode()
    assert not (desk.root / "elsewhere").exists()


def test_a_shell_s_hook_of_version_0_1_is_answered(desk: Desk) -> None:
    desk.teach("bash: frobnicate: command not found", "apt-get install -y frobnicate")
    stub = str(PACKAGE / "shellstart.py")
    said = call(desk, stub, "failed", "bash", "s1", "1", "127", "frobnicate")
    assert said.decode().startswith("meshtui: known fix ") and said.endswith(b"\n")
    assert call(desk, stub, "worked", "bash", "s1", "2", "0", "true") == b""
    assert call(desk, stub, "key", "bash", "s1", "1", "127", "frobnicate") == b"apt-get install -y frobnicate"


@pytest.mark.parametrize("stub", ["hookstart.py", "shellstart.py"])
@pytest.mark.parametrize("broken", ["hook/start.py", "hook/call.py"])
def test_nobody_sees_that_the_package_is_broken(desk: Desk, stub: str, broken: str) -> None:
    copy = desk.root / "src" / "meshcore"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / broken).write_text("raise SystemExit('broken')")
    arguments = ["claude-code"] if stub == "hookstart.py" else ["failed", "bash", "s", "1", "1", "make"]
    assert call(desk, str(copy / stub), *arguments, data=failure(desk, 1)) == b""
