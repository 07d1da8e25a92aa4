"""Gemini CLI (as of 0.61.0): payloads of its hooks, and its answers. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents import claude_code
from meshcore.agents.base import Answer, Failure, Report, Success, fields, is_answer, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "gemini"
WAIT_SECONDS = 50.0

DONE = "AfterTool"
EVENTS = (DONE,)
SHELL_TOOLS = ("run_shell_command",)

# What Gemini itself writes behind the output; the output before it may hold the same words.
_TAIL = re.compile(
    r"(?:\n(?:Error|Signal|Background PIDs|Process Group PGID|Exit Code):[^\n]{0,1000})+(?:\n</untrusted_context>)?\s*$"
)
_EXIT_CODE = re.compile(r"\nExit Code: (-?\d{1,10})(?=\n|$)")
_HEAD = re.compile(r"\s*(?:<untrusted_context>\s*\n)?(?:(?:Command|Directory): [^\n]*\n)*Output: ?")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`."""
    command = text(fields(payload, "tool_input"), "command")
    if text(payload, "hook_event_name") != DONE or text(payload, "tool_name") not in SHELL_TOOLS or not command:
        return None
    said = text(fields(payload, "tool_response"), "llmContent")
    tail, head = _TAIL.search(said), _HEAD.match(said)
    if tail is None or head is None:
        return None
    codes = _EXIT_CODE.findall(tail[0])
    code = number(codes[-1]) if codes else 0
    output = said[head.end() : tail.start()] if tail.start() > head.end() else ""
    # It tells no id of the call; two hooks that see the same one see the same moment.
    cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(payload, "timestamp")
    if code == 0 or is_answer(command, code):
        return Success(command, cwd, session, call, output, DONE)
    return Failure(command, cwd, session, call, output, DONE, code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Gemini reads it: as Claude Code does."""
    return claude_code.answer(event, answer)
