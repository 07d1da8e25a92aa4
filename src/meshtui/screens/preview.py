"""The chain of the selected incident beside the list: what `enter` opens, to read only."""

from __future__ import annotations

from textual import work
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.timer import Timer
from textual.widgets import Static

from meshcore.errors import MeshError
from meshtui.chain import Chain, gather_chain
from meshtui.host import host_of
from meshtui.screens.chain import content

STILL_SECONDS = 0.15  # that the cursor stays on a row before it is read


class ChainPreview(VerticalScroll, can_focus=False):
    """Follows a cursor, once that stands still."""

    DEFAULT_CSS = """
    ChainPreview {
        width: 100%; height: 100%; padding: 0 1; border-left: solid $faint; background: $background;
        & > Static { height: auto; width: 100%; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="preview")
        self._wanted = ""
        self._chain: Chain | None = None
        self._still: Timer | None = None

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def follow(self, incident_id: str) -> None:
        """Show an incident as soon as no other is asked for; "" for none."""
        self._wanted = incident_id
        if self._still is not None:
            self._still.stop()
        self._still = self.set_timer(STILL_SECONDS, self._load)

    @work(group="preview", exclusive=True)
    async def _load(self) -> None:
        feed, wanted = host_of(self).feed, self._wanted
        try:
            found = await gather_chain(feed, wanted) if feed and wanted else None
        except MeshError:
            found = None  # said by who opens it
        is_another = (
            self._chain is None or found is None or found.incident.incident_id != self._chain.incident.incident_id
        )
        self._chain = found
        if is_another:
            self.scroll_home(animate=False)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        width = self.content_size.width - self.styles.scrollbar_size_vertical  # it comes once the chain is long
        if width > 0:
            self.query_one(Static).update(content(self._chain, width) if self._chain is not None else "")
