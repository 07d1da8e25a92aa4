"""Whom this home's operator trusts. Read afresh from the store at each decision.

The own operator's nodes are enrolled by the operator's key. Others are shown until `enroll` lets them propose fixes
for approval; a withdrawn author's skills never run, nor those of a key that came under a name that another key had.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from meshcore.clock import to_text
from meshcore.errors import BadRecordError, UsageError
from meshcore.model import KnownSkill, Mode, Record, canonical
from meshcore.node import Node
from meshcore.safety.keys import SigningKey, enrolment_text, is_signed
from meshcore.safety.records import Author, author_of, verify
from meshcore.safety.visible_text import visible
from meshcore.store.authors import AuthorRow
from meshcore.store.store import Store
from meshcore.trust.ceilings import counting
from meshcore.trust.modes import AUTHOR, ceiling
from meshcore.trust.signed_decisions import granted, sign_decision
from meshcore.trust.store_keys import ENROLLED, REVOKED, TOLD

NAME_LIMIT = 200

AuthorState = Literal["own", "enrolled", "unknown", "changed", "revoked"]

_START: dict[AuthorState, Mode] = {
    "own": "auto",
    "enrolled": "approve",
    "unknown": "hint",
    "changed": "off",
    "revoked": "off",
}


@dataclass(frozen=True, slots=True)
class Trust:
    """What an author is to this home's operator: a state, and why where it was withdrawn."""

    state: AuthorState
    name: str = ""
    operator: str = ""
    why: str = ""

    @property
    def start(self) -> Mode:
        """Return the author's mode while the operator has set none."""
        return _START[self.state]

    @property
    def stop(self) -> str:
        """Return why nothing of this author may run, empty where it may."""
        who = self.name or "unnamed"
        if self.state == "revoked":
            return f"its author {who} was revoked" + (f": {self.why}" if self.why else "")
        if self.state == "changed":
            return f"its author {who} {self.why or 'came with another key than before'}; see `meshtui trust list`"
        return ""


def trust_in(node: Node, author: str) -> Trust:
    """Return what an author (a node's key; empty for an old program) is to this home's operator now."""
    if not author:
        return Trust("unknown", "an old program")
    own_operator, row = node.identity.operator, node.store.authors.get(author)
    if author == node.identity.node.public:
        row = AuthorRow(author, node.name, node.settings.host, own_operator, True, "", "")
    if row is None:
        return Trust("unknown")
    return _trust_in_row(node, row)


def _trust_in_row(node: Node, row: AuthorRow) -> Trust:
    keys = [key for key in (row.node, row.operator) if key]
    for key in keys:
        if why := node.store.controls.get(REVOKED + key):
            return Trust("revoked", row.name, row.operator, why)
    if row.changed:
        forks = [chain.fork for chain in node.store.chains.of(row.node) if chain.fork]
        why = f"has signed two records as number {forks[0]} of one chain" if forks else ""
        return Trust("changed", row.name, row.operator, why)
    if row.own_operator:
        return Trust("own", row.name, row.operator)
    if any(granted(node, ENROLLED + key) for key in keys):
        return Trust("enrolled", row.name, row.operator)
    return Trust("unknown", row.name, row.operator)


# --- meeting authors --------------------------------------------------------------------------------------------------


def meet(node: Node, record: Record, author: Author) -> AuthorRow:
    """Remember who made a verified record; a key that comes under a known name is marked until a person enrols it.

    Raises BadRecordError for a record that a replaced key made after it was replaced.
    """
    store, own = node.store, author.operator == node.identity.operator
    name, host = _short(record, "name"), _short(record, "host")
    with store.transaction():
        before = store.authors.get(author.node)
        if before is not None and before.successor and record.author_seq > before.final_seq:
            raise BadRecordError("signed by a key that its node has replaced")
        store.authors.see(author.node, name, host, author.operator, own, record.author_seq, record.created)
        if name and (before is None or (before.name, before.host) != (name, host)) and not own:
            enrolled = any(granted(node, ENROLLED + key) for key in (author.node, author.operator) if key)
            if not enrolled and _is_taken(node, author.node, name, host):
                store.authors.mark_changed(author.node, True)
        row = _met(node, author.node)
        if row.changed and not (before and before.changed):
            _tell_state(store, author.node, "changed", f"{name} on {host} had another key before", "mesh")
    return row


def note_fork(node: Node, key: str, number: int) -> None:
    """Mark an author that has signed two records under one number, until a person enrols it anew.

    Its home was restored from a backup or runs twice without having noticed, or somebody else has its key.
    """
    row = node.store.authors.get(key)
    if row is not None and not row.changed:
        node.store.authors.mark_changed(key, True)
        why = f"two records came as number {number} of its chain: its home is used twice, or somebody else has its key"
        _tell_state(node.store, key, "changed", why, "mesh")


def _is_taken(node: Node, key: str, name: str, host: str) -> bool:
    if (name, host) == (node.name, node.settings.host):
        return True
    return any(key not in (row.node, row.successor) for row in node.store.authors.called(name, host))


def _short(record: Record, name: str) -> str:
    value = record.body.get(name, "")
    return visible(value, limit=NAME_LIMIT, keep_newlines=False) if isinstance(value, str) else ""


def meet_members(node: Node) -> None:
    """Remember the nodes that have joined the bridge, from their signed hellos; bad ones are passed over."""
    if node.bridge is None:
        return
    me = node.identity.node.public
    for member in node.bridge.members(node.store.authors.own()):
        if member.node == me:
            continue
        try:
            record = verify(member.record)
            if record.kind == "hello" and record.author == member.node:
                meet(node, record, author_of(record))
        except BadRecordError:
            continue


def _tell_state(store: Store, key: str, state: str, why: str, actor: str) -> None:
    store.events.add("author.state", data={"author": key, "state": state, "why": why, "actor": actor})


# --- another key for the same node ------------------------------------------------------------------------------------


def rotation_text(old: str, new: str) -> str:
    """Return what a new key signs to say that it takes the place of an old one."""
    return canonical({"meshtui": "rotation", "old": old, "new": new})


def take_rotation(node: Node, author: Author, author_seq: int, *, new: str, enrolment: str, proof: str) -> bool:
    """Accept the key that replaces the author's as the same node; False where the author itself is not to be heard.

    `author_seq` is the number of the last record that the old key may sign; the new one has a counter of its own.
    Raises BadRecordError where the operator has not enrolled the new key, it is not proven to be held, or another one
    replaced the old key before.
    """
    store, old = node.store, _met(node, author.node)
    if not author.operator or not is_signed(author.operator, enrolment_text(new, author.operator), enrolment):
        raise BadRecordError("a new key that the author's operator has not enrolled")
    if not is_signed(new, rotation_text(author.node, new), proof):
        raise BadRecordError("a new key that nobody has proven to hold")
    if old.successor not in ("", new) or new == author.node:
        raise BadRecordError("a second new key for one node")
    if _trust_in_row(node, old).stop:
        return False
    own = author.operator == node.identity.operator
    with store.transaction(durable=True):
        store.authors.set_successor(author.node, new, author_seq)
        if new != node.identity.node.public:
            store.authors.see(new, old.name, old.host, author.operator, own, 0)
            store.authors.mark_changed(new, False)
        for kind in (ENROLLED, TOLD):
            if who := store.controls.get(kind + author.node):
                store.controls.set(kind + new, who, who)
        _tell_state(store, author.node, "replaced", new, old.name)
    return True


def is_same_node(node: Node, before: str, now: str) -> bool:
    """Tell whether a key is the same node's as another, or took its place."""
    row = node.store.authors.get(before)
    return now == before or (row is not None and row.successor == now)


def _met(node: Node, key: str) -> AuthorRow:
    row = node.store.authors.get(key)
    if row is None:
        raise LookupError("an author that was never met")
    return row


# --- what an operator says --------------------------------------------------------------------------------------------


def find_author(node: Node, reference: str) -> tuple[str, str]:
    """Return (key, name) of the node or operator that a name, key or beginning of a key (6 or more digits) means.

    Raises UsageError where it means none, or several.
    """
    found: dict[str, str] = {}
    for row in node.store.authors.all():
        if row.successor and reference != row.node:
            continue
        if reference in (row.name, f"{row.name}@{row.host}") or _begins(row.node, reference):
            found[row.node] = row.name or row.node[:12]
        if _begins(row.operator, reference):
            found[row.operator] = f"the operator {row.operator[:12]}"
    if len(found) == 1:
        return next(iter(found.items()))
    what = "several authors are" if found else "no author is"
    raise UsageError(f"{what} called {reference!r:.80}; `meshtui trust list` shows their keys")


def _begins(key: str, reference: str) -> bool:
    return len(reference) >= 6 and key.startswith(reference)


def operator_of(node: Node, key: str) -> str:
    """Return the operator's key for a key that `find_author` gave. Raises UsageError for a node that has none."""
    row = node.store.authors.get(key)
    if row is None:
        return key
    if not row.operator:
        raise UsageError(f"{row.name or key[:12]} has no operator; enrol the node itself with `meshtui trust enroll`")
    return row.operator


def enrol(node: Node, key: str, actor: str, signer: SigningKey | None = None, *, tell: bool = False) -> None:
    """Let an author's, or all of an operator's, skills be offered for approval here; a withdrawal here is lifted.

    `tell`: agents are told what it says fails, and what to type instead; without it they are not, or no longer.
    Whoever enrols an author anew stands behind it as it is: what is missing of its records now is missed no longer.
    Raises UsageError where the operator's key is protected and `signer` is not theirs.
    """
    store = node.store
    with store.transaction(durable=True):
        sign_decision(node, signer, "rule", ENROLLED + key, {"value": actor})
        store.controls.set(REVOKED + key, "", actor)
        store.controls.set(ENROLLED + key, actor, actor)
        store.controls.set(TOLD + key, actor if tell else "", actor)
        for row in store.authors.all():
            if key in (row.node, row.operator):
                store.authors.mark_changed(row.node, False)
                store.chains.accept(row.node)
                if row.own_operator:
                    store.authors.set_own(row.node, _trust_in_row(node, row).state == "own")
        _tell_state(store, key, "enrolled", "", actor)


def withdraw(node: Node, key: str, why: str, actor: str) -> list[str]:
    """Let nothing of an author, or of all of an operator's nodes, run here; return the skills that it had tried."""
    store = node.store
    tried: list[str] = []
    with store.transaction(durable=True):
        store.controls.set(ENROLLED + key, "", actor)
        store.controls.set(TOLD + key, "", actor)
        store.controls.set(REVOKED + key, why or "no reason given", actor)
        for row in store.authors.all():
            if key in (row.node, row.operator):
                store.authors.set_own(row.node, False)
                tried += store.authors.skills_tried_by(row.node)
        _tell_state(store, key, "revoked", why, actor)
    return list(dict.fromkeys(tried))


# --- what a ruling asks --------------------------------------------------------------------------------------


def stop_reason_of_author(node: Node, known: KnownSkill) -> str:
    """Return why a skill may not run for its author's sake, empty where it may."""
    if reason := trust_in(node, known.author).stop:
        return reason
    expires = node.store.authors.expires(known.skill_id, known.author)
    if expires and expires <= time_seen(node):
        return f"its author stood behind it until {expires[:19]} only"
    return ""


def time_seen(node: Node) -> str:
    """Return the highest time that this clock, or a node of the own operator, has shown; remembered."""
    before = node.store.state.get()["time_seen"]
    seen = max(before, to_text(node.clock.now()), node.store.authors.newest_own_time())
    if seen > before:
        node.store.state.set(time_seen=seen)
    return seen


def author_mode(node: Node, author: str) -> Mode:
    """Return how far the operator lets an author, named by its key, go."""
    trust = trust_in(node, author)
    if trust.stop:
        return "off"
    rows = counting(node, node.store.controls.under(AUTHOR))
    return ceiling("auto", None, rows, author=trust.operator, start=trust.start).mode


def may_propose(node: Node, known: KnownSkill) -> bool:
    """Tell whether an author of another operator may propose fixes for approval, or more."""
    return not known.own_operator and author_mode(node, known.author) in ("approve", "auto")


def trust_in_skill(node: Node, known: KnownSkill) -> Trust:
    """Return what the author of a skill is to this home's operator; what came without a record is their own."""
    trust = trust_in(node, known.author)
    # What a person taught or imported here needs no author that was heard on the bridge.
    return replace(trust, state="own") if known.own_operator and trust.state == "unknown" else trust
