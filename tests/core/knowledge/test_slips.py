"""What was meant by a word with slips of a finger is the nearest known one, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.knowledge.corrections import correction_between
from meshcore.knowledge.slips import closest, slips
from meshcore.knowledge.subcommands import programs, subcommands
from meshcore.knowledge.typed import read_typed

WORDS = st.text("abcdest-", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("rnu", "run rebuild", "run"),
        ("isntall", "install uninstall", "install"),
        ("tset", "test set", ""),
        ("pul", "push pull", "pull"),
        ("deplyomnt", "deployment", "deployment"),
        ("dev", "test", ""),
        ("opp", "pop push", "pop"),
        ("x", "", ""),
    ],
)
def test_the_nearest_is_meant_and_of_two_that_are_equally_near_none(word: str, known: str, meant: str) -> None:
    assert closest(word, known.split()) == meant


@given(WORDS, WORDS)
def test_slips_are_the_same_both_ways_and_none_only_between_equals(one: str, other: str) -> None:
    assert slips(one, other) == slips(other, one) <= max(len(one), len(other))
    assert (slips(one, other) == 0) == (one == other)


@given(WORDS, st.integers(0, 7), st.sampled_from("abcdest-"))
def test_one_letter_more_or_less_is_one_slip(word: str, at: int, letter: str) -> None:
    assert slips(word[:at] + letter + word[at:], word) == 1


def test_no_program_is_said_to_have_a_word_that_a_slip_may_not_be_read_as() -> None:
    """What deletes is refused as a correction, so that to list it would only hide what is near to it."""
    for program in sorted(programs()):
        for word in sorted(subcommands((program,))):
            typed = word[:2] + word[3:4] + word[2:3] + word[4:]
            failed, passed = read_typed(f"{program} {typed}", "/w"), read_typed(f"{program} {word}", "/w")
            if word[0] != "-" and "." not in word and len(word) > 5 and typed != word:
                assert correction_between(failed, passed, f"unknown command {typed}") is not None, (program, word)
