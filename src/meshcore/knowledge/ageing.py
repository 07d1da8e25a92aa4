"""How old what is known is: evidence halves in weight with time, and what is old says so.

A fix is as old as the last time that a node of this operator saw it help, a person confirmed it, or it was learnt.
"""

from __future__ import annotations

from meshcore.clock import from_text
from meshcore.model import KnownSkill

DAY = 86400.0
HALF_LIFE_DAYS = 180.0  # after which what was seen counts half; from then on an age is said
LONG_DAYS = 365.0  # after which a person is asked
_MONTH_DAYS = 30.44
_YEAR_DAYS = 365.25


def age(moment: str, now: str) -> float:
    """Return how many days lie between two times of rows; 0 where one is not known, or the first is not past."""
    try:
        return max(0.0, (from_text(now) - from_text(moment)).total_seconds() / DAY)
    except ValueError:
        return 0.0


def weight(moment: str, now: str) -> float:
    """Return what evidence of a time counts now, 0 to 1."""
    return float(0.5 ** (age(moment, now) / HALF_LIFE_DAYS))


def is_old(known: KnownSkill, now: str) -> bool:
    """Return whether a skill was neither seen to help, nor confirmed, nor learnt for so long that a person is asked."""
    return age(known.last_good, now) > LONG_DAYS


def said(known: KnownSkill, now: str) -> str:
    """Return how old a skill is in words, "" where it is not old enough to be worth a word."""
    days = age(known.last_good, now)
    if days < HALF_LIFE_DAYS:
        return ""
    seen = known.evidence.verified or known.confirmed
    return f"last {'seen to help or confirmed' if seen else 'heard of'} {in_words(days)} ago"


def in_words(days: float) -> str:
    """Return a span of time in its largest unit that is at least two, or one day."""
    for size, unit in ((_YEAR_DAYS, "year"), (_MONTH_DAYS, "month")):
        if days >= 2 * size:
            return f"{days / size:.0f} {unit}s"
    return f"{days:.0f} day{'s' * (round(days) != 1)}"
