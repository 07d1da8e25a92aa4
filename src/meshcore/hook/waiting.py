"""How long a hook waits for a store that others write into, and what it wrote of its calls beside it meanwhile."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING

from meshcore.home import Home
from meshcore.store.database import LockedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TypeVar

    from meshcore.store.store import Store

    T = TypeVar("T")

PATIENCE_SECONDS = 4.0  # of the eight after which `hookstart` ends everything; the follow-up has the rest
MUCH = 1 << 16  # bytes that hooks wrote of their calls


def patiently(store: Path, work: Callable[[], T], until: float) -> T:
    """Do what writes into a store or sets it up, again where others come and go all the while, until a monotonic time.

    Raises LockedError then, and sooner where nothing moves: somebody holds the store.
    """
    while True:
        before = _moves(store)
        try:
            return work()
        except LockedError:
            if time.monotonic() >= until or _moves(store) == before:
                raise


def _moves(store: Path) -> list[tuple[int, int]]:
    moves = []
    for path in (f"{store}", f"{store}-wal"):
        with contextlib.suppress(OSError):
            found = os.stat(path)  # noqa: PTH116  light
            moves.append((found.st_size, found.st_mtime_ns))
    return moves


def fold_calls(store: Store, name: str) -> None:
    """Take in what hooks wrote of their calls, once that is much."""
    path = Home(store.path.parent).state / name
    with contextlib.suppress(OSError):
        if path.lstat().st_size >= MUCH:
            store.tellings.fold_calls(path.parent, name)
