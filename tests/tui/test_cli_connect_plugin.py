"""`meshtui connect` where the program has plugins: a plugin or settings, never both, and neither is left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from meshcore.agents.hook_settings import HookSettings, hook_command, shared_command
from meshcore.agents.plugin_files import plugin_files
from meshcore.agents.table import program
from meshcore.service.connections import BY_PLUGIN, standing
from meshtui.__main__ import run

CLAUDE = """\
#!/bin/sh
# As Claude Code 2.1.332 does it: what is installed is a copy, and is listed.
echo "$*" >> "$HOME/asked"
pwd >> "$HOME/where"
at="$HOME/.claude/plugins"
copy="$at/cache/meshtui/meshtui/0.1.0"
case "$*" in
"plugin --help") cat "$HOME/able" ;;
"plugin marketplace add "*)
    mkdir -p "$at"
    printf %s "$4" > "$at/from"
    printf '{"meshtui": {"source": {}, "installLocation": "%s"}}' "$4" > "$at/known_marketplaces.json" ;;
"plugin install "*)
    [ ! -e "$HOME/broken" ] || { echo "first" >&2; echo "no room" >&2; exit 3; }
    mkdir -p "$copy"
    cp -r "$(cat "$at/from")/claude-code/." "$copy"
    echo '{"plugins": {"meshtui@meshtui": [{"scope": "user"}]}}' > "$at/installed_plugins.json" ;;
"plugin uninstall "*) [ -e "$HOME/stuck" ] || rm -rf "$at/cache" "$at/installed_plugins.json" ;;
"plugin marketplace remove "*) rm -f "$at/from" "$at/known_marketplaces.json" ;;
*) exit 64 ;;
esac
"""


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person's folder, with a Claude Code that can have plugins on PATH."""
    for name in ("CLAUDE_CONFIG_DIR", "MESHTUI_HOME", "MESHTUI_OPERATOR_DIR", "MESHTUI_BRIDGE", "MESHTUI_AGENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for folder in ("bin", "project"):
        (tmp_path / folder).mkdir()
    (tmp_path / "bin" / "claude").write_text(CLAUDE)
    (tmp_path / "bin" / "claude").chmod(0o755)
    (tmp_path / "able").write_text("  marketplace   Manage marketplaces\n")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path


def claude() -> HookSettings:
    return program("claude-code").hooks({"HOME": str(Path.home())})


def in_settings() -> list[str] | None:
    return claude().installed_command(claude().path("user", Path()))


def connect_by_settings(user: Path) -> None:
    (user / "bin" / "claude").rename(user / "bin" / "aside")
    assert run(["connect", "claude-code", "--yes"]) == 0
    (user / "bin" / "aside").rename(user / "bin" / "claude")
    assert in_settings() is not None


def test_a_plugin_is_preferred_and_calls_what_was_chosen(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--home", "mesh", "connect", "claude-code", "--yes"]) == 0
    home = user / "project" / "mesh"
    assert claude().plugin_command() == hook_command("claude-code", {"MESHTUI_HOME": str(home)})
    assert in_settings() is None and not (user / ".claude" / "settings.json").exists()
    server = json.loads((home / "plugins" / "claude-code" / ".mcp.json").read_text())["mcpServers"]["meshtui"]
    assert server["env"] == {"MESHTUI_HOME": str(home)}
    said = capsys.readouterr().out
    assert f"claude plugin marketplace add {home / 'plugins'}" in said and "left to do: restart" in said
    assert str(user / "project") not in (user / "where").read_text().splitlines(), "it would take that for a project"


def test_a_dry_run_says_what_would_be_called_and_changes_nothing(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connect_by_settings(user)
    before = sorted(path for path in user.rglob("*") if path.name not in ("asked", "where"))
    capsys.readouterr()
    assert run(["--home", "mesh", "connect", "claude-code", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "claude plugin install meshtui@meshtui" in said and "never both" in said
    assert (user / "asked").read_text() == "plugin --help\n"
    assert sorted(path for path in user.rglob("*") if path.name not in ("asked", "where")) == before
    assert run(["connect", "claude-code"]) == 2, "nobody is there to be asked"
    assert (user / "asked").read_text() == "plugin --help\n" * 2


def test_hooks_in_the_settings_are_taken_out_once_the_plugin_is_there(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    connect_by_settings(user)
    assert run(["connect", "claude-code", "--yes"]) == 0
    assert claude().plugin_command() is not None and in_settings() is None
    capsys.readouterr()
    assert run(["connect", "claude-code"]) == 0
    assert "connected already, by its plugin" in capsys.readouterr().out


@pytest.mark.parametrize("why", ["broken", "unable"])
def test_settings_are_used_where_the_plugin_cannot_be_had(
    user: Path, capsys: pytest.CaptureFixture[str], why: str
) -> None:
    (user / ("broken" if why == "broken" else "able")).write_text("")
    assert run(["connect", "claude-code", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "its settings are used instead" in said and (why == "unable" or "no room" in said)
    assert in_settings() is not None and not claude().has_plugin()
    assert not list(user.rglob("marketplace.json")), "what was made for the plugin is gone again"


def test_a_plugin_that_cannot_be_replaced_stays_alone(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["connect", "claude-code", "--yes"]) == 0
    for name in ("broken", "stuck"):
        (user / name).touch()
    assert run(["--home", "other", "connect", "claude-code", "--yes"]) == 2
    assert "keeps the plugin that it has" in capsys.readouterr().err
    (user / "bin" / "claude").unlink()
    assert run(["--home", "third", "connect", "claude-code", "--yes"]) == 2
    assert in_settings() is None and claude().has_plugin()
    assert run(["disconnect", "claude-code", "--yes"]) == 1
    assert "claude is not on PATH" in capsys.readouterr().out


def test_what_a_second_connect_changes_is_said_and_installed_anew(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["connect", "claude-code", "--yes"]) == 0
    capsys.readouterr()
    assert run(["--bridge", str(user / "b.db"), "connect", "claude-code", "--yes"]) == 0
    assert f"bridge: as the agent finds it → {user / 'b.db'}" in capsys.readouterr().out
    assert claude().plugin_command() == hook_command("claude-code", {"MESHTUI_BRIDGE": str(user / "b.db")})


def test_a_plugin_that_a_person_installed_is_left_as_it_is(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = user / ".claude" / "plugins"
    for name, text in plugin_files("claude-code", shared_command("claude-code"), {"command": "meshtui"}).items():
        file = at / "cache" / "meshtui" / "meshtui" / "0.1.0" / name.removeprefix("claude-code/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (at / "installed_plugins.json").write_text('{"plugins": {"meshtui@elsewhere": [{"scope": "user"}]}}')
    assert run(["connect", "claude-code", "--yes"]) == 0
    assert "connected already, by its plugin" in capsys.readouterr().out
    assert run(["connect", "claude-code", "--project", "--yes"]) == 0
    assert "nothing was written" in capsys.readouterr().out
    assert not (user / "asked").exists() and not (user / "project" / ".claude").exists()


def test_a_plugin_is_looked_at_as_settings_are(user: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {"HOME": str(user), "PATH": "/usr/bin:/bin"}
    assert run(["connect", "claude-code", "--yes"]) == 0

    def said() -> str:
        return standing("claude-code", claude(), "user", user / "project", environment)

    assert said() == BY_PLUGIN
    capsys.readouterr()
    run(["doctor", "--json"])
    [checked] = [one for one in json.loads(capsys.readouterr().out)["doctor"]["checks"] if one["name"] == "hooks"]
    assert (checked["level"], checked["text"]) == ("ok", "claude-code connected")
    hooks = next((user / ".claude" / "plugins" / "cache").rglob("hooks.json"))
    good = hooks.read_text()
    hooks.write_text(good.replace("meshcore/hookstart.py", "gone/meshcore/hookstart.py"))
    assert "hookstart.py is gone" in said()
    hooks.write_text("{")
    assert "has no hooks" in said()
    hooks.write_text(good)
    (user / ".claude" / "settings.json").write_text('{"enabledPlugins": {"meshtui@meshtui": false}}')
    assert "switched off" in said()
    assert run(["connect", "claude-code", "--yes"]) == 2
    assert "switched off" in capsys.readouterr().err


def test_a_plugin_whose_folder_is_gone_is_named_and_installed_again(
    user: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["--home", str(user / "mesh"), "connect", "claude-code", "--yes"]) == 0
    shutil.rmtree(user / "mesh")
    environment = {"HOME": str(user), "PATH": "/usr/bin:/bin"}
    said = standing("claude-code", claude(), "user", user / "project", environment)
    assert said == "its plugin has no hooks: connect again", "Claude Code loads it from there, and says nothing"
    capsys.readouterr()
    assert run(["--home", str(user / "mesh"), "connect", "claude-code", "--yes"]) == 0
    assert "its plugin: " in capsys.readouterr().out
    assert standing("claude-code", claude(), "user", user / "project", environment) == BY_PLUGIN


@pytest.mark.parametrize("words", [["claude-code"], ["--all"]])
def test_disconnecting_removes_the_plugin_and_what_was_made_for_it(
    user: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert run(["--home", str(user / "mesh"), "connect", "claude-code", "--yes"]) == 0
    assert run(["--home", str(user / "mesh"), "disconnect", *words]) == 2, "nobody is there to be asked"
    assert claude().has_plugin()
    assert run(["--home", str(user / "mesh"), "disconnect", *words, "--yes"]) == 0
    assert "claude-code: its plugin is removed" in capsys.readouterr().out
    assert not claude().has_plugin() and not (user / "mesh" / "plugins").exists()
    assert (user / "asked").read_text().splitlines()[-2:] == [
        "plugin uninstall meshtui@meshtui",
        "plugin marketplace remove meshtui",
    ]
