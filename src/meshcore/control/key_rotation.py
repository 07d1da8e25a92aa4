"""A new key for the same node: signed by the old one, enrolled by the operator, and proven to be held."""

from __future__ import annotations

from meshcore.exchange.announce import announce_rotation
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import exchange
from meshcore.node import Node
from meshcore.safety.keys import Identity, SigningKey, load_or_create
from meshcore.safety.operator_key import enrol
from meshcore.trust.signed_decisions import require


def rotate(node: Node, signer: SigningKey | None = None) -> tuple[str, str]:
    """Give this node a new key and tell the others; return the old and the new one's public half.

    What waits is published under the old key first. The new key is in use from one commit on, whenever the process
    ends; before, the old one is. `signer` is the operator's key where that is protected.
    Raises BridgeUnavailableError, and UsageError where the new key cannot be enrolled.
    """
    require(node, signer)
    bridge, old = node.require_bridge(), node.identity
    publish(node)
    if signer is None:
        new = node.identify(node.home.next_key)
    else:
        new = enrol(load_or_create(node.home.next_key), signer, node.home.enrolment)
    _take_up(node, old, new)
    node.renew_identity()
    exchange(node)
    bridge.forget(old.node.public)
    return old.node.public, new.node.public


def _take_up(node: Node, old: Identity, new: Identity) -> None:
    store, before, now = node.store, old.node.public, new.node.public
    with store.transaction(durable=True):
        record = announce_rotation(node, old, new)
        store.authors.see(before, node.name, node.settings.host, old.operator, True, record.author_seq, record.created)
        store.authors.set_successor(before, now, record.author_seq)
        store.meta.set("author_seq", "0")
        store.meta.set("node_key", now)
        store.events.add("author.state", data={"author": before, "state": "replaced", "why": now, "actor": node.name})
