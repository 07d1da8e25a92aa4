"""A home that is copied with its keys is noticed at once; one that is started anew is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.core.exchange.hostile import HostileBridge
from tests.core.healing.small_mesh import SmallMesh

from meshcore.bridge import own_place
from meshcore.exchange.receive import exchange, pull
from meshcore.exchange.report import note_report
from meshcore.node import Node
from meshcore.service.fleet import fleet


def faults(node: Node) -> list[str]:
    return [str(event.data["what"]) for event in node.store.events.after(0) if event.kind == "fault"]


def wrong(seen_by: Node, name: str) -> tuple[str, ...]:
    return next(one.wrong for one in fleet(seen_by, seen_by.require_bridge()) if one.name == name)


def cloned(mesh: SmallMesh, name: str) -> None:
    """Copy a home with its keys, as a snapshot of a machine does."""
    mesh.nodes[0].store.checkpoint()
    shutil.copytree(mesh.root / name, mesh.root / "clone")


@pytest.fixture
def pair(mesh: SmallMesh) -> tuple[Node, Node]:
    """Node a, and node b which watches."""
    hostile = HostileBridge(mesh)
    return hostile.node("a"), hostile.node("b")


def clone_of(mesh: SmallMesh) -> Node:
    cloned(mesh, "a")
    mesh.clock.advance(1)
    return HostileBridge(mesh).node("clone", host="host-a")


def look(node: Node) -> None:
    """Do what a runtime does every 20 seconds."""
    note_report(node)
    bridge = node.require_bridge()
    node.look_at_itself(bridge)
    node.beat(bridge)


def test_a_home_that_was_cloned_with_its_keys_is_said_at_once_where_it_came_from(
    mesh: SmallMesh, pair: tuple[Node, Node]
) -> None:
    a, b = pair
    look(a)
    clone = clone_of(mesh)
    assert faults(a) == []
    mesh.clock.advance(1)
    look(a)
    [said] = faults(a)
    assert said.startswith("a copy of this home speaks under its key, on host host-a")
    look(a)
    assert len(faults(a)) == 1
    pull(b)
    assert any("used twice" in what for what in wrong(b, "a"))
    assert clone.identity.node.public == a.identity.node.public


def test_others_see_a_node_that_speaks_from_two_places(mesh: SmallMesh, pair: tuple[Node, Node]) -> None:
    a, b = pair
    look(a)
    pull(b)
    clone = clone_of(mesh)
    # An old version of it would say nothing of itself: who listens sees it all the same.
    for node in (clone, a, clone, a):
        mesh.clock.advance(1)
        node.beat(node.require_bridge())
        pull(b)
    assert [what.split(":")[0] for what in faults(b)] == ["a on host-a speaks from two places at once"]
    assert "its home is used in two places at once: it was cloned with its keys" in wrong(b, "a")


def test_a_process_that_is_started_again_and_a_boot_are_no_copy(
    mesh: SmallMesh, pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = pair
    look(a)
    pull(b)
    for boot in ("one", "two"):
        monkeypatch.setattr(own_place, "boot_id", lambda boot=boot: boot)
        mesh.clock.advance(1)
        a = HostileBridge(mesh).node("a")
        look(a)
        exchange(a)
        pull(b)
    assert (faults(a), faults(b), wrong(b, "a")) == ([], [], ())


def test_what_a_writer_of_the_bridge_puts_in_place_of_a_sign_of_life_is_no_copy(
    mesh: SmallMesh, pair: tuple[Node, Node]
) -> None:
    a, b = pair
    hostile = HostileBridge(mesh)
    look(a)
    key, sig, text, seen = hostile.state_of(a)
    place = a.report().place
    for forged in (text.replace(place, "f" * 16), '{"body": {"report": {"place": 7}}}', "[" * 20_000, ""):
        hostile.set_state(a, (key, sig, forged, seen))
        look(a)
    hostile.set_state(a, hostile.state_of(b))
    look(a)
    assert faults(a) == []


@pytest.mark.parametrize(
    ("content", "known"),
    [
        (b"0123456789abcdef0123456789abcdef\n", True),
        (b"uninitialized\n", False),
        (b"", False),
        (b"0123456789ABCDEF0123456789ABCDEF\n", False),
        (None, False),
    ],
)
def test_a_machine_is_known_by_its_id_and_the_id_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, known: bool
) -> None:
    file = tmp_path / "machine-id"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setattr(own_place, "MACHINE_ID", file)
    mark = own_place.machine_mark()
    assert bool(mark) == known
    assert not known or (len(mark) == 16 and mark not in str(content))
