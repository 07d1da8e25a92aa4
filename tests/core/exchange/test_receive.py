"""What comes in is checked and stored whole or not at all; bad input is rejected, a fault of ours is not."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Self

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.exchange.said import OLD_SKILL, incident, json_values, outcome, statuses
from tests.core.healing.small_mesh import ERROR, SmallMesh, again, taught

from meshcore.bridge.base import Delivery
from meshcore.errors import BadRecordError, MeshError
from meshcore.exchange import handlers, receive
from meshcore.exchange.announce import announce_halt
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull, take_in, take_in_again
from meshcore.healing.teaching import teach
from meshcore.knowledge.matching import matches
from meshcore.knowledge.signature import read
from meshcore.model import Json, Record
from meshcore.node import Node
from meshcore.safety.model_json import skill_to_json
from meshcore.safety.records import sign
from meshcore.trust.halting import halted
from meshcore.trust.standing import reweigh


def test_a_node_does_not_hear_itself(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    taught(a)
    publish(a)
    assert pull(a).stored == 0


@pytest.mark.parametrize(
    "content",
    ["not json", "[]", "{}", '{"error_type": 1}', json.dumps({**OLD_SKILL, "pattern": ""}), '{"a": NaN}', "[" * 5000],
)
def test_a_row_of_an_old_program_that_is_no_skill_is_kept_and_counted(mesh: SmallMesh, content: str) -> None:
    a = mesh.node("a")
    mesh.send_legacy(content)
    assert pull(a).rejected == 1
    assert a.store.records.count() == {"rejected": 1}
    assert a.store.skills.count() == 0


def test_a_bad_signature_is_kept_counted_shown_and_never_applied(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    row = b.store.outbox.waiting(1)[0]
    record = sign(row.kind, row.body, b.store.outbox.next_author_seq(), b.identity, b.clock)
    forged = replace(record, sig="0" * 128)
    mesh.publish(forged)
    assert pull(a).rejected == 1
    assert a.store.skills.find(known.skill.skill_id) is None
    assert a.store.records.count() == {"rejected": 1}
    [(_, record_id, reason)] = a.store.records.rejected()
    assert (record_id, reason) == (forged.record_id, "the signature does not hold")
    assert "record.rejected" in [event.kind for event in a.store.events.after(0)]
    assert statuses(mesh, forged) == ["rejected"]


def test_a_text_without_a_signature_is_rejected(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    mesh.publish(Record(json.dumps({"kind": "skill"}), "", ""))
    assert pull(a).rejected == 1


def test_a_megabyte_is_counted_and_only_its_beginning_kept(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.publish(Record("x" * 1_000_000, b.identity.node.public, "0" * 128))
    known = taught(b)
    publish(b)
    assert (pulled := pull(a)).rejected == 1
    assert pulled.stored == 1
    assert again(a, known).state == "active"
    with closing(sqlite3.connect(a.home.store)) as store:
        sizes = "SELECT max(length(text)) FROM records WHERE status = 'rejected'"
        assert store.execute(sizes).fetchone() == (4096,)


def test_an_unknown_kind_is_kept_and_ignored(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    record = mesh.send(b, "poem", {"of": "the future"})
    assert pull(a).ignored == 1
    assert a.store.records.count() == {"ignored": 1}
    assert statuses(mesh, record) == ["ignored"]


@dataclass(frozen=True)
class Poem:
    """A kind of record that a later version could bring."""

    of: str

    @classmethod
    def from_json(cls, data: Json) -> Self:
        if not isinstance(data.get("of"), str):
            raise BadRecordError("a poem is of something")
        return cls(data["of"])

    def to_json(self) -> dict[str, Json]:
        return {"of": self.of}


def test_a_kind_is_taken_in_once_the_table_has_its_row(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def take(_node: Node, said: Poem, _speaker: handlers.Speaker) -> handlers.Taken:
        heard.append(said.of)
        return "stored"

    monkeypatch.setattr(receive, "KINDS", {**handlers.KINDS, "poem": handlers.Kind(Poem, take)})
    a, b = mesh.node("a"), mesh.node("b")
    mesh.send(b, "poem", {"of": "the future"})
    mesh.send(b, "poem", {"of": 5})
    pulled = pull(a)
    assert (pulled.stored, pulled.rejected, heard) == (1, 1, ["the future"])


def test_unknown_fields_are_ignored_and_kept_in_the_text(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    body = {"skill": {**skill_to_json(known.skill), "mood": "good"}, "confirmed": True, "from the future": [1, 2]}
    mesh.send(b, "skill", body)
    assert pull(a).stored == 1
    assert again(a, known).skill == known.skill


def test_a_message_that_is_delivered_again_is_taken_in_once(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    publish(b)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(a.require_bridge(), "acknowledge", crash)
        pull(a)
    events = a.store.events.last()
    assert mesh.bridge.statistics().undelivered == 1
    assert pull(a).stored == 1
    assert a.store.events.last() == events
    assert mesh.bridge.statistics().undelivered == 0


def test_what_is_behind_a_bad_message_still_arrives(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.send(b, "incident", {**incident(), "exit_code": 10**30})
    known = taught(b)
    publish(b)
    pull(a)
    assert again(a, known).state == "active"
    assert mesh.bridge.statistics().undelivered == 0


def test_a_message_that_fails_halfway_leaves_nothing_behind(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)

    def fail(*_: object) -> None:
        raise BadRecordError("not like this")

    monkeypatch.setattr(handlers, "reweigh", fail)
    assert pull(a).rejected == 1
    assert a.store.skills.find(known.skill.skill_id) is None


def test_a_fault_of_our_own_disk_rejects_nothing(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)

    def fail(*_: object) -> None:
        raise MeshError("store.db: not stored (database or disk is full)")

    with monkeypatch.context() as patched, pytest.raises(MeshError):
        patched.setattr(handlers, "reweigh", fail)
        pull(a)
    assert mesh.bridge.statistics().undelivered == 1
    assert pull(a).stored == 1
    assert again(a, known).state == "active"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_signed_body_whatever_stops_a_node(mesh: SmallMesh, data: st.DataObject) -> None:
    if not mesh.nodes:
        mesh.node("a")
        taught(mesh.node("b"))
    a, b = mesh.nodes
    known = b.store.skills.all()[0]
    kind = data.draw(st.sampled_from(["skill", "outcome", "incident", "hello"]))
    whole: dict[str, Json] = {
        "skill": {"skill": skill_to_json(known.skill), "confirmed": True},
        "outcome": outcome(
            known.skill.skill_id, b.identity.node.public, "host1", b.store.outbox.next_author_seq() % 60
        ),
        "incident": incident(),
        "hello": {"name": "b", "host": "host1"},
    }[kind]
    target = whole["skill"] if kind == "skill" and data.draw(st.booleans()) else whole
    for name in data.draw(st.lists(st.sampled_from(sorted(target)), max_size=3, unique=True)):
        target[name] = data.draw(json_values)
    record = mesh.send(b, kind, whole)
    pull(a)
    assert len(statuses(mesh, record)) == 1
    matches(read(ERROR), a.store.skills)
    for skill in a.store.skills.all():
        reweigh(a, skill.skill.skill_id)
    a.project()
    a.store.incidents.seconds_to_green()


# --- what must be known first -----------------------------------------------------------------------------------------


def test_a_halt_is_known_before_what_the_same_look_at_the_bridge_brings(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(b)
    announce_halt(b, "stop")
    publish(b)
    pull(a)
    assert kinds(a)[-2:] == ["mesh.halted", "skill.received"]


def test_a_skill_that_speaks_of_a_halt_is_no_more_urgent_than_another(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    first = taught(b)
    second = teach(b, "ModuleNotFoundError: No module named 'flask'", "pip install flask", context='"kind":"halt"')[0]
    publish(b)
    pull(a)
    received = [event.skill_id for event in a.store.events.after(0) if event.kind == "skill.received"]
    assert received == [first.skill_id, second.skill_id]


# --- faults of ours ---------------------------------------------------------------------------------------------------


@pytest.fixture
def bug(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A version whose handler of skills has a bug, until `undo`."""

    def fail(*_: object) -> None:
        raise TypeError("unsupported operand")

    with monkeypatch.context() as patched:
        patched.setattr(handlers, "put", fail)
        yield patched


def kinds(node: Node) -> list[str]:
    return [event.kind for event in node.store.events.after(0)]


def faults(node: Node) -> list[str]:
    return [str(event.data["what"]) for event in node.store.events.after(0) if event.kind == "fault"]


def test_a_fault_of_ours_rejects_nothing_and_holds_nothing_up(mesh: SmallMesh, bug: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)
    halt = mesh.send(b, "halt", {"why": "stop"})
    [skill] = [row for row in mesh.bridge.undelivered() if row.record_id != halt.record_id]
    pulled = pull(a)
    assert (pulled.stored, pulled.rejected, pulled.faulted, pulled.more) == (1, 0, 1, False)
    assert statuses(mesh, halt) == ["stored"]
    assert [row.record_id for row in mesh.bridge.undelivered()] == [skill.record_id]
    assert a.store.records.count() == {"stored": 1, "faulted": 1}
    [fault] = faults(a)
    assert "TypeError at " in fault
    assert skill.record_id[:12] in fault
    assert pull(a).faulted == 0
    assert len(faults(a)) == 1
    assert a.store.skills.find(known.skill_id) is None


def test_a_version_without_the_fault_takes_in_and_acknowledges_what_was_kept(
    mesh: SmallMesh, bug: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)
    pull(a)
    bug.undo()
    pull(a)
    assert a.store.skills.find(known.skill_id) is None, "the version with the fault does not try again and again"
    bug.setattr(receive, "__version__", "0.1.0.1")
    pull(a)
    assert again(a, known).state == "active"
    assert a.store.records.count() == {"stored": 1}
    assert mesh.bridge.undelivered() == []


def test_what_is_faulted_still_is_kept_once_more(mesh: SmallMesh, bug: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)
    pull(a)
    bug.setattr(receive, "__version__", "0.2.0")
    pull(a)
    pull(a)
    assert len(faults(a)) == 2
    assert take_in_again(a) == 0
    a.store.records.try_faulted_again()
    bug.undo()
    assert take_in_again(a) == 1
    assert again(a, known).state == "active"


def test_a_row_of_an_old_program_is_kept_by_a_fault_and_taken_in_later(
    mesh: SmallMesh, bug: pytest.MonkeyPatch
) -> None:
    a = mesh.node("a")
    mesh.send_legacy(json.dumps(OLD_SKILL))
    assert pull(a).faulted == 1
    bug.undo()
    a.store.records.try_faulted_again()
    pull(a)
    assert [known.source for known in a.store.skills.all()] == ["legacy"]


def test_a_bad_copy_takes_nothing_from_what_a_fault_kept(mesh: SmallMesh, bug: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)
    pull(a)
    [record] = a.store.records.faulted("", 10)
    take_in(a, [Delivery(9, replace(record, sig="0" * 128), "")])
    bug.undo()
    a.store.records.try_faulted_again()
    pull(a)
    assert again(a, known).state == "active"


def test_a_fault_in_reading_is_ours_too(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)
    with monkeypatch.context() as patched:
        patched.setattr(receive, "author_of", lambda record: record.no_such_field)
        assert pull(a).faulted == 1
    a.store.records.try_faulted_again()
    pull(a)
    assert again(a, known).state == "active"


@pytest.mark.parametrize(
    "error", [sqlite3.DatabaseError("malformed"), sqlite3.OperationalError("disk I/O error"), OSError(), MemoryError()]
)
def test_what_the_machine_did_comes_again_with_its_batch(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    publish(b)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched, pytest.raises((MeshError, OSError, MemoryError)):
        patched.setattr(handlers, "put", fail)
        pull(a)
    assert a.store.records.count() == {}
    assert pull(a).stored == 1
    assert again(a, known).state == "active"


@pytest.mark.parametrize("said", [("stop", ""), ("", "stop")], ids=["halt late", "resume late"])
def test_a_halt_that_comes_late_undoes_nothing_that_was_said_since(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch, said: tuple[str, str]
) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    with monkeypatch.context() as patched:
        patched.setattr(handlers, "visible", None)
        mesh.send(b, "halt", {"why": said[0]})
        assert pull(a).faulted == 1
    mesh.send(b, "halt", {"why": said[1]})
    pull(a)
    a.store.records.try_faulted_again()
    pull(a)
    assert halted(a) == said[1]
    assert a.store.records.count() == {"stored": 1, "ignored": 1}


def test_an_incident_and_outcomes_that_come_late_end_where_they_would_have(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    me = b.identity.node.public
    results = ("fix_failed", "verified")
    claims = [
        {**outcome(known.skill_id, me, "host1", number, result), "incident_id": "abcd" * 4}
        for number, result in enumerate(results)
    ]

    def late(kind: str, body: dict[str, Json]) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(handlers, "visible", None)
            mesh.send(b, kind, body)
            assert pull(a).faulted == 1

    late("incident", {**incident(), "incident_id": "abcd" * 4})
    late("outcome", claims[0])
    mesh.send(b, "outcome", claims[1])
    pull(a)
    a.store.records.try_faulted_again()
    pull(a)
    found = a.store.incidents.find("abcd" * 4)
    assert found is not None
    assert found.state == "verified"
    assert len(a.store.outcomes.of(incident_id="abcd" * 4)) == 2


def test_pruning_leaves_what_a_fault_kept_out(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.send(b, "incident", incident())
    with monkeypatch.context() as patched:
        patched.setattr(handlers, "visible", None)
        pull(a)
    mesh.clock.advance(86_400)
    a.store.retention.forget(records=a.store.now())
    [record] = a.store.records.faulted("", 10)
    assert record.text


# --- what outcomes amount to ------------------------------------------------------------------------------------------


def say_outcomes(mesh: SmallMesh, skill_id: str, count: int) -> None:
    a = mesh.node("a")
    for number in range(count):
        a.store.outbox.add("outcome", outcome(skill_id, a.identity.node.public, "h", number, "verified"))
    publish(a)


def test_all_outcomes_of_a_batch_are_counted_once_since_each_count_reads_them_all(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    b, skill_id = mesh.node("b"), taught(mesh.node("a")).skill.skill_id
    say_outcomes(mesh, skill_id, 30)
    weighed: list[str] = []

    def count(node: Node, which: str) -> None:
        weighed.append(which)
        reweigh(node, which)

    monkeypatch.setattr(receive, "reweigh", count)
    assert pull(b).stored == 31
    assert weighed == [skill_id]
    found = b.store.skills.find(skill_id)
    assert found is not None
    assert found.evidence.verified == 1, "of one host, however often"


def test_a_fault_in_counting_is_told_and_holds_nothing_up(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    b, skill_id = mesh.node("b"), taught(mesh.node("a")).skill.skill_id
    say_outcomes(mesh, skill_id, 2)

    def broken(node: Node, which: str) -> None:
        node.store.skills.set_state(which, "forgotten", "", "")
        raise TypeError("a fault of ours")

    monkeypatch.setattr(receive, "reweigh", broken)
    assert (pull(b).stored, pull(b).stored) == (3, 0)
    [fault] = faults(b)
    assert "not weighed anew" in fault
    assert "TypeError at " in fault
    found = b.store.skills.find(skill_id)
    assert found is not None
    assert found.state != "forgotten", "what was half done is undone"
