"""What nobody has seen to help for long waits for a person, and is as old as its last good news."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import Fix, SmallMesh, taught

from meshcore.clock import to_text
from meshcore.healing.teaching import stand_behind
from meshcore.hook.answer import standing_of
from meshcore.knowledge.ageing import DAY, LONG_DAYS
from meshcore.model import KnownSkill
from meshcore.node import Node
from meshcore.trust.standing import reweigh
from meshcore.trust.store_keys import action_hash

LONG = (LONG_DAYS + 1) * DAY


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[SmallMesh]:
    mesh = SmallMesh(tmp_path)
    yield mesh
    mesh.close()


def now(node: Node, known: KnownSkill) -> KnownSkill:
    found = node.store.skills.find(known.skill_id)
    assert found is not None
    return found


def test_what_was_good_lately_is_run_and_what_was_not_for_long_is_asked_for(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    mesh.clock.advance((LONG_DAYS - 1) * DAY)
    lately = fix.fail().ruling
    assert lately is not None and lately.decision == "run"
    mesh.clock.advance(2 * DAY)
    considered = fix.fail()
    assert considered.ruling is not None and considered.ruling.decision == "approve"
    assert "it was last seen to help or confirmed 12 months ago" in considered.ruling.reasons
    assert "last seen to help or confirmed 12 months ago" in standing_of(now(node, known), node.store.skills.now())


@pytest.mark.parametrize("how", ["seen to help", "confirmed"])
def test_good_news_makes_it_young_again(mesh: SmallMesh, how: str) -> None:
    node = mesh.node("a")
    known, fix = taught(node), Fix(node, mesh.clock)
    mesh.clock.advance(LONG)
    considered = fix.fail()
    assert considered.ruling is not None and considered.ruling.decision == "approve"
    if how == "confirmed":
        stand_behind(node, known, "confirmed")
    else:
        fix.heal(considered)
    assert "ago" not in standing_of(now(node, known), node.store.skills.now())
    mesh.clock.advance(DAY)
    later = fix.fail().ruling
    assert later is not None and later.decision == "run"


def test_a_failure_is_no_good_news(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known, fix = taught(node), Fix(node, mesh.clock)
    mesh.clock.advance(LONG)
    fix.heal(fix.fail(), rerun=1)
    assert now(node, known).last_good == known.last_good


def test_who_approved_it_for_good_is_not_asked_for_its_age(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known, fix = taught(node), Fix(node, mesh.clock)
    mesh.clock.advance(LONG)
    considered = fix.fail()
    assert considered.match is not None
    node.store.standing_approvals.put(known.skill_id, action_hash(considered.match.action), "/work", "me")
    again = fix.fail().ruling
    assert again is not None and again.decision == "run"


def test_what_another_node_taught_long_ago_is_as_old_there(mesh: SmallMesh) -> None:
    one = mesh.node("a")
    known = taught(one)
    mesh.meet()
    mesh.clock.advance(LONG)
    two = mesh.node("b", host="host2")
    mesh.meet()
    assert now(two, known).last_good == known.last_good
    found = Fix(two, mesh.clock).fail().ruling
    assert found is not None and found.decision == "approve"


def test_a_clock_that_ran_ahead_keeps_nothing_young(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known, fix = taught(node), Fix(node, mesh.clock)
    right = mesh.clock.now()
    mesh.clock.advance(10 * LONG)
    fix.heal(fix.fail())
    mesh.clock.set_wall(right)
    weighed = reweigh(node, known.skill_id)
    assert weighed is not None and weighed.last_good == to_text(right)
