"""`:`: what can be done here, by name: on the page that is on top, else on the pane; and what there is for a slip."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from textual.app import App, SystemCommand
from textual.command import Hit, Hits, Provider
from textual.content import Content

from meshtui import themes
from meshtui.actions import APP, Action, shown_keys
from meshtui.screens.base import Page, Pane
from meshtui.widgets.cells import plain

LISTS = ("app.find", "app.export")  # of panes alone
NOT_HERE = ("app.command_palette", "app.back")  # it is open, and closes itself


MOST_NAMED = 12


def commands(
    app: App[Any], actions: Iterable[Action], front: Pane | Page | None, keymap: Mapping[str, str]
) -> Iterable[SystemCommand]:
    """Yield what may be chosen of the actions, with their keys; `front` is the page that is on top, else the pane."""
    for action in actions:
        target = app if action.scope == APP else front if front and action.scope == front.scope else None
        if target is None or action.id in NOT_HERE or (action.id in LISTS and not isinstance(front, Pane)):
            continue
        title = f"{action.label.capitalize()}  ({shown_keys(action, keymap)})"
        yield SystemCommand(title, action.help, partial(app.run_action, action.name, target))
    for theme in themes.THEMES:
        yield SystemCommand(f"Theme {theme.name}", "Use these colours.", partial(setattr, app, "theme", theme.name))


class Unknown(Provider):
    """Says what there is where nothing is called as was typed."""

    async def search(self, query: str) -> Hits:
        matcher, known = self.matcher(query), list(self.app.get_system_commands(self.screen))
        if not any(matcher.match(one.title) > 0 for one in known):
            said = Content(f"nothing here is called “{plain(query)}”; enter shows every key")
            there = ", ".join(one.title.replace("  ", " ") for one in known[:MOST_NAMED])
            yield Hit(1.0, said, partial(self.app.run_action, "help"), text=query, help=f"There are {there} and more.")
