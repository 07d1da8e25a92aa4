"""A person's shell with meshtui's prompt hook: what `meshcore.hook.shell` says of a command. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.agents.base import Answer, Call, Failure, Report, Success, is_answer, number, text
from meshcore.model import Json

NAME = "shell"
WAIT_SECONDS = 50.0  # the prompt does not wait: what comes later is shown later


def read(payload: Mapping[str, Json]) -> Report | None:
    """Return what the prompt hook reports of a command; see `Agent.read`."""
    command, code = text(payload, "command"), number(payload.get("exit_code"))
    if not command or code is None:
        return None
    call = Call(command, text(payload, "cwd"), text(payload, "session"), text(payload, "call"), text(payload, "output"))
    if code == 0 or is_answer(command, code):
        return Success(call.command, call.cwd, call.session, call.call, call.output)
    return Failure(call.command, call.cwd, call.session, call.call, call.output, "", code)


def answer(event: str, answer: Answer) -> str:
    """Return the line that the person is shown, with its end."""
    return f"{answer.message}\n" if answer.message else ""
