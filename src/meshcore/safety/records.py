"""Signed statements between nodes: one canonical text, one signature over all of it.

The text names its author's operator and carries the operator's enrolment of the author, so a reader needs nothing but
the record itself (and its own operator's key) to tell who speaks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from meshcore.clock import Clock, to_text
from meshcore.errors import BadRecordError
from meshcore.model import ChainMark, Json, Record, canonical
from meshcore.safety.keys import Identity, enrolment_text, is_signed
from meshcore.safety.strict_json import loads

FORMAT_VERSION = 1
MAX_BYTES = 256 * 1024
MAX_LINKS = 2**31
_HEX_DIGITS = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Author:
    """Who made a record: the node, its operator ("" where the enrolment does not hold)."""

    node: str
    operator: str


def sign(
    kind: str,
    body: Mapping[str, Json],
    author_seq: int,
    identity: Identity,
    clock: Clock,
    chain: ChainMark | None = None,
) -> Record:
    """Return a record of this node. Raises BadRecordError for a body that is too large or not plain JSON."""
    try:
        text = canonical(
            {
                "v": FORMAT_VERSION,
                "kind": kind,
                "author": identity.node.public,
                "author_seq": author_seq,
                "created": to_text(clock.now()),
                "operator": identity.operator,
                "enrolment": identity.enrolment,
                "body": dict(body),
                **_chain_to_json(chain),
            }
        )
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRecordError(f"a {kind} record cannot be written ({error})") from error
    if size > MAX_BYTES:
        raise BadRecordError(f"a {kind} record is larger than {MAX_BYTES // 1024} KiB; shorten it")
    return _read(Record(text, identity.node.public, identity.node.sign(text)))


def verify(record: Record) -> Record:
    """Return the record with its fields filled in from the signed text. Raises BadRecordError with the reason."""
    if len(record.text) > MAX_BYTES:
        raise BadRecordError(f"larger than {MAX_BYTES // 1024} KiB")
    if not is_signed(record.key, record.text, record.sig):
        raise BadRecordError("the signature does not hold")
    return _read(record)


def _read(record: Record) -> Record:
    """Return the record with its fields filled in from its text, whose signature holds."""
    fields = loads(record.text, max_bytes=MAX_BYTES)
    if not isinstance(fields, dict):
        raise BadRecordError("not an object")
    version, seq, body = fields.get("v"), fields.get("author_seq"), fields.get("body")
    if version != FORMAT_VERSION:
        raise BadRecordError(f"of format {json.dumps(version)[:20]}, this version reads {FORMAT_VERSION}")
    if fields.get("author") != record.key:
        raise BadRecordError("signed by another key than its author's")
    if not isinstance(seq, int) or isinstance(seq, bool) or not 0 < seq < 2**63:
        raise BadRecordError("without a usable author_seq")
    texts = [fields.get(name) for name in ("kind", "created", "operator", "enrolment")]
    if not isinstance(body, dict) or not all(isinstance(text, str) for text in texts):
        raise BadRecordError("with a field missing or of another type")
    return replace(
        record,
        kind=fields["kind"],
        author=record.key,
        author_seq=seq,
        created=fields["created"],
        body=body,
        chain=chain_in(fields),
    )


def chain_in(fields: Mapping[str, Json]) -> ChainMark | None:
    """Return what the fields of a record say of its author's chain; None where they say nothing (version 0.1).

    Raises BadRecordError for a chain that is none.
    """
    said = fields.get("chain")
    if said is None:
        return None
    if isinstance(said, dict) and len(said) == 2:
        epoch, is_link = said.get("epoch"), "number" in said
        number = said.get("number" if is_link else "last")
        if isinstance(epoch, str) and is_epoch(epoch) and type(number) is int and is_link <= number < MAX_LINKS:
            return ChainMark(epoch, number, is_link)
    raise BadRecordError("with a chain that is none")


def is_epoch(text: str) -> bool:
    """Tell whether a text names an epoch: 16 to 64 hexadecimal digits."""
    return 16 <= len(text) <= 64 and _HEX_DIGITS.issuperset(text)


def _chain_to_json(chain: ChainMark | None) -> dict[str, Json]:
    if chain is None:
        return {}
    return {"chain": {"epoch": chain.epoch, "number" if chain.is_link else "last": chain.number}}


def author_of(record: Record) -> Author:
    """Return who made a verified record; the operator is empty unless it signed the author's enrolment."""
    fields = json.loads(record.text)
    operator, enrolment = fields["operator"], fields["enrolment"]
    return Author(record.author, operator if _is_enrolled(record.author, operator, enrolment) else "")


@lru_cache(maxsize=256)  # an author says the same in every record, and a signature that holds goes on to hold
def _is_enrolled(node: str, operator: str, enrolment: str) -> bool:
    return is_signed(operator, enrolment_text(node, operator), enrolment)
