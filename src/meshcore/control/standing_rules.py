"""What a person ruled for a whole project, for good: a fix that may always run there, a skill not wanted there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from meshcore.errors import UsageError
from meshcore.knowledge.parts import example_fix
from meshcore.node import Node
from meshcore.store.rows import folder_to_text
from meshcore.trust.signed_decisions import for_good, standing_approval
from meshcore.trust.store_keys import always_key

MOST_SHOWN = 12  # hex digits of a rule's id


@dataclass(frozen=True, slots=True)
class StandingRule:
    """One rule of a person for one project, since when, and how many tries of the node rested on it.

    `kind`: `always` lets `command` run there unasked, `not here` keeps its skill from being offered there. `used` is
    None for the latter, since what is not offered is not counted. `counts`: it is signed where that is needed.
    """

    rule_id: str
    kind: Literal["always", "not here"]
    skill_id: str
    action_hash: str
    command: str
    folder: str
    actor: str
    since: str
    used: int | None
    counts: bool


def standing_rules(node: Node) -> list[StandingRule]:
    """Return what was ruled for whole projects, the newest first."""
    store = node.store
    kept = store.standing_approvals.all()
    folders = sorted({one.folder for one in kept}, key=len, reverse=True)
    found = []
    for one in kept:
        command = store.standing_approvals.command(one.skill_id, one.action_hash)
        tries = store.standing_approvals.tries(one.skill_id, one.at, for_good(one.actor))
        key = always_key(one.skill_id, one.action_hash, one.folder)
        found.append(
            StandingRule(
                rule_id=_id(key),
                kind="always",
                skill_id=one.skill_id,
                action_hash=one.action_hash,
                command=command or _of_skill(node, one.skill_id),
                folder=one.folder,
                actor=one.actor,
                since=one.at,
                # What failed below several folders with a rule is ruled by the innermost.
                used=sum(_innermost(cwd, folders) == one.folder and ran == command for cwd, ran in tries),
                counts=standing_approval(node, one.skill_id, one.action_hash, one.folder) != "",
            )
        )
    for no in store.refusals.all():
        key, command = f"not_here:{no.skill_id}:{folder_to_text(no.folder)}", _of_skill(node, no.skill_id)
        found.append(
            StandingRule(_id(key), "not here", no.skill_id, "", command, no.folder, no.actor, no.at, None, True)
        )
    return sorted(found, key=lambda rule: rule.since, reverse=True)


def find_rule(node: Node, reference: str) -> StandingRule:
    """Return the rule with this id, or the only one whose id begins so. Raises UsageError."""
    found = [rule for rule in standing_rules(node) if reference and rule.rule_id.startswith(reference)]
    if len(found) != 1:
        how_many = "several rules begin with" if found else "no rule"
        raise UsageError(f"{how_many} {reference!r:.80}; `meshtui approvals rules` shows them")
    return found[0]


def withdraw(node: Node, rule: StandingRule) -> bool:
    """Let a rule hold no longer, its signature gone with it; False where it was gone before.

    After an `always` a person is asked again; after a `not here` the skill is offered there again, and nothing more.
    """
    store = node.store
    with store.transaction(durable=True):
        if rule.kind == "always":
            gone = store.standing_approvals.drop(rule.skill_id, rule.action_hash, rule.folder)
            store.signed_decisions.drop("rule", always_key(rule.skill_id, rule.action_hash, rule.folder))
            what = f"no longer always in {rule.folder}"
        else:
            gone = store.refusals.drop(rule.skill_id, rule.folder)
            what = f"again in {rule.folder}"
        if gone:
            data = {"rule": what, "command": rule.command, "actor": node.name}
            store.events.add("approval.rule", skill_id=rule.skill_id, data=data)
    node.project()
    node.ring()
    return gone


def _id(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:MOST_SHOWN]


def _of_skill(node: Node, skill_id: str) -> str:
    known = node.store.skills.find(skill_id)
    return example_fix(known.skill) if known is not None else ""


def _innermost(cwd: str, folders: list[str]) -> str:
    """Return the first of these folders, the longest first, that is the folder of a command or above it."""
    return next((folder for folder in folders if Path(cwd).is_relative_to(folder)), "")
