"""Commands in the background, out of time or waited for: nothing counts before their real exit, and that does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.core.agents.desk import ERROR, FIX, Desk

from meshcore.agents import claude_code, copilot
from meshcore.agents.base import Failure, Success
from meshcore.agents.session_file import Reading
from meshcore.agents.table import program

COMMAND, TASK, CALL = "make check", "b1x", "toolu_1"
Expected = int | None  # the exit code that counts, None for no outcome


class Aside:
    """What Claude Code writes and sends of one command that it put into the background."""

    def __init__(self, root: Path, command: str = COMMAND) -> None:
        self.command = command
        self.transcript = root / "session.jsonl"
        self.output = root / "tasks" / f"{TASK}.output"
        self.output.parent.mkdir(parents=True)
        self.output.write_text("checking\nboom\n")
        self.cwd = str(root)
        self.lines: list[Any] = [self.asked()]
        self.write()

    def asked(self, **fields: Any) -> dict[str, Any]:
        used = {"type": "tool_use", "id": CALL, "name": "Bash", "input": {"command": self.command}}
        used["input"] |= {"run_in_background": True}  # type: ignore[operator]
        message = {"role": "assistant", "content": [{**used, **fields}]}
        return {"type": "assistant", "cwd": self.cwd, "sessionId": "s", "message": message}

    def write(self) -> None:
        lines = [line if isinstance(line, str) else json.dumps(line) for line in self.lines]
        self.transcript.write_text("\n".join(lines) + "\n")

    def note(self, status: str = "failed", end: str = "failed with exit code 4", **parts: str) -> str:
        told = {"task-id": TASK, "tool-use-id": CALL, "output-file": str(self.output), "status": status}
        told |= {"summary": f'Background command "{self.command}" {end}'} | parts
        inside = "\n".join(f"<{name}>{value}</{name}>" for name, value in told.items() if value)
        return f"<task-notification>\n{inside}\n</task-notification>"

    def prompt(self, prompt: str) -> dict[str, Any]:
        head = {"session_id": "s", "cwd": "/elsewhere", "hook_event_name": "UserPromptSubmit", "prompt": prompt}
        return head | {"transcript_path": str(self.transcript)}

    def done(self, event: str = "PostToolUse", **response: Any) -> dict[str, Any]:
        said = {"stdout": "", "stderr": "", "interrupted": False, **response}
        return {
            "session_id": "s", "cwd": self.cwd, "hook_event_name": event, "tool_name": "Bash", "tool_response": said,
            "tool_input": {"command": self.command}, "tool_use_id": CALL, "transcript_path": str(self.transcript),
        }  # fmt: skip


def _without_output(aside: Aside) -> dict[str, Any]:
    aside.output.unlink()
    return aside.prompt(aside.note())


def _elsewhere(aside: Aside) -> dict[str, Any]:
    other = aside.output.with_name("notes.txt")
    other.write_text("private")
    return aside.prompt(aside.note(**{"output-file": str(other)}))


def _linked(aside: Aside) -> dict[str, Any]:
    aside.output.unlink()
    aside.output.symlink_to("/etc/passwd")
    return aside.prompt(aside.note())


def _pipe(aside: Aside) -> dict[str, Any]:
    aside.output.unlink()
    os.mkfifo(aside.output)
    return aside.prompt(aside.note())


def _with_lines(*lines: Any) -> Callable[[Aside], dict[str, Any]]:
    def made(aside: Aside) -> dict[str, Any]:
        aside.lines = [line(aside) if callable(line) else line for line in lines]
        aside.write()
        return aside.prompt(aside.note())

    return made


def _note(status: str, end: str, **parts: str) -> Callable[[Aside], dict[str, Any]]:
    return lambda aside: aside.prompt(aside.note(status, end, **parts))


def _response(**fields: Any) -> Callable[[Aside], dict[str, Any]]:
    return lambda aside: aside.done(**fields)


def _asked(**fields: Any) -> Callable[[Aside], dict[str, Any]]:
    def made(aside: Aside) -> dict[str, Any]:
        payload = aside.done()
        payload["tool_input"] |= fields
        return payload

    return made


def _failed(error: str) -> Callable[[Aside], dict[str, Any]]:
    return lambda aside: {**aside.done("PostToolUseFailure"), "error": error, "is_interrupt": False}


# fmt: off
CLAUDE: dict[str, tuple[Callable[[Aside], dict[str, Any]], Expected]] = {
    # It begins, or is moved aside: no outcome.
    "begun": (_response(backgroundTaskId=TASK), None),
    "begun as asked": (_asked(run_in_background=True), None),
    "not asked to": (_asked(run_in_background=False), 0),
    "moved aside by the person": (_response(backgroundTaskId=TASK, backgroundedByUser=True), None),
    "moved aside at its time limit": (_response(backgroundTaskId=TASK, timedOutAfterMs=120_000), None),
    "out of time, moved nowhere": (_response(timedOutAfterMs=120_000), None),
    "ends with the answer": (_response(backgroundTaskId=TASK, backgroundEndsWithFinalResponse=True), None),
    "wakes its owner": (_response(backgroundTaskId=TASK, backgroundWakesOwner=True), None),
    "cut off": (_failed("Exit code 143\nCommand timed out after 2m 0s"), None),
    "cut off with output": (_failed("Exit code 124\nCommand timed out after 1s\nboom"), None),
    "called off": (_failed("<tool_use_error>Cancelled: parallel tool call failed</tool_use_error>"), None),
    # Its note: the real exit.
    "passed": (_note("completed", "completed (exit code 0)"), 0),
    "failed": (_note("failed", "failed with exit code 4"), 4),
    "failed, described": (_note("failed", "", summary='Background command "check it" failed with exit code 2'), 2),
    "described with a code": (
        _note("failed", "", summary='Background command "exit code 9" failed with exit code 1'),
        1,
    ),
    "passed, with a reason": (_note("completed", "completed (exit code 0: ok)"), 0),
    "not found": (_note("failed", "failed with exit code 127"), 127),
    "by a signal": (_note("failed", "failed with exit code 137"), 137),
    # Its note, but no exit of its own.
    "stopped": (_note("killed", "was stopped"), None),
    "stopped with a code": (_note("killed", "failed with exit code 143"), None),
    "stopped by the person": (_note("stopped", "was stopped by the user"), None),
    "still running": (_note("running", "is waiting for input"), None),
    "without a code": (_note("completed", "completed"), None),
    "a code that is none": (_note("failed", "failed with exit code many"), None),
    "a code in the middle": (_note("failed", "failed with exit code 1 in another shell"), None),
    "without a status": (_note("", "failed with exit code 4"), None),
    "without a call": (_note("failed", "failed with exit code 4", **{"tool-use-id": ""}), None),
    "of an agent": (_note("completed", "", summary='Agent "explore" finished'), None),
    "cut": (lambda a: a.prompt(a.note()[:150]), None),
    # Not to be read.
    "output gone": (_without_output, None),
    "output elsewhere": (_elsewhere, None),
    "output a link": (_linked, None),
    "output a pipe": (_pipe, None),
    "output of another task": (_note("failed", "failed with exit code 4", **{"task-id": "b2"}), None),
    "task no name": (_note("failed", "failed with exit code 4", **{"task-id": "../b1x"}), None),
    # Whose call the session file does not tell.
    "call unknown": (_with_lines(lambda a: a.asked(id="toolu_2")), None),
    "call of another tool": (_with_lines(lambda a: a.asked(name="Read")), None),
    "call spoken of by the person": (_with_lines(lambda a: {**a.asked(), "type": "user"}), None),
    "session file broken": (_with_lines('{"toolu_1" "tool_use"', '["toolu_1", "tool_use"]'), None),
    "session file gone": (lambda a: {**a.prompt(a.note()), "transcript_path": "/nowhere"}, None),
    "session file a folder": (lambda a: {**a.prompt(a.note()), "transcript_path": a.cwd}, None),
    # A person types.
    "typed": (lambda a: a.prompt("please run make check"), None),
    "typed of a note": (lambda a: a.prompt("see this: " + a.note()), None),
    "typed nothing": (lambda a: a.prompt(""), None),
    "no text": (lambda a: {**a.prompt(""), "prompt": ["<task-notification>"]}, None),
}
# fmt: on


@pytest.mark.parametrize("case", CLAUDE)
def test_claude_code_tells_an_outcome_at_the_real_exit_only(case: str, tmp_path: Path) -> None:
    make, expected = CLAUDE[case]
    report = program("claude-code").read(make(Aside(tmp_path)))
    if expected is None:
        assert report is None
    elif expected == 0:
        assert isinstance(report, Success)
    else:
        assert isinstance(report, Failure) and report.exit_code == expected
        assert (report.command, report.cwd, report.call) == (COMMAND, str(tmp_path), CALL)
        assert report.output == "checking\nboom\n"


def _codex(root: Path, response: str, item: dict[str, Any] | None) -> dict[str, Any]:
    payload = program("codex").sample(COMMAND, "boom", "/w", root, CALL)
    rollout = Path(payload["transcript_path"])
    line = json.loads(rollout.read_text())
    line["payload"]["item"].update(item or {})
    rollout.write_text(json.dumps(line) + "\n" if item is not None else "")
    return {**payload, "tool_response": response}


@pytest.mark.parametrize(
    ("response", "item", "expected", "output"),
    [
        ("Process running with session ID 7", None, None, ""),
        ("Process running with session ID 7", {"status": "in_progress", "exit_code": None}, None, ""),
        ("rest\n", {"status": "failed", "exit_code": 4, "aggregated_output": "first\nrest\n"}, 4, "first\nrest\n"),
        ("rest\n", {"status": "completed", "exit_code": 0, "aggregated_output": "first\nrest\n"}, 0, ""),
        ("", {"status": "failed", "exit_code": -1, "timed_out": True}, None, ""),
    ],
)
def test_what_codex_waited_for_counts_once_it_has_ended_with_all_that_it_said(
    response: str, item: dict[str, Any] | None, expected: Expected, output: str, tmp_path: Path
) -> None:
    report = program("codex").read(_codex(tmp_path, response, item))
    if expected is None:
        assert report is None
    elif expected == 0:
        assert isinstance(report, Success)
    else:
        assert isinstance(report, Failure) and (report.exit_code, report.output) == (expected, output)


def _copilot(home: Path, *tools: tuple[str, dict[str, Any], str | None]) -> None:
    """Write the session file of calls: the tool, what it was asked, what it said (None: it has not ended)."""
    lines: list[dict[str, Any]] = []
    for number, (name, asked, said) in enumerate(tools):
        call = {"toolCallId": f"call_{number}"}
        lines.append({"type": "tool.execution_start", "data": call | {"toolName": name, "arguments": asked}})
        if said is not None:
            done = call | {"success": True, "result": {"content": said}}
            lines.append({"type": "tool.execution_complete", "data": done})
    path = home / ".copilot" / "session-state" / "s-1" / "events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    at = {"timestamp": "2026-11-28T08:38:07.416Z"}
    path.write_text("".join(json.dumps(line | at) + "\n" for line in lines))


def _read(said: str, shell: str = "a", **changes: Any) -> dict[str, Any]:
    result = {"resultType": "success", "textResultForLlm": said}
    asked = {"shellId": shell, "delay": 5}
    payload = {"sessionId": "s-1", "timestamp": 5, "cwd": "/w", "toolName": "read_bash", "toolArgs": asked}
    return payload | {"toolResult": result} | changes


def _notice(code: int = 4, shell: str = "a", **changes: Any) -> dict[str, Any]:
    said = f'Shell command "exit code 9" (shellId: {shell}) has exited with exit code {code}.'
    payload = {"sessionId": "s-1", "timestamp": 6, "cwd": "/w", "title": "check", "hook_event_name": "Notification"}
    return payload | {"notification_type": "shell_completed", "message": said} | changes


_BEGUN = ("bash", {"command": COMMAND, "mode": "async", "shellId": "a"},
          "<command started in background with shellId: a>")  # fmt: skip
_UNNAMED = ("bash", {"command": COMMAND, "mode": "async"}, "<command started in background with shellId: 0>")
_LONG = ("bash", {"command": COMMAND, "mode": "sync"},
         "checking\n<command with shellId: 1 is still running after 30 seconds. Use read_bash to go on.>")  # fmt: skip
_DETACHED = ("bash", {"command": COMMAND, "mode": "async", "detach": True, "shellId": "a"},
             "<command started in detached background with shellId: a>")  # fmt: skip
_OTHER = ("bash", {"command": "true", "mode": "async", "shellId": "b"},
          "<command started in background with shellId: b>")  # fmt: skip
_FAILED = "boom\n<shellId: a completed with exit code 4>"
_PASSED = "boom\n<shellId: a completed with exit code 0>"
_RUNS = "boom\n<command with shellId: a is still running after 4 seconds. Use read_bash to go on.>"
_READ = {"shellId": "a", "delay": 5}

# fmt: off
COPILOT: dict[str, tuple[list[tuple[str, dict[str, Any], str | None]], dict[str, Any], Expected]] = {
    "failed": ([_BEGUN], _read(_FAILED), 4),
    "passed": ([_BEGUN], _read(_PASSED), 0),
    "read as it is being told": ([_BEGUN, ("read_bash", _READ, None)], _read(_FAILED), 4),
    "read before the end too": ([_BEGUN, ("read_bash", _READ, _RUNS)], _read(_FAILED), 4),
    "its shell named by the program": ([_UNNAMED], _read("boom\n<shellId: 0 completed with exit code 4>", "0"), 4),
    "longer than it was waited for": ([_LONG], _read("boom\n<shellId: 1 completed with exit code 4>", "1"), 4),
    "detached": ([_DETACHED], _read("boom\n<detached command with shellId: a completed with exit code 4>"), 4),
    "beside another": ([_BEGUN, _OTHER], _read(_FAILED), 4),
    "that shell used before": ([("bash", {**_BEGUN[1], "command": "true"}, _BEGUN[2]), _BEGUN], _read(_FAILED), 4),
    "goes on": ([_BEGUN], _read(_RUNS), None),
    "read a second time": ([_BEGUN, ("read_bash", _READ, _FAILED)], _read(_FAILED[4:]), None),
    "had ended with its call": ([("bash", {"command": COMMAND, "shellId": "a"}, _FAILED)], _read(_FAILED), None),
    "stopped": ([_BEGUN, ("stop_bash", {"shellId": "a"}, "<command with id: a stopped>")], _read(_FAILED), None),
    "asked to stop": ([_BEGUN, ("stop_bash", {"shellId": "a"}, None)], _read(_FAILED), None),
    "refused": ([_BEGUN], _read(_FAILED, toolResult={"resultType": "denied", "textResultForLlm": _FAILED}), None),
    "an error": ([_BEGUN], _read("", toolResult={}, error="shellId: a was already stopped"), None),
    "of no shell": ([_BEGUN], _read(_FAILED, toolArgs={}), None),
    "of another shell": ([_OTHER], _read(_FAILED), None),
    "shell no text": ([_BEGUN], _read(_FAILED, toolArgs={"shellId": ["a"]}), None),
    "begun without a word": ([(*_BEGUN[:2], None)], _read(_FAILED), None),
    "begun with other words": ([(*_BEGUN[:2], "started: a")], _read(_FAILED), None),
    "session elsewhere": ([_BEGUN], _read(_FAILED, sessionId="../s-1"), None),
    "session unknown": ([_BEGUN], _read(_FAILED, sessionId="s-2"), None),
    "session no text": ([_BEGUN], _read(_FAILED, sessionId=7), None),
    "code in the middle": ([_BEGUN], _read(_FAILED + "\nmore"), None),
    "a code that is none": ([_BEGUN], _read("<shellId: a completed with exit code many>"), None),
    "cut": ([_BEGUN], _read(_FAILED[:-3]), None),
    "list of shells": ([_BEGUN], _read(_FAILED, toolName="list_bash"), None),
    # It ends while the agent does something else: the program reads its end, and tells the agent and the hook.
    "noticed": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(), 4),
    "noticed, passed": ([_BEGUN, ("read_bash", _READ, _PASSED)], _notice(0), 0),
    "noticed, and read after that": ([_BEGUN, *[("read_bash", _READ, _FAILED)] * 2], _notice(), 4),
    "noticed, its end not read yet": ([_BEGUN], _notice(), None),
    "noticed with another code": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(3), None),
    "noticed of another shell": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(shell="b"), None),
    "noticed, the shell used anew": ([_BEGUN, ("read_bash", _READ, _FAILED), _BEGUN], _notice(), None),
    "noticed without a code": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(message="(shellId: a) stopped"), None),
    "noticed of something else": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(notification_type="idle"), None),
    "noticed, no text": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(message=["exit code 4"]), None),
    "noticed of no session": ([_BEGUN, ("read_bash", _READ, _FAILED)], _notice(sessionId="../s-1"), None),
}
# fmt: on


@pytest.mark.parametrize("case", COPILOT)
def test_copilot_tells_an_outcome_at_the_real_exit_only(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools, payload, expected = COPILOT[case]
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(copilot, "WRITTEN_SECONDS", 0.0)
    _copilot(tmp_path, *tools)
    report = program("copilot").read(payload)
    if expected is None:
        assert report is None
    elif expected == 0:
        assert isinstance(report, Success) and report.command == COMMAND
    else:
        assert isinstance(report, Failure) and report.exit_code == expected
        assert (report.command, report.cwd, report.output) == (COMMAND, "/w", "boom")


def test_what_copilot_tells_before_it_is_in_its_file_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _copilot(tmp_path, _BEGUN)
    read = ("read_bash", _READ, _FAILED)
    monkeypatch.setattr("time.sleep", lambda seconds: _copilot(tmp_path, _BEGUN, read))
    report = program("copilot").read(_notice())
    assert isinstance(report, Failure) and report.output == "boom"


@pytest.mark.parametrize("broken", [b"\xff\xfe{\n" * 9, b"[" * 100_000 + b'"tool.execution_', b'["tool.execution_"]\n'])
def test_a_broken_session_file_of_copilot_says_nothing(
    broken: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _copilot(tmp_path, _BEGUN)
    path = tmp_path / ".copilot" / "session-state" / "s-1" / "events.jsonl"
    good = path.read_bytes()
    path.write_bytes(broken)
    assert program("copilot").read(_read(_FAILED)) is None
    path.write_bytes(broken + b"\n" + good)
    assert isinstance(program("copilot").read(_read(_FAILED)), Failure)
    path.write_bytes(good + b"x" * (300 << 10))
    assert isinstance(program("copilot").read(_read(_FAILED)), Failure), "it is looked at further up"
    path.unlink()
    os.mkfifo(path)
    assert program("copilot").read(_read(_FAILED)) is None


def test_copilot_s_past_holds_what_ended_in_the_background_once(tmp_path: Path) -> None:
    again = ("read_bash", _READ, "\n<shellId: a completed with exit code 4>")
    stop = ("stop_bash", {"shellId": "b"}, "<command with id: b stopped>")
    late = ("read_bash", {"shellId": "b"}, "<shellId: b completed with exit code 143>")
    _copilot(tmp_path, _BEGUN, _OTHER, ("read_bash", _READ, _RUNS), ("read_bash", _READ, _FAILED), again, stop, late)
    sessions = copilot.sessions({"HOME": str(tmp_path)})
    path = tmp_path / ".copilot" / "session-state" / "s-1" / "events.jsonl"
    [one] = sessions.read(path, Reading())
    assert isinstance(one.call, Failure)
    assert (one.call.command, one.call.exit_code, one.call.output) == (COMMAND, 4, "boom")


def test_a_failure_in_the_background_is_answered_and_its_pass_verifies_the_fix(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk")
    desk.teach()
    aside = Aside(desk.work, "python3 app.py")
    aside.output.write_text(ERROR)
    assert desk.report("claude-code", aside.done(backgroundTaskId=TASK)) == ""
    assert not (desk.root / "home" / "state" / "open").exists() and desk.incidents() == []
    said = json.loads(desk.report("claude-code", aside.prompt(aside.note())))
    assert said["hookSpecificOutput"]["hookEventName"] == "UserPromptSubmit"
    assert FIX in said["hookSpecificOutput"]["additionalContext"]
    [incident] = desk.incidents()
    assert (incident.state, incident.exit_code, incident.cwd) == ("matched", 4, str(desk.work))
    assert desk.report("claude-code", aside.prompt(aside.note())) == "", "a note that comes twice counts once"
    assert len(desk.incidents()) == 1
    desk.succeeded(FIX, session_id="s", cwd=str(desk.work))
    assert desk.report("claude-code", aside.done(backgroundTaskId=TASK)) == ""
    assert desk.incidents()[0].state == "applied_not_rerun", "that it began again proves nothing"
    desk.report("claude-code", aside.prompt(aside.note("completed", "completed (exit code 0)")))
    assert desk.incidents()[0].state == "verified"


def test_what_a_person_types_is_neither_read_nor_kept(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "desk")
    desk.teach()
    secret = "my password is correct-horse"
    assert (
        desk.report("claude-code", {"hook_event_name": "UserPromptSubmit", "session_id": "s", "prompt": secret}) == ""
    )
    for path in (desk.root / "home").rglob("*"):
        assert not path.is_file() or b"correct-horse" not in path.read_bytes()


def test_the_past_of_a_command_in_the_background_is_its_real_exit(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "c")}
    folder = tmp_path / "c" / "projects" / "p"
    folder.mkdir(parents=True)
    aside = Aside(tmp_path / "w")
    at = {"timestamp": "2026-11-28T05:33:35.088Z"}
    begun = {"type": "tool_result", "tool_use_id": CALL, "content": "Command running in background with ID: b1x"}
    result = {"type": "user", "message": {"content": [begun]}, "toolUseResult": {"backgroundTaskId": TASK}}
    note = {"type": "queue-operation", "operation": "enqueue", "content": aside.note()}
    for number, (gone, notes, ends) in enumerate(
        [
            (False, [note, {**note, "operation": "remove"}], [Failure]),
            (False, [{**note, "content": aside.note("killed", "was stopped")}], []),
            (True, [note], []),
            (True, [{**note, "content": aside.note("completed", "completed (exit code 0)")}], [Success]),
            (True, [], []),
        ]
    ):
        if gone:
            aside.output.unlink(missing_ok=True)
        path = folder / f"s{number}.jsonl"
        path.write_text("\n".join(json.dumps(line | at) for line in (aside.asked(), result, *notes)) + "\n")
        sessions = claude_code.sessions(environment)
        assert [type(one.call) for one in sessions.read(path, Reading())] == ends, number
