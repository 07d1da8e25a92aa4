"""Session files as Claude Code 2.1.330 and Codex 0.169.0 write them, made up for tests: one command after another."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
PROJECT = "/home/dev/project"
MISSING = """\
Traceback (most recent call last):
  File "app.py", line 3, in <module>
ModuleNotFoundError: No module named '{}'"""


class Ran(NamedTuple):
    """One command: what was given to the shell, its exit code (None: it was not allowed), output, end in seconds."""

    command: str
    exit_code: int | None = 0
    output: str = ""
    at: float = 0.0


def story(name: str = "django", at: float = 0.0) -> list[Ran]:
    """Return a failure, a look around, the fix, and the success of the same command 40 s after the failure."""
    return [
        Ran("python app.py", 1, MISSING.format(name), at),
        Ran("ls -la", 0, "total 0", at + 5),
        Ran(f"pip install {name}", 0, f"Successfully installed {name}", at + 30),
        Ran("python app.py", 0, "it works", at + 40),
    ]


def claude_lines(commands: Sequence[Ran], **changes: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"type": "summary", "summary": "a title", "leafUuid": "x"}]
    for number, ran in enumerate(commands):
        call = f"toolu_{number}_{ran.at}"
        head = {
            "parentUuid": None,
            "isSidechain": False,
            "cwd": PROJECT,
            "sessionId": "s1",
            "version": "2.1.330",
            "timestamp": (START + timedelta(seconds=ran.at)).isoformat().replace("+00:00", "Z"),
            **changes,
        }
        asked = {"type": "tool_use", "id": call, "name": "Bash", "input": {"command": ran.command, "description": "d"}}
        lines.append({**head, "type": "assistant", "message": {"role": "assistant", "content": [asked]}})
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call, "content": ran.output, "is_error": False}
        result: Any = {"stdout": ran.output, "stderr": "", "interrupted": False, "isImage": False}
        if ran.exit_code is None:
            block |= {"content": "The user doesn't want to proceed with this tool use.", "is_error": True}
            result = "User rejected tool use"
        elif ran.exit_code:
            block |= {"content": f"Exit code {ran.exit_code}\n{ran.output}", "is_error": True}
            result = f"Error: Exit code {ran.exit_code}\n{ran.output}"
        message = {"role": "user", "content": [block]}
        lines.append({**head, "type": "user", "message": message, "toolUseResult": result})
    return lines


def codex_lines(commands: Sequence[Ran], **changes: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"timestamp": "2026-11-22T08:00:00Z", "type": "session_meta", "payload": {}}]
    for number, ran in enumerate(commands):
        item = {
            "type": "CommandExecution",
            "id": f"call_{number}",
            "command": ["/bin/bash", "-lc", ran.command],
            "cwd": f"file://{PROJECT}",
            "status": "completed" if ran.exit_code == 0 else "failed",
            "aggregated_output": ran.output,
            "exit_code": ran.exit_code,
            **changes,
        }
        at = (START + timedelta(seconds=ran.at)).isoformat().replace("+00:00", "Z")
        payload = {"type": "item_completed", "thread_id": "t1", "turn_id": "u1", "item": item}
        lines.append({"timestamp": at, "ordinal": number, "type": "event_msg", "payload": payload})
    return lines


def gemini_lines(commands: Sequence[Ran], **changes: Any) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [{"sessionId": "s1", "projectHash": "0" * 64, "startTime": "2026-11-22T08:00:00Z"}]
    for number, ran in enumerate(commands):
        code = f"\nExit Code: {ran.exit_code}" if ran.exit_code else ""
        said = f"<untrusted_context>\nOutput: {ran.output}{code}\nProcess Group PGID: 1\n</untrusted_context>"
        answer = {"id": f"c{number}", "name": "run_shell_command", "response": {"output": said}}
        at = (START + timedelta(seconds=ran.at)).isoformat().replace("+00:00", "Z")
        call = {
            "id": f"c{number}", "name": "run_shell_command", "args": {"command": ran.command, "description": "d"},
            "result": [{"functionResponse": answer}], "status": "success", "timestamp": at, **changes,
        }  # fmt: skip
        message = {"id": f"m{number}", "timestamp": at, "type": "gemini", "content": ""}
        lines += [{**message, "toolCalls": [{**call, "status": "executing", "result": None}]}]
        lines += [{**message, "toolCalls": [call]}, {**message, "toolCalls": [call], "tokens": {}}]
    return lines


def gemini_session(
    home: Path, commands: Sequence[Ran], name: str = "s1", folder: str = PROJECT, **changes: Any
) -> Path:
    """Write a session of Gemini below a user's home; return the file."""
    project = home / ".gemini" / "tmp" / "project"
    path = _write(project / "chats" / f"session-{name}.jsonl", gemini_lines(commands, **changes))
    (project / ".project_root").write_text(folder)
    return path


def opencode_session(
    home: Path, commands: Sequence[Ran], name: str = "ses_1", folder: str = PROJECT, **changes: Any
) -> Path:
    """Write a session of opencode below a user's home; return its place in the file."""
    path = home / ".local" / "share" / "opencode" / "opencode.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE IF NOT EXISTS session (id TEXT, directory TEXT, version TEXT)")
        database.execute(
            "CREATE TABLE IF NOT EXISTS part (id TEXT, message_id TEXT, session_id TEXT, time_created INTEGER,"
            " time_updated INTEGER, data TEXT)"
        )
        database.execute("INSERT INTO session VALUES (?,?,?)", (name, folder, "1.18.33"))
        for number, ran in enumerate(commands):
            at = int((START + timedelta(seconds=ran.at)).timestamp() * 1000)
            state = {
                "status": "completed", "input": {"command": ran.command, "description": "d"}, "output": ran.output,
                "metadata": {"output": ran.output, "exit": ran.exit_code}, "time": {"start": at, "end": at},
            }  # fmt: skip
            part = {"type": "tool", "callID": f"c{number}", "tool": "bash", "state": state, **changes}
            row = (f"prt_{number:04}", "msg_1", name, at, at, json.dumps(part))
            database.execute("INSERT INTO part VALUES (?,?,?,?,?,?)", row)
    return path / name


def claude_session(home: Path, commands: Sequence[Ran], name: str = "s1", **changes: Any) -> Path:
    """Write a session of Claude Code below a user's home; return the file."""
    path = home / ".claude" / "projects" / "-home-dev-project" / f"{name}.jsonl"
    return _write(path, claude_lines(commands, **changes))


def codex_session(home: Path, commands: Sequence[Ran], name: str = "s1", **changes: Any) -> Path:
    """Write a session of Codex below a user's home; return the file."""
    path = home / ".codex" / "sessions" / "2026" / "11" / "22" / f"rollout-{name}.jsonl"
    return _write(path, codex_lines(commands, **changes))


def copilot_lines(commands: Sequence[Ran], **changes: Any) -> list[dict[str, Any]]:
    started = {"sessionId": "s1", "version": 1, "copilotVersion": "1.0.102", "context": {"cwd": PROJECT}}
    lines: list[dict[str, Any]] = [{"type": "session.start", "data": started, "timestamp": "2026-11-22T08:00:00Z"}]
    for number, ran in enumerate(commands):
        at = (START + timedelta(seconds=ran.at)).isoformat().replace("+00:00", "Z")
        asked = {"toolCallId": f"call_{number}", "toolName": "bash", "arguments": {"command": ran.command}}
        done: dict[str, Any] = {"toolCallId": f"call_{number}", "success": ran.exit_code is not None}
        if ran.exit_code is None:
            done |= {"error": {"message": "Permission denied", "code": "denied"}}
        else:
            end = f"<shellId: {number} completed with exit code {ran.exit_code}>"
            done |= {"result": {"content": f"{ran.output}\n{end}"}, "shellExecution": {"exitCode": ran.exit_code}}
            done |= {"toolTelemetry": {"properties": {"executionMode": "sync", "detached": "false", **changes}}}
        lines += [{"type": "tool.execution_start", "data": asked, "timestamp": at}]
        lines += [{"type": "tool.execution_complete", "data": done, "timestamp": at}]
    return lines


def copilot_session(home: Path, commands: Sequence[Ran], name: str = "s1", **changes: Any) -> Path:
    """Write a session of Copilot below a user's home; return the file."""
    return _write(home / ".copilot" / "session-state" / name / "events.jsonl", copilot_lines(commands, **changes))


def _write(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
