"""Beats and claims are believed only as far as their signatures hold."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.core.healing.small_mesh import SmallMesh

from meshcore import __version__
from meshcore.bridge.base import Claim, Member
from meshcore.bridge.state_bodies import BeatBody, ClaimBody, EndedBody, SettlementBody
from meshcore.bridge.states import beat_of, signed_claim
from meshcore.model import Json, Record
from meshcore.node import Node


def member_of(mesh: SmallMesh, node: Node) -> Member:
    return next(m for m in mesh.bridge.members() if m.node == node.identity.node.public)


def claimed(node: Node, skill_id: str, host: str) -> Record:
    return node.state(ClaimBody.kind, ClaimBody(skill_id, host).to_json())


def test_a_node_that_joins_signs_its_state_and_uses_no_number_for_it(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    number = a.store.outbox.last_author_seq()
    a.beat(mesh.bridge)
    assert beat_of(member_of(mesh, a)) == BeatBody("a", "host1", __version__, number, report=a.report())
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


ENDED: dict[str, Json] = {"node": "a" * 64, "epoch": "b" * 32, "last": 3}


@pytest.mark.parametrize(
    "change",
    [
        {"name": 1},
        {"host": None},
        {"version": []},
        {"author_seq": "1"},
        {"author_seq": -1},
        {"ended": {}},
        {"ended": [ENDED] * 33},
        {"ended": [{**ENDED, "last": -1}]},
        {"ended": [{**ENDED, "last": None}]},
        {"ended": [{**ENDED, "epoch": "b"}]},
        {"ended": [{**ENDED, "node": "../x"}]},
        {"ended": [7]},
    ],
)
def test_a_state_with_a_field_of_another_type_is_none(mesh: SmallMesh, change: dict[str, Json]) -> None:
    a = mesh.node("a")
    state = a.state(BeatBody.kind, {**BeatBody("a", "host1", "1", 1).to_json(), **change})
    assert beat_of(replace(member_of(mesh, a), state=state)) is None


def test_a_state_names_the_chains_that_have_ended(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    beat = BeatBody("a", "host1", "1", 1, (EndedBody("a" * 64, "b" * 32, 3),))
    assert beat.to_json()["ended"] == [ENDED]
    assert beat_of(replace(member_of(mesh, a), state=a.state(BeatBody.kind, beat.to_json()))) == beat


def test_a_claim_holds_for_the_skill_and_host_that_were_signed(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    signed = claimed(a, "s1", "host1")
    assert signed_claim(Claim("s1", "host1", signed)) == signed
    assert signed_claim(Claim("s1", "host1", Record("", "", ""))) is None
    assert signed_claim(Claim("s2", "host1", signed)) is None
    assert signed_claim(Claim("s1", "host2", signed)) is None
    assert signed_claim(Claim("s1", "host1", replace(signed, sig="00"))) is None
    assert signed_claim(Claim("s1", "host1", a.state(BeatBody.kind, ClaimBody("s1", "host1").to_json()))) is None


def test_that_a_try_has_failed_is_signed_too(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    body = SettlementBody("s1", "host1", verified=False)
    settled = a.state(body.kind, body.to_json())
    assert signed_claim(Claim("s1", "host1", settled, failed=True)) == settled
    assert signed_claim(Claim("s1", "host1", settled)) is None
    assert signed_claim(Claim("s1", "host1", claimed(a, "s1", "host1"), failed=True)) is None
    helped = a.state(body.kind, replace(body, verified=True).to_json())
    assert signed_claim(Claim("s1", "host1", helped, failed=True)) is None
