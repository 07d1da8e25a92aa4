"""What waits in other homes on this host, as rows of Approvals; each is decided in its own home, one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial

from meshcore.control import other_homes
from meshcore.control.other_homes import OtherHome
from meshcore.errors import MeshError
from meshcore.healing.approvals import ApprovalView
from meshcore.service.holding import when_there
from meshcore.store.rows import Approval
from meshtui.host import Host, refuses
from meshtui.screens.ask import Confirm
from meshtui.screens.settling import TOO_LATE, in_full
from meshtui.widgets.detail import Fact

NOT_READ = "not read"  # the state of the row that stands for a home which cannot be read

Row = tuple[OtherHome, ApprovalView | None]
"""A home and what waits in it; None for the home itself, which cannot be read."""


def rows(homes: Sequence[OtherHome]) -> Mapping[str, Row]:
    """Return what waits in other homes as rows by name, and a row for each that cannot be read."""
    found: dict[str, Row] = {}
    for other in homes:
        if other.fault:
            found[str(other.home)] = other, None
        found |= {f"{other.home}:{view.approval_id}": (other, view) for view in other.waiting}
    return found


def as_approval(name: str, row: Row) -> Approval:
    """Return a row as the list of approvals shows it, under its name."""
    other, view = row
    if view is None:
        why = other.fault.removeprefix(f"{other.home}/store.db: ").removeprefix(f"{other.home}: ")
        return Approval(name, "", "", "", str(other.home), (why,), "", NOT_READ)
    why = other.why_not(view.approval_id)
    # What is executed stands for the fix: another home's hash of it is not known here.
    fix, (first, *more) = view.runs or view.command, [*([why] if why else []), *view.reasons, ""]
    reasons = (f"in {other.home.name}: {first}", *filter(None, more))
    return Approval(name, view.incident_id, view.skill_id, fix, view.command, reasons, view.asked, view.state)


def facts(row: Row) -> list[Fact]:
    """Return what is to be known of the home before what waits in it."""
    other, view = row
    if view is None:
        return [("home", str(other.home)), ("not read", other.fault, "$warning")]
    found: list[Fact] = [("home", str(other.home))]
    if why := other.why_not(view.approval_id):
        found.append(("not from here", why, "$warning"))
    if other.more:
        found.append(("besides", f"more waits there than the {len(other.waiting)} that are listed"))
    return found


async def settle(host: Host, row: Row, *, yes: bool, always: bool) -> None:
    """Write what a person decides into the home that asks, with all of it in view for a yes. Only in a worker."""
    if refuses(host):
        return
    other, view = row
    if view is None or (why := other.why_not(view.approval_id)):
        host.say(f"{other.home}: {why}" if view else other.fault, severity="error")
        return
    if always:
        host.say("for a whole project that is decided in its own home")
        return
    halted = host.snapshot is not None and bool(host.snapshot.halted)  # its operator is this one
    try:
        if yes and not await host.push_screen_wait(
            Confirm(f"Let {other.home} run this, once?", in_full(view, halted=halted))
        ):
            return
        signer = await host.signing_key() if yes else None
        write = partial(other_homes.settle, other, view, host.settings, host.clock, yes=yes, signer=signer)
        done = await asyncio.to_thread(write)
    except MeshError as error:
        host.say(str(error), severity="error")
        return
    said = f"approved in {other.home}; {when_there(other.home)}" if yes else f"rejected in {other.home}"
    host.say(said if done else TOO_LATE)
