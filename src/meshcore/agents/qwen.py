"""Qwen Code (as of 0.24.4): payloads of its hooks, answers, settings. Light, see `table.Program`.

Its events are named as Claude Code's are, what it says of a command's end is worded as Gemini's is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Edited, Report, fields, hook_output, is_unfinished, text, user_folder
from meshcore.agents.told_end import end_of

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "qwen"

DONE, FAILED = "PostToolUse", "PostToolUseFailure"
SHELL_TOOL = "run_shell_command"
EDIT_TOOLS = ("edit", "write_file", "notebook_edit")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`."""
    event, tool, asked = text(payload, "hook_event_name"), text(payload, "tool_name"), fields(payload, "tool_input")
    cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(payload, "tool_use_id")
    if event == DONE and tool in EDIT_TOOLS:
        return Edited(text(asked, "file_path", "notebook_path"), cwd, session, call, "", DONE)
    command = text(asked, "command")
    if event not in (DONE, FAILED) or tool != SHELL_TOOL or not command or is_unfinished(asked):
        return None
    if payload.get("is_interrupt") is True:
        return None
    said = text(payload, "error") or text(fields(payload, "tool_response"), "llmContent")
    return end_of(Call(command, text(asked, "directory") or cwd, session, call, event=event), said)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Qwen Code reads it; see `Agent.answer`."""
    return hook_output(event, answer)


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Qwen Code is told of hooks: a group with a matcher per event."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, JsonHooks, group

    def entries(command: str) -> dict[str, Json]:
        edits = "|".join((SHELL_TOOL, *EDIT_TOOLS))
        matchers = {FAILED: SHELL_TOOL, DONE: edits}
        return {event: group(command, LIMIT_SECONDS, matcher=f"^({one})$") for event, one in matchers.items()}

    return JsonHooks(
        ("qwen",),
        user_folder(environment, ".qwen", "QWEN_HOME") / "settings.json",
        ".qwen/settings.json",
        entries=entries,
        permission='"Bash(meshtui heal *)" in permissions.allow of settings.json',
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Qwen Code reports it; see `Program.sample`."""
    head = f"Command: {command}\nDirectory: (root)\nOutput: {output}\n"
    return {
        "session_id": "meshtui-sample",
        "cwd": cwd,
        "hook_event_name": FAILED,
        "tool_name": SHELL_TOOL,
        "tool_input": {"command": command},
        "error": f"{head}Error: (none)\nExit Code: 1\nSignal: (none)\nProcess Group PGID: (none)",
        "is_interrupt": False,
        "tool_use_id": call,
    }
