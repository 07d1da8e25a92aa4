"""The fleet shows each node by its own signed word; what others write in its place is not taken for it."""

from __future__ import annotations

import pytest
from tests.core.exchange.hostile import HostileBridge
from tests.core.healing.small_mesh import SmallMesh, taught

from meshcore import __version__
from meshcore.bridge.state_bodies import BeatBody, Report
from meshcore.control import decisions
from meshcore.errors import BadRecordError
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange, pull
from meshcore.node import Node
from meshcore.safety.records import sign
from meshcore.service.fleet import FleetNode, fleet


def seen(by: Node) -> dict[str, FleetNode]:
    return {one.name: one for one in fleet(by, by.require_bridge())}


def test_each_node_is_shown_as_it_reports_itself(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    b.store.agents.see("claude-code@b", "claude-code", "host-b")
    decisions.set_mode(b, "hint")
    exchange(b)
    mesh.clock.advance(5)
    exchange(a)
    rows = seen(a)
    b_row = rows["b"]
    assert (b_row.host, b_row.version, b_row.mode, b_row.engine) == ("host-b", __version__, "hint", "sqlite")
    assert (b_row.agents, b_row.ago, b_row.alive, b_row.whose) == (("claude-code@b",), 5.0, True, "own")
    assert (rows["a"].is_this, b_row.is_this, b_row.wrong) == (True, False, ())


def test_a_halt_is_reported_with_the_next_exchange(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    decisions.halt(a, "fire")
    exchange(a)
    exchange(b)
    exchange(a)
    assert {name: one.halted for name, one in seen(a).items()} == {"a": "fire", "b": "fire"}
    decisions.resume(a)
    exchange(a)
    exchange(b)
    assert {name: one.halted for name, one in seen(a).items()} == {"a": "", "b": ""}


def test_what_is_not_received_and_what_waits_for_a_person_is_counted(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a = hostile.node("a")
    hostile.node("b")
    taught(a)
    publish(a)
    assert (seen(a)["b"].undelivered, seen(a)["a"].undelivered) == (1, 0)


def test_a_clock_that_is_off_that_of_the_engine_is_said(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    b._ahead_ms = -42_000.0
    mesh.clock.advance(1)
    b.beat(b.require_bridge())
    assert seen(a)["b"].wrong == ("its clock is 42 s behind the bridge's",)


def test_a_writer_of_the_bridge_changes_no_row_and_hides_none_of_an_own_node(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    decisions.halt(b, "fire")
    exchange(b)
    exchange(a)
    key, sig, text, at = hostile.state_of(b)
    hostile.set_state(b, (key, sig, text.replace("fire", "none"), at))
    hostile.sql("UPDATE members SET name='evil', host='evil' WHERE node=?", (key,))
    pull(a)
    row = next(one for one in fleet(a, a.require_bridge()) if one.node == key)
    # Nothing that is signed is there now: what was heard before still says when that was.
    assert (row.host, row.halted, row.version) == ("host-b", "", "")
    hostile.sql("DELETE FROM members WHERE node=?", (key,))
    row = next(one for one in fleet(a, a.require_bridge()) if one.node == key)
    assert (row.joined, row.halted, row.host) == ("", "fire", "host-b")
    assert "it is gone from the bridge: forgotten there, or taken away" in row.wrong


def test_withdrawn_strange_and_other_versions_are_told(mesh: SmallMesh) -> None:
    hostile = HostileBridge(mesh)
    a, b = hostile.node("a"), hostile.node("b")
    hostile.node("s", operator="another")
    exchange(b)
    exchange(a)
    beat = BeatBody("b", "host-b", "9.9", 1, report=Report(agents=("x\x1b[31m",), wrong=("all of it",)))
    mesh.clock.advance(1)
    b.require_bridge().beat(b.identity.node.public, sign(beat.kind, beat.to_json(), 1, b.identity, mesh.clock))
    decisions.revoke(a, b.identity.node.public, "stolen")
    rows = seen(a)
    assert rows["b"].wrong[0].endswith("was revoked: stolen")
    assert rows["b"].wrong[1:] == (f"it runs version 9.9, this is {__version__}", "all of it")
    assert "\x1b" not in "".join(rows["b"].agents)
    assert (rows["s"].whose, rows["b"].whose) == ("unknown", "revoked")


@pytest.mark.parametrize(
    "report",
    [
        {"machine": "../../etc"},
        {"latency_ms": "1"},
        {"latency_ms": 1e300},
        {"ahead_ms": True},
        {"agents": ["x"] * 17},
        {"agents": "x"},
        {"wrong": [1]},
        {"waiting": 2**31},
        [],
    ],
)
def test_a_report_that_is_none_is_refused_by_name(report: object) -> None:
    said = {"name": "a", "host": "h", "version": "1", "author_seq": 1, "report": report}
    with pytest.raises(BadRecordError, match="beat"):
        BeatBody.from_json(said)


def test_a_sign_of_life_without_a_report_or_with_more_than_is_known_is_read() -> None:
    said = {"name": "a", "host": "h", "version": "1", "author_seq": 1}
    assert BeatBody.from_json(said).report == Report()
    assert BeatBody.from_json({**said, "report": {"mode": "hint", "newer": [1]}}).report == Report(mode="hint")
    beat = BeatBody("a", "h", "1", 1, report=Report(latency_ms=0.0, agents=("x",)))
    assert BeatBody.from_json(beat.to_json()) == beat
