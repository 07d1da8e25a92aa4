"""The first line of a page: what it shows, and what is to be said of that."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from meshtui.widgets.cells import plain


class PageTitle(Static):
    """One line, in one style on every page."""

    DEFAULT_CSS = """
    PageTitle { height: 1; width: 100%; background: $surface; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, what: str, said: str = "") -> None:
        """Draw a name, and what is said of it behind it."""
        self.draw((f" {plain(what)} ", "bold $accent"), (f"  {plain(said)}" if said else "", "$dim"))

    def draw(self, *parts: tuple[str, str]) -> None:
        """Draw parts with styles of their own."""
        self.update(Content.assemble(*parts), layout=False)
