"""What travels about a skill's failures: a lifted quarantine to own nodes, and what enrolled neighbours saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.core.healing.small_mesh import SmallMesh, again, taught
from tests.core.policy.test_policy import question

from meshcore.control import decisions
from meshcore.control.decisions import revoke
from meshcore.control.key_protection import enrol_here, protect
from meshcore.exchange.announce import announce_outcome
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.limits import Facts, exceeded
from meshcore.knowledge.standing import standing
from meshcore.model import Evidence, KnownSkill, TryResult
from meshcore.node import Node
from meshcore.policy.policy import Policy
from meshcore.testing import outcome
from meshcore.trust.standing import quarantined_action

WORDS = "correct horse battery"


def tell(node: Node, known: KnownSkill, number: int, result: TryResult = "fix_failed") -> None:
    """Let a node say how a try went on its host."""
    me: dict[str, Any] = {"node": node.identity.node.public, "host": node.settings.host}
    announce_outcome(node, outcome(number, skill_id=known.skill.skill_id, result=result, incident_id="", **me))
    publish(node)


def fail(mesh: SmallMesh, known: KnownSkill, first: int = 1) -> None:
    """Let the skill fail three times on two hosts, heard by everybody."""
    for number, name in enumerate(("f1", "f2", "f2"), first):
        node = next((n for n in mesh.nodes if n.name == name), None) or mesh.node(name, host=name)
        tell(node, known, number)
    mesh.meet()


def quarantined(mesh: SmallMesh) -> tuple[Node, Node, KnownSkill]:
    """Return two nodes of one operator that have put one skill under quarantine for its failures."""
    a, b = mesh.node("a"), mesh.node("b", host="host2")
    known = taught(a)
    mesh.meet()
    fail(mesh, known)
    assert {again(node, known).state for node in (a, b)} == {"quarantined"}
    return a, b, known


# --- a lifted quarantine ----------------------------------------------------------------------------------------------


def test_a_quarantine_that_a_person_lifts_is_lifted_on_the_operators_other_nodes(mesh: SmallMesh) -> None:
    a, b, known = quarantined(mesh)
    decisions.confirm_skill(a, known.skill_id)
    mesh.meet()
    assert again(b, known).state == "active"
    assert again(b, known).evidence.failed == 0
    assert quarantined_action(b, known.skill.action) == ""


def test_failures_that_a_person_has_not_seen_quarantine_it_again(mesh: SmallMesh) -> None:
    a, b, known = quarantined(mesh)
    decisions.confirm_skill(a, known.skill_id)
    mesh.meet()
    fail(mesh, known, 11)
    assert {again(node, known).state for node in (a, b)} == {"quarantined"}


def test_failures_that_were_forgiven_stay_so_where_they_are_heard_of_later(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    publish(a)
    fail(mesh, known)
    decisions.confirm_skill(a, known.skill_id)
    publish(a)
    late = mesh.node("late", host="host3")
    pull(late)
    pull(late)
    assert again(late, known).state == "active"
    assert again(late, known).evidence.failed == 0


def test_a_neighbouring_operator_lifts_nothing_here(mesh: SmallMesh) -> None:
    _, b, known = quarantined(mesh)
    n = mesh.node("n", operator="neighbour", host="host9")
    decisions.enrol_author(b, n.identity.node.public)
    mesh.send(n, "lift", {"skill_id": known.skill_id, "failures": [f"{i:016x}" for i in (1, 2, 3)], "name": "n"})
    pull(b)
    assert again(b, known).state == "quarantined"


def test_what_a_person_decided_on_this_node_is_not_undone_from_another(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    mesh.meet()
    decisions.quarantine_skill(b, known.skill_id)
    decisions.quarantine_skill(a, known.skill_id)
    decisions.confirm_skill(a, known.skill_id)
    mesh.meet()
    assert again(b, known).state == "quarantined"


def test_an_older_word_of_an_author_does_not_replace_a_newer_one(mesh: SmallMesh) -> None:
    a, b, known = quarantined(mesh)
    body = {"skill_id": known.skill_id, "failures": [f"{i:016x}" for i in (1, 2, 3)], "name": "a"}
    b.store.quarantine.note_lift(known.skill_id, a.identity.node.public, 1000)
    mesh.send(a, "lift", body)
    pull(b)
    assert again(b, known).state == "quarantined"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"skill_id": "x", "failures": []},
        {"skill_id": "5" * 64, "failures": "all"},
        {"skill_id": "5" * 64, "failures": [1]},
        {"skill_id": "5" * 64, "failures": ["a" * 16] * 1001},
        {"skill_id": "5" * 64, "failures": ["'; DROP TABLE skills"]},
    ],
)
def test_a_malformed_lift_is_rejected_and_changes_nothing(mesh: SmallMesh, body: dict[str, Any]) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    record = mesh.send(a, "lift", body)
    pull(b)
    receipts = {receipt.node: receipt.status for receipt in mesh.bridge.receipts(record.record_id)}
    assert receipts[b.identity.node.public] == "rejected"


def test_with_a_protected_key_a_lift_carries_the_operators_word(mesh: SmallMesh) -> None:
    a, b, known = quarantined(mesh)
    key = protect(a, WORDS, cost=2)
    enrol_here(b, key)
    mesh.send(a, "lift", {"skill_id": known.skill_id, "failures": [f"{i:016x}" for i in (1, 2, 3)], "name": "a"})
    pull(b)
    assert again(b, known).state == "quarantined"
    decisions.confirm_skill(a, known.skill_id, signer=key)
    mesh.meet()
    assert again(b, known).state == "active"
    assert b.store.signed_decisions.get("confirm", known.skill_id) is not None


# --- what neighbours saw ----------------------------------------------------------------------------------------------


def test_an_enrolled_operator_counts_once_whatever_its_nodes_say(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    for number, host in enumerate(("h1", "h2", "h3"), 1):
        node = mesh.node(f"n{number}", operator="neighbour", host=host)
        tell(node, known, number, "verified")
        tell(node, known, 10 + number)
    mesh.meet()
    assert again(a, known).evidence.tries == 0
    decisions.enrol_author(a, mesh.nodes[-1].identity.operator)
    evidence = again(a, known).evidence
    assert (evidence.verified_elsewhere, evidence.failed_elsewhere) == (1, 1)
    assert (evidence.verified, evidence.failed, evidence.hosts) == (0, 0, frozenset())


def test_neighbours_move_the_standing_and_neither_confirm_nor_quarantine(mesh: SmallMesh) -> None:
    a = mesh.node("a")
    known = taught(a)
    for number in range(6):
        node = mesh.node(f"n{number}", operator=f"neighbour{number}", host=f"h{number}")
        tell(node, known, number + 1)
        decisions.enrol_author(a, node.identity.node.public)
    mesh.meet()
    found = again(a, known)
    assert found.evidence.failed_elsewhere == 6
    assert found.state == "active"
    assert any("standing" in reason for reason in exceeded(found, Facts(synced_ago=0.0)))


def test_a_revoked_operator_counts_no_longer(mesh: SmallMesh) -> None:
    a, n = mesh.node("a"), mesh.node("n", operator="neighbour", host="h1")
    known = taught(a)
    tell(n, known, 1)
    mesh.meet()
    decisions.enrol_author(a, n.identity.operator)
    assert again(a, known).evidence.failed_elsewhere == 1
    revoke(a, n.identity.operator, "spam")
    assert again(a, known).evidence.failed_elsewhere == 0


def test_standing_counts_hosts_of_the_own_operator_and_other_operators() -> None:
    own, together = Evidence(verified=2), Evidence(verified=2, verified_elsewhere=3)
    assert standing(own) < standing(together) == standing(Evidence(verified=5))


def test_what_only_neighbours_verified_is_still_asked_about(tmp_path: Path) -> None:
    asked = question(tmp_path, ("mkdir", "out"))
    seen = replace(asked.known, confirmed=False, evidence=Evidence(verified_elsewhere=50))
    ruling = Policy.load(None).decide(replace(asked, known=seen))
    assert ruling.decision == "approve"
    assert "nobody has verified or confirmed it yet" in ruling.reasons
    assert Policy.load(None).decide(asked).decision == "run"
