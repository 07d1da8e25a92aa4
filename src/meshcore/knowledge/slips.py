"""Which of several known words was meant by one that is not known: the nearest by slips of a finger, if one is.

A slip is a letter too many, too few or wrong, or two neighbours in each other's place. Light.
"""

from __future__ import annotations

from collections.abc import Iterable

_LONG = 6  # letters from which on two slips are believed


def closest(word: str, known: Iterable[str]) -> str:
    """Return the one known word that lies nearest to another, "" where none is near or two are equally so."""
    most = 2 if len(word) >= _LONG else 1
    found: dict[int, set[str]] = {}
    for one in known:
        if abs(len(one) - len(word)) <= most and (count := slips(word, one)) <= most:
            found.setdefault(count, set()).add(one)
    nearest = found[min(found)] if found else set()
    return nearest.pop() if len(nearest) == 1 else ""


def slips(typed: str, meant: str) -> int:
    """Return how many slips lie between two words (the optimal string alignment distance)."""
    before, last = list[int](), list(range(len(meant) + 1))
    for i, a in enumerate(typed, 1):
        row = [i]
        for j, b in enumerate(meant, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == meant[j - 2] and b == typed[i - 2]:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
