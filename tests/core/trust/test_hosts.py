"""A host is a machine as its nodes' records tell it: names that are alike or many do not change how many there are."""

from __future__ import annotations

import pytest
from tests.core.exchange.hostile import HostileBridge
from tests.core.exchange.said import outcome
from tests.core.healing.small_mesh import SmallMesh, taught

from meshcore.bridge.state_bodies import ClaimBody
from meshcore.errors import UsageError
from meshcore.exchange.bodies import OutcomeBody
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.claims import ClaimCheck, own_host
from meshcore.model import Json
from meshcore.node import Node
from meshcore.service.fleet import fleet
from meshcore.trust.hosts import Hosts

ONE, TWO, THREE = "1" * 16, "2" * 16, "3" * 16


class Fleet:
    """Node a, and others that it has heard of."""

    def __init__(self, mesh: SmallMesh) -> None:
        self.mesh = mesh
        self.hostile = HostileBridge(mesh)
        self.a = self.hostile.node("a")

    def node(self, name: str, host: str, machine: str = "") -> Node:
        node = self.hostile.node(name, host=host)
        node.machine = machine
        self.mesh.clock.advance(1)
        node.beat(node.require_bridge())
        pull(self.a)
        return node

    @property
    def names(self) -> list[str]:
        return [host.name for host in Hosts(self.a).all]

    def fails(self, node: Node, skill_id: str, number: int) -> None:
        said = outcome(skill_id, node.identity.node.public, node.settings.host, number)
        self.tell(node, said)

    def tell(self, node: Node, said: dict[str, Json]) -> None:
        node.store.outbox.add(OutcomeBody.kind, said)
        publish(node)
        pull(self.a)

    def state(self, skill_id: str) -> str:
        known = self.a.store.skills.find(skill_id)
        assert known is not None
        return known.state


@pytest.fixture
def them(mesh: SmallMesh) -> Fleet:
    return Fleet(mesh)


def test_two_machines_of_one_name_are_two_hosts_and_told_apart(them: Fleet) -> None:
    them.node("b", "build", ONE)
    them.node("c", "build", TWO)
    assert them.names == ["host-a", "build", "build (22222222)"]
    wrong = {one.name: one.wrong for one in fleet(them.a, them.a.require_bridge())}
    assert wrong["b"] == wrong["c"] == ("another machine is called build too",)


def test_two_names_of_one_machine_are_one_host(them: Fleet) -> None:
    them.node("b", "build", ONE)
    them.node("c", "container-7", ONE)
    assert them.names == ["host-a", "build"]


def test_a_node_that_tells_no_machine_is_on_the_one_of_its_name(them: Fleet) -> None:
    them.node("b", "build", ONE)
    them.node("old", "build")
    assert them.names == ["host-a", "build"]
    them.node("c", "build", TWO)
    assert len(them.names) == 4  # on which of the two it is nobody knows


def test_a_key_speaks_for_the_machine_that_it_first_named(them: Fleet) -> None:
    b = them.node("b", "build", ONE)
    b.machine = TWO
    them.mesh.clock.advance(1)
    b.beat(b.require_bridge())
    pull(them.a)
    assert [host.machine for host in Hosts(them.a).all] == ["", ONE]


def test_failures_of_two_machines_of_one_name_quarantine_what_those_of_one_do_not(them: Fleet) -> None:
    known = taught(them.a)
    publish(them.a)
    b, c, d = them.node("b", "build", ONE), them.node("c", "other", ONE), them.node("d", "build", TWO)
    for number, node in enumerate((b, c, b, c), 1):
        them.fails(node, known.skill_id, number)
    assert them.state(known.skill_id) == "active"
    them.fails(d, known.skill_id, 9)
    assert them.state(known.skill_id) == "quarantined"


def test_verified_on_so_many_hosts_counts_machines(them: Fleet) -> None:
    known = taught(them.a)
    publish(them.a)
    for number, (name, host, machine) in enumerate(
        [("b", "build", ONE), ("c", "build", TWO), ("d", "elsewhere", TWO), ("e", "third", THREE)], 1
    ):
        node = them.node(name, host, machine)
        said = outcome(known.skill_id, node.identity.node.public, host, number, "verified")
        them.tell(node, said)
    found = them.a.store.skills.find(known.skill_id)
    assert found is not None
    assert (found.evidence.verified, sorted(found.evidence.hosts)) == (3, ["build", "build (22222222)", "third"])


def test_a_claim_counts_for_the_machine_of_who_signed_it(them: Fleet) -> None:
    known = taught(them.a)
    b, c = them.node("b", "build", ONE), them.node("c", "build", TWO)
    check = ClaimCheck(them.a, frozenset(), Hosts(them.a))
    bridge = them.a.require_bridge()
    for node in (b, c):
        body = ClaimBody(known.skill_id, own_host(node))
        assert bridge.claim(node.state(body.kind, body.to_json()), known.skill_id, body.host, 2, check.counts)
    body = ClaimBody(known.skill_id, ONE)
    forged = c.state(body.kind, body.to_json())
    them.hostile.sql("UPDATE claims SET key=?, sig=?, text=? WHERE host=?", (forged.key, forged.sig, forged.text, ONE))
    assert [check.counts(one) for one in bridge.claims(known.skill_id)].count(True) == 1


def test_a_host_is_found_by_its_name_and_by_its_mark_where_two_share_one(them: Fleet) -> None:
    b, c = them.node("b", "build", ONE), them.node("c", "build", TWO)
    hosts = Hosts(them.a)
    assert hosts.find("host-a").nodes == (them.a.identity.node.public,)
    assert hosts.find("11111111").nodes == (b.identity.node.public,)
    assert hosts.find("build (22222222)").nodes == (c.identity.node.public,)
    with pytest.raises(UsageError, match="several hosts are called 'build'"):
        hosts.find("build")
    with pytest.raises(UsageError, match="no host is called"):
        hosts.find("nowhere")
