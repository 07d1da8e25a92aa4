"""Decisions that the operator signs where their key is protected; a row counts only with one, read where it counts.

It is canonical JSON that names what is decided, of which thing (kind, key, subject), on which node, when, and a nonce;
it holds for nothing else. Where the key has no passphrase none is needed: whoever runs as the operator could sign.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Literal
from weakref import WeakKeyDictionary

from meshcore.clock import from_text, to_text
from meshcore.errors import UsageError
from meshcore.knowledge.migration import earlier_reading, other_reading
from meshcore.model import Incident, Json, SignedText, Skill
from meshcore.node import Node
from meshcore.safety.keys import SigningKey, is_signed, load_or_create
from meshcore.safety.operator_key import is_protected, version
from meshcore.store.rows import Approval
from meshcore.trust.store_keys import always_key

SignedKind = Literal["approval", "confirm", "resume", "rule"]
APPROVAL_HOLDS_SECONDS = 24 * 3600.0
SOON_SECONDS = 300.0  # by how much the clock of whoever signed may be ahead
_ANYWHERE: frozenset[SignedKind] = frozenset({"confirm"})  # what is true of a skill is so on each node of the operator
_looked_up: WeakKeyDictionary[Node, tuple[tuple[int, ...], bool]] = WeakKeyDictionary()


def protected(node: Node) -> bool:
    """Tell whether widening decisions need the operator's signature here.

    A key without a passphrase that has taken the place of a protected one changes nothing: it is not the operator's.
    """
    # Asked several times for each decision, so looked up anew only where the file is another or was changed.
    now, (before, known) = version(node.operator_key), _looked_up.get(node, ((), False))
    if before == now and now:
        return known
    found = _look(node)
    _looked_up[node] = now, found
    return found


def _look(node: Node) -> bool:
    known = node.store.meta.get("operator_key")
    if is_protected(node.operator_key):
        if not known:
            node.store.meta.set("operator_key", node.identity.operator)
        return True
    return known not in ("", node.identity.operator)


def policy_signer(node: Node) -> str:
    """Return the key that must have signed policy.toml for it to count, empty where none must."""
    return _anchor(node) if protected(node) else ""


def changed_operator(node: Node) -> str:
    """Return the operator's key that this home knew when it was protected, where another one has taken its place."""
    known = node.store.meta.get("operator_key")
    return known if known not in ("", node.identity.operator) else ""


def require(node: Node, signer: SigningKey | None) -> None:
    """Raise UsageError where what is to be said needs the operator's signature and `signer` is none of theirs."""
    if not protected(node):
        return
    if signer is None:
        raise UsageError("the operator key is protected: this needs its passphrase (MESHTUI_PASSPHRASE_FILE, or a tty)")
    if signer.public != _anchor(node):
        raise UsageError("that key is another operator's than this home's; see `meshtui doctor`")


def sign_decision(
    node: Node, signer: SigningKey | None, kind: SignedKind, key: str, subject: Mapping[str, Json]
) -> None:
    """Keep the operator's signed decision for a row that is being written; nothing where none is needed.

    Raises UsageError where one is needed and cannot be signed. Belongs into the transaction of the row.
    """
    require(node, signer)
    if signer is None:
        return
    decision = {
        "meshtui": "word",  # as it is stored and travels
        "kind": kind,
        "key": key,
        "subject": dict(subject),
        "node": "" if kind in _ANYWHERE else node.identity.node.public,
        "at": to_text(node.clock.now()),
        "nonce": secrets.token_hex(16),
    }
    # ASCII: a folder's name that is not UTF-8 can be signed too.
    text = json.dumps(decision, sort_keys=True, separators=(",", ":"), allow_nan=False)
    node.store.signed_decisions.put(kind, key, text, signer.sign(text))


def holds(node: Node, kind: SignedKind, key: str, subject: Mapping[str, Json]) -> bool:
    """Tell whether a row counts: always where no signature is needed, else where the operator signed exactly this."""
    if not protected(node):
        return True
    kept = node.store.signed_decisions.get(kind, key)
    return kept is not None and _says(node, *kept, kind, key, subject)


def carried(node: Node, kind: SignedKind, key: str) -> SignedText | None:
    """Return what the operator signed, as it travels inside a record to their other nodes; None where nothing is."""
    kept = node.store.signed_decisions.get(kind, key)
    return None if kept is None else SignedText(*kept)


def take_carried(
    node: Node, signed: SignedText | None, kind: SignedKind, key: str, subject: Mapping[str, Json]
) -> bool:
    """Keep what came signed with a record, where it holds here; tell whether it does."""
    if signed is None or not _says(node, signed.text, signed.sig, kind, key, subject):
        return False
    node.store.signed_decisions.put(kind, key, signed.text, signed.sig)
    return True


def lifts_there(node: Node, signed: SignedText | None, author: str, halt: str) -> bool:
    """Tell whether what came signed with a record lifts the halt that this very author had told of."""
    if signed is None:
        return False
    found = (_said(node, signed.text, signed.sig, "resume", key, {"halt": halt}) for key in ("halt", halt_key(halt)))
    return any(said is not None and said.get("node") == author for said in found)


def raises_there(node: Node, signed: SignedText | None, author: str, mark: str, mode: str) -> bool:
    """Tell whether what came signed with a record raises the ceiling that this very author had set under a mark."""
    if signed is None:
        return False
    said = _said(node, signed.text, signed.sig, "rule", ceiling_key(mark), ceiling_subject(mark, mode))
    return said is not None and said.get("node") == author


def halt_key(mark: str) -> str:
    """Return what the operator signs under to lift the halt of some hosts only."""
    return f"halt:{mark}"


def ceiling_key(mark: str) -> str:
    """Return what the operator signs under to raise a ceiling that was set under a mark."""
    return f"ceiling:{mark}"


def ceiling_subject(mark: str, mode: str) -> dict[str, Json]:
    """Return what is signed: that the ceiling under a mark becomes this mode, "" for none."""
    return {"ceiling": mark, "mode": mode}


def _says(node: Node, text: str, sig: str, kind: SignedKind, key: str, subject: Mapping[str, Json]) -> bool:
    said = _said(node, text, sig, kind, key, subject)
    if said is None or not _is_here(node, kind, str(said.get("node"))):
        return False
    return kind != "approval" or _is_recent(node, str(said.get("at")))


def _said(
    node: Node, text: str, sig: str, kind: SignedKind, key: str, subject: Mapping[str, Json]
) -> dict[str, Json] | None:
    """Return what the operator signed for exactly this, on whatever node."""
    if not is_signed(_anchor(node), text, sig):
        return None
    said: dict[str, Json] = json.loads(text)
    same = (said.get("meshtui"), said.get("kind"), said.get("key")) == ("word", kind, key)
    return said if same and said.get("subject") == dict(subject) else None


def _is_here(node: Node, kind: SignedKind, where: str) -> bool:
    if kind in _ANYWHERE:
        return where == ""
    row = node.store.authors.get(where)
    return where == node.identity.node.public or (row is not None and row.successor == node.identity.node.public)


def _is_recent(node: Node, at: str) -> bool:
    try:
        age = (node.clock.now() - from_text(at)).total_seconds()
    except ValueError:
        return False
    return -SOON_SECONDS <= age <= APPROVAL_HOLDS_SECONDS


def _anchor(node: Node) -> str:
    return node.store.meta.get("operator_key") or node.identity.operator


def signed_for(node: Node, skill: Skill) -> bool:
    """Tell whether the operator stands behind exactly this skill, where that needs a signature."""
    # By its content: the id that it is stored under could have been left as it was.
    if not protected(node) or holds(node, "confirm", skill.skill_id, {"skill": skill.skill_id}):
        return True
    before = earlier_reading(node.store, skill)
    return before is not None and holds(node, "confirm", before.skill_id, {"skill": before.skill_id})


def granted(node: Node, key: str) -> str:
    """Return what an operator has set under a key that widens, empty where nothing was, or where it does not count."""
    value = node.store.controls.get(key)
    return value if value and holds(node, "rule", key, {"value": value}) else ""


def for_good(who: str) -> str:
    """Return the reason for a try that a standing approval answers for."""
    return f"{who} approved it here for good"


def standing_approval(node: Node, skill_id: str, action_hash: str, folder: str) -> str:
    """Return who approved exactly this action in a project for good, "" where nobody did or it does not count."""
    who = node.store.standing_approvals.find(skill_id, action_hash, folder)
    if not who or holds(node, "rule", always_key(skill_id, action_hash, folder), {"value": who}):
        return who
    before = other_reading(node.store, skill_id)  # what was signed names the id of then
    return who if before and holds(node, "rule", always_key(before, action_hash, folder), {"value": who}) else ""


def approval_digest(approval: Approval, incident: Incident) -> str:
    """Return the SHA-256 of all that an approval is for; a person at another host signs this."""
    text = json.dumps(approval_subject(approval, incident), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def sign_from_afar(node: Node, signer: SigningKey | None, approval_id: str, digest: str, target: str) -> SignedText:
    """Sign the operator's yes to what another node asks, whether their key has a passphrase or not.

    Raises UsageError where it has one and `signer` is not theirs, and where this host does not hold the key.
    """
    require(node, signer)
    key = signer or load_or_create(node.operator_key)
    if key.public != _anchor(node):
        raise UsageError("this host does not hold the operator's key; say yes where it is")
    decision = {
        "meshtui": "word",
        "kind": "approval",
        "key": approval_id,
        "subject": {"digest": digest},
        "node": target,
        "at": to_text(node.clock.now()),
        "nonce": secrets.token_hex(16),
    }
    text = json.dumps(decision, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return SignedText(text, key.sign(text))


def signed_from_afar(node: Node, signed: SignedText, approval_id: str, digest: str) -> bool:
    """Tell whether the operator said yes, at another host, to exactly this on this node, within a day."""
    return _says(node, signed.text, signed.sig, "approval", approval_id, {"digest": digest})


def approved_by_operator(node: Node, approval: Approval, incident: Incident) -> bool:
    """Tell whether an approval may be carried out as it stands: a yes from afar always rests on its signature."""
    if not approval.afar:
        return holds(node, "approval", approval.approval_id, approval_subject(approval, incident))
    signed = carried(node, "approval", approval.approval_id)
    digest = approval_digest(approval, incident)
    return signed is not None and signed_from_afar(node, signed, approval.approval_id, digest)


def approval_subject(approval: Approval, incident: Incident) -> dict[str, Json]:
    """Return what an approval is for: this try, of this action, for this command as it is recorded, in this folder."""
    return {
        "incident": incident.incident_id,
        "skill": approval.skill_id,
        "action": approval.action_hash,
        "argv": list(incident.argv),
        "folder": incident.cwd,
        "environment": dict(incident.environment),
        "stdin": incident.stdin,
        **({"runs": approval.runs, "rerun": approval.rerun} if approval.runs or approval.rerun else {}),
    }
