"""What outcomes amount to: a skill's evidence, and the quarantine of what failed too often.

Outcomes of the own operator's nodes count per host; those of operators that were enrolled here move the standing, once
per operator, and quarantine and confirm nothing. What strangers claim to have seen is theirs to act on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from meshcore.knowledge.matching import index_entry
from meshcore.knowledge.migration import as_read_now, earlier_reading, later_reading
from meshcore.knowledge.parts import is_typed
from meshcore.knowledge.standing import weigh
from meshcore.model import Action, KnownSkill, Outcome
from meshcore.node import Node
from meshcore.policy.action_key import action_key, keyed, note_action_keys
from meshcore.policy.policy import brings_in
from meshcore.trust.authors import trust_in, withdraw
from meshcore.trust.hosts import Hosts

SEEN = "seen"  # who made an outcome of what people or agents did by themselves
QUARANTINE_FAILURES = 3
QUARANTINE_HOSTS = 2
MOST_FORGIVEN = 1000  # of one skill


def reweigh(node: Node, skill_id: str) -> KnownSkill | None:
    """Count a skill's outcomes anew, and quarantine it where raw failures ask for it; return it as it stands now.

    What the same fix has shown in another spelling counts for each of its skills.
    """
    later = later_reading(node.store, skill_id)
    if later is not None:
        reweigh(node, later.skill_id)
    every = spellings(node, skill_id)
    return {known.skill_id: _weighed(node, known, every) for known in every}.get(skill_id)


def spellings(node: Node, skill_id: str) -> list[KnownSkill]:
    """Return the skills that are one fix: for one error the same typed action, however it is spelled."""
    every = node.store.skills.same_fix(skill_id)
    own = next((known for known in every if known.skill_id == skill_id), None)
    if own is None or not is_typed(own.action_key):
        return [own] if own is not None else []
    keys = set(own.skill.key_slots)
    return [known for known in every if set(known.skill.key_slots) == keys]


def note_fixes(node: Node) -> None:
    """Note of each skill that is new which fix it is, and weigh it with what other spellings of that have shown."""
    if node.store.skills.lack_action_keys():
        for skill_id in note_action_keys(node.store):
            reweigh(node, skill_id)


def _outcomes(node: Node, every: Sequence[KnownSkill]) -> list[Outcome]:
    """Return what own nodes have seen of one fix, in each of its spellings, without the failures that are forgiven."""
    earlier = [earlier_reading(node.store, known.skill) for known in every]
    ids = {known.skill_id for known in every} | {skill.skill_id for skill in earlier if skill is not None}
    forgiven = {failure for skill_id in ids for failure in node.store.quarantine.forgiven(skill_id)}
    outcomes = (one for known in every for one in _told(node, known, own_only=True))
    return [outcome for outcome in outcomes if outcome.outcome_id not in forgiven]


def _told(node: Node, known: KnownSkill, *, own_only: bool = False) -> list[Outcome]:
    """Return the outcomes of a skill, and those of what it was by older reading rules."""
    told = list(node.store.outcomes.of(skill_id=known.skill_id, own_only=own_only))
    before = earlier_reading(node.store, known.skill)
    if before is not None:
        earlier = node.store.outcomes.of(skill_id=before.skill_id, own_only=own_only)
        told += [as_read_now(outcome, before, known.skill) for outcome in earlier]
    return told


def _weighed(node: Node, known: KnownSkill, every: Sequence[KnownSkill]) -> KnownSkill:
    skill_id, outcomes = known.skill_id, _outcomes(node, every)
    if any(outcome.actor == SEEN for outcome in outcomes) and brings_in(known.skill.action):
        # Nodes of older versions tell this too: nobody has let that name in, a text has named it and an agent followed.
        outcomes = [outcome for outcome in outcomes if outcome.actor != SEEN]
    good, bad = _elsewhere(node, every)
    hosts = Hosts(node)
    outcomes = [replace(outcome, host=hosts.of_outcome(outcome)) for outcome in outcomes]
    evidence = replace(weigh(known.skill, outcomes), verified_elsewhere=good, failed_elsewhere=bad)
    good_at = [outcome.at for outcome in outcomes if outcome.result == "verified"]
    known = replace(known, evidence=evidence, last_good=max([known.last_good, *good_at]))
    entry = index_entry(known)
    known = node.store.skills.put(known, entry.bucket, entry.shape, entry.keys)
    if known.state not in ("quarantined", "forgotten") and (reason := _too_many_failures(hosts, outcomes)):
        with node.store.transaction(durable=True):
            node.store.skills.set_state(skill_id, "quarantined", "mesh", reason)
            key = keyed(known).action_key
            if not node.store.quarantine.skill_of(key):
                node.store.quarantine.put(key, skill_id)
        known = replace(known, state="quarantined")
    return known


def quarantined_action(node: Node, action: Action) -> str:
    """Return the skill whose failures put this action under quarantine, whatever skill it comes with; empty without."""
    return node.store.quarantine.skill_of(action_key(action))


def _elsewhere(node: Node, every: Sequence[KnownSkill]) -> tuple[int, int]:
    """Return how many enrolled operators have verified one fix, and how many have seen it fail."""
    seen: dict[str, set[str]] = {"verified": set(), "fix_failed": set()}
    outcomes = [outcome for known in every for outcome in _told(node, known)]
    told = {(o.node, o.result) for o in outcomes if o.result in seen}
    trusts = {author: trust_in(node, author) for author, _ in told}
    for author, result in told:
        if trusts[author].state == "enrolled" and trusts[author].operator:
            seen[result].add(trusts[author].operator)
    return len(seen["verified"]), len(seen["fix_failed"])


def lift(node: Node, known: KnownSkill) -> list[str]:
    """Let a person stand behind a skill: failures up to now count no longer; return their ids, the newest last."""
    outcomes = [
        outcome
        for one in spellings(node, known.skill_id)
        for outcome in node.store.outcomes.of(skill_id=one.skill_id, own_only=True)
    ]
    failures = [outcome.outcome_id for outcome in outcomes if outcome.result == "fix_failed"][-MOST_FORGIVEN:]
    forgive(node, known.skill_id, failures)
    lift_action(node, known)
    return failures


def lift_action(node: Node, known: KnownSkill) -> None:
    """Let the action of a skill be used again, whatever skill it comes with."""
    node.store.quarantine.lift(keyed(known).action_key)


def forgive(node: Node, skill_id: str, failures: Sequence[str]) -> None:
    """Let failures, by their ids, count against a skill no longer, also those that are heard of later."""
    node.store.quarantine.forgive(skill_id, failures, MOST_FORGIVEN)


def _too_many_failures(hosts: Hosts, outcomes: list[Outcome]) -> str:
    failed = [outcome for outcome in outcomes if outcome.result == "fix_failed"]
    on = {outcome.host for outcome in failed}
    mesh = {outcome.host for outcome in outcomes} | {host.name for host in hosts.all}
    if len(failed) < QUARANTINE_FAILURES or len(on) < min(QUARANTINE_HOSTS, len(mesh)):
        return ""
    return f"failed {len(failed)} times on {len(on)} host{'s' if len(on) > 1 else ''}"


def withdraw_and_reweigh(node: Node, key: str, why: str, actor: str) -> None:
    """Let nothing of an author run here, and weigh anew what it had tried."""
    for skill_id in withdraw(node, key, why, actor):
        reweigh(node, skill_id)
