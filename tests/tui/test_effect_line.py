"""The line of effect: what became of each kind of agent's failures, as much as fits."""

from __future__ import annotations

from rich.cells import cell_len

from meshtui.screens.overview import effect_line
from meshtui.snapshot import EffectView, ToldView

KINDS = (EffectView("claude-code", 1200, 9, 7), EffectView("shell", 4, 2, 1), EffectView("\x1b[2J", 1, 0, 0))


def test_each_kind_says_its_figures() -> None:
    assert effect_line(KINDS[:2], 120) == ("failed → answered → verified   claude-code 1,200 → 9 → 7   shell 4 → 2 → 1")


def test_what_does_not_fit_is_counted_and_nothing_exceeds_its_width() -> None:
    assert effect_line(KINDS, 70).endswith("claude-code 1,200 → 9 → 7   +2 more")
    assert all(cell_len(effect_line(KINDS, width)) <= width for width in range(160))


def test_without_an_answer_there_is_no_line_and_no_name_steers_a_terminal() -> None:
    assert effect_line([KINDS[2]], 120) == ""
    assert "\x1b" not in effect_line(KINDS, 200)


def test_what_was_told_comes_first_and_only_with_what_came_of_it() -> None:
    told = ToldView(12, right=7, wrong=1)
    assert effect_line([KINDS[2]], 120, told) == "told 12: 7 right, 1 wrong", "nothing was answered by a fix"
    assert effect_line(KINDS[:1], 120, told) == (
        "told 12: 7 right, 1 wrong   failed → answered → verified   claude-code 1,200 → 9 → 7"
    )
    assert effect_line(KINDS, 40, told) == "told 12: 7 right, 1 wrong"
    assert all(cell_len(effect_line(KINDS, width, told)) <= width for width in range(160))
