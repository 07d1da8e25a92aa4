"""The recipes of docs/agents.md: each block is read or run as what it says it is."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.world import Agent, World

DOCS = Path(__file__).parents[2] / "docs" / "agents.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", DOCS.read_text(), re.S | re.M)


@pytest.fixture
def a(tmp_path: Path) -> Agent:
    return World(tmp_path).agent("a")


def installed(a: Agent) -> Path:
    """Return a `meshtui` that works wherever a recipe expects an installed one."""
    path = a.world.root / "meshtui"
    path.write_text(f'#!/bin/sh\nexec {" ".join(a.command())} "$@"\n')
    path.chmod(0o755)
    return path


def test_the_crontab_line_does_what_it_says(a: Agent) -> None:
    [text] = blocks("crontab")
    setting, line = text.strip().split("\n")
    command = line.split(maxsplit=5)[5].replace("/srv/report", str(a.work))
    command = command.replace("/usr/local/bin/meshtui", str(installed(a)))
    (a.work / "nightly.sh").write_text("echo done nightly; exit 3\n")
    name, value = setting.split("=")
    environment = {**a.environment, name: value}
    done = subprocess.run(["/bin/sh", "-c", command], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "done nightly\n")
    [incident] = a.ask("incidents", "list")
    assert (incident["agent"], incident["via"]) == ("cron@build2", "cron")


def test_systemd_takes_the_unit(a: Agent) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed here")
    [text] = blocks("ini")
    unit = a.world.root / "report.service"
    unit.write_text(text.replace("/usr/local/bin/meshtui", str(installed(a))).replace("/srv/report", str(a.work)))
    done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "report.service" in line]) == (0, [])


def test_the_recipes_in_yaml_call_us_as_we_can_be_called(a: Agent) -> None:
    playbook, workflow = map(yaml.safe_load, blocks("yaml"))
    [task] = playbook
    argv = task["ansible.builtin.command"]["argv"]
    runs = [step["run"] for step in workflow["jobs"]["test"]["steps"] if "run" in step]
    calls = [argv, *(line.split() for line in runs if line.startswith("meshtui"))]
    assert len(calls) == 3
    for program, *arguments in calls:
        assert program == "meshtui"
        at = arguments.index("--") if "--" in arguments else len(arguments)
        assert a.call(*(word for word in arguments[:at] if word != ".agents/skills"), "--help").returncode == 0
    (a.work / "manage.py").write_text("print('migrated')\n")
    (a.work / ".venv").symlink_to(a.venv)
    assert a.call(*argv[1:]).stdout == "migrated\n"


def test_the_configurations_of_mcp_and_hooks_name_what_there_is() -> None:
    [codex] = map(tomllib.loads, blocks("toml"))
    others, hooks = map(json.loads, blocks("json"))
    assert codex["mcp_servers"] == others["mcpServers"] == {"meshtui": {"command": "meshtui", "args": ["mcp"]}}
    [group] = hooks["hooks"]["PostToolUseFailure"]
    [hook] = group["hooks"]
    assert set(hook["input"]) <= _parameters_of(hook["tool"])


def _parameters_of(tool: str) -> set[str]:
    from meshcore.config import load
    from meshcore.mcp.server import make_server

    [found] = [one for one in make_server(load()).tools if one.name == tool]
    return {parameter.name for parameter in found.parameters}
