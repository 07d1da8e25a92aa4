"""The panes, in the order of their keys: each is a module that is imported when the pane is first shown.

A pane that is to be added is one row here and one module with a `Pane` and its `ACTIONS`.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from meshtui.actions import APP_ACTIONS, Action

if TYPE_CHECKING:
    from meshtui.screens.base import Pane


@dataclass(frozen=True, slots=True)
class PaneEntry:
    """One pane: its name (also the scope of its actions), its title, and where its class is."""

    name: str
    key: str
    title: str
    module: str
    cls: str

    def load(self) -> type[Pane]:
        """Import the pane's module; return its class."""
        found: type[Pane] = getattr(importlib.import_module(self.module), self.cls)
        return found


PANES: tuple[PaneEntry, ...] = (
    PaneEntry("overview", "1", "Overview", "meshtui.screens.overview", "OverviewPane"),
    PaneEntry("skills", "2", "Skills", "meshtui.screens.skills", "SkillsPane"),
    PaneEntry("deliveries", "3", "Deliveries", "meshtui.screens.deliveries", "DeliveriesPane"),
    PaneEntry("approvals", "4", "Approvals", "meshtui.screens.approvals", "ApprovalsPane"),
    PaneEntry("runs", "5", "Runs", "meshtui.screens.runs", "RunsPane"),
    PaneEntry("log", "6", "Log", "meshtui.screens.log", "LogPane"),
)

_PUSHED = (
    "meshtui.screens.chain",
    "meshtui.screens.record",
)  # screens on top of the panes that have actions of their own


def present() -> tuple[PaneEntry, ...]:
    """Return the panes whose module is installed, without importing them."""
    return tuple(entry for entry in PANES if find_spec(entry.module) is not None)


def all_actions() -> Sequence[Action]:
    """Return every action of the terminal: the app's, then each pane's. Imports every pane."""
    names = {entry.name for entry in PANES} - {entry.name for entry in present()}
    found = [action for action in APP_ACTIONS if action.id.partition(".")[2] not in names]
    for module in [*(entry.module for entry in present()), *_PUSHED]:
        found += importlib.import_module(module).ACTIONS
    return found
