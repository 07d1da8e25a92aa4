"""Pane 3: who has not received what, and since when."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from meshcore.bridge.base import Undelivered
from meshcore.errors import MeshError
from meshcore.store.views import RecordBrief, record_briefs
from meshtui.screens.listing import ListPane
from meshtui.snapshot import BridgeView, Snapshot
from meshtui.widgets.cells import plain
from meshtui.widgets.detail import Detail, Fact
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Cell, Row, Rows

MOST = 1000
PAGE = 400
NAMED = 3

COLUMNS = (
    Column("waits since", 11),
    Column("for", 14, flex=1),
    Column("kind", 9, priority=1),
    Column("about", 20, flex=4),
    Column("record", 12, priority=2),
)

EMPTY = "everything that was told has been received"


class DeliveriesPane(ListPane):
    """The deliveries that are open, oldest first."""

    NAME = "deliveries"
    DEFAULT_CSS = """
    DeliveriesPane {
        & > Detail { height: 7; }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._open: dict[str, Undelivered] = {}
        self._names: dict[str, str] = {}
        self._briefs: dict[str, RecordBrief] = {}
        self._read: BridgeView | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="sum", markup=False)
        yield Rows(COLUMNS, self._row, empty="…")
        yield Detail()

    def show(self, snapshot: Snapshot) -> None:
        if snapshot.bridge != self._read:
            self._read = snapshot.bridge
            self._load(snapshot.bridge)

    def reload(self) -> None:
        self._read = None

    @work(group="deliveries.load", exclusive=True)
    async def _load(self, bridge: BridgeView) -> None:
        if not bridge.fault:
            try:
                found, self._names = await asyncio.to_thread(self._ask)
            except MeshError as error:
                self.mesh.say(str(error), severity="error")
                return
            self._open = {f"{one.seq}:{one.node}": one for one in found}
            await self._describe({one.record_id for one in found})
        self.rows.empty = EMPTY if bridge.expected and not bridge.fault else ""
        self.rows.set_ids(list(self._open))
        self._sum(bridge)

    def _ask(self) -> tuple[Sequence[Undelivered], dict[str, str]]:
        reader = self.feed.bridge
        return reader.undelivered(MOST), reader.names()

    async def _describe(self, record_ids: set[str]) -> None:
        wanted = [record_id for record_id in record_ids if record_id not in self._briefs]
        for start in range(0, len(wanted), PAGE):
            if self.feed.store is not None:
                found = await self.feed.store.ask(record_briefs(wanted[start : start + PAGE]))
                self._briefs |= {brief.record_id: brief for brief in found}

    def _sum(self, bridge: BridgeView) -> None:
        waiting: dict[str, int] = {}
        for one in self._open.values():
            waiting[one.node] = waiting.get(one.node, 0) + 1
        most = sorted(waiting.items(), key=lambda pair: -pair[1])[:NAMED]
        names = ", ".join(f"{self._called(node)} ({count})" for node, count in most)
        text = f" {bridge.received:,} of {bridge.expected:,} expected deliveries received"
        parts = [(text, ""), (f" · {bridge.rejected:,} rejected", "$warning" if bridge.rejected else "$dim")]
        if not bridge.expected:
            parts = [(" no other node is expected to receive anything", "$dim")]
        if names:
            more = ", …" if len(waiting) > NAMED else ""
            parts.append((f" · missing at {names}{more}", "$warning"))
        if len(self._open) >= MOST:
            parts.append((f" · the oldest {MOST:,} are listed", "$dim"))
        if bridge.fault:
            parts = [(f" the bridge {plain(bridge.path)}: {plain(bridge.fault)}", "$warning")]
        self.sum.update(Content.assemble(*parts), layout=False)

    def _called(self, node: str) -> str:
        return plain(self._names.get(node) or node[:12])

    def _row(self, row_id: str) -> Row:
        one = self._open[row_id]
        brief = self._briefs.get(one.record_id)
        return (
            Cell(self.moment(one.since), "warn"),
            self._called(one.node),
            Cell(one.kind, "dim"),
            brief.text if brief else "",
            Cell(one.record_id[:12], "dim"),
        )

    def on_rows_moved(self, message: Rows.Moved) -> None:
        one = self._open.get(message.row_id)
        self.detail.show(self._facts(one) if one else ())

    def _facts(self, one: Undelivered) -> list[Fact]:
        brief, name = self._briefs.get(one.record_id), self._called(one.node)
        return [
            ("waits for", f"{name}  ({one.node[:12]})"),
            ("record", f"{one.kind} {one.record_id[:12]}, number {one.seq} on the bridge"),
            ("about", brief.text if brief and brief.text else "not known here"),
            ("since", f"{one.since[:19].replace('T', ' ')} UTC"),
            ("what to do", "it arrives by itself when that node next runs a command, or its runtime starts"),
            ("", f"where the node is gone for good: meshtui nodes forget {name}", "$dim"),
        ]
