"""Pane 9: the agents; what each fails at, what it was told and what came of that, and since when it is silent."""

from __future__ import annotations

import time
from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from meshcore.errors import MeshError
from meshcore.evidence.of_agents import AgentRow, agents_known
from meshtui.actions import Action, previewing
from meshtui.screens.agent_known import Known, silent
from meshtui.screens.listing import ListPane
from meshtui.snapshot import Snapshot
from meshtui.widgets.detail import Detail
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

LOOK_EVERY_SECONDS = 5.0
SHARE = 50  # what asking took is waited for so many times before it is asked again
FEW = 3

COLUMNS = (
    Column("agent", 20, flex=3),
    Column("via", 11, priority=2),
    Column("host", 10, flex=1, priority=1),
    Column("silent", 7, right=True),
    Column("failures", 8, right=True),
    Column("verified", 8, right=True),
    Column("waits", 5, right=True, priority=3),
)

ACTIONS: tuple[Action, ...] = (
    Action("agents.open", "enter", "open", "Show what the agent fails at, and what it was told.", hint="open"),
    previewing("agents"),
)
EMPTY = "no agents yet: meshtui connect, or meshtui run -- before a command"


class AgentsPane(ListPane):
    """The agents that this node knows, those that gave a sign of life last first, and the selected one in full."""

    NAME = "agents"
    BESIDE = True
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._agents: dict[str, AgentRow] = {}
        self._seq = -1
        self._due = 0.0

    def compose(self) -> ComposeResult:
        yield Static(classes="sum", markup=False)
        yield Rows(COLUMNS, self._row, empty=EMPTY, follows_first=False)
        yield Detail()

    def on_mount(self) -> None:
        self.set_interval(LOOK_EVERY_SECONDS, self._look)

    def show(self, snapshot: Snapshot) -> None:
        if self._seq < 0:
            self._look()

    def reload(self) -> None:
        self._seq, self._due = -1, 0.0

    def _look(self) -> None:
        snapshot = self.mesh.snapshot
        if not self.display or self.mesh.frozen or self.mesh.feed is None or snapshot is None:
            return
        if snapshot.seq != self._seq and time.monotonic() >= self._due:
            self._seq = snapshot.seq
            self._load()
        else:
            self.rows.set_ids(list(self._agents))  # ages go on

    @work(group="agents.load", exclusive=True)
    async def _load(self) -> None:
        if self.feed.store is None:
            return
        began = time.monotonic()
        found = await self.feed.store.ask(agents_known())
        self._due = time.monotonic() + SHARE * (time.monotonic() - began)
        if not self.query(Rows):  # not laid out yet, or the terminal is being left
            if self.is_attached:
                self.call_after_refresh(self._load)
            return
        before, self._agents = self._agents, {one.name: one for one in found}
        self.rows.set_ids(list(self._agents))
        self.sum.update(_sum(found), layout=False)
        if not found or before.get(self.rows.selected) != self._agents.get(self.rows.selected):
            self._detail(self.rows.selected)

    def _row(self, name: str) -> Row:
        one = self._agents[name]
        return (
            Cell(one.name, "accent" if one.own else ""),
            Cell(one.via, "dim"),
            Cell(one.host, "dim"),
            Cell(self._silent(one), "dim"),
            f"{one.failures:,}",
            Cell(f"{one.verified:,}", "good" if one.verified else "dim"),
            Cell(f"{one.waits:,}", "warn" if one.waits else "dim"),
        )

    def _silent(self, one: AgentRow) -> str:
        return silent(one, self.mesh.clock.now().timestamp())

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    @work(group="agents.detail", exclusive=True)
    async def _detail(self, name: str) -> None:
        one = self._agents.get(name)
        if one is None:
            self.detail.show(())
            return
        try:
            known = await Known.of(self.feed, one, FEW)
        except MeshError as error:
            self.detail.show([("cannot be read", str(error), "$error")])
            return
        self.detail.show(known.facts(self._silent(one)))

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if (one := self._agents.get(self.rows.selected)) is not None:
            from meshtui.screens.agent import AgentScreen

            self.app.push_screen(AgentScreen(one.name))


def _sum(found: Sequence[AgentRow]) -> Content:
    if not found:
        return Content("")
    own, failures = sum(one.own for one in found), sum(one.failures for one in found)
    verified, waits = sum(one.verified for one in found), sum(one.waits for one in found)
    agents = f" {len(found)} agent{'s' if len(found) > 1 else ''}, {own} of this node"
    what = f"{waits:,} failure waits" if waits == 1 else f"{waits:,} failures wait"
    waiting = (f" · {what} for a person", "$warning") if waits else ("", "")
    return Content.assemble(f"{agents} · {failures:,} failures known, {verified:,} verified", waiting)
