"""opencode (as of 1.18.33): what our plugin for it sends and adds to an output, settings. Light, see `table.Program`.

opencode calls plugins, not programs: `opencode.js` beside this file is the plugin that
`meshtui connect opencode` writes; it hands each finished command to the hook and appends the answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Report, ended, fields, is_unfinished, number, text, user_folder

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.model import Json

NAME = "opencode"

DONE = "tool.execute.after"
SHELL_TOOLS = ("bash", "shell")

_CUT_OFF = re.compile(r"<bash_metadata>\s[^<]{0,500}(?:timeout|timed out|abort|background)", re.IGNORECASE)


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command; see `Agent.read`."""
    called, done = fields(payload, "input", "i"), fields(payload, "output", "o")
    command = text(fields(called, "args"), "command")
    if text(called, "tool") not in SHELL_TOOLS or not command:
        return None
    metadata = fields(done, "metadata")
    code = number(metadata.get("exit"))
    if code is None or is_unfinished(fields(called, "args"), metadata):
        return None
    if any(_CUT_OFF.search(text(part, "output")) for part in (metadata, done)):
        return None
    output = text(metadata, "output") or text(done, "output")
    cwd, session, call = text(payload, "cwd", "directory"), text(called, "sessionID"), text(called, "callID")
    return ended(Call(command, cwd, session, call, output, DONE), code)


def answer(event: str, answer: Answer) -> str:
    """Return an answer as the plugin appends it to the output: plain text."""
    return answer.context


def hooks(environment: Mapping[str, str]) -> HookSettings:
    """Return where opencode finds our plugin."""
    from importlib.resources import files

    from meshcore.agents.hook_settings import OwnFile

    return OwnFile(
        ("opencode",),
        user_folder(environment, ".config", "XDG_CONFIG_HOME") / "opencode" / "plugins" / "meshtui.js",
        ".opencode/plugins/meshtui.js",
        template=files("meshcore.agents").joinpath("opencode.js").read_text("utf-8"),
        mark="// written by `meshtui connect opencode`",
        before_command="const COMMAND = ",
        permission='"meshtui heal *": "allow" in permission.bash of opencode.json',
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as our plugin reports it; see `Program.sample`."""
    called = {"tool": "bash", "sessionID": "meshtui-sample", "callID": call, "args": {"command": command}}
    return {"directory": cwd, "input": called, "output": {"metadata": {"output": output, "exit": 1}}}
