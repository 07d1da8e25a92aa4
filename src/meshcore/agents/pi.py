"""Pi (as of 1.6.0): what our extension for it sends and adds to an output, settings. Light, see `table.Program`.

Pi calls extensions, not programs: `pi.js` beside this file is the one that `meshtui connect pi` writes.
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

NAME = "pi"

DONE = "tool_result"
SHELL_TOOL = "bash"
EDIT_TOOLS = ("edit", "write")

_END = re.compile(r"(?:\n\n|^)Command exited with code (-?\d{1,10})\s*$")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`.

    Versions before 1.0 name the exit code in words only, and only where it is another than 0.
    """
    tool, asked = text(payload, "toolName"), fields(payload, "input")
    cwd, session, call = text(payload, "cwd"), text(payload, "session"), text(payload, "toolCallId")
    failed = payload.get("isError") is True
    if text(payload, "hook_event_name") != DONE:
        return None
    if tool in EDIT_TOOLS:
        return None if failed else Edited(text(asked, "path", "file_path"), cwd, session, call, "", DONE)
    command, told = text(asked, "command"), fields(payload, "structuredContent")
    if tool != SHELL_TOOL or not command or is_unfinished(asked, told):
        return None
    said = text(payload, "output")
    end = _END.search(said)
    code = number(told.get("exit_code", end[1] if end else None))
    if code is None and (failed or told):
        return None  # called off, or out of time
    output = text(told, "output") or (said[: end.start()] if end else said)
    return ended(Call(command, cwd, session, call, output, DONE), code or 0)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as the extension appends it to the output: plain text."""
    return answer.context


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Pi finds our extension."""
    from meshcore.agents.own_files import plugin_file

    return plugin_file(
        NAME,
        user_folder(environment, ".pi/agent", "PI_CODING_AGENT_DIR") / "extensions" / "meshtui.js",
        ".pi/extensions/meshtui.js",
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as our extension reports it; see `Program.sample`."""
    return {
        "hook_event_name": DONE,
        "cwd": cwd,
        "session": "meshtui-sample",
        "toolName": SHELL_TOOL,
        "toolCallId": call,
        "input": {"command": command},
        "output": f"{output}\n\nCommand exited with code 1",
        "structuredContent": {"output": output, "exit_code": 1},
        "isError": True,
    }
