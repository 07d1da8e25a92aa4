"""Whoever can write the bridge can withhold a record; that it is missing shows, and then nothing runs unattended."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.exchange.hostile import HostileBridge, decided, lacks, revoke
from tests.core.healing.small_mesh import SmallMesh, failure, taught

from meshcore.bridge.base import Publication
from meshcore.errors import BadRecordError, BridgeUnavailableError
from meshcore.exchange.announce import announce_halt, announce_incident
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import SEARCH_SECONDS, exchange, pull
from meshcore.healing.teaching import teach
from meshcore.model import ChainMark, Json, Record
from meshcore.node import Node
from meshcore.safety.records import sign, verify
from meshcore.trust.authors import enrol, trust_in, withdraw
from meshcore.trust.halting import halted

FLASK = "ModuleNotFoundError: No module named 'flask'", "pip install flask"


@pytest.fixture
def hostile(mesh: SmallMesh) -> HostileBridge:
    return HostileBridge(mesh)


class Withheld:
    """Node a applies what b taught; c revokes b, and who writes the bridge takes that out before a has read it."""

    def __init__(self, mesh: SmallMesh, hostile: HostileBridge) -> None:
        self.mesh, self.hostile = mesh, hostile
        self.a, self.b, self.c = (hostile.node(name) for name in "abc")
        taught(self.b)
        publish(self.b)
        teach(self.c, *FLASK)
        publish(self.c)
        assert decided(self.a, mesh) == "run"
        self.before = hostile.state_of(self.c)
        revoke(self.c, self.b)
        self.row = hostile.withhold_last(self.c)


@pytest.fixture
def withheld(mesh: SmallMesh, hostile: HostileBridge) -> Withheld:
    return Withheld(mesh, hostile)


def test_nothing_is_missing_where_nothing_was_withheld(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    assert lacks(a) == lacks(b) == []
    assert decided(a, mesh) == "run"


def test_a_revocation_that_is_withheld_stops_what_would_run_and_is_named(withheld: Withheld) -> None:
    assert decided(withheld.a, withheld.mesh) == "approve"
    assert lacks(withheld.a) == ["1 control record of c on host-c missing (number 2)"]


def test_once_the_gap_is_filled_all_is_well_at_once(withheld: Withheld) -> None:
    assert lacks(withheld.a)
    withheld.hostile.put_back(withheld.row)
    assert lacks(withheld.a) == []
    assert decided(withheld.a, withheld.mesh) == "refuse"
    assert trust_in(withheld.a, withheld.b.identity.node.public).state == "revoked"


def test_a_record_that_was_moved_to_where_a_reader_has_been_is_found(withheld: Withheld) -> None:
    pull(withheld.a)
    withheld.hostile.sql("DELETE FROM log WHERE seq=1")
    withheld.hostile.put_back(withheld.row, seq=1)
    withheld.mesh.clock.advance(20)
    teach(withheld.c, "ModuleNotFoundError: No module named 'attrs'", "pip install attrs")
    publish(withheld.c)
    assert lacks(withheld.a) == []
    assert trust_in(withheld.a, withheld.b.identity.node.public).state == "revoked"


def test_the_next_record_of_its_author_tells_that_one_is_missing_though_no_sign_of_life_comes(
    withheld: Withheld,
) -> None:
    withheld.hostile.set_state(withheld.c, withheld.before)
    assert lacks(withheld.a) == []
    announce_incident(withheld.c, failure(withheld.c))
    publish(withheld.c)
    withheld.hostile.set_state(withheld.c, withheld.before)
    assert lacks(withheld.a) == ["1 control record of c on host-c missing (number 2)"]


def test_a_node_whose_signs_of_life_are_withheld_too_looks_switched_off(withheld: Withheld) -> None:
    pull(withheld.b)
    heard = withheld.a.store.chains.heartbeat(withheld.c.identity.node.public)
    withheld.hostile.set_state(withheld.c, withheld.before)
    withheld.mesh.clock.advance(600)
    withheld.hostile.sql("UPDATE members SET seen_at=?", (withheld.a.store.now(),))
    assert lacks(withheld.a) == []
    assert withheld.a.store.chains.heartbeat(withheld.c.identity.node.public) == heard


def test_an_older_sign_of_life_put_back_takes_nothing_back(withheld: Withheld) -> None:
    assert lacks(withheld.a)
    withheld.hostile.set_state(withheld.c, withheld.before)
    assert lacks(withheld.a)
    withheld.hostile.sql("DELETE FROM members WHERE node=?", (withheld.c.identity.node.public,))
    assert lacks(withheld.a)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE members SET cursor=0",
        "UPDATE members SET cursor=9223372036854775807",
        "UPDATE members SET cursor='x'",
        "UPDATE members SET seen_at='never'",
        "DELETE FROM members",
    ],
)
def test_a_cursor_that_is_moved_on_the_bridge_neither_skips_nor_repeats(
    mesh: SmallMesh, hostile: HostileBridge, statement: str
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    events = a.store.events.last()
    teach(b, *FLASK)
    publish(b)
    hostile.sql(statement)
    a.disconnect()
    pull(a)
    hostile.sql(statement)
    a.disconnect()
    pull(a)
    assert a.store.skills.count() == 2
    kinds = [event.kind for event in a.store.events.after(events)]
    assert kinds.count("skill.received") == 1
    assert lacks(a) == []


def test_rows_that_are_doubled_change_nothing(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    hostile.sql(
        "INSERT INTO log (record_id, kind, origin, key, sig, published_at, text)"
        " SELECT record_id, kind, origin, key, sig, published_at, text FROM log"
    )
    events = a.store.events.last()
    assert lacks(a) == []
    assert a.store.events.last() == events


def test_a_bridge_that_was_restored_is_read_again_and_what_it_lost_is_put_back(
    mesh: SmallMesh, hostile: HostileBridge
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    pull(b)
    lost = hostile.withhold_last(b)
    late = hostile.node("late")
    assert lacks(late) == ["1 control record of b on host-b missing (number 1)"]
    pull(b)  # sees that the bridge is shorter than it was
    assert lacks(late) == []
    assert [row[0] for row in hostile.sql("SELECT record_id FROM log WHERE key=?", (lost[4],))] == [lost[1]]


def test_a_node_that_joins_late_misses_nothing_and_sees_what_is_withheld(withheld: Withheld) -> None:
    late = withheld.hostile.node("late")
    assert lacks(late) == ["1 control record of c on host-c missing (number 2)"]
    assert decided(late, withheld.mesh) == "approve"
    withheld.hostile.put_back(withheld.row)
    withheld.mesh.clock.advance(SEARCH_SECONDS)
    assert lacks(late) == []


def test_an_author_that_was_never_met_shows_by_its_sign_of_life_alone(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b, c = (hostile.node(name) for name in "abc")
    taught(b)
    publish(b)
    assert decided(a, mesh) == "run"
    revoke(c, b)
    hostile.withhold_last(c)
    assert decided(a, mesh) == "approve"


def test_a_revocation_for_which_a_person_enrols_the_author_anew_is_missed_no_longer(withheld: Withheld) -> None:
    assert lacks(withheld.a)
    enrol(withheld.a, withheld.c.identity.node.public, "anna")
    assert lacks(withheld.a) == []
    revoke(withheld.c, withheld.b)
    withheld.hostile.withhold_last(withheld.c)
    assert lacks(withheld.a) == ["1 control record of c on host-c missing (number 3)"]


def test_of_an_author_that_was_withdrawn_nothing_is_missed(withheld: Withheld) -> None:
    assert lacks(withheld.a)
    withdraw(withheld.a, withheld.c.identity.node.public, "", "anna")
    assert lacks(withheld.a) == []


# --- who has a word ---------------------------------------------------------------------------------------------------


def send(node: Node, mark: ChainMark | None, body: dict[str, Json] | None = None, kind: str = "revocation") -> Record:
    """Publish a statement with any place in its author's chain, as a program with its key could."""
    body = {"key": "a" * 64} if body is None else body
    record = sign(kind, body, node.store.outbox.next_author_seq(), node.identity, node.clock, mark)
    node.require_bridge().publish([Publication(record, kind)])
    return record


def test_a_stranger_stops_nobody(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b, stranger = hostile.node("a"), hostile.node("b"), hostile.node("s", operator="another")
    taught(b)
    publish(b)
    send(stranger, ChainMark("a" * 32, 1_000_000, True))
    send(stranger, ChainMark("a" * 32, 2_000_000))
    state = sign("beat", {}, 1, stranger.identity, mesh.clock, ChainMark("a" * 32, 9))
    stranger.require_bridge().beat(stranger.identity.node.public, state)
    assert lacks(a) == []
    assert decided(a, mesh) == "run"


def test_what_an_enrolled_operator_withholds_stops_its_own_skills_only(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b, other = hostile.node("a"), hostile.node("b"), hostile.node("o", operator="another")
    taught(b)
    publish(b)
    pull(a)
    teach(other, *FLASK)
    publish(other)
    enrol(a, other.identity.operator, "anna")
    pull(a)
    send(other, ChainMark(other.chain(other.require_bridge()).current().epoch, 3, True))
    assert lacks(a) == ["1 control record of o on host-o missing (number 2)"]
    assert decided(a, mesh) == "run"
    from meshcore.trust.synced import not_synced

    [theirs] = [skill for skill in a.store.skills.all() if skill.author == other.identity.node.public]
    assert not_synced(a, theirs)


def test_numbers_are_signed(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    text, key, sig = hostile.sql("SELECT text, key, sig FROM log")[0]
    with pytest.raises(BadRecordError, match="signature"):
        verify(Record(text.replace('"number":1', '"number":2'), key, sig))
    hostile.sql("UPDATE log SET text=replace(text, '\"number\":1', '\"number\":7')")
    assert lacks(a) == ["1 control record of b on host-b missing (number 1)"]


@pytest.mark.parametrize(
    "chain",
    [
        7,
        [],
        {},
        {"epoch": "a" * 32},
        {"epoch": "a" * 32, "number": 0},
        {"epoch": "a" * 32, "number": True},
        {"epoch": "a" * 32, "number": 2**31},
        {"epoch": "a" * 32, "last": -1},
        {"epoch": "x" * 32, "last": 1},
        {"epoch": "a", "last": 1},
        {"epoch": 7, "last": 1},
        {"epoch": "a" * 32, "last": 1, "number": 1},
    ],
)
def test_a_chain_that_is_none_is_refused(chain: Json) -> None:
    from meshcore.safety.records import chain_in

    with pytest.raises(BadRecordError, match="chain"):
        chain_in({"chain": chain})


# --- two records under one number -------------------------------------------------------------------------------------


def test_two_records_under_one_number_withdraw_their_author_until_a_person_says_otherwise(
    mesh: SmallMesh, hostile: HostileBridge
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    assert decided(a, mesh) == "run"
    second = send(b, ChainMark(b.chain(b.require_bridge()).current().epoch, 1, True))
    assert lacks(a) == ["two records of b on host-b came as number 1 of its chain"]
    assert [receipt.status for receipt in a.require_bridge().receipts(second.record_id)] == ["rejected"]
    trust = trust_in(a, b.identity.node.public)
    assert "signed two records as number 1" in trust.stop
    assert decided(a, mesh) == "refuse"
    assert lacks(hostile.node("late")) == ["two records of b on host-b came as number 1 of its chain"]
    enrol(a, b.identity.node.public, "anna")
    assert lacks(a) == []
    assert decided(a, mesh) == "run"


# --- a home that was restored, used twice, or moved -------------------------------------------------------------------


def restored(mesh: SmallMesh, hostile: HostileBridge, backup: bool = True) -> Node:
    """Return node b as it was after its first control record, though it has published a second one since."""
    b = hostile.node("b")
    taught(b)
    publish(b)
    b.store.checkpoint()
    shutil.copytree(mesh.root / "b", mesh.root / "backup")
    teach(b, *FLASK)
    publish(b)
    b.close()
    shutil.rmtree(mesh.root / "b")
    shutil.copytree(mesh.root / "backup", mesh.root / "b")
    mesh.clock.advance(20)
    return hostile.node("b")


def test_a_node_that_was_restored_from_a_backup_begins_a_new_chain(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a = hostile.node("a")
    b = restored(mesh, hostile)
    [said] = [str(event.data["what"]) for event in b.store.events.after(0) if event.kind == "fault"]
    assert "restored from a backup" in said
    teach(b, "ModuleNotFoundError: No module named 'attrs'", "pip install attrs")
    publish(b)
    assert lacks(a) == []
    assert a.store.skills.count() == 3
    assert len(a.store.chains.of(b.identity.node.public)) == 2
    b.close()
    again = hostile.node("b")
    assert len([event for event in again.store.events.after(0) if event.kind == "fault"]) == 1


def test_what_a_restored_node_had_said_before_is_still_missed(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a = hostile.node("a")
    b = hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    b.close()
    b = restored(mesh, hostile)
    hostile.sql("DELETE FROM log WHERE seq=(SELECT max(seq) FROM log)")
    mesh.clock.advance(20)
    teach(b, "ModuleNotFoundError: No module named 'attrs'", "pip install attrs")
    publish(b)
    assert any("missing" in text for text in lacks(a))


def test_a_home_that_is_used_twice_without_its_knowing_is_told_apart(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    shutil.copytree(mesh.root / "b", mesh.root / "b2")
    twin = hostile.node("b2", host="host-b")
    for number, node in enumerate((b, twin)):
        teach(node, f"ModuleNotFoundError: No module named 'x{number}'", f"pip install x{number}")
        publish(node)
    assert lacks(a) == ["two records of b on host-b came as number 1 of its chain"]


def test_a_sign_of_life_of_this_very_node_that_was_put_there_begins_no_chain(
    mesh: SmallMesh, hostile: HostileBridge
) -> None:
    b = hostile.node("b")
    taught(b)
    publish(b)
    old = hostile.state_of(b)
    teach(b, *FLASK)
    publish(b)
    b.close()
    away = mesh.node("b", host="host-b")
    taught(away, "ModuleNotFoundError: No module named 'attrs'", "pip install attrs")
    publish(away)
    [elsewhere] = [member.state for member in mesh.bridge.members()]
    away.close()
    assert elsewhere is not None
    b = hostile.node("b")
    epoch = b.chain(b.require_bridge()).current().epoch
    b.close()
    for state in (old, (elsewhere.key, elsewhere.sig, elsewhere.text, ""), ("", "", "{}", ""), ("", "", "[", "")):
        b = hostile.node("b")
        hostile.set_state(b, state)
        b.close()
    b = hostile.node("b")
    assert [event.kind for event in b.store.events.after(0) if event.kind == "fault"] == []
    assert b.chain(b.require_bridge()).current().epoch == epoch


def test_a_home_that_goes_to_another_bridge_and_comes_back_leaves_no_gap(mesh: SmallMesh) -> None:
    from meshcore.bridge.memory import MemoryBridge

    other = MemoryBridge(mesh.clock)
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    publish(b)
    pull(a)
    b.close()
    away = mesh.node("b", bridge=other)
    teach(away, *FLASK)
    with suppress(KeyboardInterrupt):
        publish(away)
    away.close()
    back = mesh.node("b")
    teach(back, "ModuleNotFoundError: No module named 'attrs'", "pip install attrs")
    publish(back)
    pull(a)
    assert lacks(a) == []
    assert a.store.skills.count() == 2


def test_what_was_signed_for_one_bridge_and_not_published_becomes_a_link_on_the_next(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshcore.bridge.memory import MemoryBridge

    other = MemoryBridge(mesh.clock)
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    publish(b)
    teach(b, *FLASK)
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(b.require_bridge(), "publish", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        publish(b)
    b.beat(mesh.bridge)
    assert lacks(a) == []
    b.close()
    away = mesh.node("b", bridge=other)
    publish(away)
    there = mesh.node("c", bridge=other)
    assert lacks(there) == []
    assert there.store.skills.count() == 1
    away.close()
    back = mesh.node("b")
    back.beat(mesh.bridge)
    teach(back, "ModuleNotFoundError: No module named 'attrs'", "pip install attrs")
    publish(back)
    assert lacks(a) == []


def test_after_a_rotation_the_records_of_the_old_key_are_still_missed(mesh: SmallMesh, hostile: HostileBridge) -> None:
    from meshcore.control.key_rotation import rotate

    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    old, _ = rotate(b)
    [seq] = [seq for (seq,) in hostile.sql("SELECT max(seq) FROM log WHERE key=?", (old,))]
    hostile.sql("DELETE FROM log WHERE seq=?", (seq,))
    assert lacks(a) == ["1 control record of b on host-b missing (number 2)"]


def test_after_a_rotation_nothing_is_missing(mesh: SmallMesh, hostile: HostileBridge) -> None:
    from meshcore.control.key_rotation import rotate

    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    rotate(b)
    teach(b, *FLASK)
    publish(b)
    assert lacks(a) == lacks(hostile.node("late")) == []
    assert a.store.skills.count() == 2


def test_whoever_keeps_a_node_from_speaking_does_not_keep_it_from_hearing(
    mesh: SmallMesh, hostile: HostileBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    announce_incident(a, failure(a))
    announce_halt(b, "fire")
    publish(b)

    def refuse(*_: object) -> None:
        raise BridgeUnavailableError("no")

    monkeypatch.setattr(a.require_bridge(), "publish", refuse)
    exchange(a)
    assert halted(a) == "fire"


def test_a_node_that_was_struck_off_while_it_works_joins_again_and_hears(
    mesh: SmallMesh, hostile: HostileBridge
) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    announce_halt(b, "fire")
    publish(b)
    hostile.sql("DELETE FROM members")
    exchange(a)
    assert halted(a) == "fire"
    assert hostile.sql("SELECT count(*) FROM members WHERE name='a'") == [(1,)]


def test_a_number_that_is_used_again_keeps_nobody_from_publishing(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    hostile.sql("DELETE FROM log")
    hostile.sql("DELETE FROM sqlite_sequence")
    teach(b, *FLASK)
    publish(b)
    assert lacks(a) == ["1 control record of b on host-b missing (number 1)"]
    assert a.store.skills.count() == 1


def test_a_halt_that_is_withheld_shows(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    pull(a)
    announce_halt(b, "fire")
    publish(b)
    row = hostile.withhold_last(b)
    assert decided(a, mesh) == "approve"
    hostile.put_back(row)
    mesh.clock.advance(SEARCH_SECONDS)
    pull(a)
    assert halted(a) == "fire"


def test_nodes_of_version_0_1_promise_nothing_and_stop_nothing(mesh: SmallMesh, hostile: HostileBridge) -> None:
    a, b = hostile.node("a"), hostile.node("b")
    taught(b)
    publish(b)
    send(b, None)
    send(b, None)
    hostile.withhold_last(b)
    assert lacks(a) == []
    assert replace(ChainMark("a" * 32, 1)).number == 1


# --- any order --------------------------------------------------------------------------------------------------------

steps = st.lists(
    st.tuples(st.sampled_from(["teach", "incident", "beat", "take", "replay", "pull", "search"]), st.integers(0, 9)),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps)
def test_in_whatever_order_rows_are_taken_what_is_named_and_missing_shows_and_what_is_put_back_heals(
    plan: list[tuple[str, int]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mesh = SmallMesh(Path(folder))
        hostile = HostileBridge(mesh)
        a, b = hostile.node("a"), hostile.node("b")
        states, taken = [hostile.state_of(b)], []
        for number, (what, choice) in enumerate(plan):
            mesh.clock.advance(1)
            if what == "teach":
                teach(b, f"ModuleNotFoundError: No module named 'm{number}'", f"pip install m{number}")
                publish(b)
                states.append(hostile.state_of(b))
            elif what == "incident":
                announce_incident(b, failure(b))
                publish(b)
            elif what == "beat":
                b.beat(b.require_bridge())
            elif what == "take" and (rows := hostile.rows_of(b)):
                seq = rows[choice % len(rows)]
                taken += hostile.sql("SELECT * FROM log WHERE seq=?", (seq,))
                hostile.sql("DELETE FROM log WHERE seq=?", (seq,))
            elif what == "replay":
                hostile.set_state(b, states[choice % len(states)])
            elif what == "pull":
                pull(a)
            elif what == "search":
                mesh.clock.advance(SEARCH_SECONDS)
        b.beat(b.require_bridge())
        lost = [row for row in taken if '"number"' in row[7] and not a.store.records.has(row[1])]
        assert bool(lacks(a)) == bool(lost)
        for row in taken:
            [(end,)] = hostile.sql("SELECT max(coalesce(max(seq), 0), (SELECT seq FROM sqlite_sequence)) FROM log")
            hostile.put_back(row, end + 1)
        assert lacks(a) == []
        assert a.store.skills.count() == b.store.skills.count()
        mesh.close()
