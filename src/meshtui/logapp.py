"""`meshtui --log FILE`: one log and nothing else, read only; no home is needed, and none is touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import Static

from meshtui.app import LEAST_COLUMNS, LEAST_LINES, MeshApp
from meshtui.screens.log import LogPane
from meshtui.widgets.bars import Banners, Hints
from meshtui.widgets.find import FindBar

if TYPE_CHECKING:
    from textual.driver import Driver

    from meshcore.config import Settings


class LogApp(MeshApp):
    """The terminal app around a single log."""

    def __init__(self, settings: Settings, log: Path, *, driver_class: type[Driver] | None = None) -> None:
        super().__init__(settings, embed=False, driver_class=driver_class)
        self._path = log

    def compose(self) -> ComposeResult:
        yield Banners()
        with Container(id="body"):
            yield self.panes
        yield FindBar()
        yield Hints()
        yield Static(f"meshtui needs {LEAST_COLUMNS}×{LEAST_LINES} characters; make the window larger.", id="small")

    def start_work(self) -> None:
        """Start nothing: nothing runs beside the log."""

    def keep_state(self) -> None:
        """Keep nothing."""

    async def show_pane(self, name: str) -> None:
        """Show the log, whatever is asked for."""
        pane = LogPane(self._path)
        await self.panes.add(pane)
        self.panes.current = pane.NAME
        pane.focus_first()
        self.query_one(Hints).show(pane.ACTIONS)

    async def action_pane(self, name: str) -> None:
        """Stay: there is no other pane."""
