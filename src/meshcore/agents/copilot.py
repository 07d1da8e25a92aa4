"""Copilot CLI (as of 1.0.102): payloads of its hooks, answers, settings, session files. Light, see `table.Program`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import (
    Answer,
    Call,
    Edited,
    Failure,
    Report,
    Success,
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
    from meshcore.agents.session_file import Ended, SessionFiles
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


# --- session files ----------------------------------------------------------------------------------------------------


def sessions(environment: Mapping[str, str]) -> SessionFiles:
    """Return where the session files lie: `session-state/<session>/events.jsonl`.

    A call has an event as it begins and one with the same id as it ends; the folder is told as a session begins, is
    taken up again, or moves. The format is internal to Copilot: what does not look as expected says nothing.
    """
    from meshcore.agents.session_file import SessionFiles

    marks = (b'"tool.execution_', b'"session.start"', b'"session.resume"', b'"session.context_changed"')
    folder = user_folder(environment, ".copilot") / "session-state"
    return SessionFiles(folder, re.compile(r"events\.jsonl"), marks, _commands)


def _commands(lines: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    """Yield the commands of a session as they ended, and the files that it edited."""
    from collections import OrderedDict

    from meshcore.agents.session_file import MAX_WAITING, Ended, seconds

    session, cwd = "", ""
    waiting: OrderedDict[str, Call] = OrderedDict()
    for line in lines:
        kind, data = text(line, "type"), fields(line, "data")
        call, at = text(data, "toolCallId"), seconds(line.get("timestamp"))
        if kind.startswith("session."):
            session = text(data, "sessionId") or session
            cwd = text(fields(data, "context"), "cwd") or text(data, "cwd") or cwd
        elif kind == "tool.execution_start" and call:
            name, asked = text(data, "toolName"), fields(data, "arguments")
            command = text(asked, "command")
            if name in SHELL_TOOLS and command and text(asked, "mode") in ("", "sync") and not is_unfinished(asked):
                waiting[call] = Call(command, cwd, session, call)
            elif name in EDIT_TOOLS and command != "view":
                waiting[call] = Edited(text(asked, "path", "file_path"), cwd, session, call)
            if len(waiting) > MAX_WAITING:
                waiting.popitem(last=False)
        elif kind == "tool.execution_complete" and (asked_for := waiting.pop(call, None)) is not None:
            report = _end(asked_for, data)
            if report is not None and at is not None:
                yield Ended(report, at)


def _end(call: Call, data: Mapping[str, Json]) -> Failure | Success | Edited | None:
    """Return how a call ended; None where it was not allowed, goes on, or only gave an answer."""
    from meshcore.agents.session_file import MAX_OUTPUT

    if isinstance(call, Edited):
        return call if data.get("success") is True else None
    said = text(fields(data, "result"), "content")
    end = _END.search(said)
    code = number(end[1]) if end else None
    if code is None or is_unfinished(fields(fields(data, "toolTelemetry"), "properties")):
        return None
    report = ended(
        Call(call.command, call.cwd, call.session, call.call, said[: end.start() if end else None][-MAX_OUTPUT:]), code
    )
    return None if code and isinstance(report, Success) else report
