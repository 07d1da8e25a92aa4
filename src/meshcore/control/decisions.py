"""What a person decides of skills, authors, modes and halt, as rows. For the command line and the app alike.

A decision that widens what may run takes `signer`, the operator's unlocked key: UsageError where it is needed and
missing.
"""

from __future__ import annotations

from meshcore.errors import ConfigurationError, UsageError
from meshcore.exchange.announce import announce_halt, announce_revocation
from meshcore.healing.capture import project_root
from meshcore.healing.checkout import identity_of, is_shared, root_of
from meshcore.healing.teaching import stand_behind
from meshcore.model import MODES, KnownSkill, SkillState
from meshcore.node import Node
from meshcore.safety.halt import halt as write_halt
from meshcore.safety.halt import resume as remove_halt
from meshcore.safety.keys import SigningKey
from meshcore.store.known_marks import mark
from meshcore.trust.authors import enrol
from meshcore.trust.ceilings import raises
from meshcore.trust.halting import halted, note_halt
from meshcore.trust.modes import MODE
from meshcore.trust.signed_decisions import protected, sign_decision
from meshcore.trust.standing import reweigh, withdraw_and_reweigh

# --- skills -----------------------------------------------------------------------------------------------------------


def confirm_skill(node: Node, skill_id: str, *, reason: str = "confirmed", signer: SigningKey | None = None) -> None:
    """Stand behind a skill: it may be used as policy allows, a quarantine is lifted, the others are told."""
    stand_behind(node, _skill(node, skill_id), reason, signer)
    _told(node)


def quarantine_skill(node: Node, skill_id: str, *, reason: str = "set by a person") -> None:
    """Keep a skill from being used until it is confirmed again."""
    node.store.skills.set_state(_skill(node, skill_id).skill_id, "quarantined", node.name, reason)
    _told(node)


def forget_skill(node: Node, skill_id: str, *, reason: str = "forgotten") -> None:
    """Keep a skill from answering, until it is confirmed or restored."""
    node.store.skills.set_state(_skill(node, skill_id).skill_id, "forgotten", node.name, reason)
    _told(node)


def offer_here(node: Node, skill_id: str, folder: str, *, wanted: bool) -> str:
    """Say whether a skill is to be offered in the project of a folder; return that project."""
    known, project = _skill(node, skill_id), project_root(folder) or folder
    with node.store.transaction(durable=True):
        if wanted:
            node.store.refusals.drop(known.skill_id, project)
        else:
            node.store.refusals.put(known.skill_id, project, node.name)
        data = {"rule": f"{'again' if wanted else 'not'} in {project}", "actor": node.name}
        node.store.events.add("approval.rule", skill_id=known.skill_id, data=data)
    _told(node)
    return project


def restore_skill(node: Node, skill_id: str, state: SkillState, *, signer: SigningKey | None = None) -> None:
    """Take a quarantine or a forgetting back: the skill is in the state that it had before, no more."""
    known = _skill(node, skill_id)
    with node.store.transaction(durable=True):
        if state == "active":
            content = known.skill.skill_id
            sign_decision(node, signer, "confirm", content, {"skill": content})
        node.store.skills.set_state(known.skill_id, state, node.name, "restored")
    _told(node)


def _skill(node: Node, skill_id: str) -> KnownSkill:
    known = node.store.skills.find(skill_id)
    if known is None:
        raise UsageError(f"no skill {skill_id!r:.80}; `meshtui skills list` shows labels and ids")
    return known


# --- authors ----------------------------------------------------------------------------------------------------------


def enrol_author(node: Node, key: str, *, signer: SigningKey | None = None, tell: bool = False) -> None:
    """Let an author's, or all of an operator's, skills be offered for approval; what they saw moves the standing.

    `tell`: agents are told their words about a project's commands.
    """
    with node.store.transaction(durable=True):
        enrol(node, key, node.name, signer, tell=tell)
        for row in node.store.authors.all():
            if key in (row.node, row.operator):
                for skill_id in node.store.authors.skills_tried_by(row.node):
                    reweigh(node, skill_id)
    _told(node)


def accept_checkout(node: Node, folder: str, accepted: bool) -> tuple[str, int]:
    """Let what other nodes say of a project count in its checkout at a folder, or no longer.

    Return the checkout's root, and of how many commands nodes have spoken. Raises UsageError where nobody else can
    have the project.
    """
    root = root_of(folder)
    identity = identity_of(root)
    if not is_shared(identity):
        raise UsageError(f"{root} has no remote, or no first commit, by which others could know the project")
    store = node.store
    with store.transaction():
        store.projects.add(root, identity)
        store.projects.accept(root, accepted)
        keys = store.told.habits.keys_of(identity)
        for key in keys:
            mark(str(node.home.state), root, bytes.fromhex(key))
    return root, len(keys)


# --- modes and halt ---------------------------------------------------------------------------------------------------


def set_mode(node: Node, value: str, *, key: str = MODE, signer: SigningKey | None = None) -> None:
    """Set a ceiling (off, hint, approve, auto), or take it back with an empty value. `key` is one of `modes`."""
    if value not in ("", *MODES):
        raise UsageError(f"{value!r:.40} is no mode; use {', '.join(MODES)}")
    with node.store.transaction(durable=True):
        if value and raises(node, key, value):
            sign_decision(node, signer, "rule", key, {"value": value})
        node.store.controls.set(key, value, node.name)
        node.store.events.add("mesh.mode", data={"key": key, "value": value, "actor": node.name})
    _told(node)


def monitor_only(node: Node) -> bool:
    """Keep this node from acting, at once: it goes on telling what is known; False where a person said so before."""
    if node.store.controls.get(MODE) in ("off", "hint"):
        return False
    set_mode(node, "hint")
    return True


def mode_before(node: Node) -> str | None:
    """Return the mode that this node goes back to, "" for none of its own; None where a person holds nothing back."""
    if node.store.controls.get(MODE) not in ("off", "hint"):
        return None
    said = [str(event.data.get("value", "")) for event in node.store.events.of_kinds(("mesh.mode",))
            if event.data.get("key") == MODE]  # fmt: skip
    return next((value for value in reversed(said) if value not in ("off", "hint")), "")


def halt(node: Node, why: str) -> None:
    """Stop every fix of this operator here at once; their other nodes are told when the bridge is next used.

    Where the file HALT cannot be written, the store halts this home. Raises ConfigurationError that says so.
    """
    fault: ConfigurationError | None = None
    try:
        write_halt(node.settings.operator, why)
    except ConfigurationError as error:
        fault = error
    with node.store.transaction(durable=True):
        if fault is not None:
            node.store.halts.put(node.identity.node.public, why, "")
        if protected(node):
            note_halt(node, why)
        node.store.events.add("mesh.halted", data={"reason": why, "actor": node.name})
        announce_halt(node, why)
    _told(node)
    if fault is not None:
        raise ConfigurationError(f"{fault}; only {node.home.root} is halted, by its store") from fault


def resume(node: Node, *, signer: SigningKey | None = None) -> str:
    """Allow fixes again, and let the breaker count anew; return why it was halted, empty where it was not.

    What this node had halted elsewhere is lifted there too; what another node had halted is lifted here only.
    """
    was = halted(node)
    with node.store.transaction(durable=True):
        if was:
            sign_decision(node, signer, "resume", "halt", {"halt": node.store.state.get()["last_halt"]})
        node.store.halts.lift()
        node.store.state.set(breaker_reset=node.store.now())
        remove_halt(node.settings.operator)
        if was:
            node.store.events.add("mesh.resumed", data={"was": was, "actor": node.name})
            announce_halt(node, "")
    _told(node)
    return was


def revoke(node: Node, key: str, why: str) -> None:
    """Withdraw a node, or an operator, here at once; the own operator's other nodes are told."""
    with node.store.transaction(durable=True):
        withdraw_and_reweigh(node, key, why, node.name)
        announce_revocation(node, key, why)


def _told(node: Node) -> None:
    node.project()
    node.ring()
