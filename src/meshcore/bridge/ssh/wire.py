"""What two hosts say to each other about a bridge: JSON lines, of which nothing is believed for being there.

The server begins with a hello, `{"meshtui_bridge": 1, …}`. A request is `{"id": 3, "call": NAME, "with": […]}`, its
answer `{"id": 3, "value": …}` or `{"id": 3, "error": KIND, "message": TEXT}`; `{"ring": true}` comes unasked where
something new may be there. Values go by position, a record as its text, key and signature.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import NoReturn, TypeVar, get_args

from meshcore.bridge.base import Batch, BridgeStatistics, Claim, Delivery, Member, Origin, Publication, Undelivered
from meshcore.errors import BadRecordError, BridgeUnavailableError, ConfigurationError, MeshError, UsageError
from meshcore.model import Json, Receipt, ReceiptStatus, Record
from meshcore.safety.strict_json import loads

PROTOCOL = 1
MOST_LINE = 32 * 1024 * 1024  # bytes
DEEPEST = 12
MOST_ITEMS = 10_000  # of one list
_OLDEST = 1e12  # seconds: an age without end is none in JSON

ERRORS: dict[str, type[MeshError]] = {
    "unavailable": BridgeUnavailableError,
    "configuration": ConfigurationError,
    "usage": UsageError,
    "record": BadRecordError,
}
"""Kinds of error by the name that they have on the wire."""

T = TypeVar("T")


class WireError(Exception):
    """A line that does not say what it should."""


def line(value: Json) -> bytes:
    """Return a value as one line. Raises WireError for one that is too long."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode() + b"\n"
    if len(text) > MOST_LINE:
        raise WireError(f"a line of {len(text)} bytes, more than {MOST_LINE}")
    return text


def read(text: bytes) -> dict[str, Json]:
    """Read one line that holds an object. Raises WireError."""
    try:
        found = loads(text, max_depth=DEEPEST, max_bytes=MOST_LINE)
    except BadRecordError as error:
        raise WireError(str(error)) from error
    return found if isinstance(found, dict) else _refuse("no object")


# --- from values ------------------------------------------------------------------------------------------------------


def of_record(record: Record | None) -> Json:
    return None if record is None else [record.text, record.key, record.sig]


def of_member(one: Member) -> Json:
    times = [one.joined_at, one.seen_at, one.cursor, min(one.age, _OLDEST), one.seen]
    return [one.node, one.name, one.host, of_record(one.record), *times, of_record(one.state)]


def of_delivery(one: Delivery) -> Json:
    return [one.seq, of_record(one.record), one.published_at, one.origin, one.size]


def of_publication(one: Publication) -> Json:
    return [of_record(one.record), one.kind, one.origin]


def of_receipt(one: Receipt) -> Json:
    return [one.seq, one.node, one.status, one.at, one.reason]


def of_claim(one: Claim) -> Json:
    return [one.skill_id, one.host, of_record(one.record), one.failed, min(one.age, _OLDEST)]


def name_of(one: Claim) -> str:
    """Return by what both sides name a claim: its text and its signature."""
    return f"{one.record.record_id} {one.record.sig}"


def of_undelivered(one: Undelivered) -> Json:
    return [one.seq, one.record_id, one.kind, one.node, one.since]


def of_statistics(one: BridgeStatistics) -> Json:
    counts = [one.records, one.members, one.expected, one.received, one.rejected, one.undelivered]
    return [one.bridge_id, *counts, one.oldest_undelivered]


# --- to values; each raises WireError ---------------------------------------------------------------------------------


def text(value: Json) -> str:
    return value if isinstance(value, str) else _refuse("no text")


def number(value: Json) -> int:
    return value if type(value) is int and abs(value) < 2**63 else _refuse("no whole number")


def seconds(value: Json) -> float:
    found = float(value) if type(value) in (int, float) else _refuse("no number")
    return math.inf if found >= _OLDEST else found


def flag(value: Json) -> bool:
    return value if isinstance(value, bool) else _refuse("neither true nor false")


def items(value: Json, read_one: Callable[[Json], T], most: int = MOST_ITEMS) -> tuple[T, ...]:
    """Read a list of values of one kind."""
    if not isinstance(value, list) or len(value) > most:
        _refuse("no list, or too long a one")
    return tuple(read_one(one) for one in value)


def fields(value: Json, count: int) -> Sequence[Json]:
    """Read a list of so many fields."""
    return value if isinstance(value, list) and len(value) == count else _refuse(f"no list of {count} fields")


def record(value: Json) -> Record:
    said, key, sig = fields(value, 3)
    return Record(text(said), text(key), text(sig))


def record_or_none(value: Json) -> Record | None:
    return None if value is None else record(value)


def member(value: Json) -> Member:
    node, name, host, hello, joined_at, seen_at, cursor, age, seen, state = fields(value, 10)
    who = (text(node), text(name), text(host), record(hello), text(joined_at), text(seen_at), number(cursor))
    return Member(*who, seconds(age), flag(seen), record_or_none(state))


def delivery(value: Json) -> Delivery:
    seq, said, published_at, origin, size = fields(value, 5)
    return Delivery(number(seq), record(said), text(published_at), _one_of(origin, Origin), number(size))


def publication(value: Json) -> Publication:
    said, kind, origin = fields(value, 3)
    return Publication(record(said), text(kind), _one_of(origin, Origin))


def receipt(value: Json) -> Receipt:
    seq, node, status, at, reason = fields(value, 5)
    return Receipt(number(seq), text(node), _one_of(status, ReceiptStatus), text(at), text(reason))


def claim(value: Json) -> Claim:
    skill_id, host, said, failed, age = fields(value, 5)
    return Claim(text(skill_id), text(host), record(said), flag(failed), seconds(age))


def undelivered(value: Json) -> Undelivered:
    seq, record_id, kind, node, since = fields(value, 5)
    return Undelivered(number(seq), text(record_id), text(kind), text(node), text(since))


def statistics(value: Json) -> BridgeStatistics:
    bridge_id, *counts, oldest = fields(value, 8)
    records, members, expected, received, rejected, missing = map(number, counts)
    return BridgeStatistics(text(bridge_id), records, members, expected, received, rejected, missing, text(oldest))


def batch_of(deliveries: Sequence[Delivery], value: Json) -> Batch:
    """Return a batch of deliveries with what else a look has told: more, cursor, end, pruned_to, acknowledged."""
    more, *numbers = fields(value, 5)
    return Batch(tuple(deliveries), flag(more), *map(number, numbers))


def _one_of(value: Json, kinds: object) -> Json:
    return value if value in get_args(kinds) else _refuse("a word that is not known")


def _refuse(what: str) -> NoReturn:
    raise WireError(what)
