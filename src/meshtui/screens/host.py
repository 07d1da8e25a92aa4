"""One host of the fleet: its incidents as they are known here, and which of this node's records it has received."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult

from meshcore.errors import MeshError
from meshcore.service.fleet import FleetNode
from meshcore.store.views import IncidentBrief, incident_briefs_at, newest_told
from meshtui.actions import Action
from meshtui.bridgeview import Receipted
from meshtui.screens.base import Page
from meshtui.screens.deciding import Deciding, deciding
from meshtui.widgets.bars import Hints
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.header import duration
from meshtui.widgets.heading import Column
from meshtui.widgets.page_title import PageTitle
from meshtui.widgets.rows import Cell, Row, Rows
from meshtui.widgets.states import STATES

MOST_INCIDENTS, MOST_RECORDS = 500, 20

COLUMNS = (
    Column("opened", 19, priority=1),
    Column("state", 14),
    Column("agent", 18, flex=1),
    Column("error", 24, flex=4),
)

ACTIONS: tuple[Action, ...] = (
    Action("host.open", "enter", "open", "Open the chain of the incident.", hint="open"),
    *deciding("host", hints="art"),
)


class HostScreen(Deciding, Page):
    """The incidents of a host's nodes, newest first, and below them what those nodes have received."""

    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    HostScreen {
        & > Rows { height: 1fr; }
    }
    """

    def __init__(self, host: str, nodes: Sequence[FleetNode]) -> None:
        super().__init__()
        self._host = host
        self._of_host = nodes
        self._incidents: dict[str, IncidentBrief] = {}

    def compose(self) -> ComposeResult:
        yield PageTitle()
        yield Rows(COLUMNS, self._row, empty="no incident of this host is known here")
        yield Detail()
        yield Hints(back="the fleet")

    def on_mount(self) -> None:
        self.query_one(Hints).show(ACTIONS)
        self.query_one(Rows).focus()
        self.query_one(PageTitle).show(self._host, ", ".join(one.name for one in self._of_host))
        self._load()

    def incidents_changed(self, incidents: Sequence[IncidentBrief]) -> None:
        """Load again: one of them may be of this host."""
        self._load()

    @work(group="host", exclusive=True)
    async def _load(self) -> None:
        feed, keys = self.mesh.feed, [one.node for one in self._of_host]
        if feed is None or feed.store is None:
            return
        try:
            found = await feed.store.ask(incident_briefs_at(keys, MOST_INCIDENTS))
            told = await feed.receipted(await feed.store.ask(newest_told(MOST_RECORDS)))
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        self._incidents = {brief.incident_id: brief for brief in found}
        self.query_one(Rows).set_ids(list(self._incidents), list(self._incidents))
        self.query_one(Detail).show(self._receipts(told, set(keys)))

    def _row(self, incident_id: str) -> Row:
        one = self._incidents[incident_id]
        word, tone = STATES[one.state]
        opened = f"{one.opened[:19].replace('T', ' ')}"
        return (Cell(opened, "dim"), Cell(word, tone), one.agent, one.line or one.error_type)

    def _receipts(self, told: Sequence[Receipted], keys: set[str]) -> list[Fact]:
        found: list[Fact] = []
        for one in told:
            got = [(status, after) for node, status, after in one.receipts if node in keys]
            what = ", ".join(f"{status} after {duration(after)}" for status, after in got) or "not received"
            style = "$dim" if got else "$warning"
            found.append(("received" if not found else "", f"{one.kind} {one.record_id[:12]}: {what}", style))
        return found or [("received", "this node has told nothing yet", "$dim")]

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if selected := self.query_one(Rows).selected:
            from meshtui.screens.chain import ChainScreen

            self.app.push_screen(ChainScreen(selected))

    def incident_here(self) -> str:
        return self.query_one(Rows).selected

    def copied(self) -> str:
        """Return the selected line as text."""
        rows = self.query_one(Rows)
        return rows.text_of(rows.selected) if rows.selected else ""
