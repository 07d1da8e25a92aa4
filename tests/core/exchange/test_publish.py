"""What waits in the outbox is signed once and published once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.core.healing.small_mesh import SmallMesh, again, taught

from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull


def test_a_crash_between_publishing_and_marking_publishes_once(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a = mesh.node("a")
    taught(a)

    def crash(seqs: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(a.store.outbox, "mark_published", crash)
        publish(a)
    assert mesh.bridge.statistics().records == 1
    assert publish(a) == 1
    assert mesh.bridge.statistics().records == 1
    assert a.store.outbox.waiting() == []


def test_a_crash_before_publishing_loses_nothing(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(a.require_bridge(), "publish", crash)
        publish(a)
    mesh.meet()
    assert again(b, known).state == "active"
    assert mesh.bridge.statistics().records == 1


def test_two_processes_of_one_home_sign_an_outbox_row_once(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = mesh.node("a"), mesh.node("a")
    taught(one)
    bridge = one.require_bridge()
    whole = bridge.publish

    def while_the_other_publishes_too(*publications: Any) -> list[int]:
        assert publish(two) == 1
        return whole(*publications)

    monkeypatch.setattr(bridge, "publish", while_the_other_publishes_too)
    publish(one)
    assert mesh.bridge.statistics().records == 1


def test_a_statement_too_large_to_be_signed_holds_nothing_up(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    a.store.outbox.add("incident", {"line": "x" * 300_000})
    known = taught(a)
    assert publish(a) == 1
    assert a.store.outbox.waiting() == []
    pull(b)
    assert again(b, known).state == "active"
    assert "not told" in str([event.data for event in a.store.events.after(0) if event.kind == "fault"])
