"""Copilot CLI (as of 1.0.102): payloads of its hooks, and its answers. Standard library only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Failure, Report, Success, fields, is_answer, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "copilot"
WAIT_SECONDS = 50.0

DONE, FAILED = "postToolUse", "postToolUseFailure"
EVENTS = (DONE, FAILED)
SHELL_TOOLS = ("bash", "shell")

_END = re.compile(r"\n?<(?:shellId: [^\n>]{0,100} )?(?:completed|exited) with exit code (-?\d{1,10})>\s*$")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`.

    A payload does not name its event: one with a result is `postToolUse`, one with an error `postToolUseFailure`.
    """
    command = text(fields(payload, "toolArgs"), "command")
    if text(payload, "toolName") not in SHELL_TOOLS or not command:
        return None
    result = fields(payload, "toolResult")
    error = text(payload, "error") or text(fields(payload, "error"), "message")
    said = text(result, "textResultForLlm") or error
    end = _END.search(said)
    failed = bool(error) or text(result, "resultType") == "failure"
    code = number(end[1]) if end else None
    if text(result, "resultType") in ("denied", "rejected") or (code is None and not failed):
        return None
    cwd, session, call = text(payload, "cwd", "workingDirectory"), text(payload, "sessionId"), _moment(payload)
    output, event = said[: end.start()] if end else said, FAILED if error else DONE
    if code == 0 or is_answer(command, code):
        return Success(command, cwd, session, call, output, event)
    return Failure(command, cwd, session, call, output, event, code)


def _moment(payload: Mapping[str, Json]) -> str:
    # It tells no id of the call; two hooks that see the same one see the same moment.
    moment = payload.get("timestamp")
    return str(moment) if isinstance(moment, int | str) else ""


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Copilot reads it; see `Agent.answer`. It has no line for the person."""
    return json.dumps({"additionalContext": answer.context}) if answer.context else ""
