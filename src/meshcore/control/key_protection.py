"""Putting a passphrase on the operator's key, taking it off, and what this home needs from the key on the way."""

from __future__ import annotations

from meshcore.errors import UsageError
from meshcore.exchange.announce import announce_skill
from meshcore.model import Mode
from meshcore.node import Node
from meshcore.safety import operator_key
from meshcore.safety.keys import SigningKey, load_or_create
from meshcore.safety.operator_key import COST, is_protected, public_half
from meshcore.trust.ceilings import mode_here, raises
from meshcore.trust.modes import MODE
from meshcore.trust.signed_decisions import holds, protected, require, sign_decision, signed_for
from meshcore.trust.store_keys import ENROLLED, always_key


def protect(node: Node, passphrase: str, *, cost: int = COST) -> SigningKey:
    """Put a passphrase on the operator's key and sign what this home has decided so far; return the key.

    Whenever the process ends, one usable key is there, and nothing runs unattended that is not signed for. On a key
    that is protected already nothing is signed: this node is enrolled, and the public half written again.
    """
    first = not is_protected(node.operator_key)
    mode = mode_here(node)
    if first:
        # While it can still be signed without the passphrase: an enrolled node works without one from here on.
        operator_key.enrol(node.identity.node, load_or_create(node.operator_key), node.home.enrolment)
    key = operator_key.protect(node.operator_key, passphrase, cost=cost)
    enrol_here(node, key)
    if first:
        with node.store.transaction(durable=True):
            node.store.meta.set("operator_key", key.public)
            _sign_mode(node, key, mode)
            sign_decisions(node, key)
    return key


def _sign_mode(node: Node, key: SigningKey, mode: Mode) -> None:
    if mode == "auto":
        sign_decision(node, key, "rule", MODE, {"value": mode})
        node.store.controls.set(MODE, mode, node.name)


def unprotect(node: Node, passphrase: str) -> SigningKey:
    """Take the passphrase off the operator's key again; return the key. Raises UsageError for a wrong one."""
    key = operator_key.unlock(node.operator_key, passphrase)
    require(node, key)
    return operator_key.unprotect(node.operator_key, passphrase)


def enrol_here(node: Node, key: SigningKey) -> bool:
    """Enrol this node under the operator's protected key; False where it was. The others then know whose it is."""
    if key.public != public_half(node.operator_key):
        beside = operator_key.public_file(node.operator_key)
        raise UsageError(f"{beside}: not of this key; `meshtui trust protect` writes it again")
    if node.identity.enrolment and node.identity.operator == key.public:
        return False
    me = operator_key.enrol(node.identity.node, key, node.home.enrolment)
    node.forget_identity()
    node.store.state.set(joined="")
    with node.store.transaction(durable=True):
        for known in node.store.skills.all(states=("active", "unconfirmed")):
            if known.own_operator and known.author == me.node.public:
                announce_skill(node, known)
    return True


def unsigned(node: Node) -> list[str]:
    """Return, in words, each decision of this home that counts for nothing because the operator did not sign it."""
    if not protected(node):
        return []
    found = [what for key, value, what in grants(node) if not holds(node, "rule", key, {"value": value})]
    found += [
        f"approval {approval.approval_id}: {approval.command}"
        for approval in node.store.approvals.approved()
        if node.store.signed_decisions.get("approval", approval.approval_id) is None
    ]
    return found


def unsigned_skills(node: Node) -> list[str]:
    """Return the ids of confirmed skills that the operator did not sign for: a person is asked before they run."""
    if not protected(node):
        return []
    confirmed = [known.skill for known in node.store.skills.all(states=("active",)) if known.confirmed]
    return [skill.skill_id for skill in confirmed if not signed_for(node, skill)]


def sign_decisions(node: Node, key: SigningKey) -> None:
    """Sign every decision that widens and every confirmed skill without a signature; approvals are left to a person."""
    with node.store.transaction(durable=True):
        for name, value, _ in grants(node):
            if not holds(node, "rule", name, {"value": value}):
                sign_decision(node, key, "rule", name, {"value": value})
        for skill_id in unsigned_skills(node):
            sign_decision(node, key, "confirm", skill_id, {"skill": skill_id})


def grants(node: Node) -> list[tuple[str, str, str]]:
    """Return (key, value, in words) of each decision of this home that widens what may run."""
    store = node.store
    modes = [(key, value) for key, value in store.controls.under(MODE).items() if raises(node, key, value)]
    found = [(key, value, f"mode {value} ({key})") for key, value in modes]
    for key, value in store.controls.under(ENROLLED).items():
        found.append((key, value, f"enrolled: {key.removeprefix(ENROLLED)}"))
    for one in store.standing_approvals.all():
        where = one.folder.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        key = always_key(one.skill_id, one.action_hash, one.folder)
        found.append((key, one.actor, f"always: skill {one.skill_id[:12]} in {where}"))
    return found
