"""`K`: halt everything, or resume, after a question."""

from __future__ import annotations

from meshcore.control import decisions
from meshcore.errors import MeshError
from meshtui.host import Host
from meshtui.screens.ask import Ask, Confirm

USUAL_REASON = "halted from the terminal"


async def kill_switch(host: Host) -> None:
    """Ask for the reason of a halt, or whether to resume, and do it."""
    snapshot = host.snapshot
    if snapshot is None:
        return
    try:
        if snapshot.halted:
            await _resume(host, snapshot.halted)
        else:
            await _halt(host)
    except MeshError as error:
        host.say(str(error), severity="error")


async def _halt(host: Host) -> None:
    why = await host.push_screen_wait(
        Ask("Halt every unattended fix of this operator, on all nodes. Why?", value=USUAL_REASON)
    )
    if why is None:
        return
    await host.decide(lambda node: decisions.halt(node, why.strip() or USUAL_REASON))
    host.say("halted; K resumes")


async def _resume(host: Host, was: str) -> None:
    if not await host.push_screen_wait(Confirm("Allow fixes again?", f"It is halted because: {was}")):
        return
    signer = await host.signing_key()
    await host.decide(lambda node: decisions.resume(node, signer=signer))
    host.say("resumed")
