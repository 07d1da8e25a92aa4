"""Beats and claims are believed only as far as their signatures hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.healing.small_mesh import SmallMesh

from meshcore import __version__
from meshcore.bridge.base import Claim, Member
from meshcore.bridge.states import BEAT, CLAIM, Beat, beat_of, claim_body, holds
from meshcore.model import Json, Record
from meshcore.node import Node


def member_of(mesh: SmallMesh, node: Node) -> Member:
    return next(m for m in mesh.bridge.members() if m.node == node.identity.node.public)


def test_a_node_that_joins_signs_its_state_and_uses_no_number_for_it(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    number = a.store.outbox.last_author_seq()
    a.beat(mesh.bridge)
    assert beat_of(member_of(mesh, a)) == Beat("a", "host1", __version__, number)
    assert a.store.outbox.last_author_seq() == number


def test_a_program_of_version_0_1_beats_unsigned_and_is_seen_all_the_same(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    before = member_of(mesh, a).state
    mesh.clock.advance(120)
    mesh.bridge.beat(a.identity.node.public)
    found = member_of(mesh, a)
    assert (found.seen, found.state) == (True, before)


def test_a_state_that_another_node_signed_or_nobody_is_none(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    for node in (a, b):
        node.beat(mesh.bridge)
    mine, other = member_of(mesh, a), member_of(mesh, b)
    assert mine.state is not None
    assert beat_of(replace(mine, state=other.state)) is None
    assert beat_of(replace(mine, state=replace(mine.state, sig="00"))) is None
    assert beat_of(replace(mine, state=None)) is None
    assert beat_of(replace(mine, state=mine.record)) is None


@pytest.mark.parametrize("change", [{"name": 1}, {"host": None}, {"version": []}, {"author_seq": "1"}])
def test_a_state_with_a_field_of_another_type_is_none(mesh: SmallMesh, change: dict[str, Json]) -> None:
    a = mesh.node("a")
    state = a.state(BEAT, {**Beat("a", "host1", "1", 1).to_json(), **change})
    assert beat_of(replace(member_of(mesh, a), state=state)) is None


def test_a_claim_holds_for_the_skill_and_host_that_were_signed(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    signed = a.state(CLAIM, claim_body("s1", "host1"))
    assert holds(Claim("s1", "host1", signed))
    assert holds(Claim("s1", "host1", Record("", "", "")))
    assert not holds(Claim("s2", "host1", signed))
    assert not holds(Claim("s1", "host2", signed))
    assert not holds(Claim("s1", "host1", replace(signed, sig="00")))
    assert not holds(Claim("s1", "host1", a.state(BEAT, claim_body("s1", "host1"))))
