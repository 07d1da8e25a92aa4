"""Copies one bridge into another, through what every engine can: for who owns both."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from meshcore.bridge.base import Bridge, Delivery, Member, Publication
from meshcore.model import Receipt, Record

_READER = Member("0" * 64, "copy", "copy", Record("{}", "0" * 64, ""))  # joins to read, and leaves
_ROWS = 100
_RECEIPTS = 1000  # in one call


@dataclass(frozen=True, slots=True)
class Copied:
    """How many records, members and receipts of a bridge the other one has now, and how many rows were left out."""

    records: int
    members: int
    receipts: int
    left_out: int


def copy(source: Bridge, target: Bridge) -> Copied:
    """Put what one bridge holds into another, in its order; what is there already stays as it is.

    Texts, keys and signatures are the same; numbers and times are the target's. Records whose text was erased, or is
    longer than any of ours, are left out. Raises MeshError.
    """
    given: defaultdict[str, list[Receipt]] = defaultdict(list)
    records, left_out = 0, 0
    source.join(_READER)
    try:
        after, more = 0, True
        while more:
            batch = source.receive(_READER.node, after, _ROWS)
            rows = [row for row in batch.deliveries if row.record.text and not row.size]
            seqs = target.publish([Publication(row.record, _kind(row), row.origin) for row in rows])
            for row, seq in zip(rows, seqs, strict=True):
                for receipt in source.receipts(row.record.record_id):
                    if receipt.seq == row.seq:
                        given[receipt.node].append(replace(receipt, seq=seq))
            records, left_out = records + len(rows), left_out + len(batch.deliveries) - len(rows)
            after, more = batch.cursor, batch.more
    finally:
        source.forget(_READER.node)
    members = [one for one in source.members(given.keys()) if one.node != _READER.node]
    for member in members:
        if target.member(member.node) is None:
            target.join(member)
    return Copied(records, len(members), _acknowledge(target, given, {one.node for one in members}), left_out)


def _acknowledge(target: Bridge, given: Mapping[str, list[Receipt]], members: set[str]) -> int:
    """Put in the receipts of those who are members; of those who left, only the source knows."""
    count = 0
    for node in sorted(members & given.keys()):
        for start in range(0, len(given[node]), _RECEIPTS):
            part = given[node][start : start + _RECEIPTS]
            target.acknowledge(node, part, 0)
            count += len(part)
    return count


def _kind(row: Delivery) -> str:
    """Return what a record says that it is, for counting only."""
    if row.origin == "legacy":
        return "legacy"
    try:
        return str(json.loads(row.record.text)["kind"])[:64]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "unknown"
