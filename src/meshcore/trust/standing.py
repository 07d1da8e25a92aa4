"""What outcomes amount to: a skill's evidence, and the quarantine of what failed too often.

Outcomes of the own operator's nodes count per host; those of operators that were enrolled here move the standing, once
per operator, and quarantine and confirm nothing. What strangers claim to have seen is theirs to act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meshcore.knowledge.matching import index_entry
from meshcore.knowledge.standing import weigh
from meshcore.model import Action, KnownSkill, Outcome
from meshcore.node import Node
from meshcore.policy.policy import brings_in
from meshcore.trust.authors import trust_in, withdraw
from meshcore.trust.store_keys import normalised

SEEN = "seen"  # who made an outcome of what people or agents did by themselves
QUARANTINE_FAILURES = 3
QUARANTINE_HOSTS = 2
MOST_FORGIVEN = 1000  # of one skill


def reweigh(node: Node, skill_id: str) -> KnownSkill | None:
    """Count a skill's outcomes anew, and quarantine it where raw failures ask for it; return it as it stands now."""
    known = node.store.skills.find(skill_id)
    if known is None:
        return None
    outcomes = node.store.outcomes.of(skill_id=skill_id, own_only=True)
    forgiven = set(node.store.quarantine.forgiven(skill_id))
    outcomes = [outcome for outcome in outcomes if outcome.outcome_id not in forgiven]
    if any(outcome.actor == SEEN for outcome in outcomes) and brings_in(known.skill.action):
        # Nodes of older versions tell this too: nobody has let that name in, a text has named it and an agent followed.
        outcomes = [outcome for outcome in outcomes if outcome.actor != SEEN]
    good, bad = _elsewhere(node, skill_id)
    evidence = replace(weigh(known.skill, outcomes), verified_elsewhere=good, failed_elsewhere=bad)
    known = replace(known, evidence=evidence)
    entry = index_entry(known)
    known = node.store.skills.put(known, entry.bucket, entry.shape, entry.keys)
    if known.state not in ("quarantined", "forgotten") and (reason := _too_many_failures(node, outcomes)):
        with node.store.transaction(durable=True):
            node.store.skills.set_state(skill_id, "quarantined", "mesh", reason)
            node.store.quarantine.put(normalised(known.skill.action), skill_id)
        known = replace(known, state="quarantined")
    return known


def quarantined_action(node: Node, action: Action) -> str:
    """Return the skill whose failures put this action under quarantine, whatever skill it comes with; empty without."""
    return node.store.quarantine.skill_of(normalised(action))


def _elsewhere(node: Node, skill_id: str) -> tuple[int, int]:
    """Return how many enrolled operators have verified a skill, and how many have seen it fail."""
    seen: dict[str, set[str]] = {"verified": set(), "fix_failed": set()}
    told = {(o.node, o.result) for o in node.store.outcomes.of(skill_id=skill_id) if o.result in seen}
    trusts = {author: trust_in(node, author) for author, _ in told}
    for author, result in told:
        if trusts[author].state == "enrolled" and trusts[author].operator:
            seen[result].add(trusts[author].operator)
    return len(seen["verified"]), len(seen["fix_failed"])


def lift(node: Node, known: KnownSkill) -> list[str]:
    """Let a person stand behind a skill: failures up to now count no longer; return their ids, the newest last."""
    outcomes = node.store.outcomes.of(skill_id=known.skill_id, own_only=True)
    failures = [outcome.outcome_id for outcome in outcomes if outcome.result == "fix_failed"][-MOST_FORGIVEN:]
    forgive(node, known.skill_id, failures)
    lift_action(node, known)
    return failures


def lift_action(node: Node, known: KnownSkill) -> None:
    """Let the action of a skill be used again, whatever skill it comes with."""
    node.store.quarantine.lift(normalised(known.skill.action))


def forgive(node: Node, skill_id: str, failures: Sequence[str]) -> None:
    """Let failures, by their ids, count against a skill no longer, also those that are heard of later."""
    node.store.quarantine.forgive(skill_id, failures, MOST_FORGIVEN)


def _too_many_failures(node: Node, outcomes: list[Outcome]) -> str:
    failed = [outcome for outcome in outcomes if outcome.result == "fix_failed"]
    hosts = {outcome.host for outcome in failed}
    mesh = {node.settings.host} | {outcome.host for outcome in outcomes} | node.own_hosts()
    if len(failed) < QUARANTINE_FAILURES or len(hosts) < min(QUARANTINE_HOSTS, len(mesh)):
        return ""
    return f"failed {len(failed)} times on {len(hosts)} host{'s' if len(hosts) > 1 else ''}"


def withdraw_and_reweigh(node: Node, key: str, why: str, actor: str) -> None:
    """Let nothing of an author run here, and weigh anew what it had tried."""
    for skill_id in withdraw(node, key, why, actor):
        reweigh(node, skill_id)
