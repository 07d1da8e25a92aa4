"""The kill switch as a signed record: one word stops every node of the operator."""

from __future__ import annotations

from tests.core.healing.small_mesh import SmallMesh

from meshcore.exchange.announce import announce_halt
from meshcore.trust.halting import halted


def test_a_halt_reaches_every_node_of_the_operator_and_is_taken_back_by_who_said_it(mesh: SmallMesh) -> None:
    a, b, c = mesh.node("a"), mesh.node("b", host="host2"), mesh.node("c", host="host3")
    announce_halt(a, "deploying by hand")
    mesh.meet()
    assert halted(b) == halted(c) == "deploying by hand"
    announce_halt(c, "")
    mesh.meet()
    assert halted(b) == "deploying by hand"
    announce_halt(a, "")
    mesh.meet()
    assert halted(b) == halted(c) == ""
    assert [e.kind for e in b.store.events.after(0) if e.kind.startswith("mesh.")] == ["mesh.halted", "mesh.resumed"]


def test_a_stranger_halts_nobody(mesh: SmallMesh) -> None:
    mine, stranger = mesh.node("mine"), mesh.node("stranger", operator="another")
    announce_halt(stranger, "stop")
    mesh.meet()
    assert halted(mine) == ""


def test_the_reason_of_a_halt_cannot_steer_a_terminal(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    announce_halt(a, "\x1b[31mred\u202e")
    mesh.meet()
    assert "\x1b" not in halted(b)
    assert "\u202e" not in halted(b)
