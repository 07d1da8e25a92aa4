"""`?`: every key, from the registry of actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from meshtui.actions import APP, Action, shown_keys
from meshtui.widgets.cells import fit, wrapped

KEYS_WIDTH, LABEL_WIDTH = 9, 15


class HelpScreen(ModalScreen[None]):
    """Keys of the view that is shown first, then those that work everywhere, then the others'."""

    DEFAULT_CSS = """
    HelpScreen {
        #help { width: 90%; max-width: 100; height: auto; max-height: 90%; background: $surface; padding: 1 2; }
        #help-text { height: auto; }
    }
    """
    BINDINGS: ClassVar = [Binding("escape,question_mark,q", "dismiss", show=False)]

    def __init__(self, actions: Sequence[Action], keymap: Mapping[str, str], current: str) -> None:
        super().__init__()
        self._actions = actions
        self._keymap = keymap
        self._current = current

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="help"):
            yield Static(id="help-text")

    def on_resize(self) -> None:
        width = min(100, self.size.width * 9 // 10)
        self.query_one("#help-text", Static).update(self._text(width - 6 - KEYS_WIDTH - LABEL_WIDTH - 4))

    def _text(self, room: int) -> Content:
        scopes = list(dict.fromkeys([self._current, APP, *(action.scope for action in self._actions)]))
        lines: list[Content] = []
        for scope in scopes:
            found = [action for action in self._actions if action.scope == scope]
            if not found:
                continue
            lines.append(Content.styled("everywhere" if scope == APP else scope, "bold"))
            for action in found:
                keys = fit(shown_keys(action, self._keymap), KEYS_WIDTH)
                first, *more = wrapped(action.help, max(20, room))
                lines.append(
                    Content.assemble((f"  {keys} ", "$accent"), f"{fit(action.label, LABEL_WIDTH)} ", (first, "$dim"))
                )
                indent = " " * (KEYS_WIDTH + LABEL_WIDTH + 4)
                lines += [Content.assemble(indent, (line, "$dim")) for line in more]
            lines.append(Content(""))
        lines.append(Content.styled("Lists: ↑ ↓ or j k, page up and down, g first, G last. esc closes this.", "$dim"))
        return Content("\n").join(lines)
