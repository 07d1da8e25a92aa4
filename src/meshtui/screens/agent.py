"""One agent: what it fails at, each error in one line, and below it what the agent was told and what came of that."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult

from meshcore.errors import MeshError
from meshcore.evidence.of_agents import MOST_ERRORS, FailsAt, agents_known
from meshcore.store.views import IncidentBrief
from meshtui.actions import Action
from meshtui.screens.agent_known import Known, silent
from meshtui.screens.base import Page
from meshtui.screens.deciding import Deciding, deciding
from meshtui.widgets.bars import Hints
from meshtui.widgets.detail import Detail
from meshtui.widgets.heading import Column
from meshtui.widgets.page_title import PageTitle
from meshtui.widgets.rows import Cell, Row, Rows
from meshtui.widgets.states import STATES

COLUMNS = (
    Column("times", 6, right=True),
    Column("verified", 8, right=True, priority=1),
    Column("newest", 14),
    Column("fails at", 24, flex=4),
    Column("last", 11, priority=2),
)

ACTIONS: tuple[Action, ...] = (
    *deciding("agent", hints="art"),
    Action("agent.open", "enter", "open", "Open the chain of its newest incident.", hint="open"),
)


class AgentScreen(Deciding, Page):
    """The errors of an agent, the most frequent first."""

    ACTIONS = ACTIONS
    DEFAULT_CSS = """
    AgentScreen {
        & > Rows { height: 1fr; }
    }
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self._agent = name
        self._errors: dict[str, FailsAt] = {}

    def compose(self) -> ComposeResult:
        yield PageTitle()
        yield Rows(COLUMNS, self._row, empty="no failure of this agent is known", follows_first=False)
        yield Detail()
        yield Hints(back="back")

    def on_mount(self) -> None:
        self.query_one(Hints).show(ACTIONS)
        self.query_one(Rows).focus()
        self._load()

    def incidents_changed(self, incidents: Sequence[IncidentBrief]) -> None:
        """Load again where one of them is of this agent."""
        if any(brief.agent == self._agent for brief in incidents):
            self._load()

    @work(group="agent", exclusive=True)
    async def _load(self) -> None:
        feed = self.mesh.feed
        if feed is None or feed.store is None:
            return
        try:
            row = next((one for one in await feed.store.ask(agents_known()) if one.name == self._agent), None)
            known = await Known.of(feed, row, MOST_ERRORS) if row is not None else None
        except MeshError as error:
            self.mesh.say(str(error), severity="error")
            return
        if known is None:
            self.query_one(PageTitle).show(self._agent, "nothing is known of it")
            return
        self._errors = {one.incident_id: one for one in known.errors}
        self.query_one(Rows).set_ids(list(self._errors))
        self.query_one(Detail).show(known.told_facts())
        row = known.row
        gone = silent(row, self.mesh.clock.now().timestamp())
        said = f"silent for {gone} · {row.failures:,} failures, {row.verified:,} verified · {row.via} on {row.host}"
        self.query_one(PageTitle).show(row.name, said)

    def _row(self, incident_id: str) -> Row:
        one = self._errors[incident_id]
        word, tone = STATES[one.state]
        more = f"  (+{one.lines - 1:,})" if one.lines > 1 else ""
        last = one.last[5:16].replace("T", " ")
        return (
            f"{one.times:,}",
            Cell(f"{one.verified:,}", "dim"),
            Cell(word, tone),
            f"{one.line}{more}",
            Cell(last, "dim"),
        )

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if selected := self.query_one(Rows).selected:
            from meshtui.screens.chain import ChainScreen

            self.app.push_screen(ChainScreen(selected))

    def incident_here(self) -> str:
        return self.query_one(Rows).selected

    def copied(self) -> str:
        """Return the selected error, and what the agent was told, as text."""
        rows = self.query_one(Rows)
        return f"{rows.text_of(rows.selected)}\n{self.query_one(Detail).text()}" if rows.selected else ""
