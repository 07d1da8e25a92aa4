"""How sure a difference between two groups of commands is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist, fmean, variance

LEAST = 20  # commands in each group: with fewer there is nothing to say
_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Difference:
    """The mean of one group less that of another, and the 95 % interval around it."""

    value: float
    low: float
    high: float


def difference(one: Sequence[float], other: Sequence[float]) -> Difference | None:
    """Return how much larger the shares (0..1) of a group are than those of another, None for too few to say.

    Each share is of one command, which repeats of a command share: so commands are counted, not repeats. The interval
    is Welch's after one command of 0 and one of 1 were added to both groups, so that it is no point where all agree.
    """
    if min(len(one), len(other)) < LEAST:
        return None
    parts = [(fmean(group), variance(group) / len(group), len(group)) for group in ([*one, 0, 1], [*other, 0, 1])]
    spread = parts[0][1] + parts[1][1]
    freedom = spread**2 / sum(part**2 / (size - 1) for _, part, size in parts)
    z = NormalDist().inv_cdf((1 + _LEVEL) / 2)
    reach = (z + (z**3 + z) / (4 * freedom)) * math.sqrt(spread)
    middle = parts[0][0] - parts[1][0]
    return Difference(fmean(one) - fmean(other), middle - reach, middle + reach)
