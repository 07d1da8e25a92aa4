"""How sure a difference is: few say nothing, and the interval holds the truth as often as it says."""

from __future__ import annotations

import random

from meshcore.evidence.interval import LEAST, difference


def test_too_few_commands_say_nothing_however_clear_they_are() -> None:
    assert difference([1.0] * (LEAST - 1), [0.0] * 1000) is None
    assert difference([1.0] * 1000, [0.0] * (LEAST - 1)) is None


def test_the_interval_is_no_point_where_all_commands_agree() -> None:
    found = difference([1.0] * LEAST, [0.0] * LEAST)
    assert found is not None and found.value == 1.0 and 0.7 < found.low < 0.95


def test_the_interval_holds_the_truth_in_about_95_of_100_cases() -> None:
    drawn = random.Random(7)

    def group(size: int, share: float) -> list[float]:
        """Return shares of commands that differ among each other, whose mean is `share`."""
        own = [drawn.betavariate(2 * share, 2 * (1 - share)) for _ in range(size)]
        return [sum(drawn.random() < one for _ in range(3)) / 3 for one in own]

    held = 0
    for _ in range(400):
        found = difference(group(25, 0.6), group(80, 0.4))
        assert found is not None
        held += found.low <= 0.2 <= found.high
    assert 0.92 <= held / 400 <= 0.99
