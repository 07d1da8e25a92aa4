"""Which claims take a place: whoever can write the bridge can neither stop healing with one nor go first with many."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.core.exchange.hostile import HostileBridge, decided
from tests.core.healing.small_mesh import SmallMesh, taught

from meshcore.bridge.state_bodies import ClaimBody, SettlementBody
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.claims import FAILED_CLAIM_SECONDS
from meshcore.model import KnownSkill, Record
from meshcore.node import Node

INSERT = "INSERT OR REPLACE INTO claims (skill_id, host, at, failed, key, sig, text) VALUES (?,?,?,?,?,?,?)"


class Place:
    """Node a would try what b taught; `put` writes a claim into the bridge as its writer can."""

    def __init__(self, mesh: SmallMesh) -> None:
        self.mesh = mesh
        self.hostile = HostileBridge(mesh)
        self.a, self.b = self.hostile.node("a"), self.hostile.node("b")
        self.known: KnownSkill = taught(self.b)
        publish(self.b)
        pull(self.a)

    def put(self, record: Record, host: str, *, failed: bool = False) -> None:
        at = self.a.store.now()
        row = (self.known.skill_id, host, at, int(failed), record.key, record.sig, record.text)
        self.hostile.sql(INSERT, row)

    def claim(self, node: Node, host: str) -> Record:
        body = ClaimBody(self.known.skill_id, host)
        return node.state(body.kind, body.to_json())

    def settled(self, node: Node, host: str) -> Record:
        body = SettlementBody(self.known.skill_id, host, verified=False)
        return node.state(body.kind, body.to_json())


@pytest.fixture
def place(mesh: SmallMesh) -> Place:
    return Place(mesh)


def unsigned(place: Place) -> None:
    place.put(Record("", "", ""), "host-b")


def unsigned_failure(place: Place) -> None:
    place.put(Record("", "", ""), "host-b", failed=True)


def unsigned_failure_of_our_own(place: Place) -> None:
    place.put(Record("", "", ""), "host-a", failed=True)


def a_claim_that_is_said_to_have_failed(place: Place) -> None:
    place.put(place.claim(place.b, "host-b"), "host-b", failed=True)


def of_a_stranger(place: Place) -> None:
    stranger = place.hostile.node("s", operator="another")
    place.put(place.claim(stranger, "host-s"), "host-s")


def a_failure_of_a_stranger(place: Place) -> None:
    stranger = place.hostile.node("s", operator="another")
    place.put(place.settled(stranger, "host-s"), "host-s", failed=True)


def for_another_host(place: Place) -> None:
    place.put(place.claim(place.b, "elsewhere"), "elsewhere")


def five_thousand(place: Place) -> None:
    for number in range(300):
        place.put(Record("x", place.b.identity.node.public, "00"), f"h{number}")


def for_another_skill(place: Place) -> None:
    body = ClaimBody("f" * 64, "host-b")
    place.put(place.b.state(body.kind, body.to_json()), "host-b")


def an_old_one_put_back(place: Place) -> None:
    old = place.claim(place.b, "host-b")
    place.mesh.clock.advance(601)
    place.put(old, "host-b")


def an_old_failure_put_back(place: Place) -> None:
    old = place.settled(place.b, "host-b")
    place.mesh.clock.advance(FAILED_CLAIM_SECONDS + 1)
    place.put(old, "host-b", failed=True)


@pytest.mark.parametrize(
    "write",
    [
        unsigned,
        unsigned_failure,
        unsigned_failure_of_our_own,
        a_claim_that_is_said_to_have_failed,
        of_a_stranger,
        a_failure_of_a_stranger,
        for_another_host,
        for_another_skill,
        five_thousand,
        an_old_one_put_back,
        an_old_failure_put_back,
    ],
)
def test_a_claim_that_no_own_node_has_signed_for_its_host_takes_no_place(
    place: Place, write: Callable[[Place], None]
) -> None:
    write(place)
    assert decided(place.a, place.mesh) == "run"


def test_the_claim_of_an_own_node_takes_its_place_for_ten_minutes(place: Place) -> None:
    place.put(place.claim(place.b, "host-b"), "host-b")
    assert decided(place.a, place.mesh) == "approve"
    place.mesh.clock.advance(601)
    assert decided(place.a, place.mesh) == "run"


def test_the_signed_failure_of_an_own_node_keeps_others_from_following(place: Place) -> None:
    place.put(place.settled(place.b, "host-b"), "host-b", failed=True)
    place.mesh.clock.advance(3600)
    assert decided(place.a, place.mesh) == "approve"


def test_a_thousand_members_make_no_more_places(place: Place) -> None:
    place.put(place.claim(place.b, "host-b"), "host-b")
    place.hostile.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) INSERT INTO members"
        " (node, name, host, joined_at, seen_at, key, sig, text)"
        " SELECT printf('%064x', i), 'x', 'h' || i, joined_at, seen_at, key, sig, text FROM n, members WHERE name='b'"
    )
    assert decided(place.a, place.mesh) == "approve"
