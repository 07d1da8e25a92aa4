"""Copilot CLI (as of 1.0.102): payloads of its hooks, answers, settings, session files. Light, see `table.Program`."""

from __future__ import annotations

import json
import os
import re
import time
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

DONE, FAILED, NOTICE = "postToolUse", "postToolUseFailure", "notification"
SHELL_TOOLS = ("bash", "shell")
READ_TOOLS, STOP_TOOLS = ("read_bash", "read_shell"), ("stop_bash", "stop_shell")
EDIT_TOOLS = ("edit", "create", "apply_patch", "str_replace_editor")

FIRST_LOOK, LAST_LOOK = 256 << 10, 8 << 20  # bytes from the end of the session file
WRITTEN_SECONDS = 0.5  # within which the session file holds what the program has just read; a tenth is usual
_PAUSE = 0.02

_SHELL = r"(?:(?:detached )?command with )?(?:shellId: [^\n>]{0,100} )?"
_END = re.compile(rf"\n?<{_SHELL}(?:completed|exited) with exit code (-?\d{{1,10}})>\s*$")
_GOES_ON = re.compile(r"<[^<>\n]{0,60}\bshellId: ([\w.-]{1,64})(?: is still running[^<>\n]{0,400})?>\s*$")
_NOTICE = re.compile(r"\(shellId: ([\w.-]{1,64})\) has (?:exited|completed) with exit code (-?\d{1,10})\.?$")
_SESSION = re.compile(r"[\w-]{1,64}")
_RAN_OUT = re.compile(r"timed[ _-]?out|still running|in (?:the )?background", re.IGNORECASE)


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`.

    A payload does not name its event: one with a result is `postToolUse`, one with an error `postToolUseFailure`.
    """
    if text(payload, "notification_type") == "shell_completed":
        return _noticed(payload)
    asked, result = fields(payload, "toolArgs"), fields(payload, "toolResult")
    command = text(asked, "command")
    if text(payload, "toolName") in EDIT_TOOLS and command != "view":  # what was refused changed nothing
        path = text(asked, "path", "file_path") or patched_file(text(asked, "input", "patch"))
        cwd, session = text(payload, "cwd", "workingDirectory"), text(payload, "sessionId")
        refused = text(result, "resultType") in ("denied", "rejected")
        return None if refused else Edited(path, cwd, session, _moment(payload), "", DONE)
    if text(payload, "toolName") in READ_TOOLS:
        return _ended_in_the_background(payload)
    if text(payload, "toolName") not in SHELL_TOOLS or not command or is_unfinished(asked, result):
        return None
    if text(asked, "mode") not in ("", "sync"):
        return None  # it goes on in the background: its end is read by another tool
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


def _ended_in_the_background(payload: Mapping[str, Json]) -> Failure | Success | None:
    """Return how a command ended whose end is read only now: the session file tells which it was.

    None where it goes on, was stopped, or where its end was told before.
    """
    asked, result = fields(payload, "toolArgs"), fields(payload, "toolResult")
    said, session = text(result, "textResultForLlm"), text(payload, "sessionId")
    end = _END.search(said)
    if end is None or text(result, "resultType") != "success" or not _SESSION.fullmatch(session):
        return None
    for shells in _looked_up(session):
        begun = shells.begun.get(text(asked, "shellId"))
        if begun is not None:
            cwd = text(payload, "cwd", "workingDirectory")
            return ended(Call(begun.command, cwd, session, begun.call, said[: end.start()], DONE), number(end[1]))
    return None


def _noticed(payload: Mapping[str, Json]) -> Failure | Success | None:
    """Return how a command in the background ended that the agent is told of: the program has just read its end."""
    notice, session = _NOTICE.search(text(payload, "message")), text(payload, "sessionId")
    if notice is None or not _SESSION.fullmatch(session):
        return None
    until = time.monotonic() + WRITTEN_SECONDS
    while True:
        for shells in _looked_up(session):
            if (found := shells.read.get(notice[1])) is not None:
                call, code, said = found
                told = Call(call.command, text(payload, "cwd"), session, call.call, said, NOTICE)
                return ended(told, code) if code == number(notice[2]) else None
            if notice[1] in shells.begun:
                break
        else:
            return None
        if time.monotonic() >= until:
            return None
        time.sleep(_PAUSE)


def _looked_up(session: str) -> Iterator[_Shells]:
    """Yield the commands of a session by the end of its file, then by more of it."""
    from meshcore.agents.background import end_of_file  # seldom is it asked for

    path = user_folder(os.environ, ".copilot") / "session-state" / session / "events.jsonl"
    for size in (FIRST_LOOK, LAST_LOOK):
        data = end_of_file(str(path), size)
        yield _Shells.of(data or b"")
        if data is None or len(data) < size:
            return


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
            event: {"type": "command", "bash": command, "timeoutSec": LIMIT_SECONDS} for event in (DONE, FAILED, NOTICE)
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
    shells = _Shells()
    for line in lines:
        if (found := shells.note(line)) is not None:
            yield found


class _Shells:
    """The commands of a session, as its file tells of them, by the shell they run in.

    `begun` are those that go on, `read` those whose end was read later: the call, its exit code, what it said.
    """

    def __init__(self) -> None:
        self.begun: dict[str, Call] = {}
        self.read: dict[str, tuple[Call, int, str]] = {}
        self._session = self._cwd = ""
        self._waiting: dict[
            str, Call | str
        ] = {}  # by the id of the call: a command, an edit, or the shell that is read

    @classmethod
    def of(cls, data: bytes) -> _Shells:
        """Return those of the end of a session file."""
        shells = cls()
        for line in data.split(b"\n"):
            if b'"tool.execution_' in line:
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    continue
                if isinstance(found, dict):
                    shells.note(found)
        return shells

    def note(self, line: Mapping[str, Json]) -> Ended | None:
        """Take the next line; return what it says has ended."""
        from meshcore.agents.session_file import Ended, seconds

        kind, data = text(line, "type"), fields(line, "data")
        call, at = text(data, "toolCallId"), seconds(line.get("timestamp"))
        if kind.startswith("session."):
            self._session = text(data, "sessionId") or self._session
            self._cwd = text(fields(data, "context"), "cwd") or text(data, "cwd") or self._cwd
        elif kind == "tool.execution_start" and call:
            self._starts(call, text(data, "toolName"), fields(data, "arguments"))
        elif kind == "tool.execution_complete" and (asked := self._waiting.pop(call, None)) is not None:
            report = self._end(asked, data)
            return Ended(report, at) if report is not None and at is not None else None
        return None

    def _starts(self, call: str, name: str, asked: Mapping[str, Json]) -> None:
        from meshcore.agents.session_file import MAX_WAITING

        command, shell = text(asked, "command"), text(asked, "shellId")
        if name in SHELL_TOOLS and command:
            self.begun.pop(shell, None)
            self.read.pop(shell, None)
            self._waiting[call] = Call(command, self._cwd, self._session, call)
        elif name in READ_TOOLS:
            self._waiting[call] = shell
        elif name in STOP_TOOLS:
            self.begun.pop(shell, None)
        elif name in EDIT_TOOLS and command != "view":
            self._waiting[call] = Edited(text(asked, "path", "file_path"), self._cwd, self._session, call)
        for held in (self._waiting, self.begun, self.read):
            if len(held) > MAX_WAITING:
                held.pop(next(iter(held)))

    def _end(self, asked: Call | str, data: Mapping[str, Json]) -> Failure | Success | Edited | None:
        """Return how a call ended; None where it was not allowed, goes on, or only gave an answer."""
        from meshcore.agents.session_file import MAX_OUTPUT

        if isinstance(asked, Edited):
            return asked if data.get("success") is True else None
        said = text(fields(data, "result"), "content")
        end = _END.search(said)
        code = number(end[1]) if end else None
        call = self.begun.get(asked) if isinstance(asked, str) else asked
        if call is None:
            return None
        if end is None or code is None:
            if (shell := _GOES_ON.search(said)) is not None and not isinstance(asked, str):
                self.begun[shell[1]] = call
            return None
        if isinstance(asked, str):
            del self.begun[asked]
            self.read[asked] = (call, code, said[: end.start()])
        elif is_unfinished(fields(fields(data, "toolTelemetry"), "properties")):
            return None
        output = said[: end.start()][-MAX_OUTPUT:]
        report = ended(Call(call.command, call.cwd, call.session, call.call, output), code)
        return None if code and isinstance(report, Success) else report
