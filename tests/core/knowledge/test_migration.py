"""Skills of older reading rules."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.interchange import put
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import match
from meshcore.knowledge.migration import READ_WITH, reread_skills, set_aside
from meshcore.knowledge.signature import VERSION, read
from meshcore.model import Evidence, KnownSkill, SkillSource, Slot
from meshcore.store.store import Store

ERROR = "ModuleNotFoundError: No module named 'django'"


def of_older_rules(store: Store, *, line: str = ERROR) -> KnownSkill:
    """Store a skill as rules before ours would have read it: under another template."""
    skill = learn(read(ERROR), parse_fix("pip install django"))
    old = replace(skill, signature_version=VERSION - 1, template="there is no module <name>", example_line=line)
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
    assert (known.skill.signature_version, known.skill.derived_from) == (VERSION, f"{VERSION - 1}:{old.skill_id}")
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
    assert (known.skill.derived_from, known.state, known.evidence.verified) == (
        f"{VERSION - 1}:{parent.skill_id}",
        "active",
        2,
    )
    kept = store.skills.find(wider.skill_id)
    assert kept is not None and kept.state == "unconfirmed"


def test_what_old_programs_counted_is_written_once_however_many_skills_are_read_anew(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("django", "flask", "numpy"):
        error = ERROR.replace("django", name)
        skill = learn(read(error), parse_fix(f"pip install {name}"))
        old = replace(skill, signature_version=VERSION - 1, template=f"there is no {name}", example_line=error)
        put(store, KnownSkill(old, own_operator=True))
    written: list[object] = []
    kept = store.skills_file.set

    def noted(**values: str) -> None:
        written.append(values)
        kept(**values)

    monkeypatch.setattr(store.skills_file, "set", noted)
    assert reread_skills(store) == 3
    assert len(written) == 1


def test_it_is_done_once_and_for_what_comes_in_later(store: Store) -> None:
    of_older_rules(store)
    assert reread_skills(store) == 1
    assert store.meta.get("signature_version") == READ_WITH
    assert reread_skills(store) == 0
    of_older_rules(store, line=ERROR.replace("django", "flask"))
    assert reread_skills(store) == 1


def test_what_was_verified_of_other_values_is_carried_to_where_they_stand_now(store: Store) -> None:
    text = "E: Unable to locate package {}"
    skill = learn(read(text.format("foo-1"), command="apt-get install foo-1"), parse_fix("apt-get update"))
    slots = (*skill.example_slots[:1], Slot("identifier", "gone"), *skill.example_slots[1:])
    key = replace(skill.key_slots[0], index=0)
    old = replace(
        skill,
        signature_version=VERSION - 1,
        template="no package <name> <name>",
        example_slots=slots,
        key_slots=(key,),
        example_command="apt-get install foo-1",
    )
    seen = Evidence(verified=2, relaxed=frozenset({0}), values={0: frozenset({"bar-2"}), 1: frozenset({"x"})})
    put(store, KnownSkill(old, author="a" * 64, own_operator=True, confirmed=True, evidence=seen))
    assert reread_skills(store) == 1
    found = match(read(text.format("new-3"), command="apt-get install new-3"), store.skills)
    assert found is not None and found.tier == "exact"
    known = store.skills.find(found.skill_id)
    assert known is not None
    assert (known.evidence.values, known.evidence.relaxed) == ({0: frozenset({"bar-2"})}, frozenset({0}))


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


def test_a_skill_whose_command_was_told_by_kinds_answers_as_before(store: Store) -> None:
    text, command = "Error: file is not a database", "sqlite3 {}.db .tables"
    skill = learn(read(text, command=command.format("a")), parse_fix("rm a.db"), command=command.format("a"))
    at = skill.key_slots[0].index
    before = replace(skill, key_slots=(replace(skill.key_slots[0], value="sqlite3 path path"),))
    assert skill.key_slots[0].value == "sqlite3 2" and at == 0
    put(store, KnownSkill(before, author="a" * 64, own_operator=True, confirmed=True))
    found = match(read(text, command=command.format("b")), store.skills)
    assert found is not None and (found.tier, found.action.command(), found.skill_id) == (
        "exact",
        "rm b.db",
        before.skill_id,
    )
    assert match(read(text, command="sqlite3 b.db"), store.skills) != found
