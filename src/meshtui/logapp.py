"""`meshtui --log FILE`: one log and nothing else, read only; no home is needed, and none is touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Container
from textual.widgets import ContentSwitcher, Static

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
            yield ContentSwitcher(id="panes")
        yield FindBar()
        yield Hints()
        yield Static(f"meshtui needs {LEAST_COLUMNS}×{LEAST_LINES} characters; make the window larger.", id="small")

    def _begin(self) -> None:
        """Nothing runs beside the log."""

    def _keep_state(self) -> None:
        """Nothing is kept."""

    async def _show_pane(self, name: str) -> None:
        pane = LogPane(self._path)
        pane.id = LogPane.NAME
        await self._switcher.add_content(pane)
        self._switcher.current = LogPane.NAME
        pane.focus_first()
        self.query_one(Hints).show(pane.ACTIONS)

    async def action_pane(self, name: str) -> None:
        """There is no other pane."""
