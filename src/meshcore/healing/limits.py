"""The limits: what policy would run may still be too much, too often, or too new; then a person is asked.

Every limit is a function of rows in the store, so a restart forgets nothing; windows rest on monotonic time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from meshcore.bridge.base import Bridge, Claim
from meshcore.knowledge.standing import standing
from meshcore.model import Evidence, KnownSkill, Record

PER_HOUR = 6
HOUR_SECONDS = 3600.0
BREAKER_WINDOW = 20
BREAKER_SHARE = 0.4
BREAKER_LEAST = 5
BACKOFF_FIRST_SECONDS = 10.0
BACKOFF_MOST_SECONDS = 300.0
STANDING_TRIES = 5
STANDING_LEAST = 0.3
CANARY_UNTIL_HOSTS = 3
CANARY_SHARE = 0.10
SYNC_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What the limits look at. Times are seconds before now.

    `tries_ago`: this skill's applications here; `same_command_ago`: those for the same command in the same folder;
    `last_results`: this host's newest outcomes, newest first; `synced_ago`: the last successful look at the bridge.
    """

    tries_ago: Sequence[float] = ()
    same_command_ago: Sequence[float] = ()
    last_results: Sequence[str] = ()
    synced_ago: float | None = None


def exceeded(known: KnownSkill, facts: Facts) -> list[str]:
    """Return why this must not run unattended now, in words; empty where nothing speaks against it."""
    reasons = [
        _not_synced(facts.synced_ago),
        _rate(facts.tries_ago),
        _backoff(facts.same_command_ago),
        _breaker(facts.last_results),
        _standing(known.evidence),
    ]
    return [reason for reason in reasons if reason]


def _not_synced(ago: float | None) -> str:
    if ago is not None and ago <= SYNC_SECONDS:
        return ""
    return "the bridge was not read in the last 10 s, so a revocation might be missing"


def _rate(ago: Sequence[float]) -> str:
    recent = sum(seconds < HOUR_SECONDS for seconds in ago)
    return f"it was applied {recent} times here in the last hour, the most allowed" if recent >= PER_HOUR else ""


def _backoff(ago: Sequence[float]) -> str:
    recent = [seconds for seconds in ago if seconds < HOUR_SECONDS]
    if not recent:
        return ""
    pause = min(BACKOFF_FIRST_SECONDS * 2 ** (len(recent) - 1), BACKOFF_MOST_SECONDS)
    left = pause - min(recent)
    return f"this command was fixed {min(recent):.0f} s ago; it waits {left:.0f} s more" if left > 0 else ""


def _breaker(results: Sequence[str]) -> str:
    window = [result for result in results if result in ("verified", "fix_failed")][:BREAKER_WINDOW]
    failed = window.count("fix_failed")
    if failed >= BREAKER_LEAST and failed >= BREAKER_SHARE * len(window):
        return f"the breaker is open: {failed} of the last {len(window)} fixes here failed"
    return ""


def _standing(evidence: Evidence) -> str:
    if evidence.tries < STANDING_TRIES:
        return ""
    value = standing(evidence)
    return f"its standing is {value:.2f}, below {STANDING_LEAST}" if value < STANDING_LEAST else ""


def canary(
    bridge: Bridge,
    known: KnownSkill,
    claim: Callable[[], Record],
    host: str,
    verified_hosts: frozenset[str],
    hosts: int,
    counts: Callable[[Claim], bool],
) -> str:
    """Claim a place for a skill that is new to the mesh; return why not now, empty where this host may go ahead.

    `claim` signs the claim of this host, `hosts` the number of this operator's hosts, and `counts` tells which
    claims of others hold. One host goes first, then a tenth of them at a time, until three have verified it. A host
    that has verified it needs no place. Raises BridgeUnavailableError.
    """
    if host in verified_hosts or len(verified_hosts) >= CANARY_UNTIL_HOSTS:
        return ""
    places = 1 if len(verified_hosts) <= 1 else max(1, math.floor(CANARY_SHARE * hosts))
    skill_id = known.skill_id
    own = claim()
    if not bridge.claim(own, skill_id, host, places, counts):
        return f"new to the mesh: {places} other host{'s' if places > 1 else ''} must verify it first"
    # What was signed just now need not be checked.
    mine = [held for held in bridge.claims(skill_id) if held.host == host and not held.failed]
    signed = Record(own.text, own.key, own.sig)
    if not any(held.record == signed or counts(held) for held in mine):
        return "the bridge does not hold this host's claim"
    return ""
