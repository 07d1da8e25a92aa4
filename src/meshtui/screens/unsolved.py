"""Pane 7: what fails again and again and nobody has solved, the costliest first; and what other nodes say fails."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import partial

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from meshcore.errors import MeshError
from meshcore.knowledge.habits import DAY, EXPECTED_DAYS, ago
from meshcore.model import Json
from meshcore.node import Node
from meshcore.store.views import IncidentBrief, incident_briefs_of
from meshcore.store.walls import Wall, in_words, incidents_at, unsolved, walls_sum
from meshcore.trust.heard import HEARD, Heard, heard_sum
from meshtui.actions import Action, marking, sorting
from meshtui.screens.ask import Confirm
from meshtui.screens.deciding import Deciding, deciding
from meshtui.screens.listing import ListPane
from meshtui.snapshot import Snapshot
from meshtui.widgets.cells import plain
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows
from meshtui.widgets.stored_rows import StoredRows

LOOK_EVERY_SECONDS = 1.0
SHARE = 20  # what asking took is waited for so many times before it is asked again
NEWEST = 5
EMPTY = "nothing fails again and again"
EMPTY_ELSEWHERE = "no other node says that anything fails"

COLUMNS = (
    Column("cost", 8, right=True),
    Column("sessions", 8, right=True),
    Column("command", 20, flex=3),
    Column("error", 20, flex=4, priority=1),
    Column("where", 12, priority=2),
    Column("last", 12, priority=3),
)

ELSEWHERE = (
    Column("who", 14, flex=1),
    Column("says", 12, flex=2, priority=1),
    Column("command", 20, flex=3),
    Column("passed instead", 14, flex=3),
    Column("where", 12, priority=3),
    Column("last", 12, priority=2),
)

ACTIONS: tuple[Action, ...] = (
    *deciding("unsolved", hints="t"),
    Action("unsolved.expect", "x", "expected", "It is meant to fail: say no more of it for 14 days or until it passes.",
           hint="expected"),
    Action("unsolved.elsewhere", "o", "other nodes", "Show what other nodes say fails, and what passed there.",
           hint="others"),
    Action("unsolved.open", "enter", "open", "Open the chain of its newest incident.", hint="open"),
    *sorting("unsolved"),
    marking("unsolved"),
)  # fmt: skip


class UnsolvedPane(Deciding, ListPane):
    """The walls that agents and people meet again and again, and the selected one in full."""

    NAME = "unsolved"
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._elsewhere = False
        self._seq = -1
        self._due = 0.0

    def compose(self) -> ComposeResult:
        yield Static(classes="sum", markup=False)
        # The cursor stays on its wall: what fails meanwhile is not what is expected to.
        yield StoredRows(
            lambda: unsolved(self._now()),
            COLUMNS,
            self._row,
            states=lambda _: (),
            empty=EMPTY,
            follows_first=False,
            id="walls",
        )
        yield StoredRows(
            lambda: HEARD,
            ELSEWHERE,
            self._row_elsewhere,
            states=lambda _: (),
            empty=EMPTY_ELSEWHERE,
            follows_first=False,
            id="elsewhere",
        )
        yield Detail()

    def on_mount(self) -> None:
        self.query_one("#elsewhere").display = False
        self.set_interval(LOOK_EVERY_SECONDS, self._look)

    @property
    def walls(self) -> StoredRows[Wall]:
        """Return the list of what fails on this node."""
        return self.query_one("#walls", StoredRows)

    @property
    def others(self) -> StoredRows[Heard]:
        """Return the list of what other nodes say."""
        return self.query_one("#elsewhere", StoredRows)

    @property
    def rows(self) -> StoredRows[Wall] | StoredRows[Heard]:
        return self.others if self._elsewhere else self.walls

    def show(self, snapshot: Snapshot) -> None:
        if self._seq < 0:
            self.walls.begin()
            self._look()

    def reload(self) -> None:
        self._seq, self._due = -1, 0.0
        self.walls.reload()

    def _look(self) -> None:
        snapshot = self.mesh.snapshot
        if not self.display or self.mesh.frozen or self.mesh.feed is None or snapshot is None:
            return
        if snapshot.seq != self._seq and time.monotonic() >= self._due:
            self._seq = snapshot.seq
            self._load()

    @work(group="unsolved.load", exclusive=True)
    async def _load(self) -> None:
        if (store := self.feed.store) is None:
            return
        began = time.monotonic()
        if self._elsewhere:
            self.others.begin()
            await self.others.renew()
            [said] = await store.ask(heard_sum())
            summary = _sum_elsewhere(*said)
        else:
            self.walls.window.listed = unsolved(self._now())  # what was expected to fail until now is not any more
            await self.walls.renew()
            [of_all] = await store.ask(walls_sum(self._now()))
            summary = _sum(*of_all)
        if not self.query(".sum"):  # the terminal is being left
            return
        self.sum.update(summary, layout=False)
        self._due = time.monotonic() + SHARE * (time.monotonic() - began)
        self._detail(self.rows.selected)

    def _now(self) -> int:
        return int(self.mesh.clock.now().timestamp())

    def _row(self, one: Wall) -> Row:
        return (
            Cell(one.cost, "warn" if one.seconds >= 60 else ""),
            Cell(one.in_sessions, "dim"),
            Cell(one.command, "accent"),
            one.line or Cell(f"exit code {one.exit_code}", "dim"),
            Cell(one.where, "dim"),
            Cell(f"{ago(max(0, self._now() - one.last))} ago", "dim"),
        )

    def _row_elsewhere(self, one: Heard) -> Row:
        return (
            Cell(one.name, "" if one.own else "warn"),
            Cell(one.says, "dim"),
            Cell(one.command, "accent"),
            Cell(one.instead or "-", "good" if one.instead else "dim"),
            Cell(one.where, "dim"),
            Cell(f"{ago(max(0, self._now() - one.last))} ago", "dim"),
        )

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    @work(group="unsolved.detail", exclusive=True)
    async def _detail(self, name: str) -> None:
        if self._elsewhere:
            heard_of = self.others.window.rows.get(name)
            self.detail.show(_facts_elsewhere(heard_of) if heard_of else ())
            return
        one, store = self.walls.window.rows.get(name), self.feed.store
        if one is None or store is None:
            self.detail.show(())
            return
        ids = await store.ask(incidents_at(one.incident_id, NEWEST)) if one.incident_id else []
        found = await store.ask(incident_briefs_of(ids)) if ids else []
        self.detail.show(self._facts(one, found))

    def _facts(self, one: Wall, incidents: Sequence[IncidentBrief]) -> list[Fact]:
        span = f"first {ago(max(0, self._now() - one.first))} ago, last {ago(max(0, self._now() - one.last))} ago"
        facts: list[Fact] = [
            ("fails", plain(one.what), "bold $accent"),
            ("with", plain(one.line) or f"exit code {one.exit_code}"),
            ("in", plain(one.places)),
            ("cost", f"{one.cost} in {one.runs} runs; {span}"),
            ("met by", ", ".join(map(plain, one.agents)) or "not known"),
        ]
        newest = sorted(incidents, key=lambda brief: brief.opened, reverse=True)
        facts += [
            ("incidents" if not at else "", f"{self.moment(i.opened)}  {i.incident_id[:8]}  {plain(i.agent)}", "$dim")
            for at, i in enumerate(newest)
        ]
        return facts

    def action_elsewhere(self) -> None:
        before = self.rows
        before.unmark()
        self._elsewhere = not self._elsewhere
        before.display, self.rows.display = False, True
        self.rows.find(before.finding)
        self.rows.focus()
        self._load()

    def action_sort(self) -> None:
        self.rows.sort_next()

    def action_sort_reverse(self) -> None:
        self.rows.sort_reverse()

    async def exported(self) -> str:
        return await self.rows.all_texts()

    def state(self) -> Mapping[str, Json]:
        return {**super().state(), **self.walls.order_kept()}

    def restore(self, state: Mapping[str, Json]) -> None:
        super().restore(state)
        self.walls.restore_order(state)

    # --- what a person does -----------------------------------------------------------------------------------------

    def incident_here(self) -> str:
        return one.incident_id if (one := self._selected()) is not None else ""

    def none_here(self) -> str:
        if self._selected() is None:
            return "that is for its own node to decide" if self._elsewhere else "nothing is selected"
        return "its incident is no longer kept: teach it with meshtui learn --error TEXT --fix COMMAND"

    @work(group="unsolved.decide")
    async def action_expect(self) -> None:
        if self._elsewhere:
            self.mesh.say(self.none_here())
            return
        marked = await self.walls.marked_rows() if self.walls.marked else []
        if gone := len(self.walls.marked) - len(marked):
            self.mesh.say(f"{gone} of the {len(self.walls.marked)} marked left out: solved or expected meanwhile")
        if marked:
            question = f"Expect these {len(marked)} to fail, for {EXPECTED_DAYS} days or until they pass?"
            if not await self.mesh.push_screen_wait(Confirm(question, "\n".join(one.command for one in marked))):
                return
        elif not self.walls.marked and (one := self._selected()) is not None:
            marked = [one]
        for one in marked:
            try:
                await self.mesh.decide(partial(_expect, wall=one.wall, until=self._now() + EXPECTED_DAYS * DAY))
            except MeshError as error:
                self.mesh.say(str(error), severity="error")
                return
            self.mesh.say(f"{plain(one.command)}: expected to fail for {EXPECTED_DAYS} days, or until it passes")
        self.rows.unmark()
        self._load()

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if (one := self._selected()) is not None and one.incident_id:
            from meshtui.screens.chain import ChainScreen

            self.app.push_screen(ChainScreen(one.incident_id))

    def _selected(self) -> Wall | None:
        return None if self._elsewhere else self.walls.window.rows.get(self.walls.selected)


def _expect(node: Node, *, wall: str, until: int) -> None:
    node.store.habits.expect(wall, until)


def _sum(total: int, runs: int, seconds: float) -> Content:
    said = f" {total:,} that nobody has solved: {runs:,} failed runs, {in_words(seconds)}" if total else ""
    return Content(said)


def _sum_elsewhere(nodes: int, words: int, told: int) -> Content:
    if not words:
        return Content("")
    who = f"{nodes:,} other nodes say" if nodes > 1 else "1 other node says"
    return Content(f" what {who}: {words:,}, of which agents here are told {told:,}")


def _facts_elsewhere(one: Heard) -> list[Fact]:
    whose = "your own node" if one.own else "another operator's node"
    facts: list[Fact] = [
        ("who", f"{plain(one.name)} on {plain(one.host)} ({one.author[:12]}), {whose}"),
        ("fails" if not one.instead else "failed", plain(one.command), "bold $accent"),
    ]
    if one.instead:
        facts.append(("instead", plain(one.instead), "$success"))
    facts += [("says", one.says), ("in", plain(one.root) or one.where), ("agents", f"told: {plain(one.reach)}")]
    return facts
