"""Pane 8: the fleet, by host: how each node fares by its own signed word, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from meshcore.errors import MeshError
from meshcore.service.fleet import AHEAD_MS, FleetNode
from meshtui.actions import Action
from meshtui.screens.listing import ListPane
from meshtui.snapshot import NOT_THERE, Snapshot
from meshtui.widgets.cells import plain
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.header import duration
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

LOOK_EVERY_SECONDS = 5.0  # ages go on while nothing happens
UNKNOWN = "–  the bridge cannot be read: who is there, is not known"
EMPTY = "no bridge yet; the first command that fails under `meshtui run` makes it"

COLUMNS = (
    Column("host", 10, flex=1),
    Column("node", 16, flex=1),
    Column("mode", 8),
    Column("seen", 7),
    Column("undelivered", 11, priority=1, right=True),
    Column("asks", 4, priority=2, right=True),
    Column("clock", 8, priority=3),
    Column("engine", 18, priority=4),
    Column("version", 9, priority=5),
    Column("wrong", 26, flex=4),
)

ACTIONS: tuple[Action, ...] = (
    Action("fleet.open", "enter", "open", "Show the host's incidents, and what it has received.", hint="open"),
)


class FleetPane(ListPane):
    """The nodes of the bridge, and the selected one in full."""

    NAME = "fleet"
    ACTIONS = ACTIONS

    def __init__(self) -> None:
        super().__init__()
        self._found: dict[str, FleetNode] = {}

    def compose(self) -> ComposeResult:
        yield Static(classes="sum", markup=False)
        yield Rows(COLUMNS, self._row, empty=EMPTY)
        yield Detail()

    def on_mount(self) -> None:
        self.set_interval(LOOK_EVERY_SECONDS, self._look)

    def show(self, snapshot: Snapshot) -> None:
        self._load()

    def _look(self) -> None:
        if self.display and not self.mesh.frozen and self.mesh.feed is not None:
            self._load()

    @work(group="fleet.load", exclusive=True)
    async def _load(self) -> None:
        try:
            found = await self.feed.fleet()
        except MeshError as error:
            self.rows.empty = UNKNOWN
            self.sum.update(Content.styled(f" {plain(str(error))}", "$warning"), layout=False)
            return
        if not self.query(Rows):  # not laid out yet, or the terminal is being left
            if self.is_attached:
                self.call_after_refresh(self._load)
            return
        snapshot = self.mesh.snapshot
        self.rows.empty = EMPTY if snapshot is not None and snapshot.bridge.fault in ("", NOT_THERE) else UNKNOWN
        before, self._found = self._found, {one.node: one for one in found}
        changed = [key for key, one in self._found.items() if before.get(key) != one]
        self.rows.set_ids(list(self._found), changed)
        self.sum.update(summary(found), layout=False)
        if self.rows.selected in changed or not found:
            self._detail(self.rows.selected)

    def _row(self, key: str) -> Row:
        one = self._found[key]
        return (
            Cell(one.host, "accent"),
            f"{one.name}{' (this)' if one.is_this else ''}",
            Cell("HALTED", "bad") if one.halted else Cell(one.mode or "?", "" if one.mode else "dim"),
            Cell(seen(one), "" if one.alive else "warn"),
            Cell(f"{one.undelivered:,}", "warn" if one.undelivered else "dim"),
            Cell(f"{one.asks:,}", "warn" if one.asks else "dim"),
            Cell(clock(one), "warn" if abs(one.ahead_ms or 0.0) > AHEAD_MS else "dim"),
            Cell(engine(one), "dim"),
            Cell(one.version or "?", "dim"),
            Cell("; ".join(one.wrong) or whose(one), "bad" if one.wrong else "dim"),
        )

    def on_rows_moved(self, message: Rows.Moved) -> None:
        self._detail(message.row_id)

    def _detail(self, key: str) -> None:
        one = self._found.get(key)
        self.detail.show(facts(one) if one else ())

    def on_rows_chosen(self) -> None:
        self.action_open()

    def action_open(self) -> None:
        if (one := self._found.get(self.rows.selected)) is not None:
            from meshtui.screens.host import HostScreen

            self.app.push_screen(HostScreen(one.host, [o for o in self._found.values() if o.host == one.host]))


def summary(found: Sequence[FleetNode]) -> Content:
    """Return the fleet in one line."""
    if not found:
        return Content("")
    hosts, nodes, alive = len({one.host for one in found}), len(found), sum(one.alive for one in found)
    halted, wrong = sum(bool(one.halted) for one in found), sum(bool(one.wrong) for one in found)
    there = f" {hosts} host{'s' if hosts > 1 else ''}, {nodes} node{'s' if nodes > 1 else ''}"
    parts = [
        (f"{there}, {alive} seen within a minute", ""),
        (f" · {halted} halted", "bold $error" if halted else "$dim"),
        (f" · {wrong} with something wrong" if wrong else " · nothing wrong", "$warning" if wrong else "$dim"),
    ]
    return Content.assemble(*parts)


def facts(one: FleetNode) -> list[Fact]:
    """Return what is known of a node."""
    found: list[Fact] = [
        ("node", f"{one.name} on {one.host}, {whose(one)}", "bold $accent"),
        ("halted", one.halted, "bold $error") if one.halted else ("mode", one.mode or "not told"),
        ("seen", f"{seen(one)} ago, signed {one.seen[:19].replace('T', ' ')} UTC" if one.seen else "never"),
        ("engine", f"{engine(one) or 'not told'}; its clock {clock(one)} to the engine's"),
        ("tells", f"{one.waiting:,} records not published yet, {one.undelivered:,} not received"),
        ("agents", ", ".join(one.agents) or "none told"),
    ]
    found += [("wrong" if at == 0 else "", what, "$warning") for at, what in enumerate(one.wrong)]
    return found


def seen(one: FleetNode) -> str:
    """Return how long ago a node's last signed sign of life was."""
    return "never" if one.ago is None else duration(one.ago)


def engine(one: FleetNode) -> str:
    """Return the node's engine and how long that took to answer."""
    took = "" if one.latency_ms is None else f" {one.latency_ms:.1f} ms"
    return f"{one.engine}{took}"


def clock(one: FleetNode) -> str:
    """Return by how much a node's clock is off its engine's."""
    if one.ahead_ms is None:
        return "?"
    seconds = round(one.ahead_ms / 1000, 2) + 0.0  # no -0.00
    return f"{seconds:+.0f} s" if abs(seconds) >= 10 else f"{seconds:+.2f} s"


def whose(one: FleetNode) -> str:
    """Return whose node it is."""
    return {"own": "yours", "unknown": "a stranger's"}.get(one.whose, one.whose)
