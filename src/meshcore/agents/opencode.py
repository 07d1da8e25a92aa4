"""opencode (as of 1.18.33): what our plugin for it sends and adds to an output, settings. Light, see `table.Program`.

opencode calls plugins, not programs: `opencode.js` beside this file is the plugin that
`meshtui connect opencode` writes; it hands each finished command to the hook and appends the answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
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
    text,
    user_folder,
)

if TYPE_CHECKING:
    from pathlib import Path

    from meshcore.agents.hook_settings import HookSettings
    from meshcore.agents.session_file import Ended, SessionFiles
    from meshcore.model import Json

NAME = "opencode"

DONE = "tool.execute.after"
SHELL_TOOLS = ("bash", "shell")
EDIT_TOOLS = ("edit", "write", "patch", "multiedit", "apply_patch")

_CUT_OFF = re.compile(r"<bash_metadata>\s[^<]{0,500}(?:timeout|timed out|abort|background)", re.IGNORECASE)


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what a payload reports of a shell command, or of a file that was edited; see `Agent.read`."""
    called, done = fields(payload, "input", "i"), fields(payload, "output", "o")
    command = text(fields(called, "args"), "command")
    if text(called, "tool") in EDIT_TOOLS:
        cwd, session, call = text(payload, "cwd", "directory"), text(called, "sessionID"), text(called, "callID")
        return Edited(text(fields(called, "args"), "filePath"), cwd, session, call, "", DONE)
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
    from meshcore.agents.own_files import plugin_file

    return plugin_file(
        NAME,
        user_folder(environment, ".config", "XDG_CONFIG_HOME") / "opencode" / "plugins" / "meshtui.js",
        ".opencode/plugins/meshtui.js",
        permission='"meshtui heal *": "allow" in permission.bash of opencode.json',
    )


def sample(command: str, output: str, cwd: str, scratch: Path, call: str) -> dict[str, Json]:
    """Return a failed command as our plugin reports it; see `Program.sample`."""
    called = {"tool": "bash", "sessionID": "meshtui-sample", "callID": call, "args": {"command": command}}
    return {"directory": cwd, "input": called, "output": {"metadata": {"output": output, "exit": 1}}}


# --- sessions ---------------------------------------------------------------------------------------------------------


def sessions(environment: Mapping[str, str]) -> SessionFiles:
    """Return where the sessions lie: the tables `session` and `part` of `opencode.db`; internal to opencode."""
    from meshcore.agents.session_database import SessionDatabase

    return SessionDatabase(
        user_folder(environment, ".local/share", "XDG_DATA_HOME") / "opencode" / "opencode.db",
        re.compile(r"[\w-]{1,200}"),
        (),
        _commands,
        listed="SELECT session_id, count(*) FROM part GROUP BY session_id ORDER BY max(time_updated)",
        rows="SELECT CASE WHEN length(data) <= ? THEN data END, directory, version FROM part JOIN session"
        " ON session.id=session_id WHERE session_id=? AND data LIKE '%\"tool\"%' ORDER BY part.id",
    )


def _commands(rows: Iterator[Mapping[str, Json]]) -> Iterator[Ended]:
    """Yield the commands of a session as they ended."""
    from pathlib import PurePosixPath

    from meshcore.agents.session_file import MAX_OUTPUT, Ended

    for row in rows:
        part = fields(row, "part")
        state, tool = fields(part, "state"), text(part, "tool")
        asked, metadata, end = fields(state, "input"), fields(state, "metadata"), fields(state, "time").get("end")
        if not isinstance(end, int | float) or text(state, "status") != "completed":
            continue
        session, call, at = text(row, "session"), text(part, "callID"), end / 1000
        command, code = text(asked, "command"), number(metadata.get("exit"))
        if tool in EDIT_TOOLS:
            yield Ended(Edited(text(asked, "filePath"), "", session, call), at)
        if tool not in SHELL_TOOLS or not command or code is None or is_unfinished(asked, metadata):
            continue
        output = text(metadata, "output") or text(state, "output")
        if _CUT_OFF.search(output) or _CUT_OFF.search(text(state, "output")):
            continue
        cwd = str(PurePosixPath(text(row, "folder"), text(asked, "workdir")))
        report = ended(Call(command, cwd, session, call, output[-MAX_OUTPUT:]), code)
        if report is not None:
            yield Ended(report, at)
