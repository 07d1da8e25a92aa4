"""What agents send: every recorded payload, whole and cut, with fields missing, unknown, renamed or of other types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.agents.recordings import recorded

from meshcore.agents.base import Answer, Began, Denied, Edited, Failure, Success, Upcoming, is_answer
from meshcore.agents.payload import LIMIT, Payload
from meshcore.agents.table import NAMES, agent, program
from meshcore.model import Json


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_conversation_reads_as_what_happened(shared: Path, name: str) -> None:
    reports = [report for payload in recorded(shared, name) if (report := program(name).read(payload)) is not None]
    failures = [(r.command, r.exit_code) for r in reports if isinstance(r, Failure)]
    assert failures[:2] == [("python3 -c 'import nonexistent_xyz'", 1), ("echo out; echo err >&2; exit 3", 3)]
    first = next(r for r in reports if not isinstance(r, Upcoming | Began))
    assert first.output.strip().endswith("ModuleNotFoundError: No module named 'nonexistent_xyz'")
    assert first.output.startswith("Traceback")
    assert first.session and first.call
    assert any(isinstance(r, Success) and r.command == "echo ok; echo warn >&2" for r in reports)


def test_claude_code_tells_of_a_command_before_it_runs_and_of_a_file_that_it_edited() -> None:
    head = {"session_id": "s", "cwd": "/w", "tool_use_id": "c"}
    before = {**head, "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "npm test"}}
    assert program("claude-code").read(before) == Upcoming("npm test", "/w", "s", "c", "", "PreToolUse")
    edit = {**head, "hook_event_name": "PostToolUse", "tool_name": "Write", "tool_input": {"file_path": "/w/a.py"}}
    assert program("claude-code").read(edit) == Edited("/w/a.py", "/w", "s", "c", "", "PostToolUse")


_PATCH = "*** Begin Patch\n*** Update File: src/a.ts\n@@\n-x\n+y\n*** End Patch"


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("codex", {"hook_event_name": "PostToolUse", "tool_name": "apply_patch", "tool_input": {"command": _PATCH},
                   "tool_use_id": "c", "session_id": "s", "cwd": "/w", "tool_response": "Success"}),
        ("gemini", {"hook_event_name": "AfterTool", "tool_name": "replace", "tool_input": {"file_path": "src/a.ts"},
                    "timestamp": "c", "session_id": "s", "cwd": "/w", "tool_response": {"llmContent": "ok"}}),
        ("copilot", {"toolName": "edit", "toolArgs": {"path": "src/a.ts", "old_str": "x"}, "timestamp": "c",
                     "sessionId": "s", "cwd": "/w", "toolResult": {"resultType": "success"}}),
        ("copilot", {"toolName": "apply_patch", "toolArgs": {"input": _PATCH}, "timestamp": "c", "sessionId": "s",
                     "cwd": "/w", "toolResult": {"resultType": "success"}}),
        ("opencode", {"directory": "/w", "input": {"tool": "edit", "sessionID": "s", "callID": "c",
                                                   "args": {"filePath": "src/a.ts"}}}),
        ("cursor", {"hook_event_name": "postToolUse", "tool_name": "Write", "tool_input": {"file_path": "src/a.ts"},
                    "conversation_id": "s", "tool_use_id": "c", "workspace_roots": ["/w"]}),
        ("qwen", {"hook_event_name": "PostToolUse", "tool_name": "edit", "tool_input": {"file_path": "src/a.ts"},
                  "session_id": "s", "tool_use_id": "c", "cwd": "/w"}),
        ("kimi", {"hook_event_name": "PostToolUse", "tool_name": "Write", "tool_input": {"path": "src/a.ts"},
                  "session_id": "s", "tool_call_id": "c", "cwd": "/w"}),
        ("pi", {"hook_event_name": "tool_result", "toolName": "edit", "input": {"path": "src/a.ts"}, "session": "s",
                "toolCallId": "c", "cwd": "/w", "isError": False}),
        ("cline", {"hookName": "tool_result", "taskId": "s", "workspaceRoots": ["/w"],
                   "tool_result": {"id": "c", "name": "editor", "input": {"path": "src/a.ts"}, "output": "ok"}}),
    ],
)  # fmt: skip
def test_an_edit_through_the_tool_of_any_agent_is_told(name: str, payload: dict[str, Json]) -> None:
    report = program(name).read(payload)
    assert isinstance(report, Edited)
    assert (report.command, report.cwd, report.session, report.call) == ("src/a.ts", "/w", "s", "c")


OWN = ("qwen", "pi", "cline", "kimi")


@pytest.mark.parametrize("name", OWN)
def test_what_goes_on_or_ran_out_of_time_and_a_search_without_a_match_are_no_failure(shared: Path, name: str) -> None:
    reports = [report for payload in recorded(shared, name) if (report := program(name).read(payload)) is not None]
    assert [r.exit_code for r in reports if isinstance(r, Failure)] == [1, 3]
    assert [r.command for r in reports if isinstance(r, Success)][1] == "grep nothing /etc/hostname"
    told = [payload for payload in recorded(shared, name) if "sleep" in json.dumps(payload)]
    ends = [report for payload in told if (report := program(name).read(payload)) is not None]
    waited_for = {"pi": ["sleep 2"], "cline": ["sleep 7", "sleep 2"]}.get(name, [])
    assert [report.command for report in ends if isinstance(report, Success)] == waited_for


def test_of_several_commands_in_one_call_of_cline_the_first_that_failed_counts() -> None:
    ran = [{"query": "make", "result": "ok", "success": True},
           {"query": "make x", "result": "[Command exited with code 2]\nno", "success": False},
           {"query": "make y", "result": "[Command exited with code 3]\nno", "success": False},
           {"query": "sleep 9", "result": "", "success": False}]  # fmt: skip
    payload: dict[str, Json] = {"taskId": "s", "workspaceRoots": ["/w"]}
    result = {"id": "c", "name": "run_commands", "input": {}, "output": ran}
    report = program("cline").read({**payload, "tool_result": result})
    assert isinstance(report, Failure) and (report.command, report.exit_code) == ("make x", 2)
    assert program("cline").read({**payload, "tool_result": {**result, "output": ran[3:]}}) is None


def test_what_only_looks_at_a_file_or_was_refused_is_no_edit() -> None:
    head: dict[str, Json] = {"timestamp": "c", "sessionId": "s", "cwd": "/w", "toolResult": {"resultType": "success"}}
    view = {**head, "toolName": "str_replace_editor", "toolArgs": {"command": "view", "path": "a"}}
    refused = {**head, "toolName": "edit", "toolArgs": {"path": "a"}, "toolResult": {"resultType": "denied"}}
    read = {**head, "toolName": "view", "toolArgs": {"path": "a"}}
    assert [program("copilot").read(payload) for payload in (view, refused, read)] == [None] * 3


def test_claude_codes_timeout_and_a_grep_without_a_match_are_no_failure(shared: Path) -> None:
    reports = [
        report for payload in recorded(shared, "claude-code") if (report := program("claude-code").read(payload))
    ]
    assert [r.exit_code for r in reports if isinstance(r, Failure)] == [1, 3]
    assert any(isinstance(r, Success) and r.command.startswith("grep") for r in reports)
    assert [r.command for r in reports if isinstance(r, Denied)] == ["BLOCKME"]


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_cut_at_any_tenth_byte_reads_as_nothing(shared: Path, name: str) -> None:
    for payload in recorded(shared, name):
        data = json.dumps(payload).encode()
        for end in range(0, len(data), 10):
            assert Payload(data[:end]).parse() is None


@pytest.mark.parametrize("name", NAMES)
def test_unknown_fields_change_nothing(name: str, tmp_path: Path) -> None:
    sample = program(name).sample("make", "boom", "/w", tmp_path, "c1")
    more = {**sample, "new_field": [1, {"a": None}], "tool_name_2": "x"}
    assert program(name).read(more) == program(name).read(sample)
    assert isinstance(program(name).read(sample), Failure)


@pytest.mark.parametrize("name", NAMES)
def test_a_payload_with_a_field_missing_renamed_or_of_another_type_is_read_or_passed_over(
    name: str, tmp_path: Path
) -> None:
    sample = program(name).sample("make", "boom", "/w", tmp_path, "c1")
    odd_values: tuple[Json, ...] = (None, 7, [], {}, "x")
    for field in sample:
        rest = {key: value for key, value in sample.items() if key != field}
        for odd in (
            rest,
            {**rest, f"{field}_v2": sample[field]},
            *({**rest, field: value} for value in odd_values),
        ):
            report = program(name).read(odd)
            assert report is None or report.command in ("make", "x")


_NAMES = (
    "hook_event_name tool_name tool_input command tool_response error toolName toolArgs toolResult textResultForLlm "
    "llmContent input output args metadata exit tool_calls transcript_path tool_use_id error_message"
)
_FIELDS = st.sampled_from(_NAMES.split())
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_FIELDS, inner, max_size=4),
    max_leaves=12,
)


@given(st.sampled_from(NAMES), st.dictionaries(_FIELDS, _JSON | st.sampled_from(["Bash", "PostToolUse"]), max_size=8))
def test_no_payload_is_an_error(name: str, payload: dict[str, Any]) -> None:
    program(name).read(payload)


@given(st.binary(max_size=300))
def test_no_bytes_are_an_error(data: bytes) -> None:
    found = Payload(data).parse()
    assert found is None or isinstance(found, dict)


def test_deep_nesting_is_no_payload() -> None:
    assert Payload(b"[" * 200_000).parse() is None


@pytest.mark.parametrize("unit", ["x", 'a "quoted" path\\n', "\u00e9\u4e16", "\x00\x1b[31m", "\\\\\\"])
def test_an_output_of_5_mb_is_read_by_its_beginning_and_its_end(unit: str, tmp_path: Path) -> None:
    output = f"first line\n{unit * (5_000_000 // len(unit))}\nModuleNotFoundError: No module named 'django'"
    sample = program("claude-code").sample("make", output, "/w", tmp_path, "c1")
    data = json.dumps(sample, ensure_ascii=unit != "\u00e9\u4e16").encode()
    found = Payload(data[: LIMIT // 2], data[-LIMIT // 2 :]).parse()
    assert found is not None
    report = program("claude-code").read(found)
    assert isinstance(report, Failure)
    assert report.command == "make" and report.output.startswith("first line")
    assert report.output.endswith("No module named 'django'")


@pytest.mark.parametrize(
    ("command", "code", "expected"),
    [
        ("grep x file", 1, True),
        ("cd a && rg x", 1, True),
        ("cat f | grep x", 1, True),
        ("git diff --exit-code", 1, True),
        ('rg "todo|fixme" src', 1, True),
        ("cd a && grep -rn 'x; y && z' .", 1, True),
        ('make test | grep -E "(FAIL|ok)"', 1, True),
        ("LC_ALL=C /usr/bin/grep -c a\\|b file", 1, True),
        ("git -C /srv/shop diff --quiet", 1, True),
        ("git merge-base --is-ancestor main HEAD", 1, True),
        ("diff -u a.txt b.txt", 1, True),
        ("diff <(sort a) <(sort b)", 1, True),
        ("if [ -f a ]; then make; fi", 1, False),
        ('echo "a | grep b"', 1, False),
        ("git push", 1, False),
        ("grep x file", 2, False),
        ("grep x file && make", 1, False),
        ("make", 1, False),
    ],
)
def test_an_exit_code_that_is_an_answer_is_no_failure(command: str, code: int, expected: bool) -> None:
    assert is_answer(command, code) is expected


def test_a_search_in_a_folder_that_is_not_there_has_asked_nothing() -> None:
    assert not is_answer("cd src && grep -rn x .", 1, "/usr/bin/bash: line 1: cd: src: No such file or directory")
    assert not is_answer("cd src && grep -rn x .", 1, "(eval):cd:1: no such file or directory: src")


@pytest.mark.parametrize(
    "said",
    [
        "<tool_use_error>Sibling tool call errored</tool_use_error>",
        "<tool_use_error>Blocked: sleep 90 followed by: gh pr checks</tool_use_error>",
        "Exit code 137\n[1/4] building\n[Request interrupted by user for tool use]",
        "Exit code 143\nCommand timed out after 2m 0s\nlistening on :8080",
        "The user doesn't want to proceed with this tool use. The tool use was rejected",
    ],
)
def test_what_was_refused_called_off_or_out_of_time_is_no_failure(said: str, tmp_path: Path) -> None:
    payload = program("claude-code").sample("make", "boom", "/w", tmp_path, "c1")
    assert isinstance(program("claude-code").read(payload), Failure)
    assert program("claude-code").read({**payload, "error": said}) is None


def test_codex_without_its_session_file_says_nothing(tmp_path: Path) -> None:
    sample = program("codex").sample("make", "boom", "/w", tmp_path, "c1")
    for path in ("", "/nowhere", str(tmp_path), "/dev/zero", "a\0b"):
        assert program("codex").read({**sample, "transcript_path": path}) is None


def test_a_line_in_the_output_is_no_exit_code(tmp_path: Path) -> None:
    sample = program("gemini").sample("make", "boom\nExit Code: 9\nmore", "/w", tmp_path, "c1")
    report = program("gemini").read(sample)
    assert isinstance(report, Failure) and report.exit_code == 1
    sample = program("copilot").sample("make", "<shellId: 0 completed with exit code 0>\nmore", "/w", tmp_path, "c1")
    report = program("copilot").read(sample)
    assert isinstance(report, Failure) and report.exit_code == 1


@pytest.mark.parametrize("last", ["Error: DATABASE_URL is not set", "x\nError: a\nError: b"])
def test_the_last_words_of_a_command_are_not_those_of_its_agent(tmp_path: Path, last: str) -> None:
    report = program("gemini").read(program("gemini").sample("make", f"boom\n{last}", "/w", tmp_path, "c1"))
    assert isinstance(report, Failure) and report.exit_code == 1
    assert report.output == f"boom\n{last}"


@pytest.mark.parametrize("name", NAMES)
def test_an_answer_of_nothing_is_nothing(name: str) -> None:
    assert program(name).answer("PostToolUse", Answer()) == ""
    said = program(name).answer("PostToolUse", Answer("the fix", "one line"))
    assert ("the fix" in said) is getattr(program(name), "READS_ANSWERS", True)


# --- what has not ended ----------------------------------------------------------------------------------------------


def _done(name: str, tmp_path: Path, code: int) -> dict[str, Any]:
    """Return a command that ended with an exit code, as a program reports it, fit to be changed."""
    if name == "claude-code" and code == 0:
        response = {"stdout": "all is well", "stderr": "", "interrupted": False}
        said = {"hook_event_name": "PostToolUse", "tool_response": response}
        return {"tool_name": "Bash", "tool_input": {"command": "make"}, "session_id": "s", **said}
    if name == "cursor" and code == 0:
        said = {"hook_event_name": "postToolUse", "tool_output": json.dumps({"exitCode": 0, "stdout": "well"})}
        return {"tool_name": "Shell", "tool_input": {"command": "make"}, **said}
    sample = program(name).sample("make", "boom", "/w", tmp_path, f"c{code}")
    if name == "kimi" and code == 0:
        return {**sample, "hook_event_name": "PostToolUse", "tool_output": "all is well"}
    if name == "pi" and code == 0:
        return {**sample, "isError": False, "structuredContent": {"output": "well", "exit_code": 0}}
    if name == "cline" and code == 0:
        output = [{"query": "make", "result": "well", "success": True}]
        return {**sample, "tool_result": {**sample["tool_result"], "output": output}}
    text = json.dumps(sample)
    for before, after in (('"exit": 1', '"exit": 0'), ("exit code 1>", "exit code 0>"), ("\\nExit Code: 1", "")):
        text = text.replace(before, after) if code == 0 else text
    rollout = tmp_path / f"rollout-c{code}.jsonl"
    if rollout.exists():
        rollout.write_text(rollout.read_text().replace('"exit_code": 1', f'"exit_code": {code}'))
    found: dict[str, Any] = json.loads(text)
    return found


_INPUT = {"copilot": "toolArgs", "pi": "input"}
_RESULT = {"copilot": "toolResult", "cursor": "tool_output", "pi": "structuredContent"}


def _with(name: str, payload: dict[str, Any], where: str, more: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(payload))
    if name == "opencode":
        place = changed["input"]["args"] if where == "input" else changed["output"]["metadata"]
    elif name == "cline":
        place = changed["tool_result"]["input"] if where == "input" else changed["tool_result"]["output"][0]
    else:
        key = (_INPUT if where == "input" else _RESULT).get(name, f"tool_{'input' if where == 'input' else 'response'}")
        if isinstance(changed.get(key), str):
            if not changed[key].startswith("{"):
                return changed  # the result of this one is text
            changed[key] = json.loads(changed[key])
        place = changed.setdefault(key, {})
    place.update(more)
    return changed


@pytest.mark.parametrize("code", [0, 1])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "field", ["run_in_background", "is_background", "isBackground", "background", "detach", "async"]
)
def test_what_was_put_into_the_background_is_no_outcome(name: str, code: int, field: str, tmp_path: Path) -> None:
    payload = _done(name, tmp_path, code)
    kinds = {0: Success, 1: Failure}
    assert isinstance(program(name).read(payload), kinds[code])
    assert program(name).read(_with(name, payload, "input", {field: True})) is None
    assert isinstance(program(name).read(_with(name, payload, "input", {field: False})), kinds[code])


@pytest.mark.parametrize("name", ["claude-code", "cursor", "copilot", "opencode", "pi", "cline"])
@pytest.mark.parametrize(
    "told",
    [
        {"backgroundTaskId": "b1"},
        {"timedOutAfterMs": 120000},
        {"timed_out": True},
        {"backgroundedByUser": True},
        {"assistantAutoBackgrounded": True},
        {"aborted": True},
        {"task_id": "t1"},
        {"status": "running"},
        {"state": "in_progress"},
        {"timeout": True},
        {"killed": True},
        {"completed": False},
    ],
)
def test_a_result_that_names_a_task_or_a_time_limit_is_no_outcome(
    name: str, told: dict[str, Any], tmp_path: Path
) -> None:
    payload = _with(name, _done(name, tmp_path, 0), "result", told)
    assert program(name).read(payload) is None


@pytest.mark.parametrize(
    "item",
    [
        {"status": "in_progress", "exit_code": 0},
        {"status": "in_progress", "exit_code": None},
        {"status": "declined", "exit_code": -1},
        {"status": "failed", "exit_code": 124, "aggregated_output": "command timed out after 1000 milliseconds\nx"},
        {"status": "failed", "exit_code": 124, "timed_out": True},
        {"status": "completed", "exit_code": 0, "timed_out": True},
    ],
)
def test_what_codex_still_runs_or_has_cut_off_is_no_outcome(item: dict[str, Any], tmp_path: Path) -> None:
    sample = program("codex").sample("make", "boom", "/w", tmp_path, "c1")
    rollout = Path(sample["transcript_path"])
    line = json.loads(rollout.read_text())
    line["payload"]["item"].update(item)
    rollout.write_text(json.dumps(line) + "\n")
    sample["tool_response"] = "Process running with session ID 4242"
    assert program("codex").read(sample) is None


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gemini", "<untrusted_context>\nOutput: x\nBackground PIDs: 47\nProcess Group PGID: 1\n</untrusted_context>"),
        ("gemini", "<untrusted_context>\nOutput: x\nSignal: SIGTERM\nProcess Group PGID: 1\n</untrusted_context>"),
        ("gemini", "<untrusted_context>\nOutput: x\nError: spawn ENOENT\nProcess Group PGID: 1\n</untrusted_context>"),
        ("gemini", "Command moved to background (PID: 4711). Output hidden. Press Ctrl+B to view."),
        ("gemini", "Command was automatically cancelled because it exceeded the timeout of 5.0 minutes. Output: x"),
        ("copilot", "begun\n<command started in background with shellId: 0>"),
        ("copilot", "begun\n<shellId: 0 is still running after 30 seconds. Use read_bash to read its output.>"),
        ("copilot", "<shellId: 0 completed with exit code 0>\n<shellId: 0 is still running after 30 seconds>"),
        ("claude-code", "Exit code 143\nCommand timed out after 2m 0s\nboom"),
        ("claude-code", "Exit code 124\nCommand timed out after 2m 0s"),
        ("opencode", "x\n<bash_metadata>\nbash tool terminated command after exceeding timeout 1 ms\n</bash_metadata>"),
        ("opencode", "x\n\n<bash_metadata>\nUser aborted the command\n</bash_metadata>"),
    ],
)  # fmt: skip
def test_what_a_program_says_of_a_command_that_has_not_ended_is_no_outcome(
    name: str, said: str, tmp_path: Path
) -> None:
    sample = program(name).sample("make", "boom", "/w", tmp_path, "c1")
    if name == "gemini":
        sample["tool_response"] = {"llmContent": said}
    elif name == "copilot":
        sample["toolResult"]["textResultForLlm"] = said
    elif name == "opencode":
        sample["output"] = {"metadata": {"exit": 143}, "output": said}
    else:
        sample["error"] = said
    assert program(name).read(sample) is None


def test_claude_codes_answer_without_its_usual_form_is_no_success() -> None:
    said = {"hook_event_name": "PostToolUse", "tool_name": "Bash", "tool_input": {"command": "make"}}
    responses: tuple[Json, ...] = ("Command running in background with ID: b1", {}, {"taskId": "b1"}, None, [])
    for response in responses:
        assert program("claude-code").read({**said, "tool_response": response}) is None


@pytest.mark.parametrize(
    ("command", "away"),
    [
        ("./serve.sh &", True),
        ("make & wait $!", True),
        ("(make test) & disown", True),
        ("make > log 2>&1 &", True),
        ("nohup make test >/dev/null 2>&1 &", True),
        ("cd a && ./serve & sleep 1 && curl localhost", True),
        ("make && make test", False),
        ("make > log 2>&1", False),
        ("make &> log", False),
        ("make |& tee log", False),
        ("cat <&3", False),
        ("curl 'http://x/?a=1&b=2'", False),
        ('curl "http://x/?a=1&b=\\"2&"', False),
        ("echo a\\&b", False),
    ],
)
def test_a_success_of_what_the_shell_did_not_wait_for_is_no_outcome(command: str, away: bool, tmp_path: Path) -> None:
    for name in NAMES:
        text = json.dumps(_done(name, tmp_path, 0)).replace('"make"', json.dumps(command))
        assert (program(name).read(json.loads(text)) is None) is away, name
    failed = program("copilot").read(program("copilot").sample(command, "boom", "/w", tmp_path, "c2"))
    assert isinstance(failed, Failure), "a failure is told by the exit code, whatever else was begun"
    shell = {"command": command, "exit_code": 0, "cwd": "/", "session": "s", "call": "1", "output": ""}
    assert (agent("shell").read(shell) is None) is away
