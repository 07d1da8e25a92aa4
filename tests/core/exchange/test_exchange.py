"""What nodes tell each other, and what they make of what they are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.core.healing.small_mesh import ERROR, Fix, SmallMesh, again, taught

from meshcore.errors import BadRecordError, MeshError
from meshcore.exchange import handlers
from meshcore.exchange.announce import announce_skill
from meshcore.exchange.bodies import IncidentBody
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.teaching import stand_behind
from meshcore.knowledge.matching import matches
from meshcore.knowledge.signature import read
from meshcore.model import Circumstances, Json, Outcome, Record, skill_to_json
from meshcore.safety.records import sign
from meshcore.store.rows import outcome_to_json
from meshcore.trust.standing import reweigh

OLD_SKILL = {
    "id": 7,
    "error_type": "ModuleNotFoundError",
    "pattern": "No module named 'flask'",
    "resolution": "pip install flask",
    "context": "old",
    "created": "2026-11-22T09:00:00.000000",
    "usage_count": 3,
    "success_rate": 100.0,
}


def statuses(mesh: SmallMesh, record: Record) -> list[str]:
    return [receipt.status for receipt in mesh.bridge.receipts(record.record_id)]


def outcome(skill_id: str, node: str, host: str, number: int, result: str = "fix_failed") -> dict[str, Json]:
    return outcome_to_json(
        Outcome(
            outcome_id=f"{number:016x}",
            incident_id=f"{number:016x}",
            skill_id=skill_id,
            result=result,  # type: ignore[arg-type]
            at=f"2026-11-22T08:00:{number:02d}.000000Z",
            node=node,
            host=host,
            agent="a",
            circumstances=Circumstances(),
        )
    )


def incident() -> dict[str, Json]:
    return IncidentBody("x", "x", "x", "x", "x", "x", "x", "x", "x").to_json()


# --- among one operator's nodes ---------------------------------------------------------------------------------------


def test_what_one_node_is_taught_the_other_knows_as_its_own_operators(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    mesh.meet()
    there = b.store.skills.find(known.skill.skill_id)
    assert there is not None
    assert (there.state, there.own_operator, there.confirmed, there.author) == (
        "active",
        True,
        True,
        a.identity.node.public,
    )
    assert there.skill == known.skill


def test_a_failure_and_its_outcome_travel_without_any_output(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(a)
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    fix.heal(considered)
    mesh.meet()
    there = b.store.incidents.find(considered.incident.incident_id)
    assert there is not None
    assert (there.state, there.excerpt, there.cwd, there.argv_redacted) == ("verified", "", "", True)
    [told] = b.store.outcomes.of(incident_id=considered.incident.incident_id)
    assert [step.output for step in told.steps] == [""]
    assert b.store.incidents.node_of(considered.incident.incident_id) == a.identity.node.public


def test_an_outcome_counts_as_evidence_at_every_node(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b", host="host2")
    known = taught(a)
    mesh.meet()
    fix = Fix(b, mesh.clock)
    fix.heal(fix.fail())
    mesh.meet()
    assert again(a, known).evidence.verified == again(b, known).evidence.verified == 1
    assert again(a, known).evidence.hosts == {"host2"}


def test_a_confirmation_by_the_author_reaches_the_others(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    body = {"skill": skill_to_json(known.skill), "confirmed": False, "source": "recognised", "label": 1}
    mesh.send(a, "skill", body)
    pull(b)
    assert again(b, known).state == "unconfirmed"
    mesh.send(a, "skill", {**body, "confirmed": True})
    pull(b)
    assert (again(b, known).state, again(b, known).confirmed) == ("active", True)


def test_the_same_author_saying_it_twice_is_no_second_occurrence(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    body = {"skill": skill_to_json(known.skill), "confirmed": False, "source": "recognised"}
    mesh.send(a, "skill", {**body, "label": 1})
    mesh.send(a, "skill", {**body, "label": 2})
    pull(b)
    assert again(b, known).confirmed is False


def test_what_two_nodes_recognised_is_confirmed(mesh: SmallMesh) -> None:
    a, b, c = mesh.node("a"), mesh.node("b"), mesh.node("c")
    known = taught(a)
    body = {"skill": skill_to_json(known.skill), "confirmed": False, "source": "recognised"}
    mesh.send(a, "skill", body)
    mesh.send(b, "skill", body)
    pull(c)
    assert again(c, known).confirmed is True


def test_two_nodes_that_learn_the_same_thing_at_once_hold_one_skill(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(a)
    taught(b)
    mesh.meet()
    assert [n.store.skills.count() for n in (a, b)] == [1, 1]


# --- telling ----------------------------------------------------------------------------------------------------------


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

    def crash(publications: object) -> None:
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

    def while_the_other_publishes_too(publications: Any) -> list[int]:
        assert publish(two) == 1
        return whole(publications)

    monkeypatch.setattr(bridge, "publish", while_the_other_publishes_too)
    publish(one)
    assert mesh.bridge.statistics().records == 1


def test_a_node_does_not_hear_itself(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    taught(a)
    publish(a)
    assert pull(a).stored == 0


# --- other operators, old programs ------------------------------------------------------------------------------------


def test_another_operators_skill_is_known_but_never_as_ones_own(mesh: SmallMesh) -> None:
    a, stranger = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(stranger)
    mesh.meet()
    here = again(a, known)
    assert (here.state, here.own_operator, here.confirmed) == ("unconfirmed", False, False)


def test_a_strangers_skill_becomes_ones_own_once_ones_own_operator_teaches_it(mesh: SmallMesh) -> None:
    a, stranger = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(stranger)
    mesh.meet()
    taught(a)
    assert (again(a, known).state, again(a, known).own_operator, again(a, known).author) == (
        "active",
        True,
        a.identity.node.public,
    )


def test_a_stranger_cannot_take_over_or_confirm_ones_own_skill(mesh: SmallMesh) -> None:
    a, b, stranger = mesh.node("a"), mesh.node("b"), mesh.node("s", operator="other")
    known = taught(a)
    mesh.send(a, "skill", {"skill": skill_to_json(known.skill), "confirmed": False, "source": "recognised"})
    mesh.send(stranger, "skill", {"skill": skill_to_json(known.skill), "confirmed": True, "source": "taught"})
    pull(b)
    here = again(b, known)
    assert (here.own_operator, here.confirmed, here.author) == (True, False, a.identity.node.public)


def test_an_enrolment_that_another_operator_did_not_sign_makes_no_member(mesh: SmallMesh) -> None:
    a, stranger = mesh.node("a"), mesh.node("s", operator="other")
    known = taught(stranger)
    claimed = replace(stranger.identity, operator=a.identity.operator)
    stranger._identity = claimed
    mesh.send(stranger, "skill", {"skill": skill_to_json(known.skill), "confirmed": True, "source": "taught"})
    pull(a)
    assert again(a, known).own_operator is False


def test_a_row_of_an_old_program_is_known_but_unconfirmed_and_nobodys(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    mesh.bridge.publish_legacy(json.dumps(OLD_SKILL))
    assert pull(a).stored == 1
    [known] = a.store.skills.all()
    assert (known.state, known.source, known.own_operator, known.author) == ("unconfirmed", "legacy", False, "")


@pytest.mark.parametrize(
    "content",
    ["not json", "[]", "{}", '{"error_type": 1}', json.dumps({**OLD_SKILL, "pattern": ""}), '{"a": NaN}', "[" * 5000],
)
def test_a_row_of_an_old_program_that_is_no_skill_is_kept_and_counted(mesh: SmallMesh, content: str) -> None:
    a = mesh.node("a")
    mesh.bridge.publish_legacy(content)
    assert pull(a).rejected == 1
    assert a.store.records.count() == {"rejected": 1}
    assert a.store.skills.count() == 0


# --- bad input --------------------------------------------------------------------------------------------------------


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


def test_ten_megabytes_are_kept_counted_and_not_read(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    mesh.publish(Record("x" * 10_000_000, b.identity.node.public, "0" * 128))
    known = taught(b)
    publish(b)
    assert (pulled := pull(a)).rejected == 1
    assert pulled.stored == 1
    assert again(a, known).state == "active"


def test_an_unknown_kind_is_kept_and_ignored(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    record = mesh.send(b, "poem", {"of": "the future"})
    assert pull(a).ignored == 1
    assert a.store.records.count() == {"ignored": 1}
    assert statuses(mesh, record) == ["ignored"]


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


def test_an_outcome_in_another_nodes_name_is_rejected(mesh: SmallMesh) -> None:
    a, b, c = mesh.node("a"), mesh.node("b"), mesh.node("c")
    known = taught(a)
    record = mesh.send(b, "outcome", outcome(known.skill.skill_id, c.identity.node.public, "host1", 1))
    pull(a)
    assert statuses(mesh, record)[0] == "rejected"
    assert again(a, known).evidence.failed == 0


def test_an_outcome_does_not_move_an_incident_of_another_node(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    claim = outcome("0" * 64, b.identity.node.public, "host1", 1, "verified")
    mesh.send(b, "outcome", {**claim, "incident_id": considered.incident.incident_id})
    pull(a)
    assert fix.state(considered) == "open"


def test_a_hostile_text_beside_a_skill_is_made_visible(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.send(b, "skill", {"skill": {**skill_to_json(known.skill), "context": "\x1b]52;c;aGk=\x07"}})
    pull(a)
    assert "\x1b" not in again(a, known).skill.context
    assert again(a, known).skill.context


@pytest.mark.parametrize(
    "change",
    [
        {"template": "  "},
        {"template": "\x1b[2J"},
        {"action": {"kind": "argv", "steps": [["pip", "install", "x\x00y"]]}},
        {"action": {"kind": "argv", "steps": [["cp", "{7}", "there"]]}, "example_slots": []},
        {"action": {"kind": "argv", "steps": []}},
        {"key_slots": [[-9, "name", "x"]]},
        {"key_slots": [[10**30, "name", "x"]]},
        {"template": "x" * 3000},
    ],
)
def test_a_skill_that_makes_no_sense_is_rejected(mesh: SmallMesh, change: dict[str, Json]) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    record = mesh.send(b, "skill", {"skill": {**skill_to_json(known.skill), **change}, "confirmed": True})
    pull(a)
    assert statuses(mesh, record) == ["rejected"]
    a.project()


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": "soon"},
        {"seconds": 1e300},
        {"own_seconds": [1]},
        {"steps": [{"argv": [1], "exit_code": 0, "seconds": 1.0}]},
        {"steps": [{"argv": ["a"], "exit_code": 10**30, "seconds": 1.0}]},
        {"rerun": {"argv": ["a"], "exit_code": 0, "seconds": None}},
        {"result": "splendid"},
        {"host": None},
    ],
)
def test_an_outcome_that_makes_no_sense_is_rejected(mesh: SmallMesh, change: dict[str, Json]) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    record = mesh.send(
        b, "outcome", {**outcome(known.skill.skill_id, b.identity.node.public, "host1", 1, "verified"), **change}
    )
    pull(a)
    assert statuses(mesh, record) == ["rejected"]
    assert again(a, known).evidence.verified == 0


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


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


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


# --- quarantine -------------------------------------------------------------------------------------------------------


def fail_at(mesh: SmallMesh, known_id: str, failures: list[tuple[str, str]], start: int = 1) -> None:
    """Let nodes report failures of a skill: (node, host) each."""
    for number, (name, host) in enumerate(failures, start):
        node = next((n for n in mesh.nodes if n.name == name), None) or mesh.node(name, host=host)
        mesh.send(node, "outcome", outcome(known_id, node.identity.node.public, host, number))


def test_three_failures_on_two_hosts_quarantine_a_skill(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    fail_at(mesh, known.skill.skill_id, [("b", "host2"), ("c", "host3")])
    pull(a)
    assert again(a, known).state == "active"
    fail_at(mesh, known.skill.skill_id, [("b", "host2")], start=3)
    pull(a)
    assert again(a, known).state == "quarantined"
    assert matches(read(ERROR), a.store.skills) == []


def test_three_failures_on_one_of_several_hosts_are_that_hosts_trouble(mesh: SmallMesh) -> None:
    a = mesh.node("a", host="host1")
    known = taught(a)
    fail_at(mesh, known.skill.skill_id, [("b", "host2")] * 3)
    pull(a)
    assert again(a, known).state == "active"


def test_three_failures_quarantine_a_skill_on_a_mesh_of_one_host(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    fail_at(mesh, known.skill.skill_id, [("b", "host1")] * 3)
    pull(a)
    assert again(a, known).state == "quarantined"


def test_a_lifted_quarantine_comes_back_only_after_new_failures(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    fail_at(mesh, known.skill.skill_id, [("b", "host1")] * 3)
    pull(a)
    mesh.clock.advance(60)
    stand_behind(a, again(a, known), "confirmed")
    assert again(a, known).state == "active"
    assert [match.skill_id for match in matches(read(ERROR), a.store.skills)] == [known.skill.skill_id]
    for number in (1, 2, 3):
        assert again(a, known).state == "active"
        node = mesh.nodes[-1]
        new = outcome(known.skill.skill_id, node.identity.node.public, "host1", 10 + number)
        mesh.send(node, "outcome", {**new, "at": f"2026-11-22T09:00:0{number}.000000Z"})
        pull(a)
    assert again(a, known).state == "quarantined"


def test_a_quarantined_skill_stays_so_when_a_peer_tells_of_it_again(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.meet()
    a.store.skills.set_state(known.skill.skill_id, "quarantined", "me")
    announce_skill(b, known)
    mesh.meet()
    assert again(a, known).state == "quarantined"


def test_a_skills_file_is_written_whatever_a_peer_taught(mesh: SmallMesh, tmp_path: Path) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(b)
    mesh.send(b, "skill", {"skill": {**skill_to_json(known.skill), "example_line": "", "example_slots": []}})
    pull(a)
    a.project()
    assert len(json.loads((tmp_path / "a" / "skills_database.json").read_text())["skills"]) == 1


def test_a_statement_too_large_to_be_signed_holds_nothing_up(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    a.store.outbox.add("incident", {"line": "x" * 300_000})
    known = taught(a)
    assert publish(a) == 1
    assert a.store.outbox.waiting() == []
    pull(b)
    assert again(b, known).state == "active"
    assert "not told" in str([event.data for event in a.store.events.after(0) if event.kind == "fault"])


def test_an_outcome_of_a_very_long_command_is_told_all_the_same(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    fix = Fix(a, mesh.clock)
    considered = fix.fail(argv=("python", "app.py", *("x" * 1000 for _ in range(500))))
    fix.heal(considered)
    mesh.meet()
    assert again(b, known).evidence.verified == 1
