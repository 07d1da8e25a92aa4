"""What a node makes of each kind of record: among its operator's nodes, of strangers and old programs, of failures."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.exchange.said import OLD_SKILL, outcome, statuses
from tests.core.healing.small_mesh import ERROR, Fix, SmallMesh, again, taught

from meshcore.exchange.announce import announce_skill
from meshcore.exchange.receive import pull
from meshcore.healing.teaching import stand_behind
from meshcore.knowledge.matching import matches
from meshcore.knowledge.signature import read
from meshcore.model import Json
from meshcore.safety.model_json import skill_to_json


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


@pytest.mark.parametrize(("fix", "confirmed"), [("mkdir build", True), ("pip install django", False)])
def test_what_two_nodes_recognised_is_confirmed_unless_it_comes_from_the_network(
    mesh: SmallMesh, fix: str, confirmed: bool
) -> None:
    a, b, c = mesh.node("a"), mesh.node("b"), mesh.node("c")
    known = taught(a, fix=fix)
    body = {"skill": skill_to_json(known.skill), "confirmed": False, "source": "recognised"}
    mesh.send(a, "skill", body)
    mesh.send(b, "skill", body)
    pull(c)
    assert again(c, known).confirmed is confirmed


def test_two_nodes_that_learn_the_same_thing_at_once_hold_one_skill(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    taught(a)
    taught(b)
    mesh.meet()
    assert [n.store.skills.count() for n in (a, b)] == [1, 1]


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
    mesh.send_legacy(json.dumps(OLD_SKILL))
    assert pull(a).stored == 1
    [known] = a.store.skills.all()
    assert (known.state, known.source, known.own_operator, known.author) == ("unconfirmed", "legacy", False, "")


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
