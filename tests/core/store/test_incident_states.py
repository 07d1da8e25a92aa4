"""Where an incident may go from each state, and that nothing but one function moves it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

import meshcore
from meshcore.model import IncidentState
from meshcore.store.incident_states import TRANSITIONS, may_follow
from meshcore.store.store import Store
from meshcore.testing import incident

STATES: tuple[IncidentState, ...] = get_args(IncidentState)
MOVING = re.compile(r"UPDATE incidents SET[^\n]*\bstate\b", re.IGNORECASE)


def test_every_state_stands_in_the_table() -> None:
    assert set(TRANSITIONS) == set(STATES)


@pytest.mark.parametrize("after", STATES)
def test_what_was_verified_stays_verified(store: Store, after: IncidentState) -> None:
    met = incident()
    store.incidents.open(met, "a" * 64)
    assert store.incidents.set_state(met.incident_id, "verified", seconds=1.0)
    last = store.events.last()
    assert not store.incidents.set_state(met.incident_id, after, seconds=9.0)
    found = store.incidents.find(met.incident_id)
    assert found is not None and found.state == "verified"
    assert store.events.last() == last


@pytest.mark.parametrize("before", STATES)
def test_nothing_is_open_again(before: IncidentState) -> None:
    assert not may_follow(before, "open")


def test_one_statement_in_the_house_moves_an_incident() -> None:
    found = [
        path.name
        for folder in meshcore.__path__
        for path in (*Path(folder).rglob("*.py"), *Path(folder).rglob("*.sql"))
        for _ in MOVING.findall(path.read_text("utf-8"))
    ]
    assert found == ["incidents.py"]
