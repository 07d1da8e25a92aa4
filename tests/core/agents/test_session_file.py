"""Session files of agents, read as they are: whole, cut, broken, far too long, and in forms of other versions."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.agents.made_sessions import (
    PROJECT,
    Ran,
    claude_lines,
    claude_session,
    codex_session,
    copilot_lines,
    copilot_session,
    gemini_session,
    opencode_session,
    story,
)

from meshcore.agents import session_file
from meshcore.agents.base import Edited, Failure, Success
from meshcore.agents.session_file import Ended, Reading, SessionFiles
from meshcore.agents.table import session_files_of, with_sessions

MAKE = {
    "claude-code": claude_session,
    "codex": codex_session,
    "copilot": copilot_session,
    "gemini": gemini_session,
    "opencode": opencode_session,
}


def kept(name: str, **environment: str) -> SessionFiles:
    found = session_files_of(name, environment)
    assert found is not None
    return found


def ended(name: str, path: Path, reading: Reading | None = None) -> list[Ended]:
    return list(kept(name).read(path, reading or Reading()))


@pytest.mark.parametrize("name", with_sessions())
def test_each_command_is_read_with_how_and_when_it_ended(name: str, tmp_path: Path) -> None:
    path = MAKE[name](tmp_path, story())
    files = kept(name, HOME=str(tmp_path))
    file = path if path.is_file() else path.parent  # one file holds all sessions of opencode
    assert files.found() == [(path, file.stat().st_size)]
    found = list(files.read(path, Reading()))
    assert [one.call.command for one in found] == [ran.command for ran in story()]
    assert [one.at - found[0].at for one in found] == [0, 5, 30, 40]
    assert {one.call.cwd for one in found} == {PROJECT}
    failed, *others = [one.call for one in found]
    assert isinstance(failed, Failure)
    assert failed.exit_code == 1
    assert failed.output.endswith("No module named 'django'")
    assert all(isinstance(call, Success) for call in others)


def test_the_recorded_session_of_codex_is_read(shared: Path) -> None:
    found = ended("codex", shared / "agent-payloads" / "codex_rollout.jsonl")
    assert [(type(one.call), one.call.command) for one in found] == [
        (Failure, "python3 -c 'import nonexistent_xyz'"),
        (Failure, "echo out; echo err >&2; exit 3"),
        (Success, "echo ok; echo warn >&2"),
        (Success, "echo rewritten"),
    ]
    assert found[1].call.cwd == "/home/dev/project"


def test_of_copilot_s_past_only_what_has_ended_counts(tmp_path: Path) -> None:
    path = copilot_session(
        tmp_path, [Ran("make", None), Ran("grep x a", 1), Ran("sleep 9 & echo ok"), Ran("make", 2, "no")]
    )
    assert [(type(one.call), one.call.command) for one in ended("copilot", path)] == [(Failure, "make")]
    assert ended("copilot", copilot_session(tmp_path, [Ran("make", 2, "no")], detached="true")) == []
    start, asked, done, *_ = copilot_lines([Ran("make", 2, "no")])
    moved = {"type": "session.context_changed", "data": {"cwd": "/elsewhere"}, "timestamp": start["timestamp"]}
    edit = {**asked, "data": {**asked["data"], "toolName": "edit", "arguments": {"path": "a.py"}}}
    values: tuple[object, ...] = ({}, [], {"toolCallId": "call_0"}, {"result": {"content": 3}})
    damaged = [{**done, "data": value} for value in values]
    for lines, told in (
        ([start, moved, asked, done], [(Failure, "make", "/elsewhere")]),
        ([start, edit, {**done, "data": {"toolCallId": "call_0", "success": True}}], [(Edited, "a.py", PROJECT)]),
        ([start, edit, {**done, "data": {"toolCallId": "call_0", "success": False}}], []),
        ([start, done, asked], []),
        ([start, asked, *damaged], []),
        ([start, {**asked, "data": {**asked["data"], "arguments": "make"}}, done], []),
    ):
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert [(type(one.call), one.call.command, one.call.cwd) for one in ended("copilot", path)] == told, lines


def test_folders_that_the_agents_are_told_to_use_are_looked_at(tmp_path: Path) -> None:
    claude, codex = claude_session(tmp_path, []), codex_session(tmp_path, [])
    places = {"CLAUDE_CONFIG_DIR": str(tmp_path / ".claude"), "CODEX_HOME": str(tmp_path / ".codex")}
    for name, path in (("claude-code", claude), ("codex", codex)):
        assert [file for file, _ in kept(name, HOME="/nosuch", **places).found()] == [path]
        assert kept(name, HOME="/nosuch").found() == []


def test_what_was_not_allowed_interrupted_in_the_background_or_only_an_answer_did_not_fail(tmp_path: Path) -> None:
    path = claude_session(tmp_path, [Ran("rm -rf x", None), Ran("grep -r x", 1, ""), Ran("true", 0)])
    assert [one.call.command for one in ended("claude-code", path)] == ["true"]
    for field in ("interrupted", "backgroundTaskId", "returnCodeInterpretation"):
        lines = claude_lines([Ran("make", 0, "ok")])
        lines[-1]["toolUseResult"][field] = "yes"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        assert ended("claude-code", path) == []


def test_content_in_parts_and_an_older_wording_are_read(tmp_path: Path) -> None:
    lines = claude_lines([Ran("make", 2, "boom")])
    block = lines[-1]["message"]["content"][0]
    block["content"] = [{"type": "text", "text": "Error: " + block["content"]}, {"type": "image"}]
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    [one] = ended("claude-code", path)
    assert isinstance(one.call, Failure)
    assert (one.call.exit_code, one.call.output) == (2, "boom")


def test_broken_lines_are_passed_over_counted_and_named(tmp_path: Path) -> None:
    path = codex_session(tmp_path, story())
    lines = path.read_text().splitlines()
    lines.insert(2, '{"CommandExecution": ')
    lines.insert(3, "[" * 100_000 + '"CommandExecution"')
    lines.insert(4, '"CommandExecution"')
    path.write_bytes("\n".join(lines).encode() + b'\n\xff\x00 CommandExecution\n{"CommandExecution": "being writ')
    reading = Reading()
    assert len(ended("codex", path, reading)) == 4
    assert reading.broken == 3
    assert reading.named is not None
    assert reading.named[0] == f"{path}:3: no JSON, passed over"


def test_a_line_without_end_is_never_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_file, "MAX_LINE", 4096)
    path = codex_session(tmp_path, story())
    text = path.read_text()
    path.write_text('{"CommandExecution": "' + "x" * 200_000 + '"}\n' + text + '{"CommandExecution": "' + "x" * 99_999)
    reading = Reading()
    assert len(ended("codex", path, reading)) == 4
    assert reading.broken == 2
    assert reading.read == path.stat().st_size


def test_calls_that_never_end_are_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_file, "MAX_WAITING", 2)
    lines = claude_lines([Ran(f"make {n}", 0, "", n) for n in range(5)])
    calls, results = lines[1::2], lines[2::2]
    path = tmp_path / "s.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in [*calls, *results]))
    assert [one.call.command for one in ended("claude-code", path)] == ["make 3", "make 4"]


def test_links_pipes_and_other_files_are_not_read(tmp_path: Path) -> None:
    real = claude_session(tmp_path / "elsewhere", story())
    folder = tmp_path / ".claude" / "projects" / "p"
    folder.mkdir(parents=True)
    (folder / "a.jsonl").symlink_to(real)
    (folder.parent / "q").symlink_to(real.parent)
    os.mkfifo(folder / "b.jsonl")
    (folder / "notes.txt").write_text("x")
    assert kept("claude-code", HOME=str(tmp_path)).found() == []
    with pytest.raises(OSError, match="symbolic links"):
        ended("claude-code", folder / "a.jsonl")
    assert ended("claude-code", folder / "b.jsonl") == []


NAMES = ["type", "message", "content", "id", "name", "input", "command", "payload", "item", "exit_code", "timestamp"]
WORDS = ["Bash", "tool_use", "tool_result", "item_completed", "CommandExecution", "2026-01-01"]
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("name", with_sessions())
@settings(max_examples=20)
@given(lines=st.lists(st.dictionaries(st.sampled_from(NAMES), values), max_size=4))
def test_no_object_breaks_a_reader(name: str, lines: list[dict[str, object]]) -> None:
    list(kept(name).commands(iter(lines)))
