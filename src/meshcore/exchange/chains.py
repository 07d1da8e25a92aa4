"""Is anything withheld? Control records are numbered, and signs of life name the last one: what is missing shows.

Whoever can write the bridge can delete a record. Its number is missing then, as soon as a later record of its author
or a sign of life that names it arrives. What is received is counted here; what follows from a gap is ruled elsewhere
(`trust.synced`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from meshcore.bridge.base import Member
from meshcore.bridge.own_place import REMEDY
from meshcore.bridge.state_bodies import BeatBody
from meshcore.bridge.states import signed_beat
from meshcore.errors import BadRecordError
from meshcore.model import ChainMark, Record, canonical
from meshcore.node import Node
from meshcore.safety.records import author_of, chain_in
from meshcore.safety.visible_text import visible
from meshcore.store.authors import AuthorRow, in_utc
from meshcore.trust.authors import meet, note_fork, trust_in
from meshcore.trust.store_keys import ENROLLED

_Name = tuple[str, str, int]  # node, epoch, and the last link that was named


def count_link(node: Node, record: Record) -> None:
    """Count a verified record in its author's chain; what its key signed after it was replaced counts nowhere.

    Raises BadRecordError for a second record under one number: its author is not to be believed from then on.
    """
    author, mark, chains = node.store.authors.get(record.author), record.chain, node.store.chains
    if mark is None or (author is not None and author.successor and record.author_seq > author.final_seq):
        return
    if _is_believed(node, author):
        chains.name(record.author, mark.epoch, mark.number)
    if mark.is_link and not chains.receive(record.author, mark.epoch, mark.number, record.record_id):
        note_fork(node, record.author, mark.number)
        raise BadRecordError(f"another record than came before as number {mark.number} of its author's chain")


def _is_believed(node: Node, author: AuthorRow | None) -> bool:
    """Tell whether an author's word counts here, so that a missing one matters: an own or an enrolled node."""
    return author is not None and (author.own_operator or trust_in(node, author.node).state == "enrolled")


def count_known(node: Node, record: Record) -> None:
    """Count a record whose very text was verified and taken in before; links may not have been counted yet then."""
    with suppress(BadRecordError, ValueError, LookupError, TypeError):
        fields = json.loads(record.text)
        seq, chain = int(fields["author_seq"]), chain_in(fields)
        count_link(node, Record(record.text, "", "", author=fields["author"], author_seq=seq, chain=chain))


def end_chain(node: Node, record: Record) -> None:
    """Let the chain end with this link: whatever else its key named was never there."""
    if record.chain is not None:
        node.store.chains.end(record.author, record.chain.epoch, record.chain.number)


@dataclass(frozen=True, slots=True)
class Heard:
    """Signs of life that are others than those heard last, verified, of those whose word counts here."""

    beats: tuple[tuple[Record, BeatBody], ...] = ()

    def lacks(self, node: Node) -> bool:
        """Tell whether they name a link that was not received."""
        return any(_received_to(node, name, epoch) < last for name, epoch, last in self._named(node))

    def keep(self, node: Node) -> None:
        """Store them and what they name."""
        chains = node.store.chains
        with node.store.transaction():
            for record, beat in self.beats:
                _hear(node, record, beat)
            for name, epoch, last in self._named(node):
                chains.name(name, epoch, last)

    def _named(self, node: Node) -> list[_Name]:
        found: list[_Name] = []
        for record, beat in self.beats:
            mark = record.chain or ChainMark("", 0)
            if mark.epoch:
                found.append((record.author, mark.epoch, mark.number))
            for one in beat.ended:
                # Of a chain that was never heard of nothing can be missed: it may have been another bridge's.
                if _may_name(node, record.author, one.node) and node.store.chains.find(one.node, one.epoch):
                    found.append((one.node, one.epoch, one.last))
        return found


def listen(node: Node, members: Sequence[Member]) -> Heard:
    """Return the signs of life of own and enrolled nodes that are news here."""
    known, operator = node.store.chains.heartbeats(), node.identity.operator
    has_enrolled = bool(node.store.controls.under(ENROLLED))
    beats: list[tuple[Record, BeatBody]] = []
    for member in members:
        state, before = member.state, known.get(member.node)
        if state is None or state.key != member.node or member.node == node.identity.node.public:
            continue
        # Strangers' words count for nothing here, so nothing is spent on them.
        is_news = (before is None or state.sig != before.sig) and (has_enrolled or operator in state.text)
        found = signed_beat(member) if is_news else None
        if found is not None and _is_believed(node, _author(node, found[0])):
            beats.append(found)
    return Heard(tuple(beats))


def _hear(node: Node, record: Record, beat: BeatBody) -> None:
    """Note a sign of life, and say where it shows that its author's home is used in two places at once."""
    chains, report = node.store.chains, beat.report
    before = chains.heartbeat(record.author)
    said = canonical({"version": beat.version, **report.to_json()})
    new = chains.hear(
        record.author, record.sig, in_utc(record.created), report=said, machine=report.machine, place=report.place
    )
    after = chains.heartbeat(record.author) if new else None
    if after is not None and after.twice and (before is None or not before.twice):
        what = f"{beat.name} on {beat.host} speaks from two places at once: {REMEDY}"
        node.store.events.add("fault", data={"what": visible(what, keep_newlines=False)})


def _author(node: Node, record: Record) -> AuthorRow | None:
    """Return who shows a sign of life, met now where that is the first of them; None where the key was replaced."""
    row = node.store.authors.get(record.author)
    if row is None or not row.name:
        with suppress(BadRecordError):
            row = meet(node, record, author_of(record))
    return None if row is None or row.successor else row


def _may_name(node: Node, author: str, other: str) -> bool:
    """Tell whether a node may say what another key's chain held: its own key, or one of the same operator."""
    if author == other:
        return True
    mine, theirs = node.store.authors.get(author), node.store.authors.get(other)
    return mine is not None and theirs is not None and bool(mine.operator) and mine.operator == theirs.operator


def _received_to(node: Node, name: str, epoch: str) -> int:
    found = node.store.chains.find(name, epoch)
    return 0 if found is None else found.received_to
