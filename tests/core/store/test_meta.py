"""What `meta` may hold stands in one list, and only the store's own statements touch the table."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from tests.fixtures.old_version import FIXTURE

import meshcore
import meshtui
from meshcore.store.meta_key import MetaKey
from meshcore.store.store import Store

TOUCHES_META = re.compile(r"\b(?:FROM|INTO|UPDATE|JOIN)\s+meta\b")


def test_at_most_seven_kinds_of_facts_are_in_meta() -> None:
    assert len(get_args(MetaKey)) <= 7


def test_statements_on_meta_stand_in_the_store_alone() -> None:
    """Every one of them takes a `MetaKey`, which the type checker holds its callers to."""
    found = {
        path.relative_to(folder).as_posix()
        for package in (meshcore, meshtui)
        for folder in map(Path, package.__path__)
        for path in folder.rglob("*.py")
        if TOUCHES_META.search(path.read_text("utf-8"))
    }
    # The log of a bridge in SQLite has a table of that name too.
    assert {name for name in found if not name.startswith("bridge/")} == {"store/meta.py"}


def test_a_migrated_store_holds_listed_facts_only(tmp_path: Path) -> None:
    homes = sorted((FIXTURE / "homes").glob("*/store.db"))
    assert homes
    for number, home in enumerate(homes):
        path = tmp_path / f"{number}.db"
        path.write_bytes(home.read_bytes())
        store = Store(path)
        with store.database.faults():
            names = {row[0] for row in store.database.execute("SELECT name FROM meta")}
        store.close()
        assert names <= set(get_args(MetaKey)), home
