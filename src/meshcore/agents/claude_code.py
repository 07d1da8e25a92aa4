"""Claude Code (as of 2.1.330): payloads of its hooks, and its answers. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Denied, Failure, Report, Success, fields, is_answer, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "claude-code"
WAIT_SECONDS = 50.0  # of the 60 that its configuration grants the hook

FAILED, DONE, BATCH = "PostToolUseFailure", "PostToolUse", "PostToolBatch"
EVENTS = (FAILED, DONE, BATCH)
SHELL_TOOLS = ("Bash",)

_EXIT_CODE = re.compile(r"Exit code (-?\d{1,10})(?:\n|$)")
_REFUSALS = (
    "The user doesn't want to proceed with this tool use",
    "The user doesn't want to take this action",
    "Permission to use Bash",
)


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`.

    Of a batch only what was not allowed counts: the other calls have events of their own.
    """
    event = text(payload, "hook_event_name")
    if event == BATCH:
        return _denied(payload)
    command = text(fields(payload, "tool_input"), "command")
    if text(payload, "tool_name") not in SHELL_TOOLS or not command:
        return None
    call = Call(command, text(payload, "cwd"), text(payload, "session_id"), text(payload, "tool_use_id"), "", event)
    if event == FAILED:
        return _failure(call, payload)
    if event != DONE:
        return None
    response = fields(payload, "tool_response")
    if response.get("interrupted") is True:
        return None
    output = "\n".join(filter(None, (text(response, "stdout"), text(response, "stderr"))))
    return Success(call.command, call.cwd, call.session, call.call, output, event)


def _failure(call: Call, payload: Mapping[str, Json]) -> Report | None:
    said = text(payload, "error")
    if payload.get("is_interrupt") is True or not said:
        return None
    found = _EXIT_CODE.match(said)
    code = number(found[1]) if found else None
    output = said[found.end() :] if found else said
    if is_answer(call.command, code):
        return Success(call.command, call.cwd, call.session, call.call, output, call.event)
    timed_out = code == 143 and output.startswith("Command timed out after ")
    return Failure(call.command, call.cwd, call.session, call.call, output, call.event, code, timed_out)


def _denied(payload: Mapping[str, Json]) -> Denied | None:
    calls = payload.get("tool_calls")
    for item in calls if isinstance(calls, list) else ():
        if not isinstance(item, dict) or text(item, "tool_name") not in SHELL_TOOLS:
            continue
        said, command = text(item, "tool_response"), text(fields(item, "tool_input"), "command")
        if command and (said.startswith(_REFUSALS) or said.startswith("PreToolUse:Bash hook error")):
            return Denied(
                command, text(payload, "cwd"), text(payload, "session_id"), text(item, "tool_use_id"), said, BATCH
            )
    return None


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Claude Code reads it; see `Agent.answer`."""
    said: dict[str, Json] = {}
    if answer.message:
        said["systemMessage"] = answer.message
    if answer.context:
        said["hookSpecificOutput"] = {"hookEventName": event, "additionalContext": answer.context}
    return json.dumps(said) if said else ""
