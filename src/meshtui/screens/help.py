"""`?`: every key, from the registry of actions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip

from meshtui.actions import APP, Action, shown_keys
from meshtui.widgets.cells import fit, wrapped

KEYS_WIDTH, LABEL_WIDTH = 9, 15
LISTS = "Lists: ↑ ↓ or j k, page up and down, g first, G last. esc closes this."

Line = tuple[tuple[str, str], ...]
"""The parts of a line: each its text and its tone, "" for the usual one."""


class HelpText(ScrollView, can_focus=True):
    """Lines of which those in sight are drawn: as one text they would be kept drawn, all of them, for good."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"help--scope", "help--keys", "help--dim"}
    DEFAULT_CSS = """
    HelpText {
        & > .help--scope { text-style: bold; }
        & > .help--keys { color: $accent; }
        & > .help--dim { color: $dim; }
    }
    """

    def __init__(self) -> None:
        super().__init__(id="help")
        self._lines: Sequence[Line] = ()

    def show(self, lines: Sequence[Line]) -> None:
        """Show other lines."""
        self._lines = lines
        self.virtual_size = Size(0, len(lines))
        self.refresh(layout=True)

    def render_line(self, y: int) -> Strip:
        at = y + round(self.scroll_y)
        parts = self._lines[at] if at < len(self._lines) else ()
        styles = (
            (text, self.get_component_rich_style(f"help--{tone}") if tone else self.rich_style) for text, tone in parts
        )
        return Strip([Segment(text, style) for text, style in styles]).adjust_cell_length(
            self.scrollable_content_region.width, self.rich_style
        )


class HelpScreen(ModalScreen[None]):
    """Keys of the view that is shown first, then those that work everywhere, then the others'."""

    DEFAULT_CSS = """
    HelpScreen {
        #help { width: 90%; max-width: 100; height: auto; max-height: 90%; background: $surface; padding: 1 2; }
    }
    """
    BINDINGS: ClassVar = [Binding("escape,question_mark,q", "dismiss", show=False)]

    def __init__(self, actions: Sequence[Action], keymap: Mapping[str, str], current: str) -> None:
        super().__init__()
        self._actions = actions
        self._keymap = keymap
        self._current = current

    def compose(self) -> ComposeResult:
        yield HelpText()

    def on_resize(self) -> None:
        width = min(100, self.size.width * 9 // 10)
        self.query_one(HelpText).show(list(self._text(max(20, width - 6 - KEYS_WIDTH - LABEL_WIDTH - 4))))

    def _text(self, room: int) -> Iterator[Line]:
        scopes = list(dict.fromkeys([self._current, APP, *(action.scope for action in self._actions)]))
        for scope in scopes:
            found = [action for action in self._actions if action.scope == scope]
            if not found:
                continue
            yield (("everywhere" if scope == APP else scope, "scope"),)
            for action in found:
                keys = fit(shown_keys(action, self._keymap), KEYS_WIDTH)
                first, *more = wrapped(action.help, room)
                yield (f"  {keys} ", "keys"), (f"{fit(action.label, LABEL_WIDTH)} ", ""), (first, "dim")
                for line in more:
                    yield (" " * (KEYS_WIDTH + LABEL_WIDTH + 4), ""), (line, "dim")
            yield ()
        for line in wrapped(LISTS, room + KEYS_WIDTH + LABEL_WIDTH + 4):
            yield ((line, "dim"),)
