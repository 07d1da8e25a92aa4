"""Pane 7: what fails again and again and nobody has solved, the costliest first; and what other nodes say fails."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from meshcore.errors import MeshError
from meshcore.knowledge.habits import DAY, EXPECTED_DAYS, ago
from meshcore.node import Node
from meshcore.store.meta import fact
from meshcore.store.views import IncidentBrief, incident_briefs_of
from meshcore.store.walls import ORDERS, Wall, in_words, incidents_at, walls, walls_count
from meshcore.trust.heard import Heard, heard
from meshtui.actions import Action, marking, sorting
from meshtui.screens.ask import Confirm
from meshtui.screens.deciding import Deciding, deciding
from meshtui.screens.listing import ListPane
from meshtui.snapshot import Snapshot
from meshtui.widgets.cells import plain
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

NEWEST = 5
EMPTY = "nothing fails again and again"
EMPTY_ELSEWHERE = "no other node says that anything fails"

COLUMNS = (
    Column("cost", 9),
    Column("sessions", 9),
    Column("command", 20, flex=3),
    Column("error", 20, flex=4, priority=1),
    Column("where", 12, priority=2),
    Column("last", 12, priority=3),
)

ELSEWHERE = (
    Column("who", 14, flex=1),
    Column("says", 12, flex=1, priority=1),
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
        self._walls: dict[str, Wall] = {}
        self._heard: dict[str, Heard] = {}
        self._elsewhere = False
        self._seq = -1
        self._order = ("cost", True)

    def compose(self) -> ComposeResult:
        yield Static(classes="sum", markup=False)
        yield Rows(COLUMNS, self._row, empty=EMPTY)
        yield Detail()

    def on_mount(self) -> None:
        self.rows.sorted_by = self._order

    def show(self, snapshot: Snapshot) -> None:
        if snapshot.seq != self._seq:
            self._seq = snapshot.seq
            self._load()

    @work(group="unsolved.load", exclusive=True)
    async def _load(self, *, to_first: bool = False) -> None:
        if self.feed.store is None:
            return
        store = self.feed.store
        if self._elsewhere:
            said = await store.ask(heard(await store.one(fact("node")) or ""))
            self._heard = {f"{one.author} {one.command} {one.instead}": one for one in said}
        else:
            by, descending = self._order
            found = await store.ask(walls(self._now(), by=by, descending=descending))
            [total] = await store.ask(walls_count(self._now()))
            # Last of all: rows are drawn while the store is asked.
            before, self._walls = self._walls, {one.wall: one for one in found}
        if not self.query(Rows):  # not laid out yet, or the terminal is being left
            if self.is_attached:
                self.call_after_refresh(self._load)
            return
        if self._elsewhere:
            self.rows.set_ids(list(self._heard))
            self.sum.update(_sum_elsewhere(list(self._heard.values())), layout=False)
            self._detail(self.rows.selected)
            return
        changed = [name for name, one in self._walls.items() if before.get(name) != one]
        self.rows.set_ids(list(self._walls), changed)
        if to_first:
            self.rows.index = 0
        self.sum.update(_sum(list(self._walls.values()), total), layout=False)
        if self.rows.selected in changed or not self._walls:
            self._detail(self.rows.selected)

    def _now(self) -> int:
        return int(self.mesh.clock.now().timestamp())

    def _row(self, name: str) -> Row:
        if self._elsewhere:
            return self._row_elsewhere(self._heard[name])
        one = self._walls[name]
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
            heard_of = self._heard.get(name)
            self.detail.show(_facts_elsewhere(heard_of) if heard_of else ())
            return
        one, store = self._walls.get(name), self.feed.store
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
        self._elsewhere = not self._elsewhere
        rows = self.rows
        rows.columns = ELSEWHERE if self._elsewhere else COLUMNS
        rows.sorted_by = ("", False) if self._elsewhere else self._order
        rows.empty = EMPTY_ELSEWHERE if self._elsewhere else EMPTY
        self._walls, self._heard = {}, {}
        rows.set_ids([])
        rows.unmark()
        rows.refresh()
        self._load()

    def on_rows_heading_chosen(self, message: Rows.HeadingChosen) -> None:
        by, descending = self._order
        if message.title in ORDERS:
            self._sort(message.title, descending=not descending if message.title == by else True)

    def action_sort(self) -> None:
        names = list(ORDERS)
        self._sort(names[(names.index(self._order[0]) + 1) % len(names)], descending=True)

    def action_sort_reverse(self) -> None:
        self._sort(self._order[0], descending=not self._order[1])

    def _sort(self, by: str, *, descending: bool) -> None:
        if self._elsewhere:
            self.mesh.say("what other nodes say is not sorted")
            return
        self._order = self.rows.sorted_by = by, descending
        self._load(to_first=True)

    # --- what a person does -----------------------------------------------------------------------------------------

    def incident_here(self) -> str:
        return one.incident_id if (one := self._selected()) is not None else ""

    def none_here(self) -> str:
        if self._selected() is None:
            return "that is for its own node to decide" if self._elsewhere else "nothing is selected"
        return "its incident is no longer kept: teach it with meshtui learn --error TEXT --fix COMMAND"

    @work(group="unsolved.decide")
    async def action_expect(self) -> None:
        marked = [self._walls[name] for name in self.rows.marked if name in self._walls]
        if marked:
            question = f"Expect these {len(marked)} to fail, for {EXPECTED_DAYS} days or until they pass?"
            if not await self.mesh.push_screen_wait(Confirm(question, "\n".join(one.command for one in marked))):
                return
        elif (one := self._selected()) is not None:
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
        return None if self._elsewhere else self._walls.get(self.rows.selected)


def _expect(node: Node, *, wall: str, until: int) -> None:
    node.store.habits.expect(wall, until)


def _sum(found: Sequence[Wall], total: int) -> Content:
    if not found:
        return Content("")
    runs, seconds = sum(one.runs for one in found), sum(one.seconds for one in found)
    listed = f"{len(found)} of " if len(found) < total else ""
    return Content(f" {listed}{total} that nobody has solved: {runs} failed runs, {in_words(seconds)}")


def _sum_elsewhere(found: Sequence[Heard]) -> Content:
    if not found:
        return Content("")
    told = sum(one.reach == "yes" for one in found)
    names = len({one.author for one in found})
    nodes = f"{names} other node{'s' if names > 1 else ''}"
    return Content(f" what {nodes} say{'' if names > 1 else 's'}: {len(found)}, of which agents here are told {told}")


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
