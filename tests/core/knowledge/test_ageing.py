"""Ages in words, and what evidence counts for as it grows old."""

from __future__ import annotations

from datetime import timedelta

import pytest

from meshcore.clock import to_text
from meshcore.knowledge.ageing import HALF_LIFE_DAYS, in_words, said, weight
from meshcore.knowledge.matching import match
from meshcore.knowledge.standing import standing
from meshcore.model import Action, Evidence, KnownSkill
from meshcore.testing import START, MemoryIndex, signature, skill

NOW = to_text(START)


def ago(days: float) -> str:
    return to_text(START - timedelta(days=days))


def test_evidence_halves_with_each_half_life_and_the_future_is_now() -> None:
    assert weight(ago(0), NOW) == weight(ago(-30), NOW) == 1.0
    assert weight(ago(HALF_LIFE_DAYS), NOW) == pytest.approx(0.5)
    assert weight(ago(3 * HALF_LIFE_DAYS), NOW) == pytest.approx(0.125)


@pytest.mark.parametrize("text", ["", "yesterday"])
def test_what_has_no_time_does_not_age(text: str) -> None:
    assert weight(text, NOW) == weight(NOW, text) == 1.0


def test_standing_decays_with_its_weight() -> None:
    evidence = Evidence(verified=10)
    values = [standing(evidence, weight(ago(days), NOW)) for days in (0, 180, 360, 720, 7200)]
    assert values == sorted(values, reverse=True)
    assert values[0] == standing(evidence) and values[-1] < 0.01


@pytest.mark.parametrize(
    ("days", "words"),
    [(1, "1 day"), (45, "45 days"), (200, "7 months"), (426, "14 months"), (730, "24 months"), (1100, "3 years")],
)
def test_an_age_is_said_in_its_largest_unit(days: float, words: str) -> None:
    assert in_words(days) == words


def test_what_is_young_says_no_age_and_what_is_old_says_how_old() -> None:
    known = KnownSkill(skill(), evidence=Evidence(verified=1), last_good=ago(30))
    assert said(known, NOW) == ""
    old = KnownSkill(skill(), evidence=Evidence(verified=1), last_good=ago(426))
    assert said(old, NOW) == "last seen to help or confirmed 14 months ago"
    assert said(KnownSkill(skill(), last_good=ago(426)), NOW) == "last heard of 14 months ago"


def test_of_two_fixes_that_fared_alike_the_one_that_helped_lately_comes_first() -> None:
    class Aged(MemoryIndex):
        def now(self) -> str:
            return NOW

    known = Aged()
    for command, days in (("pip", 400), ("uv", 3)):
        action = Action("argv", ((command, "install", "django"),))
        known.add(KnownSkill(skill(action=action), evidence=Evidence(verified=4), confirmed=True, last_good=ago(days)))
    found = match(signature(), known)
    assert found is not None and found.action.steps[0][0] == "uv" and found.tier == "exact"
