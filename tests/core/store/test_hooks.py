"""What hooks keep of sessions: found by session, and forgotten by its age without a look at all the others."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from meshcore.clock import to_text
from meshcore.store.store import Store
from meshcore.testing import FakeClock


def test_what_nobody_wrote_for_a_while_is_forgotten_and_nothing_else(tmp_path: Path) -> None:
    clock = FakeClock()
    store = Store(tmp_path / "store.db", clock)
    for session in ("old", "again"):
        store.hook_notes.put(session, "[]")
        store.hook_sessions.put(session, "[]", "{}", "[]")
    clock.advance(3 * 86_400)
    store.hook_notes.put("again", "[1]")
    store.hook_sessions.put("again", "[1]", "{}", "[]")
    store.hook_notes.forget(2)
    assert store.hook_sessions.forget(to_text(clock.now() - timedelta(days=2)))
    assert (store.hook_notes.find("old"), store.hook_sessions.find("old")) == ("", None)
    assert (store.hook_notes.find("again"), store.hook_sessions.find("again")) == ("[1]", ("[1]", "{}", "[]"))
    assert not store.hook_sessions.forget(to_text(clock.now() - timedelta(days=2)))
    store.close()


@pytest.mark.parametrize("table", ["hook_notes", "hook_sessions"])
def test_forgetting_looks_at_old_rows_alone_in_a_store_with_many(tmp_path: Path, table: str) -> None:
    store = Store(tmp_path / "store.db")
    plan = store.database.execute(f"EXPLAIN QUERY PLAN DELETE FROM {table} WHERE at<?", ("2026",))
    assert [f"INDEX {table}_at (at<?)" in str(row["detail"]) for row in plan] == [True]
    store.close()
