"""Approving, rejecting and teaching where an incident is under the cursor, whatever lists it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from meshtui.actions import Action
from meshtui.deliberate import Presses
from meshtui.host import Host, host_of

if TYPE_CHECKING:
    from textual.dom import DOMNode

    from meshcore.journal.line import Line


def deciding(scope: str, *, but: str = "", hints: str = "") -> tuple[Action, ...]:
    """Return the actions on the incident under the cursor of a pane or page.

    `but`: the keys that mean something else there; `hints`: those that are named at the bottom.
    """
    found = (
        Action(f"{scope}.approve", "a", "approve once", "Run the fix that waits for you, once; shows all of it first."),
        Action(f"{scope}.reject", "r", "reject", "Do not run the fix that waits for you."),
        Action(f"{scope}.undo", "u", "undo", "Take your rejection back: it is judged anew and waits again."),
        Action(f"{scope}.teach", "t", "teach", "Type what fixes it; you are told at once what will become of that."),
    )
    named = [replace(action, hint=action.label if action.keys in hints else "") for action in found]
    return tuple(action for action in named if action.keys not in but)


class Deciding:
    """The same for the class of a pane or page; override `incident_here`, and `none_here` where there may be none."""

    _presses_here: Presses | None = None

    def incident_here(self) -> str:
        """Return the id of the incident under the cursor, "" where there is none."""
        return ""

    def none_here(self) -> str:
        """Return why there is no incident under the cursor."""
        return "no incident is under the cursor"

    def action_approve(self) -> None:
        from meshtui.screens.settling import approve_incident

        self._decide("approve", approve_incident)

    def action_reject(self) -> None:
        from meshtui.screens.settling import reject_incident

        self._decide("reject", reject_incident)

    def action_undo(self) -> None:
        from meshtui.screens.settling import take_back_incident

        self._decide("undo", take_back_incident)

    def action_teach(self) -> None:
        from meshtui.screens.teach import teach

        self._decide("teach", teach)

    def _decide(self, what: str, how: Callable[[Host, str], Awaitable[None]]) -> None:
        """Do it to what is under the cursor now, once however long the key is held."""
        node = cast("DOMNode", self)
        host = host_of(node)
        if self._presses_here is None:
            self._presses_here = Presses(host.clock)
        if not self._presses_here.is_new(what):
            return
        if any(getattr(rows, "marked", ()) for rows in node.query("Rows")):
            host.say("several are decided in Approvals; esc takes the marks back")
        elif incident_id := self.incident_here():
            node.run_worker(how(host, incident_id), group="decide")
        else:
            host.say(self.none_here())


def incident_in(line: Line | None) -> str:
    """Return the id of the incident that a line of a journal is about, "" for none."""
    from meshcore.safety.fields import is_hex

    try:
        value = json.loads(line.text) if line is not None else None
    except (ValueError, RecursionError):
        return ""
    found = value.get("incident_id") if isinstance(value, dict) else None
    return found if isinstance(found, str) and is_hex(found, 8, 64) else ""
