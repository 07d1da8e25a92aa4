"""Skills, actions and their JSON: one identity for one content, and nothing of another form gets in."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.clock import from_text, to_text
from meshcore.model import Action, Circumstances, Json, KeySlot, Skill, Slot, action_to_json, canonical, escape_token
from meshcore.safety.model_json import (
    action_from_json,
    circumstances_from_json,
    circumstances_to_json,
    skill_from_json,
    skill_to_json,
    slots_from_json,
)
from meshcore.testing import skill

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
KINDS = st.sampled_from(["path", "number", "port", "host", "version", "hex", "name", "identifier"])
ACTIONS = st.one_of(
    st.builds(lambda text: Action("advice", (), text), TEXTS),
    st.builds(
        lambda steps: Action("argv", tuple(map(tuple, steps))),
        st.lists(st.lists(TEXTS, min_size=1, max_size=4), min_size=1, max_size=3),
    ),
)
SLOTS = st.builds(Slot, KINDS, TEXTS)
SKILLS = st.builds(
    Skill,
    st.integers(0, 9),
    TEXTS,
    TEXTS,
    st.lists(st.builds(KeySlot, st.integers(0, 9), KINDS, TEXTS), max_size=3).map(tuple),
    ACTIONS,
    TEXTS,
    st.lists(SLOTS, max_size=3).map(tuple),
    TEXTS,
    TEXTS,
    TEXTS,
    st.builds(Circumstances, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS),
)


@given(SKILLS)
def test_a_skill_survives_its_json_with_its_identity(given_skill: Skill) -> None:
    again = skill_from_json(skill_to_json(given_skill))
    assert again == given_skill
    assert again.skill_id == given_skill.skill_id


@given(SKILLS, TEXTS)
def test_examples_context_and_place_are_no_part_of_the_identity(given_skill: Skill, text: str) -> None:
    other = replace(
        given_skill,
        example_line=text,
        example_slots=(),
        example_command=text,
        context=text,
        derived_from=text,
        circumstances=Circumstances(text),
    )
    assert other.skill_id == given_skill.skill_id


@pytest.mark.parametrize(
    "changes",
    [
        {"signature_version": 1},
        {"error_type": "ImportError"},
        {"template": "No package named <name>"},
        {"key_slots": (KeySlot(0, "name", "flask"),)},
        {"key_slots": (KeySlot(1, "name", "django"),)},
        {"key_slots": (KeySlot(0, "identifier", "django"),)},
        {"key_slots": ()},
        {"action": Action("argv", (("pip", "install", "django", "-U"),))},
        {"action": Action("argv", (("pip", "install"), ("django",)))},
        {"action": Action("advice", (), "pip install django")},
    ],
)
def test_everything_else_is_part_of_the_identity(changes: dict[str, Any]) -> None:
    assert skill(**changes).skill_id != skill().skill_id


def test_the_identity_is_the_hash_of_the_written_form_and_stays_so() -> None:
    written = (
        '{"action":{"kind":"argv","steps":[["pip","install","django"]]},"error_type":"ModuleNotFoundError",'
        '"key_slots":[[0,"name","django"]],"signature_version":1,"template":"No module named <name>"}'
    )
    assert skill(signature_version=1).skill_id == hashlib.sha256(written.encode()).hexdigest()


@given(st.lists(TEXTS, min_size=1, max_size=4), st.lists(SLOTS, max_size=3))
def test_an_escaped_token_comes_back_literally(tokens: list[str], slots: list[Slot]) -> None:
    action = Action("argv", (tuple(map(escape_token, tokens)),))
    assert action.parameters() == frozenset()
    assert action.fill(slots).steps == (tuple(tokens),)


def test_a_reference_is_filled_with_its_slot_and_a_missing_one_is_an_error() -> None:
    action = Action("argv", (("kill", "{1}", "a{0}b", "{{0}}"),))
    assert action.parameters() == {0, 1}
    slots = [Slot("name", "{1}"), Slot("number", "42")]
    assert action.fill(slots).steps == (("kill", "42", "a{1}b", "{0}"),)
    with pytest.raises(IndexError):
        action.fill(slots[:1])


def test_a_command_for_people_is_quoted() -> None:
    assert Action("argv", (("echo", "a b"), ("ls",))).command() == "echo 'a b' && ls"
    assert Action("advice", (), "call Anna").command() == "call Anna"


@given(ACTIONS)
def test_an_action_survives_its_json(action: Action) -> None:
    assert action_from_json(action_to_json(action)) == action


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"kind": "shell", "text": "rm"},
        {"kind": "advice"},
        {"kind": "advice", "text": 5},
        {"kind": "argv"},
        {"kind": "argv", "steps": []},
        {"kind": "argv", "steps": [[]]},
        {"kind": "argv", "steps": ["rm -rf /"]},
        {"kind": "argv", "steps": [["rm", 5]]},
    ],
)
def test_what_is_no_action_is_refused(data: Json) -> None:
    with pytest.raises(ValueError, match=r"action|step|text"):
        action_from_json(data)


@pytest.mark.parametrize(
    "changes",
    [
        {"signature_version": "1"},
        {"error_type": None},
        {"template": 5},
        {"key_slots": {}},
        {"key_slots": [[0, "name"]]},
        {"key_slots": [["0", "name", "x"]]},
        {"key_slots": [[0, "regex", "x"]]},
        {"key_slots": [[0, "name", 5]]},
        {"action": None},
        {"example_slots": [["name"]]},
        {"example_slots": 5},
        {"context": 5},
        {"circumstances": "here"},
        {"circumstances": {"os_family": 5}},
    ],
)
def test_a_skill_with_a_field_of_another_form_is_refused(changes: dict[str, Json]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        skill_from_json({**skill_to_json(skill()), **changes})


def test_unknown_fields_are_ignored() -> None:
    assert skill_from_json({**skill_to_json(skill()), "stars": 5}) == skill()
    assert circumstances_from_json({"weather": "rain"}) == Circumstances()


def test_circumstances_leave_out_what_is_not_known() -> None:
    assert circumstances_to_json(Circumstances(program="pip")) == {"program": "pip"}


def test_slots_of_an_unknown_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown slot kind"):
        slots_from_json([["regex", ".*"]])


def test_canonical_json_has_one_form_and_no_nan() -> None:
    assert canonical({"b": 1, "a": "é"}) == '{"a":"é","b":1}'
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="not JSON compliant"):
            canonical(number)


# The first and last day of the calendar have no form in UTC in some zones.
@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.timezones()))  # noqa: DTZ001
def test_a_time_survives_its_text_in_utc_which_sorts_as_the_time_does(moment: datetime) -> None:
    text = to_text(moment)
    assert (len(text), text[-1]) == (27, "Z")
    assert from_text(text) == moment.astimezone(UTC)
    assert (text < to_text(datetime(2026, 1, 1, tzinfo=UTC))) is (moment < datetime(2026, 1, 1, tzinfo=UTC))


def test_a_time_without_a_zone_is_taken_as_utc() -> None:
    assert from_text("2026-11-22T08:00:00") == datetime(2026, 11, 22, 8, tzinfo=UTC)
