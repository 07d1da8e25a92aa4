"""What a project knows, through the hook: habits, corrections, what a pipe hides; and that doubt is silence."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import threading
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.desk import Desk

from meshcore.agents.payload import Payload
from meshcore.hook.handled import open_to_the_end
from meshcore.hook.known import Known
from meshcore.hook.main import handle
from meshcore.hook.notes import Notes
from meshcore.knowledge.habits import MAX_SAYINGS
from meshcore.store.known_marks import session_key
from meshcore.store.store import Store
from meshcore.store.walls import walls

WRAPPED, PLAIN = "wrap jest run", "jest run"
UNKNOWN = "error: unrecognized subcommand 'jest'\n\nUsage: wrap <COMMAND>"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.leave_the_bridge_alone()
    return desk


def context(said: str) -> str:
    found: str = json.loads(said or "{}").get("hookSpecificOutput", {}).get("additionalContext", "")
    return found


@pytest.fixture(autouse=True)
def _programs(desk: Desk) -> None:
    """Let the programs of these tests exist."""
    folder = desk.root / "bin"
    folder.mkdir()
    for name in ("jest", "jest0", "jest1", "tool"):
        (folder / name).touch(0o755)
    desk.environment["PATH"] = f"{folder}:/usr/bin:/bin"


def fails(desk: Desk, session: str, command: str = WRAPPED, output: str = UNKNOWN, **more: Any) -> str:
    return context(
        desk.failed(command=command, output=output, session_id=session, error=f"Exit code 2\n{output}", **more)
    )


def passes(desk: Desk, session: str, command: str = PLAIN, output: str = "ok", **more: Any) -> str:
    return context(desk.succeeded(command, output, session_id=session, **more))


def about_to(desk: Desk, session: str, command: str = WRAPPED, cwd: str = "") -> str:
    payload = {
        "session_id": session, "cwd": cwd or str(desk.work), "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_input": {"command": command}, "tool_use_id": "x",
    }  # fmt: skip
    return context(desk.report("claude-code", payload))


def edits(desk: Desk, session: str, name: str = "a.ts") -> str:
    payload = {
        "session_id": session, "cwd": str(desk.work), "hook_event_name": "PostToolUse", "tool_name": "Edit",
        "tool_input": {"file_path": str(desk.work / name)}, "tool_response": {}, "tool_use_id": "e",
    }  # fmt: skip
    return desk.report("claude-code", payload)


# --- after ------------------------------------------------------------------------------------------------------------


def test_the_second_session_is_told_that_it_fails_and_what_passed_instead(desk: Desk) -> None:
    assert fails(desk, "one") == ""
    assert passes(desk, "one") == ""
    said = fails(desk, "two", "wrap jest run -t slow")
    assert "What passed instead in 1 earlier session here: `jest run -t slow`. Not tested now." in said
    said = fails(desk, "three")
    assert "`wrap jest run` failed here the same way in 1 earlier session" in said and "`jest run`" in said
    assert "Usage" not in said, "no text of another session is told"


def test_an_edit_through_another_agents_tool_takes_the_credit_from_commands(desk: Desk) -> None:
    def gemini(session: str, command: str, output: str, code: int) -> str:
        said = f"Output: {output}\nExit Code: {code}\nProcess Group PGID: 1"
        payload = {
            "session_id": session, "cwd": str(desk.work), "hook_event_name": "AfterTool",
            "timestamp": f"{command}{code}",
            "tool_name": "run_shell_command", "tool_input": {"command": command}, "tool_response": {"llmContent": said},
        }  # fmt: skip
        return context(desk.report("gemini", payload))

    for session, edits_in_between in (("one", True), ("two", False)):
        gemini(session, WRAPPED, UNKNOWN, 2)
        edit = {"session_id": session, "cwd": str(desk.work), "hook_event_name": "AfterTool", "tool_name": "replace",
                "tool_input": {"file_path": "a.ts"}, "tool_response": {}, "timestamp": "e"}  # fmt: skip
        if edits_in_between:
            desk.report("gemini", edit)
        gemini(session, PLAIN, "ok", 0)
        assert ("passed instead" in gemini(f"after {session}", WRAPPED, UNKNOWN, 2)) is not edits_in_between


def test_the_first_session_is_told_what_this_machine_shows(desk: Desk) -> None:
    tool = desk.work / ".venv/bin/tidy"
    tool.parent.mkdir(parents=True)
    tool.touch(0o755)
    said = fails(desk, "one", "tidy --all", "bash: line 1: tidy: command not found")
    assert "Another way, by what is on this machine now: `.venv/bin/tidy --all`" in said
    assert "earlier sessions" not in said, "nothing of the past is in it"
    assert fails(desk, "one", "tidy --all", "bash: line 1: tidy: command not found") == "", "once a session"
    assert fails(desk, "two", "tidy -p [REDACTED]", "bash: tidy: command not found") == ""


def test_what_this_machine_shows_is_withdrawn_after_two_contradictions(desk: Desk) -> None:
    tool = desk.work / ".venv/bin/tidy"
    tool.parent.mkdir(parents=True)
    tool.touch(0o755)
    for session in ("one", "two"):
        assert "Another way" in fails(desk, session, "tidy", "bash: line 1: tidy: command not found")
        fails(desk, session, ".venv/bin/tidy", "ImportError: broken")
    assert "Another way" not in fails(desk, "three", "tidy", "bash: line 1: tidy: command not found")


def test_a_session_is_told_of_a_command_once_and_of_little_at_all(desk: Desk) -> None:
    commands = [f"wrap jest{i} run" for i in range(6)]
    for command in commands:
        fails(desk, "one", command, f"error: unrecognized subcommand '{command.split()[1]}'")
    told = [fails(desk, "two", c, f"error: unrecognized subcommand '{c.split()[1]}'") for c in [*commands, commands[0]]]
    assert [bool(one) for one in told] == [True] * MAX_SAYINGS + [False] * 4


def test_a_pass_ends_what_was_known_to_fail(desk: Desk) -> None:
    fails(desk, "one")
    assert passes(desk, "other", WRAPPED) == ""
    assert fails(desk, "two") == ""


def test_another_project_hears_nothing(desk: Desk, tmp_path: Path) -> None:
    fails(desk, "one")
    passes(desk, "one")
    other = tmp_path / "other"
    other.mkdir()
    (other / "package.json").touch()
    assert fails(desk, "two", cwd=str(other)) == ""


def test_a_script_that_is_another_one_now_is_not_known_to_fail(desk: Desk) -> None:
    script = desk.work / "try.py"
    script.write_text("1/0")
    error = "Traceback (most recent call last):\nValueError: odd"
    fails(desk, "one", "python3 try.py", error)
    assert "failed here the same way" in fails(desk, "two", "python3 try.py", error)
    script.write_text("another script of this name")
    assert fails(desk, "three", "python3 try.py", error) == ""


def test_two_contradictions_withdraw_a_correction(desk: Desk) -> None:
    fails(desk, "one")
    passes(desk, "one")
    for session in ("two", "three"):
        assert f"`{PLAIN}`" in fails(desk, session)
        fails(desk, session, PLAIN, "Error: no config")
    assert f"`{PLAIN}`" not in fails(desk, "four")


def test_without_the_programs_own_word_two_sessions_must_have_seen_it(desk: Desk) -> None:
    for session, told in (("one", False), ("two", False), ("three", True)):
        said = fails(desk, session, "tool go --fast --now", "Error: 17 things are odd")
        assert ("passed instead" in said) == told
        passes(desk, session, "tool go --quick --now")


def test_a_program_that_is_not_here_is_not_told(desk: Desk) -> None:
    fails(desk, "one")
    passes(desk, "one")
    (desk.root / "bin" / "jest").unlink()
    assert "passed instead" not in fails(desk, "two")


def test_a_set_up_is_told_where_its_folder_is_here(desk: Desk) -> None:
    for session in ("one", "two"):
        fails(desk, session, "tool go", "tool: no configuration in this folder")
        passes(desk, session, "source env/activate && tool go")
    assert "passed instead" not in fails(desk, "three", "tool go", "tool: no configuration in this folder")
    (desk.work / "env").mkdir()
    (desk.work / "env" / "activate").touch()
    assert "`source env/activate && tool go`" in fails(desk, "four", "tool go", "tool: no configuration in this folder")


def test_an_edit_takes_the_credit_away(desk: Desk) -> None:
    fails(desk, "one")
    assert edits(desk, "one") == ""
    passes(desk, "one")
    assert "passed instead" not in fails(desk, "two")


def test_a_command_that_holds_a_secret_is_counted_and_kept_nowhere(desk: Desk) -> None:
    secret = "ghp_" + "a1B2c3D4" * 5
    for session in ("one", "two"):
        fails(desk, session, f"wrap jest --token {secret}")
        passes(desk, session, f"jest --token {secret}")
    data = b"".join(path.read_bytes() for path in (desk.root / "home").glob("store.db*"))
    assert secret.encode() not in data


@pytest.mark.parametrize(
    ("command", "folder"),
    [
        pytest.param("x" * 1_000_000, "", id="a megabyte"),
        *product(
            ["a\nb\nc", "修正 テスト", "\ud800", "'", "cd", "a\0b", "``"], ["", "no/such/folder", "a\nb", "\ud800"]
        ),
    ],
)
def test_no_command_and_no_folder_is_an_error(desk: Desk, command: str, folder: str) -> None:
    cwd = str(desk.work / folder)
    for session in ("one", "two"):
        fails(desk, session, command, UNKNOWN, cwd=cwd)
        passes(desk, session, command, cwd=cwd)
        about_to(desk, session, command, cwd)
    assert "fault" not in desk.kinds()


def test_a_flood_of_commands_in_a_session_keeps_its_notes_small(desk: Desk) -> None:
    store = desk.store()
    key = session_key("claude-code", "flood")
    for i in range(300):
        with store.transaction():
            Known(store, key, f"tool{i} --x", str(desk.work), {}).failed(f"error: unknown option {i}", "", 2)
    assert len(store.hook_notes.find(key)) < 4_000
    store.close()


def test_eight_agents_on_one_failure_lose_no_count(desk: Desk) -> None:
    desk.store().close()

    def work(number: int) -> None:
        store = Store(desk.root / "home" / "store.db")
        with store.transaction():
            key = session_key("claude-code", str(number))
            Known(store, key, WRAPPED, str(desk.work), {"PATH": "/usr/bin"}).failed("error: unknown command x", "", 2)
        store.close()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = desk.store()
    [wall] = store.answers(walls(0))
    assert (wall.sessions, wall.runs) == (8, 8)
    store.close()


@pytest.mark.parametrize("text", ["", "[]", "x", "[1,2]", "[1,[],[],0,[[]],[]]", "[null,0,0,0,0,0]"])
def test_notes_that_nobody_of_ours_wrote_are_none(text: str) -> None:
    assert Notes.from_text(text) == Notes()


# --- what a pipe hides ------------------------------------------------------------------------------------------------


def test_a_failure_behind_exit_code_0_is_told_where_it_may_be_overlooked(desk: Desk) -> None:
    output = "--- FAIL: TestX (0.1s)\nFAIL\nFAIL\texample.org/x\t0.2s\n" + "all done\n" * 6
    said = passes(desk, "one", "go test ./... ; ls", output)
    assert "Exit code 0" in said and "6 lines above the end" in said
    assert passes(desk, "one", "go test ./... ; ls", output) == "", "once a session and command"
    assert passes(desk, "two", "go test ./... | tail -1", "FAIL") == "", "the agent reads that line itself"


def test_what_a_pipe_hides_is_the_failure_that_it_is_without_one(desk: Desk) -> None:
    output = "tidy --check\n/bin/sh: 1: tidy: not found\nmake: *** [Makefile:4: tidy] Error 127"
    fails(desk, "one", "make tidy", output, duration_ms=14_000)
    for session, command in (("two", "make tidy 2>&1 | tail -5"), ("three", "make tidy || true")):
        said = passes(desk, session, command, output)
        assert "`make tidy` failed here the same way" in said and "missing or not reachable on this machine" in said
        assert "No reason to skip" not in said
    said = about_to(desk, "four", "make tidy")
    assert "in 3 earlier sessions" in said and "(exit code 2: something is missing" in said


def test_a_pipe_that_shows_the_known_failure_is_no_pass_of_it(desk: Desk) -> None:
    said = "couldn't get the list: dial tcp 127.0.0.1:8080: connect: connection refused"
    fails(desk, "one", "tool get pods", said)
    assert passes(desk, "two", "tool get pods | head -3", f"{said}\n{said}") == ""
    assert "failed here the same way in 1 earlier session" in fails(desk, "three", "tool get pods", said)
    assert passes(desk, "four", "tool get pods | head -3", "NAME  READY") == ""
    assert fails(desk, "five", "tool get pods", said) == "", "that was a pass"


# --- before -----------------------------------------------------------------------------------------------------------


def known_to_fail(desk: Desk) -> None:
    for session in ("one", "two"):
        fails(desk, session)
        passes(desk, session)


def test_before_a_command_that_failed_in_two_sessions_one_line_is_told_and_nothing_is_blocked(desk: Desk) -> None:
    known_to_fail(desk)
    said = about_to(desk, "three")
    assert "failed here the same way in 2 earlier sessions" in said and f"`{PLAIN}` passed" in said
    assert about_to(desk, "three") == "", "once"
    assert about_to(desk, "four", "git status") == ""


def test_before_a_command_that_takes_long_to_fail_no_other_need_be_known(desk: Desk) -> None:
    for session in ("one", "two"):
        fails(desk, session, duration_ms=14_000)
    assert "failed here the same way" in about_to(desk, "three")
    for session in ("one", "two"):
        fails(desk, session, "wrap jest now", duration_ms=900)
    assert about_to(desk, "three", "wrap jest now") == ""


def begins(desk: Desk, session: str, agent: str = "claude-code", cwd: str = "") -> str:
    payload = {"session_id": session, "cwd": cwd or str(desk.work), "hook_event_name": "SessionStart"}
    return context(desk.report(agent, {**payload, "source": "startup"}))


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini"])
def test_a_session_that_begins_is_told_what_fails_here_and_what_passed_instead(desk: Desk, agent: str) -> None:
    assert begins(desk, "zero", agent) == ""
    known_to_fail(desk)
    said = begins(desk, "three", agent)
    assert f"`{WRAPPED}` failed here the same way in 2 earlier sessions" in said and f"`{PLAIN}` passed" in said
    assert begins(desk, "three", agent) == "", "once"
    if agent == "claude-code":
        assert about_to(desk, "three") == "", "said at the start"
        assert about_to(desk, "four") != ""


def test_a_session_that_begins_is_told_five_lines_at_most_and_no_verdict(desk: Desk) -> None:
    for number in range(7):
        error = f"error: unrecognized subcommand 'jest{number}'"
        for session in ("one", "two"):
            fails(desk, session, f"wrap jest{number}", error, duration_ms=20_000)
    for session in ("one", "two"):
        fails(desk, session, "pytest", "E   AssertionError: x\n1 failed", duration_ms=90_000)
    said = begins(desk, "three")
    assert len(said.strip().splitlines()) == 5 and "pytest" not in said


def test_a_session_that_begins_elsewhere_or_after_a_pass_hears_nothing(desk: Desk, tmp_path: Path) -> None:
    known_to_fail(desk)
    other = tmp_path / "other"
    other.mkdir()
    assert begins(desk, "three", cwd=str(other)) == ""
    assert begins(desk, "three") != "" and begins(desk, "one") == ""
    passes(desk, "four", WRAPPED)
    assert begins(desk, "five") == ""


@pytest.mark.parametrize("odd", [{"cwd": 3}, {"cwd": "a\x00b"}, {"cwd": ""}, {"session_id": None}, {"source": []}])
def test_no_beginning_is_an_error(desk: Desk, odd: dict[str, Any]) -> None:
    known_to_fail(desk)
    payload = {"session_id": "s", "cwd": "/", "hook_event_name": "SessionStart", **odd}
    assert context(desk.report("claude-code", payload)) == ""


def test_what_is_said_before_a_command_decides_nothing(desk: Desk) -> None:
    known_to_fail(desk)
    payload = {"session_id": "x", "cwd": str(desk.work), "hook_event_name": "PreToolUse", "tool_name": "Bash",
               "tool_input": {"command": WRAPPED}, "tool_use_id": "x"}  # fmt: skip
    said = json.loads(desk.report("claude-code", payload))
    assert set(said) == {"hookSpecificOutput"}
    assert set(said["hookSpecificOutput"]) == {"hookEventName", "additionalContext"}


@pytest.mark.parametrize("first", ["edit", "npm install", "source .venv/bin/activate", "docker login"])
def test_a_session_that_changed_something_is_not_warned(desk: Desk, first: str) -> None:
    known_to_fail(desk)
    _ = edits(desk, "three") if first == "edit" else passes(desk, "three", first)
    assert about_to(desk, "three") == ""


def test_two_wrong_warnings_silence_a_project(desk: Desk) -> None:
    for i, (one, two) in enumerate([("a", "b"), ("c", "d")]):
        command, plain = f"wrap jest{i} run", f"jest{i} run"
        for session in (one, two):
            fails(desk, session, command, f"error: unrecognized subcommand 'jest{i}'")
            passes(desk, session, plain)
        assert about_to(desk, f"told{i}", command) != ""
        passes(desk, f"told{i}", command)
    known_to_fail(desk)
    assert about_to(desk, "last") == ""


# --- projects ---------------------------------------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


def repository(folder: Path, remote: str = "https://example.org/team/app.git") -> Path:
    folder.mkdir(parents=True)
    git(folder, "init", "-q")
    if remote:
        git(folder, "remote", "add", "origin", remote)
    return folder


def test_two_checkouts_and_a_worktree_of_one_repository_are_one_project(desk: Desk, tmp_path: Path) -> None:
    one = repository(tmp_path / "one")
    git(one, "commit", "-q", "--allow-empty", "-m", "first", "--date", "2026-01-01T00:00:00Z")
    git(one, "worktree", "add", "-q", str(tmp_path / "tree"))
    git(tmp_path, "clone", "-q", str(one), "two")
    git(tmp_path / "two", "remote", "set-url", "origin", "git@example.org:team/app")
    fails(desk, "a", cwd=str(one))
    assert "1 earlier session" in fails(desk, "b", cwd=str(tmp_path / "tree"))
    assert "2 earlier sessions" in fails(desk, "c", cwd=str(tmp_path / "two"))


@pytest.mark.parametrize(("remote", "commit"), [("", True), ("https://example.org/x", False)])
def test_without_a_remote_or_a_commit_a_repository_is_a_project_of_its_own(
    desk: Desk, tmp_path: Path, remote: str, commit: bool
) -> None:
    for name in ("one", "two"):
        folder = repository(tmp_path / name, remote)
        if commit:
            git(folder, "commit", "-q", "--allow-empty", "-m", "first", "--date", "2026-01-01T00:00:00Z")
    fails(desk, "a", cwd=str(tmp_path / "one"))
    assert fails(desk, "b", cwd=str(tmp_path / "two")) == ""


def test_a_submodule_is_another_project(desk: Desk, tmp_path: Path) -> None:
    outer = repository(tmp_path / "outer")
    inner = outer / "inner"
    inner.mkdir()
    (inner / ".git").write_text("gitdir: ../.git/modules/inner\n")
    fails(desk, "a", cwd=str(outer))
    assert fails(desk, "b", cwd=str(inner)) == ""


def test_a_look_at_the_store_and_what_follows_from_it_are_one_connection(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    known_to_fail(desk)
    made: list[object] = []
    real = sqlite3.connect

    def connect(*place: Any, **how: Any) -> sqlite3.Connection:
        made.append(place)
        connection: sqlite3.Connection = real(*place, **how)
        return connection

    monkeypatch.setattr(sqlite3, "connect", connect)
    payload = json.dumps({
        "session_id": "later", "cwd": str(desk.work), "hook_event_name": "PreToolUse", "tool_name": "Bash",
        "tool_input": {"command": WRAPPED}, "tool_use_id": "x",
    })  # fmt: skip
    handled = handle("claude-code", Payload(payload.encode()), desk.environment, to_the_end=True)
    assert handled is not None and "earlier session" in handled.text and len(made) == 1
    for store in open_to_the_end:
        store.close()
    open_to_the_end.clear()
