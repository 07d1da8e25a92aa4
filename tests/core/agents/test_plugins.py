"""The folder of plugins: made from the hooks that `connect` writes, of no machine in particular, never beside them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.agents.hook_settings import FAIL_OPEN
from meshcore.agents.table import program

ROOT = Path(__file__).parents[3]
PLUGINS = ROOT / "plugins"


def test_the_folder_is_what_its_script_makes() -> None:
    check = [sys.executable, str(ROOT / "scripts" / "plugins.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", ["claude-code", "codex", "gemini"])
def test_a_plugins_hooks_are_fail_open_and_name_nothing_of_one_machine(folder: str) -> None:
    found = json.loads((PLUGINS / folder / "hooks" / "hooks.json").read_text())["hooks"].values()
    commands = [hook["command"] for [group] in found for hook in group["hooks"]]
    assert commands
    for command in commands:
        assert shlex.split(command)[: len(FAIL_OPEN)] == list(FAIL_OPEN) and command.endswith(
            f"meshtui meshtui hook {folder}"
        )
        assert set(re.findall(r"(?<!\w)/[\w/.-]+", command)) == {"/bin/sh", "/dev/null"}


@pytest.mark.parametrize(
    ("name", "path", "text"),
    [
        (
            "claude-code",
            ".claude/plugins/installed_plugins.json",
            '{"plugins": {"meshtui@meshtui": [{"scope": "user"}]}}',
        ),
        ("codex", ".codex/config.toml", '[plugins."meshtui@meshtui"]\nenabled = true\n'),
        ("gemini", ".gemini/extensions/meshtui/gemini-extension.json", '{"name": "meshtui"}'),
    ],
)
def test_an_installed_plugin_is_seen_where_its_program_lists_it(
    name: str, path: str, text: str, tmp_path: Path
) -> None:
    hooks = program(name).hooks({"HOME": str(tmp_path)})
    assert not hooks.has_plugin()
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert hooks.has_plugin()
    file.write_text("{}")
    assert not hooks.has_plugin()


def test_a_plugin_of_one_project_is_none_for_all(tmp_path: Path) -> None:
    plugins = tmp_path / ".claude" / "plugins"
    plugins.mkdir(parents=True)
    others = '"other@x": [{"scope": "user"}]'
    for listed, there in (
        ('"meshtui@meshtui": [{"scope": "project", "projectPath": "/p"}]', False),
        ('"meshtui@meshtui": [{"scope": "project", "projectPath": "/p"}, {"scope": "user"}]', True),
        ('"meshtui@meshtui": []', False),
    ):
        (plugins / "installed_plugins.json").write_text(f'{{"plugins": {{{listed}, {others}}}}}')
        assert program("claude-code").hooks({"HOME": str(tmp_path)}).has_plugin() is there
