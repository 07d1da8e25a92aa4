"""opencode (as of 1.18.33): what our plugin for it sends, and what the plugin adds to the output of a command.

Standard library only. opencode calls plugins, not programs: `opencode.js` beside this file is the plugin that
`meshtui connect opencode` writes; it hands each finished command to the hook and appends the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Failure, Report, Success, fields, is_answer, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "opencode"
WAIT_SECONDS = 50.0

DONE = "tool.execute.after"
EVENTS = (DONE,)
SHELL_TOOLS = ("bash", "shell")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`."""
    called, done = fields(payload, "input", "i"), fields(payload, "output", "o")
    command = text(fields(called, "args"), "command")
    if text(called, "tool") not in SHELL_TOOLS or not command:
        return None
    metadata = fields(done, "metadata")
    code = number(metadata.get("exit"))
    if code is None:
        return None
    output = text(metadata, "output") or text(done, "output")
    cwd, session, call = text(payload, "cwd", "directory"), text(called, "sessionID"), text(called, "callID")
    if code == 0 or is_answer(command, code):
        return Success(command, cwd, session, call, output, DONE)
    return Failure(command, cwd, session, call, output, DONE, code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as the plugin appends it to the output: plain text."""
    return answer.context
