"""One line of a log as a whole: pretty where it is JSON, with its place in the file."""

from __future__ import annotations

import json
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from meshcore.journal.line import Line
from meshtui.actions import Action, bindings
from meshtui.widgets.bars import Hints
from meshtui.widgets.cells import plain, wrapped

LIMIT = 2000  # lines

ACTIONS: tuple[Action, ...] = (
    Action("record.raw", "r", "as it stands", "Show the line as it stands in the file, or pretty.", hint="raw"),
)


class RecordScreen(Screen[None]):
    """A record; `y` copies it."""

    ACTIONS = ACTIONS
    BINDINGS: ClassVar = bindings(ACTIONS)

    def __init__(self, line: Line, title: str) -> None:
        super().__init__()
        self._line = line
        self._title = title
        self._raw = False

    def compose(self) -> ComposeResult:
        yield Static(id="record-title")
        with VerticalScroll(id="record"):
            yield Static(id="record-text")
        yield Hints(back="the log")

    def on_mount(self) -> None:
        self.query_one(Hints).show(ACTIONS)
        self.query_one("#record").focus()
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def action_raw(self) -> None:
        self._raw = not self._raw
        self._draw()

    def copied(self) -> str:
        """Return the record, as it is shown."""
        return self._line.text if self._raw else "\n".join(pretty(self._line.text))

    def _draw(self) -> None:
        width = self.size.width - 3
        if width < 10:
            return
        line = self._line
        size = f"{line.size:,} bytes at byte {line.start:,}{', shown in part' if line.cut else ''}"
        title = Content.assemble((f" {plain(self._title)} ", "bold"), (f"  {size}", "$dim"))
        self.query_one("#record-title", Static).update(title, layout=False)
        lines = [line.text] if self._raw else pretty(line.text)
        shown = [part for one in lines[:LIMIT] for part in _drawn(one, width)]
        if len(lines) > LIMIT:
            shown.append(Content.styled(f" … {len(lines) - LIMIT:,} lines more; y copies all of it", "$dim"))
        self.query_one("#record-text", Static).update(Content("\n").join(shown))


def pretty(text: str) -> list[str]:
    """Return a record as lines, JSON indented; strings of several lines are shown as such below their key."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return [text]
    if not isinstance(value, dict | list):
        return [text]
    return json.dumps(value, indent=2, ensure_ascii=False).split("\n")


def _drawn(line: str, width: int) -> list[Content]:
    """Return one line, wrapped under its own indent, its key in another colour."""
    indent = len(line) - len(line.lstrip(" "))
    key, colon, rest = line.partition('": ')
    is_key = bool(colon) and line.lstrip().startswith('"')
    if is_key and indent + len(key) + 1 < width:
        head = plain(key[indent + 1 :])
        parts = wrapped(plain(rest), max(10, width - indent - len(head) - 2))
        first = Content.assemble(" " * (indent + 1), (head, "$accent"), "  ", parts[0])
        more = [Content(" " * (indent + len(head) + 3) + part) for part in parts[1:]]
        return [first, *more]
    return [Content(" " * (indent + 1) + part) for part in wrapped(plain(line.lstrip(" ")), width - indent)]
