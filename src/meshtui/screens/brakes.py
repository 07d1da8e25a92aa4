"""`K`: halt everything, or resume, after a question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from meshcore.control import decisions
from meshcore.errors import MeshError
from meshtui.screens.ask import Ask, Confirm

if TYPE_CHECKING:
    from meshtui.app import MeshApp

USUAL_REASON = "halted from the terminal"


async def kill_switch(app: MeshApp) -> None:
    """Ask for the reason of a halt, or whether to resume, and do it."""
    snapshot = app.snapshot
    if snapshot is None:
        return
    try:
        if snapshot.halted:
            await _resume(app, snapshot.halted)
        else:
            await _halt(app)
    except MeshError as error:
        app.say(str(error), severity="error")


async def _halt(app: MeshApp) -> None:
    why = await app.push_screen_wait(
        Ask("Halt every unattended fix of this operator, on all nodes. Why?", value=USUAL_REASON)
    )
    if why is None:
        return
    await app.decide(lambda node: decisions.halt(node, why.strip() or USUAL_REASON))
    app.say("halted; K resumes")


async def _resume(app: MeshApp, was: str) -> None:
    if not await app.push_screen_wait(Confirm("Allow fixes again?", f"It is halted because: {was}")):
        return
    signer = await app.signer.key()
    await app.decide(lambda node: decisions.resume(node, signer=signer))
    app.say("resumed")
