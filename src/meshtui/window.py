"""What is loaded of a long list: a run of its rows without a gap, that grows at both ends and gives up the far one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from meshcore.store.listed import EVERYTHING, Found, Key, Listed, Order
from meshcore.store.read import Read

T = TypeVar("T")

MOST_PAGES = 10  # that are kept


class Window(Generic[T]):
    """A part of a list of the store. `at_start` and `at_end`: nothing lies before it, or after it."""

    def __init__(self, listed: Listed[T], page: int) -> None:
        self.listed = listed
        self.page = page
        self.order: Order[T] = listed.orders[0]
        self.descending = self.order.descending
        self.found: Found = EVERYTHING
        self.rows: dict[str, T] = {}
        self.ids: list[str] = []
        self.at_start = self.at_end = False
        self.total = 0  # of what is looked for, in the whole store

    # --- what is asked of the store ---------------------------------------------------------------------------------

    def first(self) -> Read[T]:
        """Ask for the first rows of all."""
        return self._page(None, backwards=False)

    def last(self) -> Read[T]:
        """Ask for the last rows of all."""
        return self._page(None, backwards=True)

    def next(self) -> Read[T]:
        """Ask for the rows after those that are there."""
        return self._page(self._key(self.ids[-1]) if self.ids else None, backwards=False)

    def previous(self) -> Read[T]:
        """Ask for the rows before those that are there."""
        return self._page(self._key(self.ids[0]) if self.ids else None, backwards=True)

    def around(self, key: Key) -> tuple[Read[T], Read[T]]:
        """Ask for the rows before a place in the order, and for those after it."""
        return self._page(key, backwards=True), self._page(key, backwards=False)

    def _page(self, beyond: Key | None, *, backwards: bool) -> Read[T]:
        return self.listed.page(
            self.order, self.page, descending=self.descending, beyond=beyond, backwards=backwards, found=self.found
        )

    # --- what came --------------------------------------------------------------------------------------------------

    def took_first(self, rows: Sequence[T]) -> None:
        """Hold the first rows of all, and nothing else."""
        self._hold(rows)
        self.at_start, self.at_end = True, len(rows) < self.page

    def took_last(self, rows: Sequence[T]) -> None:
        """Hold the last rows of all, and nothing else."""
        self._hold(rows)
        self.at_start, self.at_end = len(rows) < self.page, True

    def took_around(self, before: Sequence[T], after: Sequence[T]) -> None:
        """Hold what lies around a place, and nothing else."""
        self._hold([*before, *after])
        self.at_start, self.at_end = len(before) < self.page, len(after) < self.page

    def took_next(self, rows: Sequence[T]) -> None:
        """Add what comes after; what lies far before it is given up."""
        self._add(rows)
        self.at_end = len(rows) < self.page
        if len(self.ids) > (most := self.page * MOST_PAGES):
            self._give_up(self.ids[:-most])
            self.at_start = False

    def took_previous(self, rows: Sequence[T]) -> None:
        """Add what comes before; what lies far after it is given up."""
        self._add(rows)
        self.at_start = len(rows) < self.page
        if len(self.ids) > (most := self.page * MOST_PAGES):
            self._give_up(self.ids[most:])
            self.at_end = False

    def changed(self, rows: Sequence[T]) -> None:
        """Take note of rows that are new or say something else.

        A row whose place lies outside of the window is left to be asked for when the window comes there.
        """
        first, last = (self._key(self.ids[0]), self._key(self.ids[-1])) if self.ids else (None, None)
        ids = [self.listed.id_of(row) for row in rows]
        self._give_up([row_id for row_id in ids if row_id in self.rows])
        keys = [self.listed.key(self.order, row) for row in rows]
        self._add(
            [
                row
                for row, key in zip(rows, keys, strict=True)
                if (self.at_start or (first is not None and not self._is_before(key, first)))
                and (self.at_end or (last is not None and not self._is_before(last, key)))
            ]
        )

    def _is_before(self, one: Key, other: Key) -> bool:
        return one > other if self.descending else one < other

    def _key(self, row_id: str) -> Key:
        return self.listed.key(self.order, self.rows[row_id])

    def _hold(self, rows: Sequence[T]) -> None:
        self.rows, self.ids = {}, []
        self._add(rows)

    def _add(self, rows: Sequence[T]) -> None:
        self.rows |= {self.listed.id_of(row): row for row in rows}
        self.ids = sorted(self.rows, key=self._key, reverse=self.descending)

    def _give_up(self, ids: Sequence[str]) -> None:
        for row_id in ids:
            del self.rows[row_id]
        left = set(ids)
        self.ids = [row_id for row_id in self.ids if row_id not in left]
