"""What of an action stands for a part of the error, and how a fix is shown: for this error, or in general."""

from __future__ import annotations

from dataclasses import replace

import pytest

from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.matching import match
from meshcore.knowledge.parts import fix_for, general_fix, never_tried, shown_fix
from meshcore.knowledge.signature import read
from meshcore.model import Action, Evidence, KnownSkill, Slot
from meshcore.testing import MemoryIndex

MISSING = "ModuleNotFoundError: No module named 'flask'"
TAUGHT = learn(read(MISSING), parse_fix("pip install flask"))
DERIVED = replace(
    TAUGHT, key_slots=(), action=Action("argv", (("pip", "install", "{0}"),)), derived_from=TAUGHT.skill_id
)


def test_an_answer_is_filled_in_for_its_error_and_never_for_the_example() -> None:
    other = read("ModuleNotFoundError: No module named 'celery'").slots
    assert fix_for(DERIVED.action, other, DERIVED.example_slots) == "pip install celery"
    assert fix_for(DERIVED.action, (), DERIVED.example_slots) == "pip install …"


@pytest.mark.parametrize(
    ("action", "shown"),
    [
        (Action("argv", (("mkdir", "-p", "{301}"), ("touch", "{1}"))), "mkdir -p {path} && touch {path}"),
        (Action("argv", (("echo", "{{0}}", "{7}"),)), "echo {0} {7}"),
        (Action("advice", text="read {0}"), "read {0}"),
    ],
)
def test_in_general_the_kind_of_a_part_stands_in_its_place(action: Action, shown: str) -> None:
    assert general_fix(action, (Slot("name", "x"), Slot("path", "a/b"))) == shown


def test_a_fix_that_was_derived_and_never_tried_says_so_and_shows_no_example() -> None:
    known = KnownSkill(DERIVED, state="unconfirmed", source="derived")
    assert never_tried(known) and not never_tried(KnownSkill(TAUGHT))
    assert not never_tried(replace(known, evidence=Evidence(verified=1)))
    assert not never_tried(replace(known, evidence=Evidence(failed_elsewhere=1)))
    assert (shown_fix(DERIVED), shown_fix(TAUGHT)) == ("pip install {identifier}", "pip install flask")
    index = MemoryIndex()
    index.add(known)
    found = match(read(MISSING), index)
    assert found is not None and "derived" in found.why and "never tried" in found.why
    assert "has this fix" not in found.why
