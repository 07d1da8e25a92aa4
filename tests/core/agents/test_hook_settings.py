"""Settings files of agents: what is there stays, twice changes nothing, disconnecting gives it back."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshcore.agents.hook_settings import FAIL_OPEN, HookSettings, hook_command, pins_of, worker_of
from meshcore.agents.settings_file import read_settings
from meshcore.agents.table import NAMES, program
from meshcore.errors import ConfigurationError

COMMAND = ["/opt/venv/bin/python", "-I", "-S", "/opt/venv/lib/meshcore/hookstart.py", "claude-code"]
OTHERS: dict[str, Any] = {
    "model": "opus",
    "hooks": {
        "PostToolUse": [
            {"matcher": "Edit", "hooks": [{"type": "command", "command": "prettier"}]},
            {"matcher": "Bash", "hooks": [{"type": "command", "command": "audit"}]},
        ],
        "Stop": [{"hooks": [{"type": "command", "command": "ring"}]}],
    },
    "z": [1.50, "é"],
}


def of(agent: str, **environment: str) -> HookSettings:
    return program(agent).hooks(environment)


def connect(agent: str, path: Path, command: list[str] = COMMAND) -> bool:
    change = of(agent).change(path, command)
    if change.needed:
        change.write()
    return change.needed


@pytest.mark.parametrize("agent", NAMES)
def test_connecting_and_disconnecting_leaves_nothing_behind(agent: str, tmp_path: Path) -> None:
    path = of(agent, HOME=str(tmp_path)).path("user", tmp_path)
    assert connect(agent, path)
    assert of(agent).installed_command(path) == COMMAND
    before = path.read_bytes()
    assert not connect(agent, path), "twice changes nothing"
    assert path.read_bytes() == before
    assert of(agent).disconnect(path)
    assert not path.exists() and list(path.parent.iterdir()) == []
    assert of(agent).disconnect(path) == ""


@pytest.mark.parametrize("indent", [None, 2, 4, "\t"])
def test_hooks_of_others_stay_in_their_order_and_come_back_byte_by_byte(tmp_path: Path, indent: Any) -> None:
    path = tmp_path / "settings.json"
    original = json.dumps(OTHERS, indent=indent, ensure_ascii=False) + "\n\n"
    path.write_text(original)
    path.chmod(0o640)
    connect("claude-code", path)
    data = json.loads(path.read_text())
    assert list(data) == list(OTHERS)
    assert data["hooks"]["PostToolUse"][:2] == OTHERS["hooks"]["PostToolUse"]
    assert data["hooks"]["Stop"] == OTHERS["hooks"]["Stop"]
    assert len(data["hooks"]["PostToolUse"]) == 3 and len(data["hooks"]["PostToolUseFailure"]) == 1
    assert path.read_text().endswith("\n\n") and path.stat().st_mode & 0o777 == 0o640
    if indent is not None:
        assert f'\n{indent if indent == chr(9) else " " * indent}"model"' in path.read_text()
    else:
        assert "\n" not in path.read_text().strip()
    of("claude-code").disconnect(path)
    assert path.read_text() == original
    assert [other.name for other in tmp_path.iterdir()] == ["settings.json"]


def test_what_was_changed_since_stays_when_disconnecting(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(OTHERS, indent=2))
    connect("claude-code", path)
    data = json.loads(path.read_text())
    data["model"] = "sonnet"
    path.write_text(json.dumps(data, indent=2))
    of("claude-code").disconnect(path)
    assert json.loads(path.read_text()) == {**OTHERS, "model": "sonnet"}


def test_there_is_one_backup_of_what_was_before_us(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(OTHERS))
    connect("claude-code", path)
    connect("claude-code", path, [*COMMAND, "/another/home"])
    backups = [other for other in tmp_path.iterdir() if other != path]
    assert [json.loads(backup.read_text()) for backup in backups] == [OTHERS]


def test_an_older_version_of_ours_is_replaced_where_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    old = {"matcher": "Bash", "hooks": [{"type": "command", "command": "/old/bin/meshtui hook claude-code"}]}
    mixed = {"matcher": "*", "hooks": [{"type": "command", "command": "x"}, *old["hooks"]]}
    last = {"matcher": "Edit", "hooks": [{"type": "command", "command": "y"}]}
    path.write_text(json.dumps({"hooks": {"PostToolUse": [old, mixed, last], "PostToolUseFailure": [old, old]}}))
    connect("claude-code", path)
    hooks = json.loads(path.read_text())["hooks"]
    assert "/old/bin" not in path.read_text()
    assert [len(hooks[event]) for event in ("PostToolUse", "PostToolUseFailure")] == [3, 1]
    assert hooks["PostToolUse"][1:] == [{"matcher": "*", "hooks": [{"type": "command", "command": "x"}]}, last]
    assert not connect("claude-code", path)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"text"',
        "// a comment\n{",
        '{"a": 1, "a": 2}',
        '{"hooks": []}',
        '{"hooks": {"PostToolUse": {}}}',
        "\ufeff[",
        "[" * 100_000,
    ],
)
def test_a_file_that_is_not_understood_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings.json"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=r"settings\.json"):
        connect("claude-code", path)
    assert path.read_text() == text
    assert [other.name for other in tmp_path.iterdir()] == ["settings.json"]


def test_bytes_that_are_no_text_are_left_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b'{"a": "\xff"}')
    with pytest.raises(ConfigurationError, match="UTF-8"):
        connect("claude-code", path)


def test_a_byte_order_mark_and_an_empty_file_are_kept_or_filled(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_bytes(b"\xef\xbb\xbf{}\r\n")
    connect("claude-code", path)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf{")
    of("claude-code").disconnect(path)
    assert path.read_bytes() == b"\xef\xbb\xbf{}\r\n"
    path.write_text("")
    connect("claude-code", path)
    assert of("claude-code").installed_command(path)
    of("claude-code").disconnect(path)
    assert path.read_text() == ""


def test_a_link_is_followed_to_the_file_that_is_meant(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles" / "settings.json"
    real.parent.mkdir()
    real.write_text("{}")
    path = tmp_path / "settings.json"
    path.symlink_to(real)
    connect("claude-code", path)
    assert path.is_symlink() and of("claude-code").installed_command(real)


def test_a_link_to_nothing_or_in_a_circle_is_no_disaster(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.symlink_to(path)
    with pytest.raises(ConfigurationError):
        connect("claude-code", path)


def test_a_read_only_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{}")
    path.chmod(0o444)
    with pytest.raises(ConfigurationError, match="read-only"):
        connect("claude-code", path)
    assert path.read_text() == "{}"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text("{}")
    os.chown(path, 12345, 12345)
    with pytest.raises(ConfigurationError, match="another user"):
        connect("claude-code", path)
    assert path.read_text() == "{}"


def test_a_device_or_a_folder_is_not_read(tmp_path: Path) -> None:
    for path in (tmp_path, Path("/dev/zero")):
        with pytest.raises(ConfigurationError):
            read_settings(path)


def test_a_plugin_that_is_not_ours_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "meshtui.js"
    path.write_text("export const Mine = 1")
    with pytest.raises(ConfigurationError, match="move it aside"):
        connect("opencode", path)


def test_folders_that_agents_are_told_of_in_variables_are_used(tmp_path: Path) -> None:
    environment = {"HOME": "/home/dev", "CLAUDE_CONFIG_DIR": "/c", "CODEX_HOME": "/x"}
    assert of("claude-code", **environment).path("user", tmp_path) == Path("/c/settings.json")
    assert of("codex", **environment).path("user", tmp_path) == Path("/x/hooks.json")
    assert of("gemini", **environment).path("user", tmp_path) == Path("/home/dev/.gemini/settings.json")
    assert of("codex", **environment).path("project", tmp_path) == tmp_path / ".codex/hooks.json"


def test_the_command_names_absolute_paths_and_a_chosen_home() -> None:
    command = hook_command("codex", {"MESHTUI_HOME": "/home"})
    assert tuple(command[: len(FAIL_OPEN)]) == FAIL_OPEN
    worker = worker_of(command)
    assert all(Path(word).is_absolute() for word in (command[0], worker[0], worker[3]))
    assert hook_command("codex")[-1] == "codex"
    assert command[-1] == "MESHTUI_HOME=/home" and pins_of(command, "codex") == {"MESHTUI_HOME": "/home"}


def test_claude_code_waits_for_no_hook_to_which_nothing_is_said(tmp_path: Path) -> None:
    hooks = of("claude-code", HOME=str(tmp_path))
    written = json.loads(hooks.change(hooks.path("user", tmp_path), hook_command("claude-code")).after)["hooks"]
    beside = {event: [hook.get("async", False) for hook in entry["hooks"]] for event, [entry] in written.items()}
    assert beside.pop("PostToolBatch") == [True]
    assert len(beside) == 5 and not any(map(any, beside.values()))


def test_what_older_versions_pinned_is_read() -> None:
    old = hook_command("codex")
    assert pins_of([*old, "", "/b.db"], "codex") == {"MESHTUI_BRIDGE": "/b.db"}
    assert pins_of([*old, "/home", "/b.db"], "codex") == {"MESHTUI_HOME": "/home", "MESHTUI_BRIDGE": "/b.db"}
    assert pins_of(old, "codex") == {}


_HOOK = st.fixed_dictionaries({"type": st.just("command"), "command": st.text(max_size=8)})
_GROUP = st.fixed_dictionaries(
    {"hooks": st.lists(_HOOK, min_size=1, max_size=2)}, optional={"matcher": st.text(max_size=4)}
)
_EVENTS = st.sampled_from(["PostToolUse", "PostToolUseFailure", "Stop"])
_HOOKS = st.dictionaries(_EVENTS, st.lists(_GROUP, min_size=1, max_size=3), min_size=1)
_OTHER = st.text(max_size=5) | st.integers() | st.lists(st.booleans(), max_size=2)
_SETTINGS = st.fixed_dictionaries({}, optional={"hooks": _HOOKS, "other": _OTHER})


@settings(max_examples=40)
@given(_SETTINGS, st.sampled_from([None, 2, 4]))
def test_any_settings_come_back_byte_by_byte(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, Any], indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("s") / "settings.json"
    original = json.dumps(data, indent=indent)
    path.write_text(original)
    connect("claude-code", path)
    now = json.loads(path.read_text())
    for event, groups in data.get("hooks", {}).items():
        assert now["hooks"][event][: len(groups)] == groups
    of("claude-code").disconnect(path)
    assert path.read_text() == original


def test_settings_with_comments_are_changed_with_their_comments_kept_and_given_back(tmp_path: Path) -> None:
    text = '// mine\n{\n  "theme": "dark", // and why\n  "hooks": {\n    "BeforeTool": [1], // later\n  },\n}\n'
    hooks = program("gemini").hooks({"HOME": str(tmp_path)})
    path = hooks.path("user", tmp_path)
    path.parent.mkdir()
    path.write_text(text)
    change = hooks.change(path, hook_command("gemini"))
    change.write()
    assert all(comment in path.read_text() for comment in ("// mine", "// and why", "// later"))
    assert hooks.installed_command(path) == hook_command("gemini")
    assert not hooks.change(path, hook_command("gemini")).needed
    path.write_text(path.read_text().replace("dark", "light"))
    assert hooks.disconnect(path) == "only meshtui's part was taken out"
    assert path.read_text().count("//") == 3 and "meshtui" not in path.read_text()


def test_hooks_in_toml_stand_at_its_end_and_leave_with_everything_else_as_it_was(tmp_path: Path) -> None:
    hooks = program("kimi").hooks({"HOME": str(tmp_path)})
    path = hooks.path("user", tmp_path)
    path.parent.mkdir()
    text = '# mine\ndefault_model = "s"\n\n[[hooks]]\nevent = "Stop"\ncommand = "true"  # theirs\n'
    path.write_text(text)
    hooks.change(path, hook_command("kimi")).write()
    assert path.read_text().startswith(text) and hooks.installed_command(path) == hook_command("kimi")
    assert not hooks.change(path, hook_command("kimi")).needed
    assert hooks.disconnect(path) == "restored as it was" and path.read_text() == text
    for bad in ("hooks = 3\n", "hooks = []\n", "x = [\n", "[hooks]\na = 1\n"):
        path.write_text(bad)
        with pytest.raises(ConfigurationError, match=r"config\.toml"):
            hooks.change(path, hook_command("kimi"))
    with pytest.raises(ConfigurationError, match="no hooks of a project"):
        hooks.path("project", tmp_path)


def test_a_hook_that_is_a_program_of_its_own_can_be_run(tmp_path: Path) -> None:
    hooks = program("cline").hooks({"HOME": str(tmp_path)})
    path = hooks.path("user", tmp_path)
    hooks.change(path, hook_command("cline")).write()
    assert path.stat().st_mode & 0o777 == 0o755
    assert hooks.installed_command(path) == hook_command("cline")
    assert hooks.disconnect(path) == "removed" and not path.exists()
