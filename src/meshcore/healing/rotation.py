"""A new key for the same node: signed by the old one, enrolled by the operator, and proven to be held."""

from __future__ import annotations

from pathlib import Path

from meshcore.bridge.base import Publication
from meshcore.errors import ConfigurationError
from meshcore.healing.exchange import exchange, publish
from meshcore.healing.node import Node
from meshcore.healing.trust import rotation_text
from meshcore.model import Record
from meshcore.safety.keys import identify
from meshcore.safety.records import sign


def rotate(node: Node) -> tuple[str, str]:
    """Give this node a new key and tell the others; return the old and the new one's public half.

    What waits is published under the old key first. A crash at any point leaves the old key in place or the new one,
    never none; rotating again takes up the new key that was made. Raises BridgeUnavailableError.
    """
    bridge, old = node.require_bridge(), node.identity
    publish(node)
    waiting = _waiting_key(node)
    new = identify(waiting, node.settings.operator / "operator.key")
    body = {
        "node": new.node.public,
        "enrolment": new.enrolment,
        "proof": new.node.sign(rotation_text(old.node.public, new.node.public)),
        "name": node.name,
        "host": node.settings.host,
    }
    seq = node.store.next_author_seq()
    record = sign("rotation", body, seq, old, node.clock)
    bridge.publish([Publication(record, "rotation")])
    _take_up(node, waiting, old.node.public, new.node.public, record)
    bridge.forget(old.node.public)
    exchange(node)
    return old.node.public, new.node.public


def _waiting_key(node: Node) -> Path:
    return node.home.key.with_name(node.home.key.name + ".new")


def _take_up(node: Node, waiting: Path, old: str, new: str, record: Record) -> None:
    store, operator = node.store, node.identity.operator
    with store.transaction(durable=True):
        store.see_author(old, node.name, node.settings.host, operator, True, record.author_seq, record.created)
        store.set_successor(old, new, record.author_seq)
        store.set_meta("author_seq", "0")
        store.set_meta("node_key", new)
        store.add_event("author.state", data={"author": old, "state": "replaced", "why": new, "actor": node.name})
        try:
            waiting.replace(node.home.key)
        except OSError as error:
            raise ConfigurationError(
                f"{node.home.key}: cannot be replaced ({error.strerror}); run `meshtui trust rotate` again"
            ) from error
    node.renew_identity()
