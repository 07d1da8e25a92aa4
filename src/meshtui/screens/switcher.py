"""Which pane is shown: the tabs, and the panes themselves, each made when it is first shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.widgets import ContentSwitcher, Static

from meshtui.host import host_of
from meshtui.screens import table
from meshtui.screens.base import Pane
from meshtui.widgets.rows import Rows

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshtui.snapshot import Snapshot


class Tabs(Static):
    """The panes with their keys; the one that is shown stands out. A click shows another."""

    current: reactive[str] = reactive("")

    def __init__(self) -> None:
        super().__init__(id="tabs")

    def watch_current(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    @property
    def _gaps(self) -> tuple[str, str]:
        """Return what stands between a key and its name, and what follows the name: less where all fit only so."""
        names = sum(cell_len(f" {entry.key}{entry.title}") for entry in table.PANES)
        room = (self.size.width - names) // len(table.PANES)
        return " " if room >= 1 else "", " " if room >= 2 else ""

    def _draw(self) -> None:
        if not self.size.width:
            return
        parts: list[tuple[str, str]] = []
        between, after = self._gaps
        for entry in table.PANES:
            here = entry.name == self.current
            parts += [(f" {entry.key}{between}", "$accent" if here else "$dim")]
            parts += [(f"{entry.title}{after}", "bold $accent" if here else "")]
        self.update(Content.assemble(*parts), layout=False)

    async def on_click(self, event: events.Click) -> None:
        right = 0
        between, after = self._gaps
        for entry in table.PANES:
            right += cell_len(f" {entry.key}{between}{entry.title}{after}")
            if event.x < right:
                await self.run_action(f"app.{entry.action.name}")
                return


class Panes(ContentSwitcher):
    """The panes that were shown so far; each takes up what was kept of it between starts."""

    def __init__(self, kept: Json) -> None:
        super().__init__(id="panes")
        self._kept: dict[str, Json] = kept if isinstance(kept, dict) else {}
        self._unread = False

    @property
    def made(self) -> Sequence[Pane]:
        """Return the panes that were shown so far, hidden or not."""
        return list(self.query(Pane))

    @property
    def pane(self) -> Pane | None:
        """Return the pane that is shown."""
        return next((pane for pane in self.made if self.current == pane.NAME), None)

    def take(self, snapshot: Snapshot) -> None:
        """Let the pane that is shown draw a snapshot; after a fault of the home all of them are read anew."""
        was, self._unread = self._unread, bool(snapshot.fault)
        if was != self._unread:
            for pane in self.made:
                if was:
                    pane.reload()
            for rows in self.query(Rows):  # an empty one says so
                rows.refresh()
        if self.pane is not None and host_of(self).feed is not None:
            self.pane.show(snapshot)
        elif self.pane is not None:
            self.pane.show_nothing()

    async def show(self, name: str) -> Pane:
        """Show a pane of the table; return it."""
        pane = next((pane for pane in self.made if name == pane.NAME), None)
        if pane is None:
            pane = next(entry for entry in table.PANES if entry.name == name).load()()
            await self.add(pane)
            if isinstance(kept := self._kept.get(name), dict):
                pane.restore(kept)
        self.current = name
        return pane

    async def add(self, pane: Pane) -> None:
        """Take in a pane that was made elsewhere."""
        pane.id = pane.NAME
        await self.add_content(pane)

    def states(self) -> dict[str, Json]:
        """Return what is to be kept of every pane, those that were not shown this time among them."""
        return self._kept | {pane.NAME: dict(pane.state()) for pane in self.made}
