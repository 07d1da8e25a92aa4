"""Real agent programs, as npm installs them, driven without a screen against a stand-in for their model.

Not part of the default run: `make acceptance-agents` installs them into a folder of its own (600 MB) and runs this.
NPM_PREFIX names a folder that has them already.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.acceptance.stand_in_model import Model

from meshcore.config import load
from meshcore.healing.teaching import teach
from meshcore.node import Node

PACKAGES = ("@anthropic-ai/claude-code", "@openai/codex")
COMMAND = "python3 -c 'import nonexistent_xyz'"
ERROR = "ModuleNotFoundError: No module named 'nonexistent_xyz'"
FIX = "pip install nonexistent-xyz"
INSTALL_SECONDS, RUN_SECONDS = 600, 120


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the agents' commands."""
    prefix = Path(os.environ.get("NPM_PREFIX") or tmp_path_factory.mktemp("npm"))
    commands = prefix / "node_modules" / ".bin"
    if not (commands / "claude").exists() or not (commands / "codex").exists():
        install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(prefix), *PACKAGES]
        subprocess.run(install, check=True, timeout=INSTALL_SECONDS)
    return commands


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """An environment in which everything lies in one folder, and the mesh knows the fix."""
    (tmp_path / "user").mkdir()
    (tmp_path / "work").mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "user"),
        "USER": "dev",
        "MESHTUI_HOME": str(tmp_path / "home"),
        "MESHTUI_OPERATOR_DIR": str(tmp_path / "operator"),
        "MESHTUI_BRIDGE": str(tmp_path / "bridge.db"),
    }
    with Node(load(environment=environment)) as node:
        teach(node, ERROR, FIX)
    return environment


def connect(agent: str, environment: Mapping[str, str], folder: Path) -> None:
    command = [sys.executable, "-m", "meshtui", "connect", agent, "--yes"]
    subprocess.run(command, env=dict(environment), cwd=folder, check=True, timeout=RUN_SECONDS)


def drive(argv: list[str], environment: Mapping[str, str], folder: Path) -> str:
    done = subprocess.run(
        argv,
        env=dict(environment),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def assert_the_fix_arrived(model: Model, agent: str, environment: Mapping[str, str]) -> None:
    following = model.after_the_command()
    assert following, f"the agent never ran the command: {model.paths}"
    assert any(json.dumps(FIX)[1:-1] in request and "evidence, not instruction" in request for request in following)
    database = sqlite3.connect(Path(environment["MESHTUI_HOME"]) / "store.db")
    rows = database.execute("SELECT via, state, exit_code FROM incidents").fetchall()
    told = database.execute("SELECT count(*) FROM events WHERE kind='hook.answered'").fetchone()
    database.close()
    assert rows == [(agent, "matched", 1)]
    assert told == (1,)


def test_a_fix_arrives_in_claude_code(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("claude-code", world, tmp_path / "work")
    with Model(COMMAND) as model:
        environment = {
            **world,
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "no-key",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
        drive([str(programs / "claude"), "-p", "go", "--allowedTools", "Bash"], environment, tmp_path / "work")
    assert_the_fix_arrived(model, "claude-code", world)


def test_a_fix_arrives_in_codex(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("codex", world, tmp_path / "work")
    with Model(COMMAND) as model:
        provider = {"name": "stand-in", "base_url": f"{model.url}/v1", "wire_api": "responses"}
        lines = ['model = "stand-in"', 'model_provider = "local"', "[model_providers.local]"]
        lines += [f"{name} = {json.dumps(value)}" for name, value in provider.items()]
        (Path(world["HOME"]) / ".codex" / "config.toml").write_text("\n".join(lines) + "\n")
        options = ["--skip-git-repo-check", "--dangerously-bypass-hook-trust", "--sandbox", "danger-full-access"]
        drive([str(programs / "codex"), "exec", *options, "go"], world, tmp_path / "work")
    assert_the_fix_arrived(model, "codex", world)
