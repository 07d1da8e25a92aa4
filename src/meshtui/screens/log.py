"""Pane 6: the journal, the monitor's log, or any other log, as it grows; filtered, searched, opened line by line."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult

from meshcore.journal.document import Document, Rows
from meshcore.journal.filtering import Filter, FilterError, parse_filter
from meshcore.journal.news import FolderNews
from meshcore.journal.tail import BACKSTOP_SECONDS
from meshtui.actions import Action, jumping
from meshtui.screens.base import Pane
from meshtui.screens.deciding import Deciding, deciding, incident_in
from meshtui.widgets.cells import plain
from meshtui.widgets.log_title import LogTitle, short
from meshtui.widgets.log_view import LogView

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshtui.snapshot import Snapshot

PAUSE_SECONDS = 0.08  # between two paintings of a log that grows all the time
PROGRESS_SECONDS = 0.25  # between two paintings while it is counted or looked through
SCREENS_AT_ONCE = 200  # lines that are known before the first painting
EXPORTED = 100_000  # lines
SOURCES = ("journal", "monitor")

ACTIONS: tuple[Action, ...] = (
    Action("log.record", "enter", "open", "Show the whole record under the cursor.", hint="open"),
    Action("log.bottom", "G,end", "bottom", "Go to the end, and follow it.", hint="follow"),
    Action("log.top", "g,home", "top", "Go to the beginning."),
    Action(
        "log.suspend", "f", "filter on or off", "Show all lines or only those filtered, at the same place.", "filter"
    ),
    Action("log.next", "n", "next match", "Go to the next line that the filter lets through.", "match", "n N"),
    Action("log.previous", "N", "previous match", "Go to the one before."),
    jumping("log"),
    Action("log.source", "s", "next log", "Change between journal, monitor log and an opened file.", "log"),
    *deciding("log"),
    Action("log.open", "o", "open a file", "Show another log, of JSON lines or any text."),
)

HELP = "words  field:value  !not  /regex/"


class LogPane(Deciding, Pane):
    """A log. `path`: that file and no other."""

    NAME = "log"
    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    LogPane {
        #log-view { height: 1fr; }
    }
    """

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self._only = path
        self._opened: Path | None = path
        self._source = "file" if path is not None else SOURCES[0]
        self._document: Document | None = None
        self._filter = parse_filter("")
        self._typed = ""
        self._fault = ""
        self._said = ""
        self._suspended = False
        self._working = asyncio.Event()
        self._wanted_at: int | None = None  # the row that a person stood on when the filter changed

    def compose(self) -> ComposeResult:
        yield LogTitle()
        yield LogView(id="log-view")

    @property
    def view(self) -> LogView:
        """Return the lines."""
        return self.query_one(LogView)

    @property
    def document(self) -> Document | None:
        """Return the log that is shown."""
        return self._document

    @property
    def path(self) -> Path:
        """Return the file that is shown."""
        home = self.mesh.home
        if self._source == "file" and self._opened is not None:
            return self._opened
        if self._source == "monitor":
            from meshcore.evidence.monitor.monitor import LOG_NAME

            return home.root / LOG_NAME
        return home.journal

    # --- the log ----------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._open()

    def on_unmount(self) -> None:
        if self._document is not None:
            self._document.close()

    def _open(self) -> None:
        if self._document is not None:
            self._document.close()
        self._said = ""
        document = self._document = Document(self.path, self.mesh.clock)
        document.set_filter(self._filter)
        document.refresh()
        document.know(SCREENS_AT_ONCE)
        self.view.empty = _nothing_yet(self._source, self.path)
        self.view.show(self._rows(document))
        self._follow(document)
        # Behind the painting: counting would take the processor from it.
        self.call_after_refresh(self._begin, document)
        self._draw_title()

    def _begin(self, document: Document) -> None:
        if document is self._document:
            self._work(document)

    @work(group="log.follow", exclusive=True)
    async def _follow(self, document: Document) -> None:
        """Take note of what becomes of the log, for as long as it is shown."""
        news = FolderNews()
        try:
            while document is self._document:
                await news.wait(document.folders, BACKSTOP_SECONDS)
                if document is self._document and self._refresh(document):
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            news.close()

    def _refresh(self, document: Document) -> bool:
        found = document.refresh()
        if found.said:
            self._said = found.said[-1]
        if not found.changed:
            return False
        if self._filter:
            document_search_now(document)
        self._working.set()
        self._show_rows(document, changed=True)
        return True

    @work(group="log.work", exclusive=True)
    async def _work(self, document: Document) -> None:
        """Count and look through the log in a thread, a hundredth of a second at a time."""
        loop = asyncio.get_running_loop()
        painted = loop.time()
        while document is self._document:
            self._working.clear()
            more = await asyncio.to_thread(self._step, document)
            if document is not self._document:
                return
            if not more or loop.time() - painted >= PROGRESS_SECONDS:
                painted = loop.time()
                self._show_rows(document)
                self._come_back(document, through=not more)
            if not more:
                await self._working.wait()

    def _step(self, document: Document) -> bool:
        try:
            return document.search() or document.count()
        except FilterError as error:
            self._fault = str(error)
            document.set_filter(None)
            return True

    def _rows(self, document: Document) -> Rows:
        return document.matched if self._filter and not self._suspended else document.rows

    def _show_rows(self, document: Document, *, changed: bool = False) -> None:
        if not self.mesh.frozen:
            self.view.refresh_rows(self._rows(document), changed=changed)
            self._draw_title()

    def _come_back(self, document: Document, *, through: bool) -> None:
        """Once enough was looked through, stand where the person stood before the filter changed."""
        if self._wanted_at is None or self._suspended or not self._filter:
            return
        if through:
            self.view.show(document.matched, at=document.matching_row(self._wanted_at))
            self._wanted_at = None

    def show(self, snapshot: Snapshot) -> None:
        if self._document is not None:
            self._show_rows(self._document)

    def timeline_grown(self) -> None:
        if self._document is not None:
            self._show_rows(self._document, changed=True)

    # --- the line above ---------------------------------------------------------------------------------------------

    def on_log_view_moved(self) -> None:
        self._draw_title()

    def on_resize(self) -> None:
        self._draw_title()

    def _draw_title(self) -> None:
        if self._document is None:
            return
        named = {"journal": f"journal  {short(self.path)}", "monitor": f"monitor log  {short(self.path)}"}
        self.query_one(LogTitle).show(
            named.get(self._source, short(self.path)),
            self._document,
            self.view,
            filtered=bool(self._filter),
            suspended=self._suspended,
            fault=self._fault,
            said=self._said,
        )

    # --- what a person does -----------------------------------------------------------------------------------------

    def focus_first(self) -> None:
        self.view.focus()

    def find(self, text: str) -> None:
        self._typed = text
        try:
            wanted = parse_filter(text)
        except FilterError as error:
            self._fault = str(error)
            self._draw_title()
            return
        self._fault = ""
        self._apply(wanted)

    def _apply(self, wanted: Filter) -> None:
        document = self._document
        if document is None:
            self._filter = wanted
            return
        hidden = bool(self._filter) and not self._suspended
        row = document.row_of_match(self.view.cursor) if hidden else self.view.cursor
        at = None if self.view.following or row is None else row
        self._wanted_at = self._wanted_at if at is None and not self.view.following else at
        self._filter, self._suspended = wanted, False
        document.set_filter(wanted)
        document_search_now(document)
        self.view.spans = wanted.spans
        self.view.empty = _nothing_found(wanted) if wanted else _nothing_yet(self._source, self.path)
        if wanted:
            self.view.show(document.matched)
        else:
            self.view.show(document.rows, at=self._wanted_at)
            self._wanted_at = None
        self.view.redraw()
        self._working.set()
        self._draw_title()

    @property
    def finding(self) -> str:
        return self._typed

    def action_suspend(self) -> None:
        document = self._document
        if document is None or not self._filter:
            self.mesh.say(f"nothing is filtered; / does: {HELP}")
            return
        self._suspended = not self._suspended
        following, cursor = self.view.following, self.view.cursor
        at = document.row_of_match(cursor) if self._suspended else document.matching_row(cursor)
        self.view.show(self._rows(document), at=None if following else at)
        self.view.redraw()
        self._draw_title()

    def action_next(self) -> None:
        self._go_to_match(1)

    def action_previous(self) -> None:
        self._go_to_match(-1)

    def _go_to_match(self, by: int) -> None:
        document, cursor = self._document, self.view.cursor
        if document is None or not self._filter:
            self.mesh.say(f"nothing is looked for; / does: {HELP}")
            return
        if not self._suspended:
            self.view.move_to(cursor + by)
            return
        match = document.matching_row(cursor)
        on_it = document.row_of_match(match) == cursor
        match += by if by < 0 or on_it else 0
        matched = document.matched
        if matched.first <= match < matched.end and (row := document.row_of_match(match)) is not None:
            self.view.move_to(row)

    def action_top(self) -> None:
        self.view.action_top()

    def action_bottom(self) -> None:
        self.view.action_bottom()

    @work(group="log.jump", exclusive=True)
    async def action_jump(self) -> None:
        from meshtui.jumping import row_at
        from meshtui.screens.jump import asked_moment

        if (moment := await asked_moment(self.mesh)) is None or (document := self._document) is None:
            return
        if (row := row_at(self._rows(document), moment)) is None:
            self.mesh.say("no line here names its time")
        else:
            self.view.move_to(row)
            if not document.is_counted:
                self.mesh.say("the beginning is still being read: ask again")

    def on_log_view_chosen(self) -> None:
        self.action_record()

    def action_record(self) -> None:
        line = self.view.selected
        if line is not None:
            from meshtui.screens.record import RecordScreen

            self.app.push_screen(RecordScreen(line, self.path.name))

    def incident_here(self) -> str:
        return incident_in(self.view.selected)

    def none_here(self) -> str:
        return "this line is of no incident"

    def action_source(self) -> None:
        if self._only is not None:
            return
        names = [*SOURCES, *(["file"] if self._opened is not None else [])]
        self._source = names[(names.index(self._source) + 1) % len(names)]
        self._open()

    @work(group="log.open", exclusive=True)
    async def action_open(self) -> None:
        from meshtui.screens.ask import Ask

        answer = await self.mesh.push_screen_wait(Ask("Which log?", value=str(self._opened or "")))
        if answer:
            self._opened, self._source = Path(answer).expanduser().absolute(), "file"
            self._open()

    def copied(self) -> str:
        return self.view.selected.text if self.view.selected is not None else ""

    async def exported(self) -> str:
        document = self._document
        if document is None:
            return ""
        rows = self._rows(document)
        lines = rows.lines(max(rows.first, rows.end - EXPORTED), EXPORTED)
        return "".join(f"{plain(line.text)}\n" for line in lines)

    def state(self) -> Mapping[str, Json]:
        kept: dict[str, Json] = {"source": self._source, "filter": self._filter.source, "all_shown": self._suspended}
        return kept | ({"file": str(self._opened)} if self._opened is not None else {})

    def restore(self, state: Mapping[str, Json]) -> None:
        if isinstance(file := state.get("file"), str):
            self._opened = Path(file)
        if (source := state.get("source")) in (*SOURCES, "file") and (source != "file" or self._opened):
            self._source = str(source)
            self._open()
        if isinstance(text := state.get("filter"), str) and text:
            self.find(text)
            if state.get("all_shown") is True:
                self.action_suspend()


def document_search_now(document: Document) -> None:
    """Look through what is new at once, so that it is seen at once; long logs go on in the background."""
    try:
        document.search()
    except FilterError:
        return  # the next step in the background says so


def _nothing_found(wanted: Filter) -> str:
    return f"no line for {plain(wanted.source)}; esc shows all"


def _nothing_yet(source: str, path: Path) -> str:
    hints: Sequence[str] = {
        "journal": ("nothing has happened here yet; the journal begins with the first event",),
        "monitor": ("no monitor has written here yet:  meshtui monitor --watch",),
    }.get(source, ("empty, or not there yet; what comes is shown",))
    return hints[0]
