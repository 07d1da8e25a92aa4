"""Cline (as of its command line 3.0.65): payloads of its hooks, answers, settings. Light, see `table.Program`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Edited, Failure, Report, ended, fields, is_unfinished, number, text

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "cline"

DONE = "PostToolUse"
SHELL_TOOL = "run_commands"
EDIT_TOOLS = ("editor", "apply_patch", "write_to_file", "replace_in_file")

_BEGINNING = re.compile(r"\[Command exited with code (-?\d{1,10})\]\n?")


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`.

    One call may run several commands at once: the first that failed counts, else the last.
    """
    done = fields(payload, "tool_result")
    tool, asked = text(done, "name"), fields(done, "input")
    session, call = text(payload, "taskId"), text(done, "id")
    if tool in EDIT_TOOLS and not done.get("error"):
        return Edited(text(asked, "path"), _folder(payload), session, call, "", DONE)
    output = done.get("output")
    if tool != SHELL_TOOL or not isinstance(output, list) or is_unfinished(asked, done):
        return None
    call_of = Call("", _folder(payload), session, call, event=DONE)
    ends = [end for one in output if isinstance(one, dict) and (end := _end(call_of, one)) is not None]
    return next((end for end in ends if isinstance(end, Failure)), ends[-1] if ends else None)


def _end(call: Call, one: Mapping[str, Json]) -> Report | None:
    """Return how one of the commands ended, None where it ran out of time or was called off."""
    command, said = text(one, "query"), text(one, "result")
    beginning = _BEGINNING.match(said)
    code = number(beginning[1]) if beginning else 0 if one.get("success") is True else None
    if not command or code is None or is_unfinished(one):
        return None
    output = said[beginning.end() :] if beginning else said
    head, mark, errors = output.partition("[stderr]\n")
    output = f"{head.rstrip()}\n{errors}".lstrip() if mark else output
    return ended(Call(command, call.cwd, call.session, call.call, output, call.event), code)


def _folder(payload: Mapping[str, Json]) -> str:
    roots = payload.get("workspaceRoots")
    return roots[0] if isinstance(roots, list) and roots and isinstance(roots[0], str) else ""


def answer(event: str, answer: Answer) -> str:
    """Return an answer as Cline reads it: its command line under one name, its extension under another."""
    context = {"context": answer.context, "contextModification": answer.context}
    return json.dumps({"cancel": False, **context}) if answer.context else ""


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where Cline finds hooks: a program with the name of the event."""
    from pathlib import Path

    from meshcore.agents.own_files import script_file

    home = Path(environment.get("HOME") or Path.home())
    return script_file(NAME, home / "Documents/Cline/Hooks/PostToolUse", ".clinerules/hooks/PostToolUse")


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as Cline reports it; see `Program.sample`."""
    said = f"[Command exited with code 1]\n\n[stderr]\n{output}"
    one: dict[str, Json] = {"query": command, "result": said, "error": "Command exited with code 1", "success": False}
    return {
        "taskId": "meshtui-sample",
        "workspaceRoots": [cwd],
        "hookName": "tool_result",
        "tool_result": {"id": call, "name": SHELL_TOOL, "input": {"commands": [command]}, "output": [one]},
    }
