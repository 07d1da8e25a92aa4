"""A question with a yes and a no, or with one line of text as the answer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from meshtui.widgets.cells import plain


def _keys(*named: tuple[str, str], before: str = "") -> Content:
    parts = [part for key, word in named for part in ((key, "$accent"), (f" {word}    ", ""))]
    return Content.assemble(before, *parts)


YES_OR_NO = ("y", "yes"), ("n", "no")


class Confirm(ModalScreen[bool]):
    """`y` is yes, once all of it was in view; anything else that closes it is no."""

    DEFAULT_CSS = """
    Confirm #ask-details { height: auto; max-height: 60vh; margin-top: 1; }
    Confirm #ask-details > Static { height: auto; }
    """
    BINDINGS: ClassVar = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape,q,enter", "answer(False)", show=False),
    ]

    def __init__(self, question: str, details: str = "") -> None:
        super().__init__()
        self._question = question
        self._details = details

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(plain(self._question), id="ask-question", markup=False)
            if self._details:
                with VerticalScroll(id="ask-details"):
                    yield Static("\n".join(plain(line) for line in self._details.split("\n")), markup=False)
            yield Static(_keys(*YES_OR_NO), id="ask-keys")

    def action_answer(self, answer: bool) -> None:
        for details in self.query("#ask-details"):
            if answer and details.scroll_offset.y < details.max_scroll_y:
                said = _keys(*YES_OR_NO, before="↓ there is more: read on to its end    ")
                self.query_one("#ask-keys", Static).update(said)
                return
        self.dismiss(answer)


class Ask(ModalScreen[str | None]):
    """One line of text; escape is None. `secret`: what is typed is not shown."""

    BINDINGS: ClassVar = [Binding("escape", "cancel", show=False)]

    def __init__(self, question: str, *, value: str = "", secret: bool = False) -> None:
        super().__init__()
        self._question = question
        self._value = value
        self._secret = secret

    def compose(self) -> ComposeResult:
        with Vertical(id="ask"):
            yield Static(plain(self._question), id="ask-question", markup=False)
            yield Input(self._value, password=self._secret, compact=True, id="ask-input")
            yield Static(_keys(("enter", "confirms"), ("esc", "cancels")), id="ask-keys")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.dismiss(event.value)

    def action_cancel(self) -> None:
        self.dismiss(None)
