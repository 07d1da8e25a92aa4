"""What a bridge may forget once everybody has it: old summaries in the log, old delivered rows of the old table."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from meshcore.bridge.legacy.table import local_time
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.clock import to_text
from meshcore.store.retention import SUMMARIES, WEIGHED

_CHUNK = 500  # rows in one transaction


@dataclass(frozen=True, slots=True)
class ForgottenRows:
    """How many rows of the log went, or would go, and how many are old enough but not received by every member."""

    rows: int
    unreceived: int


def forget_rows(bridge: SqliteBridge, before: datetime, *, dry_run: bool = False) -> ForgottenRows:
    """Delete rows older than a time that every member has, with their receipts. Raises BridgeUnavailableError.

    Only summaries go: incidents, and outcomes that no standing counts. Skills, revocations, halts and key rotations
    stay, since a node that joins later starts with them, and so does what somebody has not received.
    """
    with bridge.log.reading() as connection:
        seqs = list(_forgettable(connection.execute(_RECEIVED, (to_text(before), *SUMMARIES))))
        waiting = len(list(_forgettable(connection.execute(_UNRECEIVED, (to_text(before), *SUMMARIES)))))
    if not dry_run:
        for start in range(0, len(seqs), _CHUNK):
            with bridge.log.writing() as connection:
                for seq in seqs[start : start + _CHUNK]:
                    connection.execute("DELETE FROM log WHERE seq = ?", (seq,))
                    connection.execute("DELETE FROM receipts WHERE seq = ?", (seq,))
        bridge.log.checkpoint_if_due()
    return ForgottenRows(len(seqs), waiting)


_SUMMARY = "SELECT seq, CAST(text AS TEXT) FROM log WHERE published_at < ? AND kind IN (?, ?) AND origin = 'mesh' AND "
_GOT = "(seq NOT IN (SELECT seq FROM awaited) AND seq <= (SELECT coalesce(min(cursor), 0) FROM members))"
_RECEIVED = f"{_SUMMARY} {_GOT} ORDER BY seq"
_UNRECEIVED = f"{_SUMMARY} NOT {_GOT} ORDER BY seq"


def _forgettable(rows: Iterable[tuple[int, str]]) -> Iterator[int]:
    """Yield the rows whose text, too, is a summary that nothing counts: the column is only what a publisher said."""
    for seq, text in rows:
        try:
            fields = json.loads(text)
            kind, body = fields["kind"], fields["body"]
            if kind == "incident" or (kind == "outcome" and body["result"] not in WEIGHED):
                yield seq
        except (ValueError, LookupError, TypeError, RecursionError):
            continue


def forget_old_table(bridge: SqliteBridge, before: datetime, *, dry_run: bool = False) -> int:
    """Delete delivered skill rows of the old table that are older than a time and in our log; return how many."""
    with bridge.log.reading() as connection:
        known = {row[0] for row in connection.execute("SELECT message_id FROM legacy_rows")}
    with bridge.old.reading() as connection:
        rows = connection.execute(_DELIVERED, (local_time(before),))
        ids = [row[0] for row in rows if row[0] in known]
    if dry_run or not ids:
        return len(ids)
    # First there: a row that our log no longer knows would come in again.
    _delete(bridge, ids)
    return len(ids)


_DELIVERED = """
SELECT message_id FROM enhanced_messages
WHERE message_id LIKE 'skill_%' AND status = 'delivered' AND created_time < ? ORDER BY created_time
"""


def _delete(bridge: SqliteBridge, ids: list[str]) -> None:
    def one_by_one(connection: sqlite3.Connection, sql: str, part: list[str]) -> None:
        connection.executemany(sql, [(message_id,) for message_id in part])

    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        with bridge.old.writing() as connection:
            one_by_one(connection, "DELETE FROM enhanced_messages WHERE message_id = ?", part)
        with bridge.log.writing() as connection:
            one_by_one(connection, "DELETE FROM legacy_rows WHERE message_id = ?", part)
