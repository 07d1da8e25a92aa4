"""What was ruled and seen of a skill by older rules holds for it as it is read now, and for no other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import ERROR, FIX, SmallMesh, failure

from meshcore.exchange.announce import announce_skill
from meshcore.exchange.purge import erase_told
from meshcore.healing.outcomes import own_outcome
from meshcore.healing.teaching import teach
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.interchange import as_stored, put
from meshcore.knowledge.learning import learn
from meshcore.knowledge.migration import earlier_reading, other_reading, reread_skills
from meshcore.knowledge.signature import VERSION, read
from meshcore.model import KnownSkill, Skill
from meshcore.node import Node
from meshcore.store.purges import Told
from meshcore.store.sightings import Sighting
from meshcore.trust.signed_decisions import standing_approval
from meshcore.trust.standing import reweigh

LAST = VERSION - 1


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[SmallMesh]:
    mesh = SmallMesh(tmp_path)
    yield mesh
    mesh.close()


def older(**changes: object) -> Skill:
    """Return a skill as rules before ours would have read it."""
    skill = replace(learn(read(ERROR), parse_fix(FIX)), signature_version=LAST, template="there is no module <name>")
    return replace(skill, **changes)  # type: ignore[arg-type]


def stored(node: Node, skill: Skill) -> KnownSkill:
    author = node.identity.node.public
    return put(node.store, KnownSkill(skill, author=author, own_operator=True, confirmed=True))


def now(node: Node, skill_id: str) -> KnownSkill:
    known = node.store.skills.find(skill_id)
    assert known is not None
    return known


def seen_to_help(node: Node, skill_id: str) -> None:
    outcome = own_outcome(node, failure(node, ERROR), skill_id, "verified", "policy")
    node.store.outcomes.add(outcome, own_operator=True)


def test_uses_sightings_and_what_was_ruled_for_a_project_are_carried_over(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    before, store = stored(node, older()), node.store
    store.skills.note_use(before.skill_id)
    store.skills.note_learnt_by(before.skill_id, "claude-code")
    store.skills.note_said(before.skill_id, "worked")
    store.standing_approvals.put(before.skill_id, "f" * 64, "/work", "anna")
    store.refusals.put(before.skill_id, "/other", "anna")
    store.sightings.add(before.skill_id, Sighting("own", "/work", "s1", "claude-code", 1.0))
    assert reread_skills(store) == 1
    other = other_reading(store, before.skill_id)
    assert store.skills.uses()[other] == 1 and store.skills.learnt_by(other) == "claude-code"
    assert store.skills.said(other)["worked"] == 1
    assert standing_approval(node, other, "f" * 64, "/work") == "anna"
    assert store.refusals.in_project("/other")[other] == "anna"
    assert store.sightings.of(other) == store.sightings.of(before.skill_id) != []


def test_what_a_node_of_the_version_before_sees_of_it_counts(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    before = stored(node, older())
    reread_skills(node.store)
    other = other_reading(node.store, before.skill_id)
    node.store.outcomes.add(
        own_outcome(node, failure(node, ERROR), before.skill_id, "verified", "policy"), own_operator=True
    )
    weighed = reweigh(node, before.skill_id)
    assert weighed is not None and now(node, other).evidence.verified == 1


def test_it_is_no_evidence_to_say_that_one_is_another_read_anew(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    before = stored(node, older())
    node.store.outcomes.add(
        own_outcome(node, failure(node, ERROR), before.skill_id, "verified", "policy"), own_operator=True
    )
    evil = learn(read(ERROR), parse_fix("pip install evil"))
    taken = stored(node, replace(evil, derived_from=f"{LAST}:{before.skill_id}"))
    assert earlier_reading(node.store, taken.skill) is None
    weighed = reweigh(node, taken.skill_id)
    assert weighed is not None and weighed.evidence.verified == 0


def test_what_both_rules_read_alike_is_one_skill_when_it_is_taught_again(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught = learn(read(ERROR), parse_fix(FIX))
    before = stored(node, replace(taught, signature_version=LAST))
    assert reread_skills(node.store) == 0
    assert as_stored(node.store, taught).skill_id == before.skill_id
    assert teach(node, ERROR, FIX)[0].skill_id == before.skill_id
    assert node.store.skills.count() == 1


def test_what_is_erased_is_erased_as_it_is_read_now_too(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    before = stored(node, older())
    reread_skills(node.store)
    other, author = other_reading(node.store, before.skill_id), node.identity.node.public
    erase_told(node, Told("r" * 64, "skill", author, before.skill_id))
    assert node.store.skills.find(before.skill_id) is None and node.store.skills.find(other) is None
    assert node.store.purges.has_erased(other, "")


def test_a_node_that_hears_of_it_from_the_version_before_reads_it_anew_when_it_opens(mesh: SmallMesh) -> None:
    old, new = mesh.node("old"), mesh.node("new", host="host2")
    known = stored(old, older())
    announce_skill(old, known)
    mesh.meet()
    assert now(new, known.skill_id).skill.signature_version == LAST
    again = mesh.node("new", host="host2")
    other = other_reading(again.store, known.skill_id)
    assert now(again, other).skill.signature_version == VERSION
    assert now(again, known.skill_id).state == "forgotten"
