"""`meshtui connect`, `disconnect`, `hook` and `agents` from the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.core.agents.desk import Desk

from meshcore.agents.hook_settings import PINNED, OwnFile
from meshcore.agents.table import NAMES, program
from meshtui.__main__ import run


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folder and a project of theirs."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.delenv("CODEX_HOME", raising=False)
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")  # no agent program is there unless a test puts it
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def test_a_dry_run_shows_the_difference_and_writes_nothing(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connect", "claude-code", "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert '+            "command":' in out and "PostToolUseFailure" in out
    assert not (user / ".claude").exists()


def test_without_a_terminal_somebody_must_say_yes(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connect", "claude-code"]) == 2
    assert "add --yes" in capsys.readouterr().err
    assert not (user / ".claude").exists()


def test_connecting_says_what_is_left_to_do(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connect", "codex", "--project", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "/hooks and trust" in out and "connect --test codex" in out
    assert (user / "project" / ".codex" / "hooks.json").exists()
    assert run(["connect", "codex", "--project", "--yes"]) == 0
    assert "connected already" in capsys.readouterr().out
    assert run(["disconnect", "codex", "--project", "--yes"]) == 0
    assert run(["disconnect", "codex", "--project", "--yes"]) == 0
    assert "is not connected" in capsys.readouterr().out


@pytest.mark.parametrize("agent", [name for name in NAMES if program(name).hooks({}).permission])
def test_connecting_offers_the_one_rule_that_lets_the_agent_heal(
    user: Path, capsys: pytest.CaptureFixture[str], agent: str
) -> None:
    assert run(["connect", agent, "--yes"]) == 0
    [offered] = [line for line in capsys.readouterr().out.split("\n") if "the one rule" in line]
    assert re.search(r"meshtui\W+heal", offered) and not re.search(r"meshtui\W*\*", offered)
    written = program(agent).hooks({"HOME": str(user)}).path("user", user).read_text()
    assert "allow" not in written, "it is offered, and written by nobody but the person"


@pytest.mark.parametrize("agent", [name for name in NAMES if name != "kimi"])  # it reads no hooks of a project
@pytest.mark.parametrize("linked", ["file", "folder"])
def test_the_target_of_a_link_is_named_before_it_is_written_through(
    user: Path, capsys: pytest.CaptureFixture[str], agent: str, linked: str
) -> None:
    hooks = program(agent).hooks({})
    path = hooks.path("project", user / "project")
    place = path if linked == "file" else path.parent
    elsewhere = user / "elsewhere"
    elsewhere.mkdir()
    real = elsewhere / "settings" if linked == "file" else elsewhere / path.name
    if linked == "file":
        real.write_text(hooks.mark if isinstance(hooks, OwnFile) else "")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(real if linked == "file" else elsewhere)
    before = real.read_text() if real.exists() else None
    assert run(["connect", agent, "--project"]) == 2, "nobody is there to be asked"
    said = capsys.readouterr().out
    assert f"leads through a link to {real}" in said
    assert (real.read_text() if real.exists() else None) == before
    assert run(["connect", agent, "--project", "--yes"]) == 0
    assert f"leads through a link to {real}" in capsys.readouterr().out
    assert "hook" in real.read_text() and place.is_symlink()
    assert run(["disconnect", agent, "--project", "--yes"]) == 0
    assert f"leads through a link to {real}" in capsys.readouterr().out


@pytest.fixture
def bare(user: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """That folder, with nothing chosen in the environment."""
    for name in PINNED:
        monkeypatch.delenv(name, raising=False)
    return user


def test_a_home_that_was_chosen_is_the_hook_s_too(bare: Path) -> None:
    assert run(["--home", "mesh", "connect", "claude-code", "--yes"]) == 0
    settings = json.loads((bare / ".claude" / "settings.json").read_text())
    command = settings["hooks"]["PostToolUse"][0]["hooks"][0]["command"]
    assert command.endswith(f"claude-code MESHTUI_HOME={bare / 'project' / 'mesh'}")


def test_what_a_second_connect_would_change_is_said_in_words(
    bare: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    user = bare
    monkeypatch.setenv("MESHTUI_OPERATOR_DIR", str(user / "operator"))
    monkeypatch.setenv("MESHTUI_AGENT", "ci@build2")
    assert run(["--home", str(user / "mesh"), "--bridge", str(user / "b.db"), "connect", "codex", "--yes"]) == 0
    capsys.readouterr()
    assert run(["--home", str(user / "mesh"), "--bridge", str(user / "b.db"), "connect", "codex"]) == 0
    assert "connected already" in capsys.readouterr().out
    monkeypatch.delenv("MESHTUI_OPERATOR_DIR")
    assert run(["--bridge", str(user / "other.db"), "connect", "codex", "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert f"home: {user / 'mesh'} → as the agent finds it" in said
    assert f"operator folder: {user / 'operator'} → as the agent finds it" in said
    assert f"bridge: {user / 'b.db'} → {user / 'other.db'}" in said
    assert not any(line.startswith(("agent: ", "called: ")) for line in said)


def test_a_trial_also_looks_at_the_home_that_was_pinned(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", str(user / "mesh"), "connect", "claude-code", "--yes"]) == 0
    assert run(["connect", "--test", "claude-code"]) == 0
    assert "the fix arrived" in capsys.readouterr().out
    (user / "mesh").mkdir(exist_ok=True)
    (user / "mesh" / "store.db").write_bytes(b"SQLite format 3\0" + b"\xff" * 9000)
    assert run(["connect", "--test", "claude-code"]) == 1
    assert "with the home that it is to use" in capsys.readouterr().out


def test_nothing_of_one_machine_is_put_into_a_project_s_file(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", "mesh", "connect", "claude-code", "--project", "--yes"]) == 2
    assert "names nothing of one machine" in capsys.readouterr().err
    assert not (user / "project" / ".claude").exists()


def test_all_is_taken_out_before_an_uninstallation(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for agent in ("claude-code", "codex", "opencode"):
        assert run(["connect", agent, "--yes"]) == 0
    assert run(["connect", "gemini", "--project", "--yes"]) == 0
    (user / ".copilot" / "hooks").mkdir(parents=True)
    (user / ".copilot" / "hooks" / "meshtui.json").write_text("{")
    assert run(["disconnect", "--all"]) == 2, "nobody is there to be asked"
    capsys.readouterr()
    assert run(["disconnect", "--all", "--yes"]) == 0
    said = capsys.readouterr().out
    assert said.count(str(user)) == 5 and "meshtui.json" in said, "what cannot be read is named"
    assert not any(user.rglob("settings.json")) and not any(user.rglob("hooks.json"))
    assert run(["disconnect", "--all", "--yes"]) == 0
    assert "no agent is connected" in capsys.readouterr().out
    assert run(["disconnect", "codex", "--all"]) == 2


def test_the_list_names_what_cannot_be_read(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (user / ".claude").mkdir()
    (user / ".claude" / "settings.json").write_text("{")
    assert run(["connect", "--list", "--json"]) == 0
    rows = {row["agent"]: row for row in json.loads(capsys.readouterr().out)["connections"]}
    assert rows["claude-code"]["user"] == "cannot be read" and rows["claude-code"]["project"] == "no"
    assert rows["codex"]["called"] == ""


@pytest.mark.parametrize("arguments", [["connect"], ["connect", "vim"], ["disconnect"], ["hook", "vim"]])
def test_an_agent_must_be_named_and_known(user: Path, arguments: list[str]) -> None:
    assert run(arguments) == 2


def test_broken_settings_are_one_line_and_stay(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (user / ".claude").mkdir()
    (user / ".claude" / "settings.json").write_text("{")
    assert run(["connect", "claude-code", "--yes"]) == 78
    assert capsys.readouterr().err.count("\n") == 1


def test_agents_shows_what_the_mesh_did_for_each_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = Desk(tmp_path)
    desk.teach()
    desk.failed()
    for name, value in desk.environment.items():
        monkeypatch.setenv(name, value)
    assert run(["agents", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["agents"]
    assert row["effect"]["seen"] == row["effect"]["answered"] == 1 and row["effect"]["taken"] == 0
    assert run(["skills", "not-here", "1"]) == 0
    assert run(["agents"]) == 0
    assert "claude-code\t1\t1\t0\t0\t0\t-" in capsys.readouterr().out
