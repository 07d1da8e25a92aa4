"""One incident from error to proof: what failed, why this skill, who decided what and why, what ran, who was told."""

from __future__ import annotations

from textual.screen import Screen

from meshtui.actions import Action

ACTIONS: tuple[Action, ...] = ()


class ChainScreen(Screen[None]):
    def __init__(self, incident_id: str) -> None:
        super().__init__()
        self._incident_id = incident_id
