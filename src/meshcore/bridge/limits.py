"""What every engine holds to: sizes, ages, and which rows may be forgotten."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta

from meshcore.errors import BadRecordError, BridgeUnavailableError, UsageError
from meshcore.model import Json, Record
from meshcore.store.retention import SUMMARIES, WEIGHED

DEADLINE_SECONDS = 5.0  # of one call, where whoever opens the bridge names none
UPKEEP_SECONDS = 600.0  # of a call that reads or rewrites everything
CLAIM_SECONDS = 600.0
SEEN_SECONDS = 60.0  # since its last sign of life a member counts as seen
EXPECTED_WITHIN = timedelta(days=7)  # of its last sign of life a member is expected to receive
MAX_TEXT = 1024 * 1024  # bytes of one record: a longer one is not published, nor read
KEPT_TEXT = 4096  # bytes of it that are read all the same, to be looked at
MOST_SCANNED = 5000  # rows that one look at the log goes past
MOST_MEMBERS = 500  # that are told of, beside those asked for by name
MOST_EXPECTED = 1000  # members that a record is expected to reach
HIGHEST_JUMP = 2**32  # between the numbers of two rows; what lies further ahead has no place in the log
BATCH_CHARACTERS = 4 * 1024 * 1024


def check_text(record: Record) -> None:
    """Raise BadRecordError for a record that cannot be stored as text."""
    if len(record.text) > MAX_TEXT:
        raise _too_long(len(record.text))
    try:
        size = len(record.text.encode())
        (record.key + record.sig).encode()
    except UnicodeEncodeError as error:
        raise BadRecordError("a record with half a surrogate pair was not published: it is no text") from error
    if size > MAX_TEXT:
        raise _too_long(size)


def _too_long(size: int) -> BadRecordError:
    return BadRecordError(f"a record of {size} bytes was not published: the limit is {MAX_TEXT}")


def is_control(kind: str, body: Mapping[str, Json]) -> bool:
    """Tell whether a statement narrows or widens what may run, so that none may be missed: all but summaries.

    Incidents, habits and corrections are summaries, and outcomes that no standing counts. What is control is numbered
    by its author without a gap, and never pruned: a node that joins later starts with it.
    """
    return kind not in SUMMARIES or (kind == "outcome" and body.get("result") in WEIGHED)


def is_summary(text: str) -> bool:
    """Tell whether a record's own text says that it is a summary on which nothing rests, and no link of a chain."""
    try:
        fields = json.loads(text)
        return not is_control(fields["kind"], fields["body"]) and "number" not in fields.get("chain", ())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return False


def before(now: datetime, seconds: float) -> datetime:
    """Return the moment that lies `seconds` before `now`, at most the first of all."""
    try:
        return now - timedelta(seconds=seconds)
    except OverflowError:
        return datetime.min.replace(tzinfo=now.tzinfo)


def not_joined(node: str) -> UsageError:
    """Return the error for a node that is no member."""
    return UsageError(f"node {node[:12]} has not joined this bridge, or was forgotten; start it again to join")


def took_too_long(shown: str, seconds: float) -> BridgeUnavailableError:
    """Return the error for a call that exceeded its deadline."""
    return BridgeUnavailableError(f"{shown} did not answer within {seconds:g} s; try again")
