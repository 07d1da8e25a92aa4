"""Files that an agent program runs as they are: plugins in JavaScript, which call the hook, and a shell script."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from meshcore.agents.hook_settings import OwnFile

_MARK = "written by `meshtui connect {agent}`"


def plugin_file(agent: str, user_file: Path, project_file: str, *, permission: str = "") -> OwnFile:
    """Return the plugin of a program: what every one of ours needs, then what its own file holds."""
    mark = f"// {_MARK.format(agent=agent)}"
    folder = files("meshcore.agents")
    parts = (folder.joinpath(name).read_text("utf-8") for name in ("ask.js", f"{agent}.js"))
    return OwnFile(
        (agent,),
        user_file,
        project_file,
        template=f"{mark}; `meshtui disconnect {agent}` removes it\n{''.join(parts)}",
        mark=mark,
        before_command="const COMMAND = ",
        permission=permission,
    )


def script_file(agent: str, user_file: Path, project_file: str) -> OwnFile:
    """Return a program of its own that a program runs for an event."""
    mark = f"# {_MARK.format(agent=agent)}"
    return OwnFile(
        (agent,),
        user_file,
        project_file,
        template=f"#!/bin/sh\n{mark}; `meshtui disconnect {agent}` removes it\nexec \n",
        mark=mark,
        before_command="exec ",
        script=True,
    )
