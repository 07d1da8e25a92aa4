"""What the panes with one list have in common: find, copy and export, and the selected row in full below it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from textual.widgets import Static

from meshcore.clock import from_text
from meshcore.model import Json
from meshtui.screens.base import Pane
from meshtui.widgets.detail import Detail
from meshtui.widgets.rows import Rows

WIDE = 160  # columns from which on the selected row is shown beside the list


class ListPane(Pane):
    """A list, and what is known of its selected row.

    `BESIDE` the list where a terminal is wide, until a person closes it there: it has the action of `previewing`.
    """

    BESIDE: ClassVar[bool] = False

    DEFAULT_CSS = """
    ListPane {
        & > .sum { height: 1; width: 100%; text-wrap: nowrap; text-overflow: ellipsis; }
        & > Rows { height: 1fr; }
        &.-wide > Detail { dock: right; width: 40%; height: 100%; border-top: none; border-left: solid $faint; }
        &.-closed > Detail { display: none; }
        &.-wide > Detail:focus { border-top: none; border-left: solid $accent; }
    }
    """

    _previews = True

    def on_resize(self) -> None:
        wide = self.BESIDE and self.size.width >= WIDE
        self.set_class(wide, "-wide")
        self.set_class(wide and not self._previews, "-closed")

    def action_preview(self) -> None:
        if self.size.width < WIDE:
            self.mesh.say(f"it stands below the list: beside it there is room from {WIDE} columns on")
            return
        self._previews = not self._previews
        self.on_resize()

    @property
    def rows(self) -> Rows:
        """Return the list."""
        return self.query_one(Rows)

    @property
    def sum(self) -> Static:
        """Return the line above the list, where there is one."""
        return self.query_one(".sum", Static)

    @property
    def detail(self) -> Detail:
        """Return the selected row in full."""
        return self.query_one(Detail)

    def moment(self, text: str, *, never: str = "?") -> str:
        """Return a stored moment in at most ten characters: the time today, else the day. `never` for none."""
        try:
            at: datetime = from_text(text)
        except ValueError:
            return never
        return f"{at:%H:%M:%S}" if at.date() == self.mesh.clock.now().date() else f"{at:%Y-%m-%d}"

    def focus_first(self) -> None:
        self.rows.focus()

    def action_mark(self) -> None:
        self.rows.mark()

    def find(self, text: str) -> None:
        if not text and not self.rows.finding:
            self.rows.unmark()
        self.rows.find(text)

    @property
    def finding(self) -> str:
        return self.rows.finding

    def copied(self) -> str:
        return self.detail.text()

    async def exported(self) -> str:
        wanted = self.rows.marked or self.rows.shown
        return "".join(f"{self.rows.text_of(row_id)}\n" for row_id in self.rows.shown if row_id in wanted)

    def state(self) -> Mapping[str, Json]:
        return {"find": self.rows.finding, **({} if self._previews else {"preview": False})}

    def restore(self, state: Mapping[str, Json]) -> None:
        self._previews = state.get("preview") is not False
        if isinstance(text := state.get("find"), str):
            self.rows.find(text)
