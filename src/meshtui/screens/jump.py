"""Asking for the time to go to."""

from __future__ import annotations

from datetime import datetime

from meshcore.errors import MeshError
from meshtui.host import Host
from meshtui.jumping import QUESTION, moment_of
from meshtui.screens.ask import Ask


async def asked_moment(host: Host) -> datetime | None:
    """Return the time that a person types, None for none; what is no time is said in one line. Only in a worker."""
    answer = await host.push_screen_wait(Ask(QUESTION))
    try:
        return moment_of(answer, host.clock.now()) if answer else None
    except MeshError as error:
        host.say(str(error), severity="error")
        return None
