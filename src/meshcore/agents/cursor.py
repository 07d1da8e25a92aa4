"""Cursor, from its documentation only: payloads of its hooks, answers, settings. Light, see `table.Program`.

It can also load Claude Code's hooks; a failure that comes both ways counts once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Edited, Report, ended, fields, is_unfinished, number, text, user_folder

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "cursor"

FAILED, DONE = "postToolUseFailure", "postToolUse"
EDIT_TOOLS = ("Write", "Edit", "MultiEdit", "Delete", "edit_file", "search_replace")
SHELL_TOOLS = ("Shell", "Bash", "run_terminal_cmd")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`."""
    arguments = fields(payload, "tool_input")
    command, event = text(arguments, "command"), text(payload, "hook_event_name")
    error = text(payload, "error_message")
    result = fields(payload, "tool_output", "tool_response")
    if is_unfinished(arguments, result):
        return None
    if event == DONE and text(payload, "tool_name") in EDIT_TOOLS and not error:
        path, cwd = text(arguments, "file_path", "path", "target_file"), text(payload, "cwd") or _root(payload)
        session, call = text(payload, "conversation_id", "session_id"), text(payload, "tool_use_id", "generation_id")
        return Edited(path, cwd, session, call, "", DONE)
    if text(payload, "tool_name") not in SHELL_TOOLS or not command or payload.get("is_interrupt") is True:
        return None
    # A user's rejection is no failure of the command, and a time limit no end of it.
    if text(payload, "failure_type") in ("permission_denied", "aborted", "timeout"):
        return None
    cwd = text(arguments, "working_directory", "cwd") or text(payload, "cwd") or _root(payload)
    session, call = text(payload, "conversation_id", "session_id"), text(payload, "tool_use_id", "generation_id")
    code = number(result.get("exitCode", result.get("exit_code")))
    if event == FAILED or error:
        return ended(Call(command, cwd, session, call, error, FAILED), code or None)
    if event != DONE or code is None:
        return None
    output = text(result, "stdout", "output") or text(payload, "tool_output")
    return ended(Call(command, cwd, session, call, output, DONE), code)


def _root(payload: Mapping[str, Json]) -> str:
    roots = payload.get("workspace_roots")
    return roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else ""


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Cursor reads it; see `Agent.answer`."""
    return json.dumps({"additional_context": answer.context}) if answer.context else ""


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Cursor is told of hooks."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, RESTART, JsonHooks

    return JsonHooks(
        ("cursor-agent", "cursor"),
        user_folder(environment, ".cursor") / "hooks.json",
        ".cursor/hooks.json",
        f"{RESTART}; if it also loads Claude Code's hooks, a failure counts once all the same",
        entries=lambda command: {event: {"command": command, "timeout": LIMIT_SECONDS} for event in (FAILED, DONE)},
        head={"version": 1},
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Cursor reports it; see `Program.sample`."""
    return {
        "conversation_id": "meshtui-sample",
        "cwd": cwd,
        "hook_event_name": FAILED,
        "tool_name": "Shell",
        "tool_input": {"command": command},
        "error_message": output,
        "is_interrupt": False,
        "tool_use_id": call,
    }
