"""Cursor, from its documentation only: payloads of its hooks, and its answers. Standard library only.

It can also load Claude Code's hooks; a failure that comes both ways counts once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Failure, Report, Success, fields, is_answer, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "cursor"
WAIT_SECONDS = 50.0

FAILED, DONE = "postToolUseFailure", "postToolUse"
EVENTS = (FAILED, DONE)
SHELL_TOOLS = ("Shell", "Bash", "run_terminal_cmd")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`."""
    arguments = fields(payload, "tool_input")
    command, event = text(arguments, "command"), text(payload, "hook_event_name")
    error = text(payload, "error_message")
    if text(payload, "tool_name") not in SHELL_TOOLS or not command or payload.get("is_interrupt") is True:
        return None
    # A user's rejection is no failure of the command.
    if text(payload, "failure_type") in ("permission_denied", "aborted"):
        return None
    roots = payload.get("workspace_roots")
    root = roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else ""
    cwd = text(arguments, "working_directory", "cwd") or text(payload, "cwd") or root
    session, call = text(payload, "conversation_id", "session_id"), text(payload, "tool_use_id", "generation_id")
    result = fields(payload, "tool_output", "tool_response")
    code = number(result.get("exitCode", result.get("exit_code")))
    if event == FAILED or error:
        if is_answer(command, code):
            return Success(command, cwd, session, call, error, FAILED)
        return Failure(command, cwd, session, call, error, FAILED, code)
    if event != DONE:
        return None
    output = text(result, "stdout", "output") or text(payload, "tool_output")
    if code in (None, 0) or is_answer(command, code):
        return Success(command, cwd, session, call, output, DONE)
    return Failure(command, cwd, session, call, output, DONE, code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Cursor reads it; see `Agent.answer`."""
    return json.dumps({"additional_context": answer.context}) if answer.context else ""
