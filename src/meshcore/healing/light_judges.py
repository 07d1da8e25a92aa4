"""The judges that need neither keys nor a policy file, and how verdicts add up: the standard library alone.

`ruling` asks them among the others; the hook asks these alone (`rule_lightly`), and says no more than a hint by them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.knowledge.parts import normalised
from meshcore.model import DECISIONS, Action, Decision, KnownSkill, Match, Verdict
from meshcore.safety.halt import halted
from meshcore.store.store import Store
from meshcore.trust.modes import Ceiling
from meshcore.trust.store_keys import REVOKED, action_hash


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the lowest decision with the reasons of all, those of the lowest first; without any, a refusal."""
    if not verdicts:
        return Verdict("refuse", ("nobody has ruled on it",))
    ranked = sorted(verdicts, key=lambda verdict: DECISIONS.index(verdict.decision))
    reasons = dict.fromkeys(reason for verdict in ranked for reason in verdict.reasons)
    return Verdict(ranked[0].decision, tuple(reasons))


# --- judges -----------------------------------------------------------------------------------------------------------


def halt(why: str) -> Verdict | None:
    """Say that nothing is applied while the mesh is halted; `why` is empty where it is not."""
    return Verdict("hint", (f"halted: {why}",)) if why else None


def mode(highest: Ceiling) -> Verdict | None:
    """Hold a try at the mode that the operator set."""
    if highest.decision == "run":
        return None
    return Verdict(highest.decision, (highest.why or f"the mode for {highest.of} is {highest.mode}",))


def state(known: KnownSkill) -> Verdict | None:
    """Refuse a skill that was put away."""
    put_away = known.state in ("quarantined", "forgotten")
    return Verdict("refuse", (f"the skill is {known.state}",)) if put_away else None


def not_here(store: Store, skill_id: str, folder: str) -> Verdict | None:
    """Refuse a skill that somebody has rejected for the project of a folder."""
    who = store.refusals.in_project(folder).get(skill_id)
    return Verdict("refuse", (f"{who} wants it no more in {folder}",)) if who else None


def failed_action(store: Store, known: KnownSkill) -> Verdict | None:
    """Keep an action that failed too often from being applied, whatever skill it comes with, however it is spelled."""
    if not store.quarantine.skill_of(known.action_key or normalised(known.skill.action)):
        return None
    return Verdict("hint", ("the same action failed too often, also under another skill; confirm that one to lift it",))


def withdrawn(store: Store, known: KnownSkill) -> Verdict | None:
    """Refuse a skill whose author was revoked, as far as the store alone tells."""
    row = store.authors.get(known.author) if known.author else None
    for key in (row.node, row.operator) if row is not None else (known.author,):
        if key and (why := store.controls.get(REVOKED + key)):
            return Verdict("refuse", (f"its author was revoked: {why}",))
    return None


def stored_policy(store: Store, key: str) -> Verdict:
    """Say what policy said of an action when it was last asked; a hint at most, also where it never was."""
    if store.verdicts.get(key) == "refuse":
        return Verdict("refuse", ("policy refuses it",))
    return Verdict("hint", ("policy has said no more than that it may be told",))


# --- what the hook asks -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LightRuling:
    """What may be said of a skill without keys and policy: `hint` at most.

    `final`: the full ruling would come to the same, so that it may be told at once, as learnt by `author`. `asks`: the
    key of the verdict that alone is lacking for that, "" where more is. `own`: the full ruling may come to more, for
    this failure alone; `brief`: where there is no time for it, a hint may be told in its place.
    """

    decision: Decision
    reasons: tuple[str, ...]
    author: str
    final: bool
    asks: str = ""
    own: bool = False
    brief: bool = False


def rule_lightly(
    store: Store, known: KnownSkill, match: Match, *, folder: str, highest: Ceiling, operator: Path, own_name: str
) -> LightRuling:
    """Ask the light judges. `operator` is their folder, `own_name` who taught what this node knows of itself."""
    asked = (
        withdrawn(store, known),
        state(known),
        not_here(store, match.skill_id, folder),
        mode(highest),
        failed_action(store, known),
        halt(halted(operator) or "; ".join(store.halts.reasons())),
    )
    held = [verdict for verdict in asked if verdict is not None]
    key = policy_key(match.action, operator / "policy.toml", own=known.own_operator)
    found = combined([*held, stored_policy(store, key)])
    author = _own_author(store, known, own_name)
    most = combined(held).decision if held else "run"
    may_tell = bool(author) and most != "refuse"
    own, is_asked = may_tell and most != "hint", bool(store.verdicts.get(key))
    final = (may_tell and not own and is_asked) or found.decision == "refuse"
    asks = key if may_tell and not final else ""
    brief = may_tell and is_asked and found.decision == "hint"
    return LightRuling(found.decision, found.reasons, author, final, asks, own, brief)


def _own_author(store: Store, known: KnownSkill, own_name: str) -> str:
    """Return who of the own operator's nodes taught a skill, as far as that is beyond doubt without the keys."""
    if not known.own_operator:
        return ""
    if known.author in ("", store.meta.get("node")):
        return store.skills.learnt_by(known.skill_id) or own_name
    row = store.authors.get(known.author)
    if row is None or row.changed or not row.own_operator or store.authors.expires(known.skill_id, known.author):
        return ""
    return row.name or row.node[:12]


def offered_here(store: Store, found: Sequence[Match], folder: str) -> list[Match]:
    """Return the matches that nobody has rejected for this project."""
    rejected = store.refusals.in_project(folder) if found else {}
    return [match for match in found if match.skill_id not in rejected]


def learnt(store: Store, found: Sequence[Match]) -> list[Match]:
    """Return the matches of what was learnt: what is known in general is looked up anew, until it was seen to help."""
    known = ((match, store.skills.find(match.skill_id)) for match in found)
    return [match for match, skill in known if skill and (skill.source != "pack" or skill.evidence.verified)]


# --- what policy said -------------------------------------------------------------------------------------------------


def policy_key(action: Action, policy: Path, *, own: bool) -> str:
    """Return the key of what policy says of an action of an own or another author, while policy.toml stands."""
    try:
        found = policy.stat()
        stamp = f"{found.st_mtime_ns}:{found.st_size}"
    except OSError:
        stamp = ""
    text = f"{action_hash(action)}:{own}:{stamp}"
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def keep_policy(store: Store, action: Action, policy: Path, decision: Decision, *, own: bool) -> None:
    """Keep what policy said of an action, so that a hook need not ask."""
    store.verdicts.put(policy_key(action, policy, own=own), "refuse" if decision == "refuse" else "hint")
