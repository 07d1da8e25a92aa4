"""Gemini CLI (as of 0.61.0): payloads of its hooks, answers, settings. Light, see `table.Program`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import (
    Answer,
    Call,
    Report,
    ended,
    fields,
    hook_output,
    is_unfinished,
    number,
    text,
    user_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "gemini"

DONE = "AfterTool"
SHELL_TOOL = "run_shell_command"

# What Gemini itself writes behind the output; the output before it may hold the same words.
_TAIL = re.compile(
    r"(?:\n(?:Error|Signal|Background PIDs|Process Group PGID|Exit Code):[^\n]{0,1000})+(?:\n</untrusted_context>)?\s*$"
)
_EXIT_CODE = re.compile(r"\nExit Code: (-?\d{1,10})(?=\n|$)")
# A command that goes on in the background, that a signal ended, or that could not be started, has no exit code: it is
# not told, as that of a success is not.
_UNFINISHED = re.compile(r"\n(?:Background PIDs|Signal|Error): (?!\(none\)(?:\n|$))")
_HEAD = re.compile(r"\s*(?:<untrusted_context>\s*\n)?(?:(?:Command|Directory): [^\n]*\n)*Output: ?")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`."""
    asked = fields(payload, "tool_input")
    command = text(asked, "command")
    if text(payload, "hook_event_name") != DONE or text(payload, "tool_name") != SHELL_TOOL or not command:
        return None
    said = text(fields(payload, "tool_response"), "llmContent")
    tail, head = _TAIL.search(said), _HEAD.match(said)
    if tail is None or head is None or is_unfinished(asked) or _UNFINISHED.search(tail[0]):
        return None
    codes = _EXIT_CODE.findall(tail[0])
    code = number(codes[-1]) if codes else 0
    output = said[head.end() : tail.start()] if tail.start() > head.end() else ""
    # It tells no id of the call; two hooks that see the same one see the same moment.
    cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(payload, "timestamp")
    return ended(Call(command, cwd, session, call, output, DONE), code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Gemini reads it; see `Agent.answer`."""
    return hook_output(event, answer)


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Gemini is told of hooks: a group with a matcher, its time limit in milliseconds."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, JsonHooks, group

    return JsonHooks(
        ("gemini",),
        user_folder(environment, ".gemini") / "settings.json",
        ".gemini/settings.json",
        entries=lambda command: {DONE: group(command, LIMIT_SECONDS * 1000, matcher=SHELL_TOOL)},
        permission='"run_shell_command(meshtui heal)" in tools.allowed of settings.json',
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Gemini reports it; see `Program.sample`."""
    content = f"<untrusted_context>\nOutput: {output}\nExit Code: 1\nProcess Group PGID: 1\n</untrusted_context>"
    return {
        "session_id": "meshtui-sample",
        "cwd": cwd,
        "hook_event_name": DONE,
        "tool_name": SHELL_TOOL,
        "tool_input": {"command": command},
        "tool_response": {"llmContent": content},
        "timestamp": call,
    }
