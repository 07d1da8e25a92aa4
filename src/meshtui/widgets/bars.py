"""The bars around the panes: banners above, and the hints at the bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from textual.content import Content
from textual.widgets import Static

from meshtui.actions import APP_ACTIONS, Action, hint_of
from meshtui.host import host_of
from meshtui.widgets.header import banners

if TYPE_CHECKING:
    from textual.screen import Screen

    from meshtui.snapshot import Snapshot


class Banners(Static):
    """What must be said above everything else: halted, unreadable, frozen; nothing most of the time."""

    def __init__(self) -> None:
        super().__init__(id="banners")
        self._said: list[tuple[str, str]] = []

    def show(self, snapshot: Snapshot, frozen: str, waiting: int) -> None:
        """Say what a snapshot, and a view that is held still, call for."""
        said = banners(snapshot, frozen, waiting)
        if said == self._said:
            return
        same_height = len(said) == len(self._said)
        self._said = said
        self.display = bool(said)
        lines: list[tuple[str, str]] = []
        for number, (kind, text) in enumerate(said):
            if number:
                lines.append(("\n", ""))
            lines.append((f" {text} ", _STYLES[kind]))
        self.update(Content.assemble(*lines), layout=not same_height)


_STYLES = {
    "halted": "bold reverse $error",
    "fault": "bold $error",
    "frozen": "bold reverse $accent",
}


class HaltBar(Static):
    """That everything is halted, on top of what lies above the panes: pages, questions, the palette."""

    DEFAULT_CSS = """
    HaltBar {
        dock: top; height: 1; width: 100%; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
        color: $error; background: $background; text-style: bold reverse;
    }
    """


def show_halt(screens: Sequence[Screen[Any]], said: str) -> None:
    """Say on these screens that everything is halted, "" for no more."""
    for screen in screens:
        bars = screen.query_children(HaltBar)
        if said and not bars:
            screen.mount(HaltBar(said, markup=False))
        for bar in bars:
            if said:
                bar.update(said)
            else:
                bar.remove()


class Hints(Static):
    """The keys that matter here, as many as fit; `?` and `q` always."""

    def __init__(self, back: str = "") -> None:
        """`back`: what escape goes back to, where it does."""
        super().__init__(id="hints")
        self._back = back
        self._actions: Sequence[Action] = ()
        self._typing: Sequence[tuple[str, str]] = ()

    def type(self, keys: Sequence[tuple[str, str]]) -> None:
        """Name the keys (key, word) of a field that a person types in, and no others; none: name the actions again."""
        self._typing = keys
        self._draw()

    def show(self, actions: Sequence[Action]) -> None:
        """Name the hinted actions of a pane or screen, and those that work everywhere."""
        self._actions = actions
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.size.width:
            return
        keymap = host_of(self).settings.keys
        everywhere = [a for a in APP_ACTIONS if a.hint and not (self._back and a.id in _LISTS)]
        always = [hint_of(a, keymap) for a in everywhere]
        if self._back:
            always.insert(0, ("esc", self._back))
        own = [hint_of(a, keymap) for a in self._actions if a.hint]
        room = self.size.width - 1 - _length(always)
        while own and _length(own) > room:
            own.pop()
        parts: list[tuple[str, str]] = [(" ", "")]
        for keys, label in self._typing or [*own, *always]:
            parts += [(keys, "$accent"), (f" {label}   ", "$dim")]
        self.update(Content.assemble(*parts), layout=False)


_LISTS = {"app.find"}


def _length(hints: Sequence[tuple[str, str]]) -> int:
    return sum(cell_len(keys) + cell_len(label) + 4 for keys, label in hints)
