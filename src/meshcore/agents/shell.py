"""A person's shell with meshtui's prompt hook: what `meshcore.hook.shell` says of a command. Light."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from meshcore.agents.base import Answer, Call, Report, ended, number, text

if TYPE_CHECKING:
    from meshcore.model import Json

NAME = "shell"


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what the prompt hook reports of a command; see `Agent.read`."""
    command, code = text(payload, "command"), number(payload.get("exit_code"))
    if not command or code is None:
        return None
    cwd, session, call, output = (text(payload, name) for name in ("cwd", "session", "call", "output"))
    return ended(Call(command, cwd, session, call, output), code)


def answer(event: str, answer: Answer) -> str:
    """Return the line that the person is shown, with its end."""
    return f"{answer.message}\n" if answer.message else ""
