"""What outcomes amount to: a skill's evidence, and the quarantine of what failed too often.

Only outcomes of the own operator's nodes count: what others claim to have seen is theirs to act on.
"""

from __future__ import annotations

from dataclasses import replace

from meshcore.healing.node import Node
from meshcore.healing.rules import BAD_ACTION, normalised
from meshcore.knowledge.learning import weigh
from meshcore.knowledge.matching import index_entry
from meshcore.model import Action, KnownSkill, Outcome

LIFTED = "lifted:"  # + skill id: the newest outcome that was known when a person last stood behind the skill
QUARANTINE_FAILURES = 3
QUARANTINE_HOSTS = 2


def reweigh(node: Node, skill_id: str) -> KnownSkill | None:
    """Count a skill's outcomes anew, and quarantine it where raw failures ask for it; return it as it stands now."""
    known = node.store.skill(skill_id)
    if known is None:
        return None
    # By order of arrival here: the reporters' clocks order nothing.
    forgiven = int(node.store.meta(LIFTED + skill_id, "0"))
    own = node.store.outcomes(skill_id=skill_id, own_only=True)
    since = {outcome.outcome_id for outcome in node.store.outcomes(skill_id=skill_id, own_only=True, after=forgiven)}
    outcomes = [outcome for outcome in own if outcome.result != "fix_failed" or outcome.outcome_id in since]
    known = replace(known, evidence=weigh(known.skill, outcomes))
    entry = index_entry(known)
    known = node.store.put_skill(known, entry.bucket, entry.shape, entry.keys)
    if known.state not in ("quarantined", "forgotten") and (reason := _too_many_failures(node, outcomes)):
        with node.store.transaction(durable=True):
            node.store.set_skill_state(skill_id, "quarantined", "mesh", reason)
            node.store.set_meta(BAD_ACTION + normalised(known.skill.action), skill_id)
        known = replace(known, state="quarantined")
    return known


def quarantined_action(node: Node, action: Action) -> str:
    """Return the skill whose failures put this action under quarantine, whatever skill it comes with; empty without."""
    return node.store.meta(BAD_ACTION + normalised(action))


def lift(node: Node, known: KnownSkill) -> None:
    """A person stands behind a skill: failures up to now no longer count against it or its action."""
    node.store.set_meta(LIFTED + known.skill_id, str(node.store.last_outcome()))
    node.store.set_meta(BAD_ACTION + normalised(known.skill.action), "")


def _too_many_failures(node: Node, outcomes: list[Outcome]) -> str:
    failed = [outcome for outcome in outcomes if outcome.result == "fix_failed"]
    hosts = {outcome.host for outcome in failed}
    mesh = {node.settings.host} | {outcome.host for outcome in outcomes} | node.own_hosts()
    if len(failed) < QUARANTINE_FAILURES or len(hosts) < min(QUARANTINE_HOSTS, len(mesh)):
        return ""
    return f"failed {len(failed)} times on {len(hosts)} host{'s' if len(hosts) > 1 else ''}"
