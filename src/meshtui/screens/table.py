"""The panes, in the order of their keys: each is a module that is imported when the pane is first shown.

A pane that is to be added is one row here and one module with a `Pane`, its `ACTIONS` and its style.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import TYPE_CHECKING

from meshtui.actions import APP_ACTIONS, Action

if TYPE_CHECKING:
    from textual.command import Provider

    from meshtui.screens.base import Page, Pane


@dataclass(frozen=True, slots=True)
class PaneEntry:
    """One pane: its name (also the scope of its actions), its key, its title, what it shows, and its `module:class`."""

    name: str
    key: str
    title: str
    help: str
    place: str

    @property
    def action(self) -> Action:
        """Return the action that shows it."""
        return Action(f"app.{self.name}", self.key, self.title.lower(), self.help, call=f"pane({self.name!r})")

    def load(self) -> type[Pane]:
        """Import the pane's module; return its class."""
        found: type[Pane] = resolve_name(self.place)
        return found


PANES: tuple[PaneEntry, ...] = (
    PaneEntry(
        "overview", "1", "Overview", "Show the timeline and the incidents.", "meshtui.screens.overview:OverviewPane"
    ),
    PaneEntry("skills", "2", "Skills", "Show what is known.", "meshtui.screens.skills:SkillsPane"),
    PaneEntry(
        "deliveries", "3", "Deliveries", "Show who has not received what.", "meshtui.screens.deliveries:DeliveriesPane"
    ),
    PaneEntry(
        "approvals", "4", "Approvals", "Show what waits for a person.", "meshtui.screens.approvals:ApprovalsPane"
    ),
    PaneEntry("runs", "5", "Runs", "Show the validation of runs.", "meshtui.screens.runs:RunsPane"),
    PaneEntry("log", "6", "Log", "Show the journal as it grows.", "meshtui.screens.log:LogPane"),
    PaneEntry("unsolved", "7", "Unsolved", "Show what fails again and again.", "meshtui.screens.unsolved:UnsolvedPane"),
    PaneEntry("fleet", "8", "Fleet", "Show every host, and what is wrong.", "meshtui.screens.fleet:FleetPane"),
    PaneEntry("agents", "9", "Agents", "Show each agent, and what it fails at.", "meshtui.screens.agents:AgentsPane"),
)

# Pages on top of the panes that have actions of their own.
PAGES: tuple[str, ...] = (
    "meshtui.screens.chain:ChainScreen",
    "meshtui.screens.record:RecordScreen",
    "meshtui.screens.host:HostScreen",
    "meshtui.screens.rules:RulesScreen",
    "meshtui.screens.agent:AgentScreen",
)


def app_actions() -> tuple[Action, ...]:
    """Return the actions that work everywhere: first those that show a pane."""
    return (*(entry.action for entry in PANES), *APP_ACTIONS)


def all_actions() -> Sequence[Action]:
    """Return every action of the terminal: the app's, then each pane's and page's. Imports all of them."""
    owners: list[type[Pane | Page]] = [resolve_name(place) for place in (*(entry.place for entry in PANES), *PAGES)]
    return [*app_actions(), *(action for owner in owners for action in owner.ACTIONS)]


def unknown() -> type[Provider]:
    """Return what the palette says where nothing is called as was typed."""
    from meshtui.screens.palette import Unknown

    return Unknown


def warm() -> None:
    """Import what `?` and the palette need, all panes, while nobody waits: the first press would take too long."""

    def load() -> None:
        from meshtui.screens import help, palette  # noqa: F401

        all_actions()

    threading.Thread(target=load, name="warm", daemon=True).start()
