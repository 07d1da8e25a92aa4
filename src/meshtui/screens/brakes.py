"""`K`: halt everything, or resume, after a question."""

from __future__ import annotations

from contextlib import suppress

from meshcore.control import decisions
from meshcore.errors import ConfigurationError, MeshError
from meshcore.safety.halt import halt as write_halt
from meshcore.safety.halt import halted
from meshtui.host import Host, refuses
from meshtui.screens.ask import Ask, Confirm

USUAL_REASON = "halted from the terminal"


async def kill_switch(host: Host) -> None:
    """Ask for the reason of a halt, or whether to resume, and do it."""
    snapshot = host.snapshot
    if snapshot is None or refuses(host):
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
    reason = why.strip() or USUAL_REASON
    folder = host.settings.operator
    with suppress(ConfigurationError):  # first of all, whatever is wrong with the home; the decision says how it went
        write_halt(folder, reason)
    try:
        await host.decide(lambda node: decisions.halt(node, reason))
    except MeshError as error:
        if not halted(folder):
            raise
        host.say(f"halted here; your nodes on other hosts were not told: {error}", severity="error")
    else:
        host.say("halted; K resumes")


async def _resume(host: Host, was: str) -> None:
    if not await host.push_screen_wait(Confirm("Allow fixes again?", f"It is halted because: {was}")):
        return
    signer = await host.signing_key()
    await host.decide(lambda node: decisions.resume(node, signer=signer))
    host.say("resumed")


async def monitor(host: Host) -> None:
    """Let this node only tell from now on, at once; or, where it does, ask whether it is to act again."""
    if refuses(host):
        return
    try:
        if await host.decide(decisions.monitor_only):
            host.say("monitoring only: nothing is tried on this node until M lets it act again", severity="warning")
            return
        before = await host.decide(decisions.mode_before)
        back = f"its mode goes back to {before}" if before else "it has no mode of its own then: config.toml's counts"
        if before is None or not await host.push_screen_wait(Confirm("Let this node act again?", back)):
            return
        signer = await host.signing_key()
        await host.decide(lambda node: decisions.set_mode(node, before, signer=signer))
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    host.say("this node acts again, as far as modes and brakes allow")


BRAKES = {"kill_switch": kill_switch, "monitor": monitor}
