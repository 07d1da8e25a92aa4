"""Skills that are one fix in several spellings stand together: what one has shown counts for each."""

from __future__ import annotations

import pytest
from tests.core.healing.small_mesh import ARGV, ERROR, SmallMesh, again
from tests.core.healing.test_teaching import ran

from meshcore.control import decisions
from meshcore.healing.teaching import recognise_fix, teach
from meshcore.knowledge.matching import matches
from meshcore.knowledge.parts import normalised
from meshcore.knowledge.signature import read
from meshcore.model import Circumstances, KnownSkill, Outcome, TryResult
from meshcore.node import Node
from meshcore.trust.standing import quarantined_action, reweigh

SPELLINGS = ("pip install django", ".venv/bin/pip install -q django", "python3 -m pip install django")


def tried(node: Node, known: KnownSkill, number: int, result: TryResult, host: str = "host1") -> None:
    slots = read(ERROR).slots
    node.store.outcomes.add(
        Outcome(f"{number:016x}", "", known.skill_id, result, "", "n", host, "a", Circumstances(), slots=slots),
        own_operator=True,
    )
    reweigh(node, known.skill_id)


def test_each_spelling_stays_a_skill_of_its_own_and_they_share_their_evidence(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    first, second, third = (teach(node, ERROR, fix)[0] for fix in SPELLINGS)
    assert len({first.skill_id, second.skill_id, third.skill_id}) == 3
    tried(node, first, 1, "verified", "host1")
    tried(node, second, 2, "verified", "host2")
    tried(node, third, 3, "fix_failed", "host3")
    found = [again(node, one).evidence for one in (first, second, third)]
    assert {(evidence.verified, evidence.failed) for evidence in found} == {(2, 1)}


def test_another_package_or_another_error_shares_nothing(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    first = teach(node, ERROR, SPELLINGS[0])[0]
    others = [
        teach(node, ERROR, "pip install -U django")[0],
        teach(node, ERROR.replace("django", "flask"), "pip install flask")[0],
    ]
    tried(node, first, 1, "verified")
    assert [again(node, one).evidence.verified for one in others] == [0, 0]


def test_failures_of_all_spellings_put_the_action_under_quarantine_and_a_person_lifts_it_once(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    skills = [teach(node, ERROR, fix)[0] for fix in SPELLINGS]
    for number, (known, host) in enumerate(zip(skills, ("h1", "h2", "h2"), strict=True)):
        tried(node, known, number, "fix_failed", host)
    assert {again(node, one).state for one in skills} == {"quarantined"}
    assert all(quarantined_action(node, one.skill.action) for one in skills)
    decisions.confirm_skill(node, skills[1].skill_id)
    assert again(node, skills[1]).state == "active"
    assert again(node, skills[1]).evidence.failed == 0
    assert not quarantined_action(node, skills[0].skill.action)


def test_two_spellings_do_not_contradict_each_other(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    for fix in SPELLINGS:
        teach(node, ERROR, fix)
    found = matches(read(ERROR), node.store.skills)
    assert [(match.tier, "contradicts" in match.why) for match in found] == [("exact", False)]
    teach(node, ERROR, "pip install django==5.0")
    assert all("contradicts" in match.why for match in matches(read(ERROR), node.store.skills))


def test_a_fix_is_recognised_as_what_is_known_in_another_spelling(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known, _ = teach(node, ERROR, SPELLINGS[1])
    ran(mesh, ARGV, 1, ERROR)
    ran(mesh, ("pip3", "install", "django"))
    ran(mesh, ARGV)
    seen = recognise_fix(node, "/work")
    assert seen is not None
    assert seen.skill_id == known.skill_id
    assert node.store.skills.count() == 1


@pytest.mark.parametrize("fix", SPELLINGS)
def test_keys_of_an_older_store_are_noted_when_it_is_opened_and_what_was_put_away_stays_so(
    mesh: SmallMesh, fix: str
) -> None:
    node = mesh.node("a")
    known, _ = teach(node, ERROR, fix)
    node.store.skills.note_action_key(known.skill_id, "")
    node.store.quarantine.put(normalised(known.skill.action), known.skill_id)
    opened = mesh.node("a")
    assert not opened.store.skills.lack_action_keys()
    assert all(quarantined_action(opened, teach(opened, ERROR, other)[0].skill.action) for other in SPELLINGS)


def test_what_another_node_teaches_stands_with_what_is_known_here(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b", host="host2")
    known = teach(a, ERROR, SPELLINGS[0])[0]
    tried(a, known, 1, "verified")
    other = teach(b, ERROR, SPELLINGS[1])[0]
    mesh.meet()
    assert again(a, other).action_key == again(a, known).action_key
    assert again(a, other).evidence.verified == 1
