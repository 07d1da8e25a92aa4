"""How an incident moves on: for each state, those that may follow it. `Incidents.set_state` alone writes one.

A failure is open once and never again. What was verified stays so, whatever is said of it later: a try that ends
late, a rejection of what waited, or a neighbour's record that was long under way.
"""

from __future__ import annotations

from collections.abc import Mapping

from meshcore.model import IncidentState

_GOES_ON: frozenset[IncidentState] = frozenset(
    (
        *("matched", "needs_approval", "fixing", "verified", "fix_failed", "applied_not_rerun", "progress"),
        *("not_applied", "unknown", "refused"),
    )
)

TRANSITIONS: Mapping[IncidentState, frozenset[IncidentState]] = {
    "open": _GOES_ON,
    "matched": _GOES_ON,
    "needs_approval": _GOES_ON,
    "fixing": _GOES_ON - {"fixing"},  # two tries never collide
    "applied_not_rerun": _GOES_ON,  # shown later by a success, a failure, or another try
    "progress": _GOES_ON,  # the same, once what came after it is solved too
    "not_applied": _GOES_ON,  # tried again later
    "unknown": _GOES_ON,
    "fix_failed": _GOES_ON,  # another fix may be tried
    "refused": _GOES_ON,  # a person may decide otherwise
    "verified": frozenset(),
}


def may_follow(before: IncidentState, after: IncidentState) -> bool:
    """Tell whether an incident in one state may move to another."""
    return after in TRANSITIONS[before]
