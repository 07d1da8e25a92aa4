"""Brakes for one host or all: who is named stops, nobody else; going on needs who stopped it, and the signature."""

from __future__ import annotations

import json

import pytest
from tests.core.exchange.hostile import HostileBridge
from tests.core.healing.small_mesh import SmallMesh

from meshcore.control import decisions, host_brakes
from meshcore.control.host_brakes import drill, halt_host, resume_host, revoke_host, set_ceiling
from meshcore.control.key_protection import protect
from meshcore.errors import BadRecordError, UsageError
from meshcore.exchange.control_bodies import CeilingBody, DrillBody, HaltBody
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.exchange.report import tell_report
from meshcore.model import Receipt
from meshcore.node import Node
from meshcore.safety.keys import SigningKey
from meshcore.safety.operator_key import unlock
from meshcore.service.fleet import fleet
from meshcore.trust.authors import trust_in
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted
from meshcore.trust.hosts import Host, Hosts


class Three:
    """Nodes a, b and c of one operator, each on its host, who have met."""

    def __init__(self, mesh: SmallMesh) -> None:
        self.mesh = mesh
        self.hostile = HostileBridge(mesh)
        self.a, self.b, self.c = self.all = [self.hostile.node(name) for name in "abc"]
        self.meet()

    def meet(self) -> None:
        for _ in range(2):
            self.mesh.clock.advance(1)
            for node in self.all:
                exchange(node)

    def host(self, name: str) -> Host:
        return Hosts(self.a).find(f"host-{name}")

    @property
    def halted(self) -> list[str]:
        return [node.name for node in self.all if halted(node)]

    @property
    def modes(self) -> list[str]:
        return [mode_here(node) for node in self.all]


@pytest.fixture
def three(mesh: SmallMesh) -> Three:
    return Three(mesh)


@pytest.fixture
def signer(three: Three, mesh: SmallMesh) -> SigningKey:
    """The operator's key, protected by a passphrase for all three."""
    protect(three.a, "correct horse battery")
    for node in three.all:
        node.forget_identity()
    three.meet()
    return unlock(mesh.root / "operator" / "operator.key", "correct horse battery")


def test_only_the_host_that_is_named_stops_and_goes_on_again(three: Three) -> None:
    halt_host(three.a, three.host("b"), "fire")
    three.meet()
    assert three.halted == ["b"]
    assert {one.name: one.halted for one in fleet(three.a, three.a.require_bridge())} == {"a": "", "b": "fire", "c": ""}
    with pytest.raises(UsageError, match="has not halted"):
        resume_host(three.c, three.host("b"))
    resume_host(three.a, three.host("b"))
    three.meet()
    assert three.halted == []
    with pytest.raises(UsageError):
        resume_host(three.a, three.host("b"))


def test_the_own_host_is_halted_by_its_switch(three: Three) -> None:
    halt_host(three.a, three.host("a"), "fire")
    three.meet()
    # One operator folder on one machine: what these tests share.
    assert halted(three.a) == "fire"
    assert three.a.store.halts.reasons() == []
    resume_host(three.a, three.host("a"))
    assert halted(three.a) == ""
    with pytest.raises(UsageError, match="has not halted"):
        resume_host(three.a, three.host("a"))


def test_on_the_own_host_a_halt_of_all_that_came_since_holds(three: Three) -> None:
    halt_host(three.a, three.host("a"), "fire")
    decisions.halt(three.a, "flood")
    resume_host(three.a, three.host("a"))
    assert halted(three.a) == "flood"
    with pytest.raises(UsageError, match="has not halted"):
        resume_host(three.a, three.host("a"))


def test_with_a_protected_key_the_own_host_goes_on_when_that_is_signed(three: Three, signer: SigningKey) -> None:
    halt_host(three.a, three.host("a"), "fire")
    (three.a.settings.operator / "HALT").unlink()
    assert halted(three.a) == "fire", "whoever removes the file"
    with pytest.raises(UsageError):
        resume_host(three.a, three.host("a"))
    assert halted(three.a) == "fire"
    resume_host(three.a, three.host("a"), signer=signer)
    assert halted(three.a) == ""


def test_a_ceiling_holds_one_host_or_all_and_never_raises_what_is_set_there(three: Three) -> None:
    set_ceiling(three.a, three.host("b"), "hint")
    three.meet()
    assert three.modes == ["auto", "hint", "auto"]
    decisions.set_mode(three.b, "auto")
    decisions.set_mode(three.c, "off")
    assert mode_here(three.b) == "hint"
    set_ceiling(three.a, None, "approve")
    three.meet()
    assert three.modes == ["approve", "approve", "off"]
    set_ceiling(three.c, three.host("b"), "off")
    three.meet()
    assert three.modes[1] == "off"
    set_ceiling(three.a, None, "")
    three.meet()
    assert three.modes == ["auto", "off", "off"], "each takes back its own word only"


def test_with_a_protected_key_stopping_needs_no_signature_and_going_on_does(three: Three, signer: SigningKey) -> None:
    halt_host(three.a, three.host("b"), "fire")
    set_ceiling(three.a, three.host("c"), "off")
    three.meet()
    assert (three.halted, three.modes[2]) == (["b"], "off")
    with pytest.raises(UsageError):
        resume_host(three.a, three.host("b"))
    with pytest.raises(UsageError):
        set_ceiling(three.a, three.host("c"), "approve")
    # An own node that was taken over says so without the operator.
    for body in (HaltBody("", "a", only=three.host("b").nodes), CeilingBody("", "a", "f" * 16, three.host("c").nodes)):
        three.a.store.outbox.add(body.kind, body.to_json())
    publish(three.a)
    three.meet()
    assert (three.halted, three.modes[2]) == (["b"], "off")
    resume_host(three.a, three.host("b"), signer=signer)
    set_ceiling(three.a, three.host("c"), "approve", signer=signer)
    three.meet()
    assert (three.halted, three.modes[2]) == ([], "approve")


def test_a_signed_word_that_raised_a_ceiling_raises_no_later_one(three: Three, signer: SigningKey) -> None:
    c = three.host("c")
    set_ceiling(three.a, c, "off")
    three.meet()
    set_ceiling(three.a, c, "approve", signer=signer)
    three.meet()
    raised = next(body for body in _sent(three.a) if body.signed is not None)
    set_ceiling(three.a, c, "off")
    three.meet()
    three.a.store.outbox.add(raised.kind, CeilingBody("approve", "a", "e" * 16, raised.only, raised.signed).to_json())
    publish(three.a)
    three.meet()
    assert three.modes[2] == "off"


def _sent(node: Node) -> list[CeilingBody]:
    rows = node.store.database.execute("SELECT body FROM outbox WHERE kind='ceiling'").fetchall()
    return [CeilingBody.from_json(json.loads(row[0])) for row in rows]


def test_a_stranger_and_a_withdrawn_node_stop_nobody(three: Three) -> None:
    stranger = three.hostile.node("s", operator="another")
    mallory = three.hostile.node("m")
    three.meet()
    decisions.revoke(three.a, mallory.identity.node.public, "stolen")
    three.meet()
    for node in (stranger, mallory):
        for body in (HaltBody("stop", "x"), CeilingBody("off", "x", "f" * 16), DrillBody("f" * 16, "x")):
            node.store.outbox.add(body.kind, body.to_json())
        publish(node)
    three.meet()
    assert (three.halted, three.modes) == ([], ["auto"] * 3)
    assert three.b.report().drill == ""


def test_a_host_is_withdrawn_with_all_its_nodes(three: Three) -> None:
    other = three.hostile.node("b2", host="host-b")
    three.meet()
    exchange(other)
    exchange(three.a)
    keys = revoke_host(three.a, three.host("b"), "stolen")
    three.meet()
    assert len(keys) == 2
    assert {trust_in(three.c, key).state for key in keys} == {"revoked"}
    with pytest.raises(UsageError, match="is this host"):
        revoke_host(three.a, three.host("a"), "x")


def test_a_drill_names_who_confirmed_signed_and_who_is_missing(three: Three) -> None:
    def b_works(_: float) -> None:
        three.mesh.clock.advance(0.25)
        pull(three.b)
        tell_report(three.b)

    found = {one.name: one for one in drill(three.a, 1.0, b_works)}
    assert (found["b"].seconds, found["b"].host) == (0.25, "host-b")
    assert (found["c"].seconds, found["c"].received, bool(found["c"].last)) == (None, False, True)
    assert three.halted == []
    pull(three.c)
    mark = three.b.report().drill
    assert mark
    assert three.c.report().drill == mark


def test_a_receipt_that_a_writer_of_the_bridge_forged_confirms_no_drill(three: Three) -> None:
    def forge(_: float) -> None:
        three.mesh.clock.advance(1)
        seq = three.hostile.sql("SELECT max(seq) FROM log")[0][0]
        key = three.c.identity.node.public
        three.c.require_bridge().acknowledge(key, [Receipt(seq, key, "stored", three.c.store.now())], 0)
        beat = three.hostile.state_of(three.b)
        three.hostile.set_state(three.c, beat)

    found = {one.name: one for one in drill(three.a, 1.0, forge)}
    assert (found["c"].seconds, found["c"].received) == (None, True)


def test_what_names_no_mode_or_mark_is_refused() -> None:
    for body, data in ((CeilingBody, {"mode": "all"}), (DrillBody, {"mark": "x"}), (HaltBody, {"why": "x", "only": 1})):
        with pytest.raises(BadRecordError):
            body.from_json(data)
    assert host_brakes.LOOK_SECONDS < 1
