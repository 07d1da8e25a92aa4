"""The store for an event loop gives the same answers, and cannot write."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError, MeshError, StoreTooNewError
from meshcore.model import Record
from meshcore.store.async_store import AsyncStore
from meshcore.store.store import Approval, Store
from meshcore.testing import incident, known_skill, outcome

ME = "a" * 64


def furnish(store: Store) -> None:
    store.see_agent("a", "shell", "host1")
    store.set_meta("key", "value")
    store.set_control("mode", "hint", "anna", "mesh.mode")
    known = store.put_skill(known_skill(), "b", "0", ["k"])
    store.note_use(known.skill.skill_id)
    for number in (1, 2):
        store.add_incident(incident(number), ME)
    store.set_incident_state(incident(2).incident_id, "verified", seconds=2.0, again=True)
    store.add_outcome(outcome(), own_operator=True)
    store.ask(Approval("a" * 12, incident(1).incident_id, known.skill.skill_id, "h", "pip", (), "now", "waiting"))
    store.add_record(Record("text", ME, ""), "rejected", "why")


async def test_both_stores_give_the_same_answers(store: Store) -> None:
    furnish(store)
    known, met = store.skills()[0], incident(1).incident_id
    async with await AsyncStore.open(store.path) as reader:
        assert await reader.meta("key") == store.meta("key") == "value"
        assert await reader.meta("none", "default") == "default"
        assert await reader.control("mode") == "hint"
        assert await reader.last_event() == store.last_event() > 0
        assert await reader.events_after(2, 3) == store.events_after(2, 3)
        assert await reader.events_of(met) == store.events_of(met) != []
        assert await reader.figures() == store.figures()
        assert await reader.seconds_to_green() == store.seconds_to_green() == {"first": [], "again": [2.0]}
        assert await reader.incident("last") == store.incident("last") is not None
        assert await reader.incident(met[:-1]) is None
        assert await reader.incidents(state="verified") == store.incidents(state="verified") != []
        assert await reader.outcomes(incident_id=met) == store.outcomes(incident_id=met) != []
        assert await reader.skill("1") == known
        assert await reader.skills(states=["active"]) == [known]
        assert await reader.count_skills() == 1
        assert await reader.uses() == store.uses() != {}
        assert await reader.approvals() == store.approvals() != []
        assert await reader.approval("aaaaaa") == store.approvals()[0]
        assert await reader.agents() == store.agents() != []
        assert await reader.count_records() == {"rejected": 1}
        assert await reader.rejected_records() == store.rejected_records() != []


async def test_each_read_sees_the_newest_commit_and_blocks_no_checkpoint(store: Store) -> None:
    store.add_incident(incident(1), ME)
    async with await AsyncStore.open(store.path) as reader:
        assert len(await reader.incidents()) == 1
        store.add_incident(incident(2), ME)
        assert len(await reader.incidents()) == 2
        assert store.checkpoint() is True


async def test_the_reader_cannot_write(store: Store) -> None:
    async with await AsyncStore.open(store.path) as reader:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader._db.execute("INSERT INTO meta VALUES ('a', 'b')")


async def test_a_path_with_signs_of_a_web_address_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "50% ?mode=rwc&x#y"
    folder.mkdir()
    Store(folder / "store.db").close()
    async with await AsyncStore.open(folder / "store.db") as reader:
        assert await reader.last_event() == 0


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
    store._db.execute("PRAGMA user_version=99")
    with pytest.raises(StoreTooNewError):
        await AsyncStore.open(store.path)
