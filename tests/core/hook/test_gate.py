"""The first look at a payload: it lets through whatever may matter, and loads next to nothing."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.desk import Desk

from meshcore.config import load
from meshcore.hook import gate
from meshcore.hook.gate import is_idle
from meshcore.store.known_marks import SLOTS, command_key, forget_open, is_marked, is_open, mark, mark_open, unmark_open
from meshcore.store.store import Store

FAILED = "error: unrecognized subcommand 'jest'"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.leave_the_bridge_alone()
    (desk.work / ".git").mkdir()
    desk.failed(command="wrap jest", output=FAILED, session_id="one")
    desk.succeeded("jest", session_id="one")
    return desk


def idle(desk: Desk, command: str = "git status", event: str = "PostToolUse", **more: Any) -> bool:
    body = {"session_id": "two", "cwd": str(desk.work), "hook_event_name": event, "tool_name": "Bash",
            "tool_input": {"command": command}, "tool_response": {"stdout": "", "stderr": ""}, **more}  # fmt: skip
    return is_idle("claude-code", json.dumps(body).encode(), str(desk.root / "home"), desk.environment, 0.0)


def jest(desk: Desk) -> bytes:
    return command_key(["wrap", "jest"], str(desk.work), str(desk.work))


def test_a_success_and_a_look_ahead_of_which_nothing_is_known_end_there(desk: Desk) -> None:
    assert idle(desk) and idle(desk, event="PreToolUse") and idle(desk, "make 2>&1")


@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("wrap jest", {}),
        ("cd . && wrap jest 2>&1", {}),
        ("go test ./... | tail -3", {}),
        ("npm install", {}),
        ("git status", {"session_id": "one"}),
        ("git status", {"hook_event_name": "PostToolUseFailure"}),
        ("git status", {"tool_name": "Edit"}),
        ("git status", {"cwd": 3}),
        ("git status", {"tool_input": None}),
    ],
)
def test_what_may_matter_goes_on(desk: Desk, command: str, more: dict[str, Any]) -> None:
    assert not idle(desk, command, **more)


def test_before_a_command_that_has_passed_since_the_store_is_only_looked_at(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    class Watched(Store):
        def __init__(self, path: Path, **more: Any) -> None:
            opened.append("store")
            super().__init__(path, **more)

    monkeypatch.setattr("meshcore.hook.aside.Store", Watched)
    before = {"session_id": "two", "cwd": str(desk.work), "hook_event_name": "PreToolUse", "tool_name": "Bash",
              "tool_input": {"command": "wrap jest"}, "tool_use_id": "1"}  # fmt: skip
    desk.report("claude-code", before)
    assert opened == ["store"]
    desk.succeeded("wrap jest", session_id="three")
    assert is_marked(str(desk.root / "home" / "state"), str(desk.work), jest(desk))
    assert idle(desk, "wrap jest", "PreToolUse") and idle(desk, "wrap jest"), "its mark stays"
    desk.report("claude-code", before)
    assert opened == ["store"]
    desk.failed(command="wrap jest", output=FAILED, session_id="four")
    assert not idle(desk, "wrap jest", "PreToolUse") and not idle(desk, "wrap jest")
    desk.report("claude-code", before)
    assert opened == ["store", "store"]


def test_what_other_nodes_say_of_a_command_goes_on_once_it_has_run(desk: Desk) -> None:
    desk.succeeded("wrap jest", session_id="three")
    assert idle(desk, "wrap jest")
    with sqlite3.connect(desk.root / "home" / "store.db") as database:
        told = "INSERT INTO told_habits SELECT identity, ?, 'a', 1, 1, 1, 1, '{}' FROM projects"
        database.execute(told, (jest(desk).hex(),))
    database.close()
    assert not idle(desk, "wrap jest") and idle(desk, "wrap jest", "PreToolUse")


@pytest.mark.parametrize("damage", [b"", b"SQLite format 3\0" + b"\xff" * 9000, b"no database" * 99])
def test_a_store_that_cannot_be_asked_leaves_it_to_the_hook(desk: Desk, damage: bytes) -> None:
    path = desk.root / "home" / "store.db"
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    path.write_bytes(damage)
    assert not idle(desk, "wrap jest", "PreToolUse") and not idle(desk, "wrap jest")
    path.unlink()
    assert not idle(desk, "wrap jest", "PreToolUse") and not path.exists()


def test_what_a_person_types_ends_there_and_the_note_of_a_task_does_not(desk: Desk) -> None:
    def prompt(said: object) -> bool:
        body = {"session_id": "one", "cwd": str(desk.work), "hook_event_name": "UserPromptSubmit", "prompt": said}
        return is_idle("claude-code", json.dumps(body).encode(), str(desk.root / "home"), desk.environment, 0.0)

    assert prompt("run it again") and prompt("") and prompt(None) and prompt("see <task-notification>")
    assert not prompt("<task-notification>\n<task-id>b1</task-id>")


def test_outside_of_a_repository_it_goes_on_where_a_folder_above_knows_the_command(desk: Desk) -> None:
    bare = desk.root / "bare"
    (bare / "inner").mkdir(parents=True)
    (bare / "package.json").touch()
    assert idle(desk, cwd=str(bare / "inner"))
    desk.failed(command="wrap jest", output=FAILED, session_id="four", cwd=str(bare))
    assert not idle(desk, "wrap jest", cwd=str(bare)) and idle(desk, cwd=str(bare))
    assert not idle(desk, "npm install", cwd=str(bare / "inner")) and not idle(desk, tool_name="Edit", cwd=str(bare))
    desk.failed(command="wrap jest", output=FAILED, session_id="four", cwd=str(bare / "inner"))
    assert not idle(desk, "wrap jest", cwd=str(bare / "inner"))
    assert idle(desk, "wrap jest", cwd="/")


def test_an_edit_counts_in_a_project_of_which_something_is_known_or_a_session_with_a_failure(desk: Desk) -> None:
    other = desk.root / "other"
    (other / ".git").mkdir(parents=True)
    assert not idle(desk, tool_name="Edit")
    assert idle(desk, tool_name="Edit", cwd=str(other))
    assert not idle(desk, tool_name="Edit", cwd=str(other), session_id="one")
    assert not idle(desk, tool_name="Read", cwd=str(other))


def test_before_a_known_command_it_goes_on_and_before_a_pipe_it_does_not(desk: Desk) -> None:
    assert not idle(desk, "wrap jest | tail -2", "PreToolUse")
    assert idle(desk, "go test ./... | tail -3", "PreToolUse")


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", b'{"a": NaN}', b"{}x", b"1" * 10, b'{"a"' * 50_000])
def test_what_cannot_be_read_goes_on(desk: Desk, payload: bytes) -> None:
    assert not is_idle("claude-code", payload, str(desk.root / "home"), desk.environment, 0.0)
    assert not is_idle("codex", b"{}", str(desk.root / "home"), desk.environment, 0.0)


@pytest.mark.parametrize(
    "environment",
    [
        {"HOME": "/u"},
        {"HOME": "/u", "XDG_DATA_HOME": "/d"},
        {"HOME": "/u", "XDG_DATA_HOME": "d", "XDG_CONFIG_HOME": "/c"},
        {"HOME": "/u", "MESHTUI_HOME": "/m"},
        {"HOME": "/u", "MESHTUI_OPERATOR_DIR": "/o"},
    ],
)
def test_the_marks_are_looked_for_in_the_home_that_the_settings_name(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/u")
    assert gate._state("", environment) == f"{load(environment=environment).home}/state"
    assert gate._state("/x", environment) == "/x/state"


def test_where_a_settings_file_may_name_the_home_it_goes_on(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    assert gate._state("", {"HOME": "/u", "MESHTUI_OPERATOR_DIR": str(tmp_path)}) == ""


def test_it_loads_nothing_that_takes_time() -> None:
    script = "import sys; before = set(sys.modules); import meshcore.hook.gate; print(*set(sys.modules) - before)"
    source = str(Path(gate.__file__).parents[2])
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {source!r}); {script}"]
    loaded = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    free = {
        "_blake2",
        "os",
        "os.path",
        "stat",
        "_stat",
        "posixpath",
        "genericpath",
        "_collections_abc",
        "abc",
        "_abc",
        "__future__",
    }
    assert {name for name in loaded if not name.startswith("meshcore")} <= free


def test_a_mark_is_found_again_and_nothing_else_is(tmp_path: Path) -> None:
    state = str(tmp_path)
    assert not is_marked(state, "/p", b"a")
    mark(state, "/p", b"a")
    assert is_marked(state, "/p", b"a") and is_marked(state, "/p")
    assert not is_marked(state, "/p", b"b") and not is_marked(state, "/q")
    assert (tmp_path / "known").stat().st_size <= SLOTS
    assert (tmp_path / "known").stat().st_mode & 0o077 == 0


def test_marks_of_sessions_come_and_go_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    state = str(tmp_path)
    mark_open(state, "a")
    assert is_open(state, "a") and not is_open(state, "b")
    forget_open(state, (tmp_path / "open.a").stat().st_mtime + 1)
    assert not is_open(state, "a")
    unmark_open(state, "a")
