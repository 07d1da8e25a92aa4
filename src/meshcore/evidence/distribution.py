"""How measured seconds are spread: n, median, p90, least and most, never a mean alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from meshcore.model import Json


@dataclass(frozen=True, slots=True)
class Distribution:
    """Seconds as they were measured; `p90` is the measured value that 90 % do not exceed. All None where n is 0."""

    n: int
    median: float | None = None
    p90: float | None = None
    min: float | None = None
    max: float | None = None

    def to_json(self) -> dict[str, Json]:
        """Return the distribution as a record holds it."""
        return {"n": self.n, "median": self.median, "p90": self.p90, "min": self.min, "max": self.max}


def distribution(values: Iterable[float]) -> Distribution:
    """Return how measured values are spread."""
    ordered = sorted(values)
    if not ordered:
        return Distribution(0)
    nearest_rank = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return Distribution(len(ordered), statistics.median(ordered), nearest_rank, ordered[0], ordered[-1])
