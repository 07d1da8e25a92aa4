"""Saying yes or no to what waits on this home: all that a yes lets run is in view before it, wherever it is said."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from meshcore.errors import MeshError
from meshcore.exchange.inbox import user_name
from meshcore.healing import approvals
from meshcore.healing.approvals import ApprovalView
from meshcore.model import IncidentState
from meshcore.node import Node
from meshcore.store.queries import incident as incident_of
from meshcore.store.rows import Approval
from meshcore.store.views import approval_awaited, approval_rejected
from meshtui.host import Host, refuses
from meshtui.screens.ask import Confirm
from meshtui.widgets.cells import plain

NOT_AGAIN = "The failed command is not run again: do that yourself, that is what counts."
TOO_LATE = "somebody else has just settled it"


def in_full(view: ApprovalView, *, halted: bool) -> str:
    """Return all that a yes lets run, and where; the commands first."""
    lines = [view.command, *([f"as it is executed:\n{view.runs}"] if view.runs not in ("", view.command) else []), ""]
    lines += [f"in    {view.cwd or 'not known'}", f"as    {view.user}", ""]
    lines.append(f"then, to see whether it helped, again:\n{plain(view.rerun)}" if view.rerun else NOT_AGAIN)
    if halted:
        lines += ["", "Everything is halted: it runs after resume."]
    return "\n".join(lines)


async def approve(host: Host, view: ApprovalView, *, always: bool = False) -> None:
    """Ask with all of it in view, approve exactly that, and say when it is carried out. Only in a worker."""
    if refuses(host):
        return
    question = "Run this from now on without asking, in its project?" if always else "Run this, once?"
    halted = host.snapshot is not None and bool(host.snapshot.halted)
    try:
        if not await host.push_screen_wait(Confirm(question, in_full(view, halted=halted))):
            return
        signer = await host.signing_key()
        done = await host.decide(lambda node: approvals.approve(node, view.approval_id, always=always, signer=signer))
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    host.say(_when(host) if done else TOO_LATE)


async def reject(host: Host, approval: Approval, *, not_here: bool = False) -> None:
    """Tell the store that what waits is not to run, with `not_here` in its whole project, and say so."""
    try:
        done = await host.decide(lambda node: approvals.reject(node, approval.approval_id, not_here=not_here))
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    said = "rejected, and not offered in this project again" if not_here else "rejected"
    host.say(f"{said}: {approval.command:.60}; u takes it back" if done else TOO_LATE)


async def approve_all(
    host: Host, asked: Sequence[Approval], view_of: Callable[[Approval], Awaitable[ApprovalView]]
) -> bool:
    """Ask once with all of each in view, then approve each by itself; return whether the person said so.

    One that would run anything else by then than what was shown is not approved. Only in a worker.
    """
    if refuses(host):
        return False
    halted = host.snapshot is not None and bool(host.snapshot.halted)
    count, done, faults = len(asked), 0, list[str]()
    try:
        shown = [in_full(await view_of(one), halted=halted) for one in asked]
        parts = [f"{place} of {count}\n{text}" for place, text in enumerate(shown, 1)]
        if not await host.push_screen_wait(Confirm(f"Run these {count}, once each?", "\n\n".join(parts))):
            return False
        signer = await host.signing_key()
    except MeshError as error:
        host.say(str(error), severity="error")
        return False
    for one, text in zip(asked, shown, strict=True):
        try:
            if in_full(await view_of(one), halted=halted) != text:
                faults.append(f"{one.command}: not what was shown any more")
            elif await host.decide(partial(approvals.approve, approval_id=one.approval_id, signer=signer)):
                done += 1
            else:
                faults.append(f"{one.command}: {TOO_LATE}")
        except MeshError as error:
            faults.append(f"{one.command}: {error}")
    _say_count(host, f"{done} of {count} {_when(host)}" if done else "none approved", faults)
    return True


async def reject_all(host: Host, asked: Sequence[Approval], *, not_here: bool = False) -> bool:
    """Ask once, then reject each by itself; return whether the person said so. Only in a worker."""
    if refuses(host):
        return False
    where = ", nor offer them in their projects" if not_here else ""
    question = f"Reject these {len(asked)}{where}?"
    if not await host.push_screen_wait(Confirm(question, "\n".join(one.command for one in asked))):
        return False
    done, faults = 0, list[str]()
    for one in asked:
        try:
            if await host.decide(partial(approvals.reject, approval_id=one.approval_id, not_here=not_here)):
                done += 1
            else:
                faults.append(f"{one.command}: {TOO_LATE}")
        except MeshError as error:
            faults.append(f"{one.command}: {error}")
    _say_count(host, f"{done} of {len(asked)} rejected", faults)
    return True


def _say_count(host: Host, said: str, faults: Sequence[str]) -> None:
    host.say(said)
    for fault in faults:
        host.say(fault, severity="error")


async def take_back(host: Host, approval: Approval) -> Approval | None:
    """Let what this person rejected wait again, judged anew, and say so; return what waits, None where nothing does."""
    from meshcore.healing.replay import take_back as take_back_here

    if approval.state != "rejected":
        host.say("it waits for you: nothing to take back" if approval.state == "waiting" else _settled(approval))
        return None
    try:
        again = await host.decide(lambda node: take_back_here(node, approval.approval_id))
    except MeshError as error:
        host.say(str(error), severity="error")
        return None
    host.say("taken back: it was judged anew, and waits for you")
    return again


async def approve_incident(host: Host, incident_id: str) -> None:
    """Ask about the fix of an incident that waits, or say why there is none. Only in a worker."""
    if refuses(host):
        return
    try:
        if (approval := await _waiting(host, incident_id)) is None:
            return
        view = await asyncio.to_thread(_view, host, approval)
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    await approve(host, view)


async def reject_incident(host: Host, incident_id: str) -> None:
    """Say no to the fix of an incident that waits, or say why there is none."""
    if refuses(host):
        return
    try:
        approval = await _waiting(host, incident_id)
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    if approval is not None:
        await reject(host, approval)


async def take_back_incident(host: Host, incident_id: str) -> None:
    """Take back the newest rejection of an incident's fix, or say why there is none."""
    if refuses(host):
        return
    feed = host.feed
    try:
        found = await feed.store.ask(approval_rejected(incident_id)) if feed and feed.store else []
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    if found:
        await take_back(host, found[0])
    else:
        host.say("nothing of this was rejected on this home")


async def run_again(host: Host, incident_id: str) -> None:
    """Ask with the command in view, and run it again where its fix was applied and it was not. Only in a worker."""
    if refuses(host) or host.feed is None or (store := host.feed.store) is None:
        return
    incident = await store.one(incident_of(incident_id))
    if incident is None or incident.state != "applied_not_rerun":
        host.say("only a command whose fix was applied, and that was not run since, is run again from here")
        return
    if incident.argv_redacted or not incident.argv or not Path(incident.cwd).is_dir():
        host.say("it cannot be run from here: its command was redacted, or its folder is on another host or gone")
        return
    details = f"{shlex.join(incident.argv)}\n\nin    {incident.cwd}\nas    {user_name()}@{host.settings.host}"
    if await host.push_screen_wait(Confirm("Run the failed command again? That is what counts.", details)):
        settings = host.settings
        named = ["--home", str(settings.home), "--agent", settings.agent]
        named += ["--config", str(settings.source)] if settings.source is not None else []
        # What else is known is only told: the person has said yes to this command and to nothing more.
        host.run_outside([*named, "run", "--mode", "hint", "--", *incident.argv], incident.cwd)


def _view(host: Host, approval: Approval) -> ApprovalView:
    with Node(host.settings, host.clock) as node:
        return approvals.approval_view(node, approval)


async def _waiting(host: Host, incident_id: str) -> Approval | None:
    """Return what waits of an incident; None, and why is said, where that is nothing or several. Raises MeshError."""
    if host.feed is None or (store := host.feed.store) is None:
        return None
    found = await store.ask(approval_awaited(incident_id))
    if len(found) == 1:
        return found[0]
    if found:
        host.say("several fixes wait: see Approvals")
        return None
    incident = await store.one(incident_of(incident_id))
    why = WHY_NOT.get(incident.state, "") if incident is not None else ""
    host.say(f"nothing of this waits for you on this home{why}")
    return None


WHY_NOT: Mapping[IncidentState, str] = {
    "open": ": no fix is known; t teaches one",
    "matched": ": its fix is told and not run; enter says why",
    "needs_approval": ": it waits on another host; see Approvals",
    "fixing": ": it is being fixed now",
    "verified": ": it is verified already",
    "refused": ": it was refused or rejected; u takes your rejection back",
}


def _settled(approval: Approval) -> str:
    return f"this one is {approval.state} already, by {approval.actor}; only a rejection is taken back"


def _when(host: Host) -> str:
    """Return when an approval that was given just now is carried out."""
    snapshot = host.snapshot
    if snapshot is not None and snapshot.halted:
        return "approved; everything is halted: it runs after resume"
    if snapshot is not None and snapshot.stopped:
        return f"approved; it runs when process {snapshot.holder}, which is stopped, goes on"
    if snapshot is not None and snapshot.runtime == "none":
        return "approved; it runs as soon as a runtime of this home does: meshtui --no-ui"
    return "approved; it is carried out now"
