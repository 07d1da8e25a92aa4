"""A list of the store: sorted, found, counted and gone through in the store, however little of it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from textual import work
from textual.message import Message
from textual.timer import Timer
from textual.worker import WorkerCancelled

from meshtui.host import host_of
from meshtui.widgets.heading import Column
from meshtui.widgets.rows import Row, Rows

if TYPE_CHECKING:
    from meshcore.model import Json
    from meshcore.store.listed import Key, Listed
    from meshcore.store.read import Read
    from meshtui.window import Window

T = TypeVar("T")
R = TypeVar("R")


MOST = 2**62  # no row's own number is as great


class StoredRows(Rows, Generic[T]):
    """Rows of one list of the store. Nothing is asked before `begin`; `changed` tells it what has changed since."""

    PAGE: ClassVar[int] = 500
    COUNT_AFTER_SECONDS: ClassVar[float] = 1.0  # a count of what is found looks at every row

    class Changed(Message):
        """Rows say something else than before."""

        def __init__(self, ids: Sequence[str]) -> None:
            super().__init__()
            self.ids = frozenset(ids)

    def __init__(
        self,
        listed: Callable[[], Listed[T]],
        columns: Sequence[Column],
        cells: Callable[[T], Row],
        *,
        states: Callable[[str], tuple[str, ...]],
        empty: str = "",
        id: str | None = None,
        follows_first: bool = True,
    ) -> None:
        """`listed` returns the list, asked for when it begins; `cells` makes a row.

        `states` returns the states whose shown word contains a text.
        """
        super().__init__(
            columns, lambda row_id: cells(self.window.rows[row_id]), empty=empty, id=id, follows_first=follows_first
        )
        self._listed, self._cells_of, self._states = listed, cells, states
        self._kept: Mapping[str, Json] = {}  # the order of an earlier start, until it begins
        self._follows = follows_first
        self._begun = False
        self._growing = False
        self._loads, self._held = 0, False
        self._missed: dict[str, None] = {}  # what changed while a page was on its way
        self._counting: Timer | None = None

    @cached_property
    def window(self) -> Window[T]:
        """Return what is loaded."""
        from meshtui.window import Window  # the first painting can spare it

        return Window(self._listed(), self.PAGE)

    # --- what is asked ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Load the first rows, once."""
        if not self._begun:
            self._begun = True
            self._take_finding()
            usual = self.window.order
            kept = self._kept or {"sort": usual.name, "descending": usual.descending}
            self._take_order(str(kept["sort"]), descending=kept["descending"] is True)
            self._load_first()

    def reload(self) -> None:
        """Load the first rows again, where they were asked for before."""
        if self._begun:
            self._load_first()

    @work(group="rows.load", exclusive=True)
    async def _load_first(self) -> None:
        with self._loading():
            self.window.took_first(await self._ask(self.window.first()))
            await self._taken(0)

    @work(group="rows.load", exclusive=True)
    async def _load_last(self) -> None:
        with self._loading():
            self.window.took_last(await self._ask(self.window.last()))
            await self._taken(len(self.window.ids) - 1)

    async def go_to(self, name: str, value: str) -> None:
        """Show a value in one of the list's orders, the cursor on the first row that is not before it."""
        if self.window.order.name != name:
            self.sort(name, descending=True)
        with suppress(WorkerCancelled):  # a person went elsewhere meanwhile
            await self._load_around((value, MOST if self.window.descending else -1)).wait()

    @work(group="rows.load", exclusive=True)
    async def _load_around(self, key: Key, here: Sequence[T] = ()) -> None:
        with self._loading():
            before, after = self.window.around(key)
            found = await self._ask(before), [*here, *await self._ask(after)]
            self.window.took_around(*found)
            await self._taken(min(len(found[0]), len(self.window.ids) - 1))

    async def renew(self) -> None:
        """Read what is around the cursor anew, which stays on its row: any of it may be another by now, or gone."""
        if self._is_busy:
            return
        window, row = self.window, self.window.rows.get(self.selected)
        here = await self._ask(window.listed.those([self.selected], window.found)) if row is not None else []
        with suppress(WorkerCancelled):
            if row is None:
                await self._load_first().wait()
            else:
                await self._load_around(window.listed.key(window.order, here[0] if here else row), here).wait()

    @contextmanager
    def _loading(self) -> Iterator[None]:
        """Hold the window for one load: what is added at an end meanwhile belongs to another."""
        self._loads += 1
        mine = self._loads
        self._held = True
        try:
            yield
        finally:
            if mine == self._loads:
                self._held = False
                self._look_for_missed()
                self.call_later(self._look_near, self.index, self.index)

    @work(group="rows.grow", exclusive=True)
    async def _grow(self, at_end: bool) -> None:
        begun = self._loads
        try:
            found = await self._ask(self.window.next() if at_end else self.window.previous())
        finally:
            self._growing = False
        if begun == self._loads:
            (self.window.took_next if at_end else self.window.took_previous)(found)
            self._show_taken()

    async def _ask(self, read: Read[R]) -> list[R]:
        feed = host_of(self).feed
        assert feed is not None
        return await feed.store.ask(read) if feed.store else []

    async def _taken(self, index: int) -> None:
        """Show what came with the cursor on one of it, and how much of it there is."""
        self._show_taken()
        self.index = index
        await self._count()

    def _show_taken(self) -> None:
        """Show what came, then what changed while it was on its way."""
        self._show_window([])
        self._look_for_missed()

    def _look_for_missed(self) -> None:
        missed = list(self._missed)
        self._missed.clear()
        if missed:
            self._look_for_changed(missed)

    async def _look_again(self, ids: Sequence[str]) -> None:
        """Read what changed. A row that is listed stays so: the cursor must not come to stand on another."""
        window = self.window
        there = [row_id for row_id in ids if row_id in window.rows]
        others = [row_id for row_id in ids if row_id not in window.rows]
        found = await self._ask(window.listed.those(there))
        window.changed([*found, *await self._ask(window.listed.those(others, window.found))])

    async def _count(self) -> None:
        [self.window.total] = await self._ask(self.window.listed.count(self.window.found)) or [0]
        self._show_note()

    # --- what changed -----------------------------------------------------------------------------------------------

    @property
    def _is_busy(self) -> bool:
        return self._held or self._growing or not self._begun

    def changed(self, rows: Sequence[T]) -> None:
        """Take note of rows that are new or say something else."""
        ids = [self.window.listed.id_of(row) for row in rows]
        if self.finding or self._is_busy:
            self.changed_ids(ids)
        else:
            self.window.changed(rows)
            self._show_changed(ids)

    def changed_ids(self, ids: Sequence[str]) -> None:
        """Take note of ids whose rows are new or say something else."""
        if self._is_busy:
            self._missed |= dict.fromkeys(ids)
        else:
            self._look_for_changed(ids)

    @work(group="rows.changed")
    async def _look_for_changed(self, ids: Sequence[str]) -> None:
        for start in range(0, len(ids), self.PAGE):
            await self._look_again(ids[start : start + self.PAGE])
        self._show_changed(ids)

    def _show_changed(self, ids: Sequence[str]) -> None:
        self._show_window(ids)
        self._count_soon()
        self.post_message(self.Changed(ids))

    def _count_soon(self) -> None:
        if self._counting is None:
            self._counting = self.set_timer(self.COUNT_AFTER_SECONDS, self._count_now)

    @work(group="rows.count", exclusive=True)
    async def _count_now(self) -> None:
        self._counting = None
        await self._count()

    def _show_window(self, changed: Sequence[str]) -> None:
        self._least = 1 if self._follows and self.window.at_start else 0
        self.set_ids(self.window.ids, changed)
        self._show_note()

    def on_resize(self) -> None:
        super().on_resize()
        if self._begun:
            self._show_note()

    def _show_note(self) -> None:
        """Say how many there are, where not all of them are on the screen."""
        total = self.window.total
        more = self.finding or total >= self.size.height
        note = f"{total:,} found" if self.finding else f"{total:,} in all" if more else ""
        if note != self.note:
            self.note = note
            self._draw_changed()

    # --- what a person does -----------------------------------------------------------------------------------------

    def find(self, text: str) -> None:
        """List only rows of the store that contain a text (any case)."""
        if text == self.finding:
            return
        self.finding = text
        if self._begun:
            self._take_finding()
            self._load_first()

    def _take_finding(self) -> None:
        from meshcore.store.listed import Found

        self.window.found = Found(self.finding, self._states(self.finding.casefold()) if self.finding else ())

    def _filter(self) -> None:
        self._shown = self._ids
        self._place = {row_id: place for place, row_id in enumerate(self._shown)}

    def action_edge(self, end: int) -> None:
        if not self._begun or (self.window.at_end if end else self.window.at_start):
            super().action_edge(end)
        elif end:
            self._load_last()
        else:
            self._load_first()

    def watch_index(self, old: int, new: int) -> None:
        super().watch_index(old, new)
        self._look_near(new, new)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        top = round(new_value)
        self._look_near(top, top + self.size.height)

    def _look_near(self, top: int, bottom: int) -> None:
        """Load more where what is looked at comes close to what is not there."""
        if self._is_busy or not self.window.ids:
            return
        window, near = self.window, self.size.height
        at_end = bottom >= len(window.ids) - near and not window.at_end
        if at_end or (top < near and not window.at_start):
            self._growing = True
            self._grow(at_end)

    def sort_next(self) -> None:
        """Sort by the next column that is offered."""
        orders = self.window.listed.orders
        order = orders[(orders.index(self.window.order) + 1) % len(orders)]
        self.sort(order.name, descending=order.descending)

    def sort_reverse(self) -> None:
        """Show the order the other way round."""
        self.sort(self.window.order.name, descending=not self.window.descending)

    def on_rows_heading_chosen(self, message: Rows.HeadingChosen) -> None:
        """Sort by a column, or the other way round where it is the one already."""
        message.stop()
        for order in self.window.listed.orders:
            if order.name == message.title:
                is_new = order is not self.window.order
                self.sort(order.name, descending=order.descending if is_new else not self.window.descending)

    def sort(self, name: str, *, descending: bool) -> None:
        """Sort by one of the list's orders; a name that it has not is ignored."""
        if self._begun:
            self._take_order(name, descending=descending)
            self._load_first()

    def _take_order(self, name: str, *, descending: bool) -> None:
        for order in self.window.listed.orders:
            if order.name == name:
                self.window.order, self.window.descending = order, descending
        self.sorted_by = self.window.order.name, self.window.descending
        self._draw_changed()

    def order_kept(self) -> Mapping[str, Json]:
        """Return the order as it is kept between starts, nothing for the usual one."""
        if not self._begun:
            return self._kept
        usual, window = self.window.listed.orders[0], self.window
        if (window.order, window.descending) == (usual, usual.descending):
            return {}
        return {"sort": window.order.name, "descending": window.descending}

    def restore_order(self, state: Mapping[str, Json]) -> None:
        """Take up what `order_kept` returned."""
        if isinstance(state.get("sort"), str):
            self._kept = {"sort": state["sort"], "descending": state.get("descending") is True}

    async def marked_rows(self) -> list[T]:
        """Return the rows that are marked, as the store has them now, in the order of their marks."""
        found = {self.window.listed.id_of(row): row for row in await self._ask(self.window.listed.those(self.marked))}
        return [found[row_id] for row_id in self.marked if row_id in found]

    async def all_texts(self) -> str:
        """Return the marked rows as text, else all of the store that are looked for, in the order that is shown."""
        if self.marked:
            return "".join(f"{self.as_text(self._cells_of(row))}\n" for row in await self.marked_rows())
        window, listed, lines = self.window, self.window.listed, list[str]()
        order, descending, found = window.order, window.descending, window.found
        beyond: Key | None = None
        while True:
            rows = await self._ask(listed.page(order, self.PAGE, descending=descending, beyond=beyond, found=found))
            lines += [f"{self.as_text(self._cells_of(row))}\n" for row in rows]
            if len(rows) < self.PAGE:
                return "".join(lines)
            beyond = listed.key(order, rows[-1])
