"""Copilot CLI (as of 1.0.102): payloads of its hooks, answers, settings. Light, see `table.Program`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import (
    Answer,
    Call,
    Edited,
    Report,
    ended,
    fields,
    is_unfinished,
    number,
    patched_file,
    text,
    user_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "copilot"

DONE, FAILED = "postToolUse", "postToolUseFailure"
SHELL_TOOLS = ("bash", "shell")
EDIT_TOOLS = ("edit", "create", "apply_patch", "str_replace_editor")

_END = re.compile(r"\n?<(?:shellId: [^\n>]{0,100} )?(?:completed|exited) with exit code (-?\d{1,10})>\s*$")

_RAN_OUT = re.compile(r"timed[ _-]?out|still running|in (?:the )?background", re.IGNORECASE)


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`.

    A payload does not name its event: one with a result is `postToolUse`, one with an error `postToolUseFailure`.
    """
    asked, result = fields(payload, "toolArgs"), fields(payload, "toolResult")
    command = text(asked, "command")
    if text(payload, "toolName") in EDIT_TOOLS and command != "view":  # what was refused changed nothing
        path = text(asked, "path", "file_path") or patched_file(text(asked, "input", "patch"))
        cwd, session = text(payload, "cwd", "workingDirectory"), text(payload, "sessionId")
        refused = text(result, "resultType") in ("denied", "rejected")
        return None if refused else Edited(path, cwd, session, _moment(payload), "", DONE)
    if text(payload, "toolName") not in SHELL_TOOLS or not command or is_unfinished(asked, result):
        return None
    if text(asked, "mode") not in ("", "sync"):
        return None  # it goes on in the background; what it says of its end comes by another tool
    error = text(payload, "error") or text(fields(payload, "error"), "message")
    said = text(result, "textResultForLlm") or error
    end = _END.search(said)
    failed = bool(error) or text(result, "resultType") == "failure"
    code = number(end[1]) if end else None
    if text(result, "resultType") in ("denied", "rejected", "timeout") or (code is None and not failed):
        return None
    if code is None and _RAN_OUT.search(said):
        return None
    cwd, session, call = text(payload, "cwd", "workingDirectory"), text(payload, "sessionId"), _moment(payload)
    output, event = said[: end.start()] if end else said, FAILED if error else DONE
    return ended(Call(command, cwd, session, call, output, event), code)


def _moment(payload: Mapping[str, Json]) -> str:
    # It tells no id of the call; two hooks that see the same one see the same moment.
    moment = payload.get("timestamp")
    return str(moment) if isinstance(moment, int | str) else ""


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Copilot reads it; see `Agent.answer`. It has no line for the person."""
    return json.dumps({"additionalContext": answer.context}) if answer.context else ""


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Copilot is told of hooks: a file of our own in a folder of such files."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, JsonHooks

    return JsonHooks(
        ("copilot",),
        user_folder(environment, ".copilot") / "hooks" / "meshtui.json",
        ".github/hooks/meshtui.json",
        entries=lambda command: {
            event: {"type": "command", "bash": command, "timeoutSec": LIMIT_SECONDS} for event in (DONE, FAILED)
        },
        keys=("command", "bash"),
        permission="copilot --allow-tool 'shell(meshtui heal)'",
        head={"version": 1},
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Copilot reports it; see `Program.sample`."""
    said = f"{output}\n<shellId: 0 completed with exit code 1>"
    return {
        "sessionId": "meshtui-sample",
        "timestamp": call,
        "cwd": cwd,
        "toolName": "bash",
        "toolArgs": {"command": command},
        "toolResult": {"resultType": "success", "textResultForLlm": said},
    }
