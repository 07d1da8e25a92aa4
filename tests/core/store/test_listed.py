"""Long lists are read a page at a time from either end, each row once, and no page sorts the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from meshcore.knowledge.interchange import put
from meshcore.store.listed import INCIDENTS, SKILLS, Found, Key, Order
from meshcore.store.read import Parameter
from meshcore.store.store import Store
from meshcore.store.views import IncidentBrief, SkillBrief
from meshcore.testing import incident, known_skill

STATES = ("open", "verified", "fix_failed")
COUNT = 61


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db")) as store:
        with store.transaction():
            for number in range(1, COUNT + 1):
                opened = f"2026-11-2{number % 7}T10:00:00.000000Z"
                store.incidents.open(incident(number, f"module{number % 5}", opened=opened), "a" * 64)
                store.database.execute(
                    "UPDATE incidents SET state=?, agent=?, seconds=? WHERE seq=?",
                    (STATES[number % 3], f"agent{number % 4}", number % 6 if number % 3 == 1 else None, number),
                )
        yield store


def pages(store: Store, order: Order[IncidentBrief], *, descending: bool, backwards: bool) -> list[IncidentBrief]:
    found: list[IncidentBrief] = []
    beyond: Key | None = None
    while True:
        read = INCIDENTS.page(order, 7, descending=descending, beyond=beyond, backwards=backwards)
        rows = store.answers(read)
        found += rows
        if len(rows) < 7:
            return found
        beyond = INCIDENTS.key(order, rows[-1])


@pytest.mark.parametrize("order", INCIDENTS.orders, ids=lambda order: order.name or "as it came")
@pytest.mark.parametrize("descending", [True, False])
def test_pages_have_every_row_once_in_order_from_either_end(
    store: Store, order: Order[IncidentBrief], descending: bool
) -> None:
    down = pages(store, order, descending=descending, backwards=False)
    up = pages(store, order, descending=descending, backwards=True)
    assert down == list(reversed(up))
    assert len({brief.incident_id for brief in down}) == len(down) == COUNT
    assert down == sorted(down, key=lambda brief: INCIDENTS.key(order, brief), reverse=descending)


@pytest.mark.parametrize("order", INCIDENTS.orders, ids=lambda order: order.name or "as it came")
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_every_page_is_searched_for_in_an_index_and_nothing_is_sorted(
    store: Store, order: Order[IncidentBrief], descending: bool, backwards: bool
) -> None:
    for beyond in (None, INCIDENTS.key(order, store.answers(INCIDENTS.those([f"{5:016x}"]))[0])):
        read = INCIDENTS.page(order, 7, descending=descending, beyond=beyond, backwards=backwards)
        plan = [row["detail"] for row in _plan(store, read.sql, read.parameters)]
        assert not [step for step in plan if "TEMP B-TREE" in step]
        scans = [step for step in plan if step.startswith("SCAN i")]
        assert not scans if beyond else all("USING INDEX" in step or step == "SCAN i" for step in scans)


@pytest.mark.parametrize("order", SKILLS.orders, ids=lambda order: order.name)
@pytest.mark.parametrize("descending", [True, False])
@pytest.mark.parametrize("backwards", [True, False])
def test_skills_are_paged_without_sorting_and_each_comes_once(
    tmp_path: Path, order: Order[SkillBrief], descending: bool, backwards: bool
) -> None:
    with closing(Store(tmp_path / "store.db")) as store:
        for number in range(23):
            put(store, known_skill(f"module{number}", state="active" if number % 2 else "quarantined"))
        found: list[SkillBrief] = []
        beyond: Key | None = None
        while len(found) < 23:
            read = SKILLS.page(order, 5, descending=descending, beyond=beyond, backwards=backwards)
            assert not [row for row in _plan(store, read.sql, read.parameters) if "TEMP B-TREE" in row["detail"]]
            rows = store.answers(read)
            assert rows
            found, beyond = [*found, *rows], SKILLS.key(order, rows[-1])
        assert found == sorted(found, key=lambda row: SKILLS.key(order, row), reverse=descending != backwards)
        assert store.answers(SKILLS.count()) == [len({row.skill_id for row in found})]
        assert store.answers(SKILLS.count(Found("Module22"))) == [1]


def _plan(store: Store, sql: str, parameters: Sequence[Parameter]) -> list[dict[str, str]]:
    return [dict(row) for row in store.database.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]


def test_what_is_counted_is_what_the_pages_hold(store: Store) -> None:
    found = Found("MODULE2")
    rows = store.answers(INCIDENTS.page(INCIDENTS.orders[0], 100, descending=True, found=found))
    assert store.answers(INCIDENTS.count(found)) == [len(rows)] == [12]
    assert store.answers(INCIDENTS.count()) == [COUNT]
    states = Found("not a word of it", ("fix_failed",))
    assert store.answers(INCIDENTS.count(states)) == [20]


def test_signs_that_sql_knows_are_looked_for_as_they_stand(store: Store) -> None:
    store.incidents.open(incident(900, "a_b"), "a" * 64)
    store.incidents.open(incident(901, "axb"), "a" * 64)
    assert store.answers(INCIDENTS.count(Found("a_b"))) == [1]
    assert store.answers(INCIDENTS.count(Found("%b"))) == [0]
