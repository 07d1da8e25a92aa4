"""Kimi Code (as of 2.1.0): payloads of its hooks, settings. Light, see `table.Program`.

It waits for no hook after a command and reads no answer of one: from it is learnt, and it is told nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Edited, Report, ended, fields, is_unfinished, number, text, user_folder

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "kimi"
READS_ANSWERS = False

DONE, FAILED = "PostToolUse", "PostToolUseFailure"
SHELL_TOOL = "Bash"
EDIT_TOOLS = ("Edit", "Write")

_END = re.compile(
    r"(?:^|\n)(?:Process exited with code -?\d{1,10}\n)?Command failed with exit code: (-?\d{1,10})\.?\s*$"
)
# It puts a command into the background by itself when its time is up.
_GOES_ON = re.compile(r"task_id: [^\n]{0,100}\n(?:[a-z_]{1,40}: [^\n]{0,1000}\n){0,8}status: (?!completed|exited|done)")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`.

    A failure that names no exit code was refused, called off or ran out of time: it is no end of the command.
    """
    event, tool, asked = text(payload, "hook_event_name"), text(payload, "tool_name"), fields(payload, "tool_input")
    cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(payload, "tool_call_id")
    if event == DONE and tool in EDIT_TOOLS:
        return Edited(text(asked, "path", "file_path"), cwd, session, call, "", DONE)
    command = text(asked, "command")
    if event not in (DONE, FAILED) or tool != SHELL_TOOL or not command or is_unfinished(asked):
        return None
    cwd = text(asked, "cwd") or cwd
    if event == DONE and _GOES_ON.match(text(payload, "tool_output")):
        return None
    if event == DONE:
        return ended(Call(command, cwd, session, call, text(payload, "tool_output"), event), 0)
    said = text(payload, "error") or text(fields(payload, "error"), "message")
    end = _END.search(said)
    if end is None:
        return None
    return ended(Call(command, cwd, session, call, said[: end.start()], event), number(end[1]))


def answer(event: str, answer: Answer) -> str:
    """Return nothing: Kimi Code reads no answer of such a hook."""
    return ""


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Kimi Code is told of hooks: tables at the end of its configuration."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, RESTART
    from meshcore.agents.toml_hooks import TomlHooks

    tools = {FAILED: SHELL_TOOL, DONE: "|".join((SHELL_TOOL, *EDIT_TOOLS))}
    return TomlHooks(
        ("kimi",),
        user_folder(environment, ".kimi-code", "KIMI_CODE_HOME") / "config.toml",
        "",
        f"{RESTART}; it tells hooks what happened and reads no answer: meshtui learns from it and tells it nothing",
        tables=tuple(
            {"event": event, "matcher": f"^({one})$", "timeout": LIMIT_SECONDS} for event, one in tools.items()
        ),
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Kimi Code reports it; see `Program.sample`."""
    return {
        "session_id": "meshtui-sample",
        "cwd": cwd,
        "hook_event_name": FAILED,
        "tool_name": SHELL_TOOL,
        "tool_input": {"command": command},
        "tool_call_id": call,
        "error": {"code": "internal", "message": f"{output}\nCommand failed with exit code: 1."},
    }
