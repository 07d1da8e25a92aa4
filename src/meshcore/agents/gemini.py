"""Gemini CLI (as of 0.61.0): payloads of its hooks, answers, settings. Light, see `table.Program`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import (
    START,
    Answer,
    Call,
    Edited,
    Report,
    began,
    fields,
    hook_output,
    is_unfinished,
    text,
    user_folder,
)
from meshcore.agents.told_end import end_of

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.agents.session_file import Ended, SessionFiles
    from meshcore.model import Json

NAME = "gemini"

DONE = "AfterTool"
SHELL_TOOL = "run_shell_command"
EDIT_TOOLS = ("replace", "write_file", "edit")
_MAX_FOLDER = 4096


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, a file that was edited, or a session; see `Agent.read`."""
    if (start := began(payload)) is not None:
        return start
    asked = fields(payload, "tool_input")
    command = text(asked, "command")
    if text(payload, "hook_event_name") == DONE and text(payload, "tool_name") in EDIT_TOOLS:
        path, call = text(asked, "file_path", "path"), text(payload, "timestamp")
        return Edited(path, text(payload, "cwd"), text(payload, "session_id"), call, "", DONE)
    if text(payload, "hook_event_name") != DONE or text(payload, "tool_name") != SHELL_TOOL or not command:
        return None
    # It tells no id of the call; two hooks that see the same one see the same moment.
    cwd, session, call = text(payload, "cwd"), text(payload, "session_id"), text(payload, "timestamp")
    said = text(fields(payload, "tool_response"), "llmContent")
    return None if is_unfinished(asked) else end_of(Call(command, cwd, session, call, event=DONE), said)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Gemini reads it; see `Agent.answer`."""
    return hook_output(event, answer)


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Gemini is told of hooks: a group with a matcher, its time limit in milliseconds."""
    from meshcore.agents.hook_settings import LIMIT_SECONDS, JsonHooks, group
    from meshcore.agents.plugin import FOLDER, Plugin

    tools = "|".join((SHELL_TOOL, *EDIT_TOOLS))
    extensions = user_folder(environment, ".gemini") / "extensions"
    plugin = Plugin(
        listed=(extensions / "meshtui" / "gemini-extension.json", "meshtui"),
        off=(extensions / "extension-enablement.json", r'"meshtui"\s*:\s*\{[^}]*"!'),
        hooks=(extensions / "meshtui" / "hooks", "hooks.json"),
        able=(("extensions", "--help"), "uninstall"),
        add=(("extensions", "install", f"{FOLDER}/gemini", "--consent"),),
        remove=(("extensions", "uninstall", "meshtui"),),
        # It asks whether the folder is trusted, and keeps a yes for good; the person has just been asked.
        environment={"GEMINI_CLI_TRUST_WORKSPACE": "true"},
    )
    return JsonHooks(
        ("gemini",),
        user_folder(environment, ".gemini") / "settings.json",
        ".gemini/settings.json",
        entries=lambda command: {
            START: group(command, LIMIT_SECONDS * 1000),
            DONE: group(command, LIMIT_SECONDS * 1000, matcher=tools),
        },
        plugin=plugin,
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


# --- session files ----------------------------------------------------------------------------------------------------


def sessions(environment: Mapping[str, str]) -> SessionFiles:
    """Return where the session files lie: `tmp/<project>/chats/session-*.jsonl`; below it those of subagents.

    A line with `toolCalls` is a message; it is written again whenever one of its calls has ended. No line tells the
    folder: that is in the file `.project_root` of the project. The format is internal to Gemini.
    """
    from meshcore.agents.session_file import SessionFiles

    marks = (b'"toolCalls"', b'"projectHash"')
    folder = user_folder(environment, ".gemini") / "tmp"
    return SessionFiles(folder, re.compile(r"[\w.-]{1,200}\.jsonl"), marks, _commands, _folder_of)


def _folder_of(path: Path) -> str:
    """Return the folder of the project whose session a file holds, "" where that is not told."""
    above = next((one.parent for one in path.parents if one.name == "chats"), None)
    if above is None:
        return ""
    try:
        descriptor = os.open(above / ".project_root", os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        return os.read(descriptor, _MAX_FOLDER).decode("utf-8", "replace").strip()
    except OSError:
        return ""
    finally:
        os.close(descriptor)


def _commands(lines: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    """Yield the commands of a session as they ended, each once."""
    from meshcore.agents.session_file import Ended, seconds

    session, met = "", set[str]()
    for line in lines:
        session = text(line, "sessionId") or session
        calls = line.get("toolCalls")
        for call in calls if isinstance(calls, list) else ():
            at = seconds(call.get("timestamp")) if isinstance(call, dict) else None
            if at is None or text(call, "status") not in ("success", "error") or (mark := text(call, "id")) in met:
                continue
            met.add(mark)
            name, asked = text(call, "name"), fields(call, "args")
            if name in EDIT_TOOLS and call.get("status") == "success":
                yield Ended(Edited(text(asked, "file_path"), "", session, mark), at)
            elif name == SHELL_TOOL and text(asked, "command") and not is_unfinished(asked):
                place = text(asked, "dir_path", "directory")
                report = end_of(Call(text(asked, "command"), place, session, mark), _said(call.get("result")))
                if report is not None:
                    yield Ended(report, at)


def _said(result: Json) -> str:
    """Return what a call's result says, "" where it is of another form."""
    parts = result if isinstance(result, list) else ()
    answers = (fields(fields(part, "functionResponse"), "response") for part in parts if isinstance(part, dict))
    return "\n".join(filter(None, (text(answer, "output", "error") for answer in answers)))
