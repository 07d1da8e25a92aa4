"""A bridge is copied into another: what was signed, who reads, who has what; again without harm."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.bridge.helpers import (
    ALICE,
    BOB,
    CAROL,
    ENGINES,
    ToldClock,
    asked,
    member,
    open_at,
    publication,
    record,
    set_up,
    take,
)

from meshcore.bridge.base import Bridge, Publication
from meshcore.bridge.copying import Copied, copy
from meshcore.bridge.memory import MemoryBridge
from meshcore.model import Record


def filled(bridge: Bridge) -> Bridge:
    """Fill a bridge with what two nodes said, an old program's row, a receipt and an erased text."""
    for node in (ALICE, BOB):
        bridge.join(member(node))
    old = Publication(Record("a skill", "", ""), "legacy", "legacy")
    bridge.publish([publication(ALICE, 1), publication(BOB, 2), old, publication(ALICE, 3)])
    take(bridge, BOB)
    bridge.erase(record(ALICE, 3).record_id)
    return bridge


@pytest.mark.parametrize("engine", asked())
def test_a_bridge_is_copied_into_every_engine_and_again_without_harm(engine: str, tmp_path: Path) -> None:
    clock = ToldClock()
    source = filled(MemoryBridge(clock))
    with set_up(engine, tmp_path, clock):
        target = open_at(ENGINES[engine], tmp_path, clock)
        for _ in range(2):
            assert copy(source, target) == Copied(3, 2, 2, 1)
        assert [one.record for one in target.members()] == [member(ALICE).record, member(BOB).record]
        target.join(member(CAROL))
        texts = [one.record for one in source.receive(BOB, 0).deliveries]
        assert take(target, CAROL) == [record(ALICE, 1).text, record(BOB, 2).text, "a skill"]
        assert texts[0] in [one.record for one in target.receive(BOB, 0).deliveries]
        assert [one.node for one in target.receipts(record(ALICE, 1).record_id)] == [BOB, CAROL]
        target.close()


@pytest.mark.parametrize("engine", asked())
def test_a_bridge_of_every_engine_is_copied_and_left_as_it_was(engine: str, tmp_path: Path) -> None:
    clock = ToldClock()
    with set_up(engine, tmp_path, clock):
        source = filled(open_at(ENGINES[engine], tmp_path, clock))
        before = (source.statistics(), source.members())
        target = MemoryBridge(clock)
        assert copy(source, target) == Copied(3, 2, 2, 1)
        assert (source.statistics(), source.members()) == before
        assert len(take(target, BOB)) == 2
        source.close()
