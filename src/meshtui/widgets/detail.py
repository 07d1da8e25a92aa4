"""What is known of the selected row: names and values under the list, long values wrapped beside their name."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from meshtui.widgets.cells import plain, wrapped

GAP = 2

Fact = tuple[str, str] | tuple[str, str, str]
"""A name, a value as it came from outside, and perhaps a style for it. Without a name: the value above goes on."""


class Detail(VerticalScroll, can_focus=True):
    """Facts about one thing; scrolls where they are more than the space."""

    DEFAULT_CSS = """
    Detail {
        height: 10; width: 100%; padding: 0 1; border-top: solid $faint; background: $background;
        &:focus { border-top: solid $accent; }
        & > #detail-text { height: auto; width: 100%; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._facts: tuple[Fact, ...] = ()
        self._drawn: tuple[int, tuple[Fact, ...]] | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="detail-text", markup=False)

    def show(self, facts: Sequence[Fact]) -> None:
        """Draw these facts, from the top where they are others than before."""
        found = tuple(facts)
        if found != self._facts:
            self._facts = found
            self.scroll_home(animate=False)
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def text(self) -> str:
        """Return the facts as text, one line each."""
        return "\n".join(f"{plain(fact[0])}  {plain(fact[1])}".strip() for fact in self._facts)

    def _draw(self) -> None:
        width = self.scrollable_content_region.width
        if not width or self._drawn == (width, self._facts):
            return
        self._drawn = (width, self._facts)
        self.query_one("#detail-text", Static).update(_content(self._facts, width))


def _content(facts: Sequence[Fact], width: int) -> Content:
    names = max((cell_len(fact[0]) for fact in facts), default=0)
    room = max(10, width - names - GAP)
    parts: list[tuple[str, str]] = []
    for fact in facts:
        style = fact[2] if len(fact) == 3 else ""
        for number, line in enumerate(wrapped(plain(fact[1]), room)):
            name = fact[0] if number == 0 else ""
            parts += [(f"{name:<{names + GAP}}", "$dim"), (f"{line}\n", style)]
    return Content.assemble(*parts).rstrip("\n") if parts else Content("")
