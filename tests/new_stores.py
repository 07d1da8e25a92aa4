"""New stores of this process as copies of one: to bring a schema about takes 17 ms, and thousands of tests have one.

What comes about is the same: `tests/core/store` makes them as users do, and so does each program that a test starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

import pytest

from meshcore.store import database

MAKE = database._create_private


@contextmanager
def copied(folder: Path) -> Iterator[None]:
    """Let a new store begin as a copy of one that is made here."""
    database.Database(folder / "store.db").close()
    empty = (folder / "store.db").read_bytes()

    def create(path: Path) -> None:
        if not path.exists():
            with suppress(OSError), NamedTemporaryFile(dir=path.parent) as copy:  # MAKE says what stands in the way
                copy.write(empty)
                copy.flush()
                path.hardlink_to(copy.name)  # whole at once, for whoever makes the same one now
        MAKE(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "_create_private", create)
        yield
