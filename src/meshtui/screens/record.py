"""One line of a log as a whole: pretty where it is JSON, with its place in the file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from meshcore.journal.line import Line
from meshtui.actions import Action
from meshtui.screens.base import Page
from meshtui.screens.deciding import Deciding, deciding, incident_in
from meshtui.widgets.bars import Hints
from meshtui.widgets.cells import fit, plain, wrapped
from meshtui.widgets.page_title import PageTitle

if TYPE_CHECKING:
    from meshcore.model import Json

LIMIT = 2000  # fields, and lines of one
INDENT, MOST_DEEP = 2, 10

ACTIONS: tuple[Action, ...] = (
    Action("record.raw", "r", "as it stands", "Show the line as it stands in the file, or pretty.", hint="raw"),
    *deciding("record", but="r"),
)


class RecordScreen(Deciding, Page):
    """A record; `y` copies it."""

    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    RecordScreen {
        #record { height: 1fr; padding: 1 0 0 0; }
        #record-text { height: auto; }
    }
    """

    def __init__(self, line: Line, title: str) -> None:
        super().__init__()
        self._line = line
        self._title = title
        self._raw = False

    def compose(self) -> ComposeResult:
        yield PageTitle()
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

    def incident_here(self) -> str:
        return incident_in(self._line)

    def none_here(self) -> str:
        return "this record is of no incident"

    def copied(self) -> str:
        """Return the record: as it stands, or as indented JSON."""
        value = None if self._raw else _parsed(self._line.text)
        return self._line.text if value is None else json.dumps(value, indent=2, ensure_ascii=False)

    def _draw(self) -> None:
        width = self.size.width - 3
        if width < 20:
            return
        line = self._line
        size = f"{line.size:,} bytes at byte {line.start:,}{', shown in part' if line.cut else ''}"
        self.query_one(PageTitle).show(self._title, size)
        value = None if self._raw else _parsed(line.text)
        fields = [Field(0, "", line.text)] if value is None else list(outline(value))
        shown = [part for field in fields[:LIMIT] for part in _drawn(field, width)]
        if len(fields) > LIMIT:
            shown.append(Content.styled(f" … {len(fields) - LIMIT:,} fields more; y copies all", "$dim"))
        self.query_one("#record-text", Static).update(Content("\n").join(shown))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record: how deep it lies, its key ("-" in a list), and its value as text of one or more lines."""

    depth: int
    key: str
    text: str


def outline(value: Json, depth: int = 0) -> Iterator[Field]:
    """Yield the fields of a record, those of an object below its key."""
    pairs = value.items() if isinstance(value, dict) else (("-", one) for one in value)
    for key, one in pairs:
        if isinstance(one, dict | list) and one:
            yield Field(depth, key, "")
            yield from outline(one, depth + 1)
        else:
            yield Field(depth, key, one if isinstance(one, str) else json.dumps(one))


def _parsed(text: str) -> Json:
    """Return the object or list of a line, None if it holds none, or one too deep to be drawn."""
    try:
        value = json.loads(text)
        json.dumps(value)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) and value else None


def _drawn(field: Field, width: int) -> Iterator[Content]:
    """Yield a field's lines, wrapped behind its key."""
    left = " " * (1 + INDENT * min(field.depth, MOST_DEEP))
    key = fit(plain(field.key), min(len(plain(field.key)), width // 2))
    room = max(10, width - len(left) - cell_len(key) - 2)
    lines = [part for line in field.text.split("\n")[:LIMIT] for part in wrapped(plain(line), room)]
    if len(lines) > 1 and "\n" in field.text:  # a text of several lines stands below its key, with a bar before it
        yield Content.assemble(left, (key, "$accent"))
        for line in field.text.rstrip("\n").split("\n")[:LIMIT]:
            for part in wrapped(plain(line.expandtabs(4)), max(10, width - len(left) - 4)):
                yield Content.assemble(left, ("  │ ", "$faint"), part)
        return
    gap = "  " if key else ""
    for number, part in enumerate(lines or [""]):
        head = (key, "$accent") if number == 0 else (" " * cell_len(key), "")
        yield Content.assemble(left, head, gap, part)
