"""Who is silent, who promised nothing, and what missing records of whom keep from running."""

from __future__ import annotations

from tests.core.exchange.hostile import HostileBridge, lacks
from tests.core.exchange.said import incident
from tests.core.healing.small_mesh import SmallMesh, taught

from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.node import Node
from meshcore.trust.authors import withdraw
from meshcore.trust.synced import Silent, missing, silent, without_promise


def beat(node: Node) -> None:
    node.beat(node.require_bridge())


def test_a_node_that_shows_no_sign_of_life_is_named_with_its_last_one(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    assert silent(a) == []
    since = a.store.now()
    mesh.clock.advance(61)
    # What the bridge says of it can be written by anybody.
    hostile.sql("UPDATE members SET seen_at=?", (a.store.now(),))
    pull(a)
    assert silent(a) == [Silent(b.identity.node.public, "b", "host-b", since)]
    hostile.sql("DELETE FROM members WHERE name='b'")
    pull(a)
    assert [one.name for one in silent(a)] == ["b"]
    a.store.chains.forget(b.identity.node.public)
    assert silent(a) == []


def test_a_sign_of_life_that_is_put_back_is_none(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    old = hostile.state_of(b)
    mesh.clock.advance(30)
    beat(b)
    pull(a)
    newest = a.store.chains.heartbeat(b.identity.node.public)
    hostile.set_state(b, old)
    pull(a)
    assert a.store.chains.heartbeat(b.identity.node.public) == newest
    mesh.clock.advance(61)
    beat(b)
    pull(a)
    assert silent(a) == []


def test_a_withdrawn_node_is_neither_silent_nor_missed(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    hostile.withhold_last(b)
    assert lacks(a)
    mesh.clock.advance(61)
    withdraw(a, b.identity.node.public, "", "anna")
    assert (silent(a), missing(a)) == ([], [])


def test_a_node_of_version_0_1_has_promised_nothing_and_that_is_said(mesh: SmallMesh) -> None:
    b = mesh.node("b")
    mesh.send(b, "incident", incident())  # signed as version 0.1 does, without a number
    mesh.bridge.forget(b.identity.node.public)
    a = mesh.node("a")
    pull(a)
    [row] = a.store.authors.all()
    a.store.authors.see(row.node, "b", "host1", row.operator, True, 1)
    assert without_promise(a) == ["b on x"]
    mesh.node("b")
    pull(a)
    assert (without_promise(a), silent(a)) == ([], [])


def test_the_first_numbers_that_are_missing_are_named_and_the_others_counted(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    key, chains = b.identity.node.public, a.store.chains
    mesh.send(b, "incident", {"line": "x"})
    pull(a)
    epoch = b.chain(mesh.bridge).current().epoch
    for number in (1, 2, 4, 9):
        chains.receive(key, epoch, number, f"{number:064x}")
    chains.name(key, epoch, 12)
    [one] = missing(a)
    assert (one.count, one.numbers) == (8, (3, 5, 6, 7, 8))
    assert one.text == "8 control records of b on host1 missing (number 3, 5, 6, 7, 8, …)"
