"""The painter against a terminal of its own: whatever is painted, what the frames show is what was wanted."""

from __future__ import annotations

import random

import pytest

from meshtui.driver import _escapes_apart
from meshtui.painter import Painter


def test_only_the_cells_that_changed_are_sent() -> None:
    painter = Painter(40, 3)
    painter.take("\x1b[1;1Hverified 11 of 15          again 1.8 s")
    painter.frame()
    painter.take("\x1b[1;1Hverified 12 of 15          again 1.8 s")
    assert painter.frame() == "\x1b[1;11H2"
    assert not painter.has_news
    painter.take("\x1b[1;1Hverified 12 of 15          again 1.8 s")
    assert painter.frame() == ""


def test_of_two_frames_that_waited_only_the_newest_is_sent() -> None:
    painter = Painter(40, 3)
    painter.frame()
    for number in range(1000):
        painter.take(f"\x1b[2;1Hline {number:04}")
    assert painter.frame() == "\x1b[2;1Hline 0999"


def test_styles_are_sent_as_far_as_they_differ() -> None:
    painter = Painter(20, 1)
    painter.frame()
    painter.take("\x1b[1;1H\x1b[38;2;1;2;3;48;2;4;5;6mab\x1b[0m\x1b[38;2;7;8;9;48;2;4;5;6mcd\x1b[0m\x1b[1mE\x1b[0m")
    said = painter.frame()
    assert said == "\x1b[1;1H\x1b[0;38;2;1;2;3;48;2;4;5;6mab\x1b[38;2;7;8;9mcd\x1b[0;1mE\x1b[0m" or (
        "\x1b[38;2;7;8;9mcd\x1b[0;1mE\x1b[0m" in said
    )


def test_a_wide_character_is_sent_as_a_whole() -> None:
    painter = Painter(20, 1)
    painter.take("\x1b[1;1Ha漢b")
    painter.frame()
    painter.take("\x1b[1;1H\x1b[1ma漢b\x1b[0m")
    assert "漢" in painter.frame()
    painter.take("\x1b[1;1Haxyb")
    assert "axyb" in painter.frame()


def test_what_is_no_drawing_passes_by_and_what_is_left_is_not_drawn() -> None:
    painter = Painter(20, 1)
    painter.frame()
    painter.take("\x1b]52;c;YQ==\x07\x1b[?1000hx")
    assert painter.frame() == "\x1b]52;c;YQ==\x07\x1b[?1000h\x1b[1;1Hx"
    painter.take("y\x1b[?1049l\x1b[?25h")
    assert painter.frame() == "\x1b[?1049l\x1b[?25h"


def test_another_size_is_drawn_as_a_whole() -> None:
    painter = Painter(4, 2)
    painter.take("\x1b[1;1Habcd")
    painter.frame()
    painter.resize(6, 1)
    assert "abcd" in painter.frame()
    painter.take("\x1b[9;9Hbeyond")
    assert painter.frame() == ""


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_painted_the_frames_add_up_to_it(seed: int) -> None:
    chance = random.Random(seed)
    painter, shown = Painter(12, 3), Painter(12, 3)
    for _ in range(60):
        x, y = chance.randrange(12), chance.randrange(3)
        style = chance.choice(["", "\x1b[1m", "\x1b[31m", "\x1b[38;5;9;48;2;1;2;3m", "\x1b[7;44m"])
        text = "".join(chance.choice("ab 漢é") for _ in range(chance.randrange(1, 6)))
        painter.take(f"\x1b[{y + 1};{x + 1}H{style}{text}\x1b[0m")
        if chance.random() < 0.5:
            shown.take(painter.frame())
    shown.take(painter.frame())

    assert shown.lines == painter.lines


@pytest.mark.parametrize(
    ("typed", "keys"),
    [("\x1b4", ["\x1b", "4"]), ("\x1b", ["\x1b"]), ("\x1b[A", ["\x1b[A"]), ("\x1b[200~\x1bx", ["\x1b[200~\x1bx"])],
)
def test_escape_and_a_digit_in_quick_succession_are_two_keys(typed: str, keys: list[str]) -> None:
    assert _escapes_apart(typed) == keys
