"""The recipes of CONTRIBUTING name few files, which are there, and tests that hold them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MOST_FILES = 3
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition("\n## Recipes\n")[2]
RECIPES = dict(re.findall(r"^### (.+)\n((?:(?!^##).*\n?)*)", TEXT, re.MULTILINE))


def test_there_is_a_recipe_for_each_kind_of_addition() -> None:
    assert list(RECIPES) == ["An action type", "An agent program", "A pane", "A bridge engine", "A record kind"]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_touches_few_files_which_are_there_or_are_the_new_one(name: str) -> None:
    touched = re.findall(r"^\d\. `([^`]+)`:", RECIPES[name], re.MULTILINE)
    assert 1 <= len(touched) <= MOST_FILES
    for path in touched:
        place = ROOT / path.partition("NAME")[0]
        assert place.exists(), path


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_held_by_tests(name: str) -> None:
    held = re.findall(r"`(tests/[^`]+)`", RECIPES[name])
    assert held
    assert [path for path in held if not (ROOT / path).exists()] == []
