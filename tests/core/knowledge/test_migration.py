"""Skills of older reading rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.interchange import put
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import match
from meshcore.knowledge.migration import reread_skills, set_aside
from meshcore.knowledge.signature import VERSION, read
from meshcore.model import Evidence, KnownSkill, SkillSource
from meshcore.store.store import Store

ERROR = "ModuleNotFoundError: No module named 'django'"


def of_older_rules(store: Store, *, line: str = ERROR) -> KnownSkill:
    """Store a skill as rules before ours would have read it: under another template."""
    skill = learn(read(ERROR), parse_fix("pip install django"))
    old = replace(skill, signature_version=VERSION - 1, template="no module named <name>", example_line=line)
    return put(
        store, KnownSkill(old, author="a" * 64, own_operator=True, confirmed=True, evidence=Evidence(verified=2))
    )


def test_a_skill_of_older_rules_answers_again_after_it_was_read_anew(store: Store) -> None:
    old = of_older_rules(store)
    assert match(read(ERROR), store.skills) is None
    assert reread_skills(store) == 1
    found = match(read(ERROR), store.skills)
    assert found is not None
    known = store.skills.find(found.skill_id)
    assert known is not None
    assert (known.skill.signature_version, known.skill.derived_from) == (VERSION, old.skill_id)
    assert (known.confirmed, known.evidence.verified, known.author) == (True, 2, "a" * 64)
    before = store.skills.find(old.skill_id)
    assert before is not None
    assert before.state == "forgotten"


def test_a_generalisation_of_older_rules_does_not_take_the_place_of_its_parent(store: Store) -> None:
    parent = of_older_rules(store)
    wider = replace(parent.skill, key_slots=(), derived_from=parent.skill_id)
    put(store, KnownSkill(wider, author="a" * 64, own_operator=True, state="unconfirmed"))
    assert reread_skills(store) == 1
    found = match(read(ERROR), store.skills)
    assert found is not None
    known = store.skills.find(found.skill_id)
    assert known is not None
    assert (known.skill.derived_from, known.state, known.evidence.verified) == (parent.skill_id, "active", 2)
    kept = store.skills.find(wider.skill_id)
    assert kept is not None and kept.state == "unconfirmed"


def test_it_is_done_once(store: Store) -> None:
    of_older_rules(store)
    assert reread_skills(store) == 1
    assert store.meta.get("signature_version") == str(VERSION)
    of_older_rules(store)
    assert reread_skills(store) == 0


@pytest.mark.parametrize(
    ("fix", "source", "state"),
    [
        ("npm test", "recognised", "forgotten"),
        ("cat package.json", "recognised", "forgotten"),
        ("sed -i s/a/b/ app.py", "recognised", "forgotten"),
        ("npm test", "taught", "active"),
        ("npm install", "recognised", "active"),
    ],
)
def test_what_was_learnt_and_is_no_fix_is_set_aside_once(
    store: Store, fix: str, source: SkillSource, state: str
) -> None:
    skill = learn(read(ERROR), parse_fix(fix))
    known = put(store, KnownSkill(skill, author="a" * 64, own_operator=True, confirmed=True, source=source))
    assert set_aside(store) == (state == "forgotten")
    after = store.skills.find(known.skill_id)
    assert after is not None and after.state == state
    store.skills.set_state(known.skill_id, "active", "dev", "wanted")
    assert set_aside(store) == 0, "a person has brought it back"


def test_what_a_person_signed_for_stays(store: Store) -> None:
    skill = learn(read(ERROR), parse_fix("npm test"))
    known = put(store, KnownSkill(skill, author="a" * 64, own_operator=True, source="recognised"))
    store.signed_decisions.put("confirm", known.skill_id, "{}", "s")
    assert set_aside(store) == 0


def test_a_skill_whose_example_says_too_little_stays_as_it_is(store: Store) -> None:
    old = of_older_rules(store, line="")
    assert reread_skills(store) == 0
    kept = store.skills.find(old.skill_id)
    assert kept is not None
    assert kept.state == "active"
