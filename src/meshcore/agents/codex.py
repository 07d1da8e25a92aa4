"""Codex (as of 0.169.0): payloads of its hooks, how a command ended from its session file, and its answers.

Standard library only. Success and failure come as the same event without an exit code; the session file beside it
holds the exit code under the same id. That format is internal: where it does not say, the outcome is not known.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from meshcore.agents import claude_code
from meshcore.agents.base import Answer, Failure, Report, Success, fields, is_answer, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "codex"
WAIT_SECONDS = 50.0

DONE = "PostToolUse"
EVENTS = (DONE,)
SHELL_TOOLS = ("Bash", "shell", "local_shell", "exec_command", "unified_exec")
FIRST_LOOK, LAST_LOOK = 256 << 10, 4 << 20  # bytes from the end of the session file


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`."""
    command = text(fields(payload, "tool_input"), "command")
    if text(payload, "hook_event_name") != DONE or text(payload, "tool_name") not in SHELL_TOOLS or not command:
        return None
    call = text(payload, "tool_use_id")
    item = _completed(text(payload, "transcript_path"), call) if call else {}
    code = number(item.get("exit_code"))
    if code is None:
        return None
    output = text(payload, "tool_response") or text(item, "aggregated_output")
    cwd, session = text(payload, "cwd"), text(payload, "session_id")
    if code == 0 or is_answer(command, code):
        return Success(command, cwd, session, call, output, DONE)
    return Failure(command, cwd, session, call, output, DONE, code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Codex reads it: as Claude Code does."""
    return claude_code.answer(event, answer)


def _completed(path: str, call: str) -> Mapping[str, Json]:
    """Return the item of the session file that says how a call ended, an empty one where none does."""
    if not path:
        return {}
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError):
        return {}
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return {}
        for size in (FIRST_LOOK, LAST_LOOK):
            data = os.pread(descriptor, size, max(0, found.st_size - size))
            for item in _items(data, call):
                return item
            if size >= found.st_size:
                break
    except OSError:
        pass
    finally:
        os.close(descriptor)
    return {}


def _items(data: bytes, call: str) -> Iterator[Mapping[str, Json]]:
    mark = json.dumps(call).encode()
    for line in reversed(data.split(b"\n")):
        if mark not in line or b"CommandExecution" not in line:
            continue
        try:
            item = fields(fields(json.loads(line), "payload"), "item")
        except (ValueError, RecursionError, AttributeError):
            continue
        if item.get("id") == call and "exit_code" in item:
            yield item
