"""The store for an event loop gives the same answers, and cannot write."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError, MeshError, StoreTooNewError
from meshcore.model import Record
from meshcore.store import queries
from meshcore.store.async_store import AsyncStore
from meshcore.store.control import control
from meshcore.store.meta import fact
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.testing import incident, known_skill, outcome

ME = "a" * 64


def furnish(store: Store) -> None:
    store.agents.see("a", "shell", "host1")
    store.meta.set("node", "value")
    store.controls.request("mode", "hint", "anna", "mesh.mode")
    known = store.skills.put(known_skill(), "b", "0", ["k"])
    store.skills.note_use(known.skill.skill_id)
    for number in (1, 2):
        store.incidents.open(incident(number), ME)
    store.incidents.set_state(incident(2).incident_id, "verified", seconds=2.0, again=True)
    store.outcomes.add(outcome(), own_operator=True)
    store.approvals.ask(
        Approval("a" * 12, incident(1).incident_id, known.skill.skill_id, "h", "pip", (), "now", "waiting")
    )
    store.records.add(Record("text", ME, ""), "rejected", "why")


async def test_both_stores_give_the_same_answers(store: Store) -> None:
    furnish(store)
    known, met = store.skills.all()[0], incident(1).incident_id
    async with await AsyncStore.open(store.path) as reader:
        assert await reader.one(fact("node")) == store.meta.get("node") == "value"
        assert await reader.one(fact("node_key")) is None
        assert await reader.one(control("mode")) == "hint"
        assert await reader.one(queries.last_event()) == store.events.last() > 0
        assert await reader.ask(queries.events_after(2, 3)) == store.events.after(2, 3)
        assert await reader.ask(queries.events_of(met)) == store.events.of_incident(met) != []
        assert dict(await reader.ask(queries.figures())) == store.snapshots.figures()
        assert (
            queries.first_and_again(await reader.ask(queries.seconds_to_green()))
            == store.incidents.seconds_to_green()
            == {"first": [], "again": [2.0]}
        )
        assert await reader.one(queries.incident("last")) == store.incidents.find("last") is not None
        assert await reader.one(queries.incident(met[:-1])) is None
        assert await reader.ask(queries.incidents(state="verified")) == store.incidents.all(state="verified") != []
        assert await reader.ask(queries.outcomes(incident_id=met)) == store.outcomes.of(incident_id=met) != []
        assert await reader.one(queries.skill("1")) == known
        assert await reader.ask(queries.skills(["active"])) == [known]
        assert await reader.one(queries.count_skills()) == 1
        assert dict(await reader.ask(queries.uses())) == store.skills.uses() != {}
        assert await reader.ask(queries.approvals()) == store.approvals.all() != []
        assert await reader.one(queries.approval("aaaaaa")) == store.approvals.all()[0]
        assert await reader.ask(queries.agents()) == store.agents.all() != []
        assert dict(await reader.ask(queries.record_counts())) == {"rejected": 1}
        assert await reader.ask(queries.rejected_records()) == store.records.rejected() != []


async def test_each_read_sees_the_newest_commit_and_blocks_no_checkpoint(store: Store) -> None:
    store.incidents.open(incident(1), ME)
    async with await AsyncStore.open(store.path) as reader:
        assert len(await reader.ask(queries.incidents())) == 1
        store.incidents.open(incident(2), ME)
        assert len(await reader.ask(queries.incidents())) == 2
        assert store.checkpoint() is True


async def test_the_reader_cannot_write(store: Store) -> None:
    async with await AsyncStore.open(store.path) as reader:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader._db.execute("INSERT INTO meta VALUES ('a', 'b', 'c')")


async def test_a_path_with_signs_of_a_web_address_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "50% ?mode=rwc&x#y"
    folder.mkdir()
    Store(folder / "store.db").close()
    async with await AsyncStore.open(folder / "store.db") as reader:
        assert await reader.one(queries.last_event()) == 0


async def test_what_is_no_store_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with pytest.raises(ConfigurationError, match="no store here yet"):
        await AsyncStore.open(path)
    assert not path.exists()
    path.write_text("a letter to somebody " * 100)
    with pytest.raises(ConfigurationError, match="not an SQLite database"):
        await AsyncStore.open(path)
    path.write_bytes(b"")
    with pytest.raises(MeshError, match="older store"):
        await AsyncStore.open(path)


async def test_a_newer_store_is_not_read(store: Store) -> None:
    store.database._connection.execute("PRAGMA user_version=99")
    with pytest.raises(StoreTooNewError):
        await AsyncStore.open(store.path)


def test_an_opening_that_is_called_off_leaves_no_thread_that_answers_a_closed_loop(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda found: failed.append(found.exc_value))

    async def call_off(turns: int) -> None:
        opening = asyncio.ensure_future(AsyncStore.open(store.path))
        for _ in range(turns):
            await asyncio.sleep(0)
        opening.cancel()

    before = set(threading.enumerate())
    for turns in range(12):
        asyncio.run(call_off(turns))
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert failed == []
