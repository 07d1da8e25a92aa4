"""The line in which a person types what to find; the field itself is made when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Static

from meshtui.widgets.bars import Hints

if TYPE_CHECKING:
    from textual.widgets import Input


class FindBar(Horizontal):
    """Hidden while nothing is looked for."""

    KEYS = (("enter", "to what is found"), ("esc", "show all"))

    class Typed(Message):
        """What is to be found has changed."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Done(Message):
        """The person goes back to what was found."""

    def __init__(self) -> None:
        super().__init__(id="find")

    def on_descendant_focus(self) -> None:
        self.screen.query_one(Hints).type(self.KEYS)

    def on_descendant_blur(self) -> None:
        self.screen.query_one(Hints).type(())

    async def open(self) -> None:
        """Let the person type."""
        await self._field()
        self.display = True
        # At once: what a person types next belongs here already.
        self.screen.set_focus(self.query_one("#find-input"))

    async def show(self, text: str) -> None:
        """Show what is being looked for, without asking for more; "" hides the line."""
        if text:
            await self._field()
        for field in self._fields():
            with field.prevent(type(field).Changed):
                field.value = text
        self.display = bool(text)

    def _fields(self) -> list[Input]:
        from textual.widgets import Input

        return list(self.query(Input))

    async def _field(self) -> None:
        if not self._fields():
            from textual.widgets import Input

            await self.mount(Static("find ", id="find-label"), Input(id="find-input", compact=True))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.display = bool(event.value)
        self.post_message(self.Done())
