"""How long it took until verified, in the middle: what the header shows before anything larger is loaded."""

from __future__ import annotations

from dataclasses import dataclass

from meshcore.store.read import Read


@dataclass(frozen=True, slots=True)
class Green:
    """Seconds from opening to verified of this node's incidents; `median` is None where n is 0."""

    n: int = 0
    median: float | None = None


def green() -> Read[tuple[bool, Green]]:
    """How long it took until verified, for incidents solved for the first time (False) and again (True)."""
    return Read(_GREEN, lambda row: (bool(row[0]), Green(row[1], row[2])))


_GREEN = """
SELECT again, n, avg(seconds) FROM (
  SELECT again, seconds, row_number() OVER (PARTITION BY again ORDER BY seconds) AS place,
         count(*) OVER (PARTITION BY again) AS n
  FROM incidents WHERE state='verified' AND seconds IS NOT NULL AND opened_monotonic IS NOT NULL
) WHERE place IN ((n + 1) / 2, (n + 2) / 2) GROUP BY again
"""
