"""This node's own chain of control records on a bridge; it is begun anew where it would repeat itself."""

from __future__ import annotations

import json
import os

from meshcore.bridge.base import Member
from meshcore.bridge.state_bodies import MOST_ENDED, EndedBody
from meshcore.bridge.states import signed_beat
from meshcore.errors import BadRecordError
from meshcore.model import ChainMark, Record
from meshcore.safety.records import chain_in
from meshcore.store.chains import EndedChain, OwnChain
from meshcore.store.store import Store


class OwnChainOn:
    """The chain of one node (its public key) on one bridge; `address` is where that bridge is."""

    def __init__(self, store: Store, bridge_id: str, address: str, node: str) -> None:
        self._store = store
        self._bridge_id = bridge_id
        self._address = address
        self._node = node

    def current(self) -> OwnChain:
        """Return the chain that goes on; it is begun where there is none yet, or another key's."""
        found = self._store.own_chains.find(self._bridge_id)
        return found if found is not None and found.node == self._node else self.begin()

    def begin(self) -> OwnChain:
        """Begin a new chain; the one before, and that of another bridge that was at this address, have ended."""
        epoch = os.urandom(16).hex()
        return self._store.own_chains.begin(self._bridge_id, self._address, self._node, epoch)

    def next_link(self) -> ChainMark:
        """Return the place of the next link; it is taken once `add` was told of it."""
        chain = self.current()
        return ChainMark(chain.epoch, chain.last + 1, True)

    def add(self, link: ChainMark) -> None:
        """Note that a link was signed."""
        self._store.own_chains.add_link(self._bridge_id, link.number)

    def last_link(self) -> ChainMark:
        """Return how far the chain goes, with what was signed last."""
        chain = self.current()
        return ChainMark(chain.epoch, chain.last)

    def published(self, after: int = 0) -> ChainMark:
        """Return how far the chain is published; rows of the outbox up to `after` count as published."""
        chain = self.current()
        return ChainMark(chain.epoch, self._store.own_chains.published(chain, after))

    def ended(self) -> tuple[EndedBody, ...]:
        """Return the newest chains of this node that ended at this address."""
        found = self._store.own_chains.ended(self._address, MOST_ENDED)
        return tuple(EndedBody(chain.node, chain.epoch, chain.last) for chain in found)

    def notice(self, me: Member) -> str:
        """Compare with what the bridge holds of this node; return what was wrong, "" where nothing was.

        A home that was restored from a backup, or that runs twice, would number other records with numbers that are
        taken. It is told by its own signed sign of life, which knows more than the home does; then a new chain begins.
        """
        chain = self.current()
        # What says nothing new need not be checked.
        if me.state is None or not self._is_news(chain, _claimed(me.state)) or (found := signed_beat(me)) is None:
            return ""
        record, beat = found
        if (said := record.chain) is None:
            return ""
        with self._store.transaction():
            for one in beat.ended:
                self._store.own_chains.end(self._address, EndedChain(one.node, one.epoch, one.last))
            self._store.own_chains.end(self._address, EndedChain(self._node, said.epoch, said.number))
            self._store.outbox.raise_author_seq(max(record.author_seq, beat.author_seq))
            self.begin()
        return (
            f"the bridge holds {said.number} control records of this node where its home knows of {chain.last}: it was"
            " restored from a backup, or is used twice; it begins a new chain"
        )

    def _is_news(self, chain: OwnChain, said: ChainMark | None) -> bool:
        if said is None or said.epoch == chain.epoch:
            return said is not None and said.number > chain.last
        return not self._store.own_chains.knows(said.epoch)


def _claimed(state: Record) -> ChainMark | None:
    """Return what a text says of a chain, whoever wrote it; None where it cannot be read."""
    try:
        return chain_in(json.loads(state.text))
    except (BadRecordError, ValueError, AttributeError, RecursionError):
        return None
