"""The rows of the log, whoever wrote them: nothing that is read is longer, or of another type, than ours are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress

from meshcore.bridge.base import Delivery, Origin
from meshcore.bridge.limits import HIGHEST_JUMP, KEPT_TEXT, MAX_TEXT, MOST_SCANNED
from meshcore.model import Record

_MOST_JUMPS = 10_000  # that are followed
_HEADS = 250  # read at once: a batch that is full asks for no more
_KEY = "substr(CAST(key AS TEXT), 1, 129)"
_ROW = (
    f"SELECT length(CAST(text AS BLOB)), CASE WHEN length(CAST(text AS BLOB)) <= {MAX_TEXT} THEN CAST(text AS TEXT) "  # noqa: S608
    f"ELSE CAST(substr(CAST(text AS BLOB), 1, {KEPT_TEXT}) AS TEXT) END, {_KEY}, substr(CAST(sig AS TEXT), 1, 257), "
    "substr(CAST(published_at AS TEXT), 1, 40), origin = 'legacy' FROM log WHERE seq = ?"
)


def end(connection: sqlite3.Connection) -> int:
    """Return the highest number of a row.

    A number that lies further than `HIGHEST_JUMP` beyond the one before is none that a publisher gave; whoever wrote
    it would otherwise use up all numbers at once.
    """
    (highest,) = connection.execute("SELECT coalesce(max(seq), 0) FROM log").fetchone()
    return max(highest, 0) if highest <= HIGHEST_JUMP else _followed(connection)


def free(connection: sqlite3.Connection) -> int:
    """Return the number of the next row; one that was given stays taken, also where its row is gone."""
    given, pruned = connection.execute(
        "SELECT (SELECT CAST(max(CAST(seq AS INTEGER)) AS INTEGER) FROM sqlite_sequence WHERE name = 'log'), "
        "(SELECT CAST(value AS INTEGER) FROM meta WHERE name = 'pruned_to')"
    ).fetchone()
    highest = end(connection)
    return 1 + max(highest, *(one for one in (given or 0, pruned or 0) if one <= highest + HIGHEST_JUMP), 0)


def _followed(connection: sqlite3.Connection) -> int:
    reached = 0
    for _ in range(_MOST_JUMPS):
        (found,) = connection.execute(
            "SELECT max(seq) FROM log WHERE seq > ? AND seq <= ?", (reached, reached + HIGHEST_JUMP)
        ).fetchone()
        if found is None:
            break
        reached = found
    return reached


def misplaced(connection: sqlite3.Connection) -> int:
    """Return how many rows have numbers that no publisher gave, as far as a thousand."""
    sql = "SELECT count(*) FROM (SELECT 1 FROM log WHERE seq < 1 OR seq > ? LIMIT 1000)"
    return int(connection.execute(sql, (end(connection),)).fetchone()[0])


def heads(connection: sqlite3.Connection, after: int, up_to: int) -> Iterator[tuple[int, str]]:
    """Give the number and key of each row after one, at most `MOST_SCANNED`; a key too long to be one is empty."""
    left = MOST_SCANNED
    while left and (found := _heads(connection, after, up_to, min(left, _HEADS))):
        yield from found
        after, left = found[-1][0], left - len(found)


def _heads(connection: sqlite3.Connection, after: int, up_to: int, limit: int) -> list[tuple[int, str]]:
    bounds = (after, up_to, limit)
    try:
        sql = f"SELECT seq, {_KEY} FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"  # noqa: S608
        return connection.execute(sql, bounds).fetchall()
    except sqlite3.DataError:  # a key of some row is too large to be read
        sql = "SELECT seq FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        return [(seq, _key(connection, seq)) for (seq,) in connection.execute(sql, bounds).fetchall()]


def _key(connection: sqlite3.Connection, seq: int) -> str:
    with suppress(sqlite3.DataError):
        row = connection.execute(f"SELECT {_KEY} FROM log WHERE seq = ?", (seq,)).fetchone()  # noqa: S608
        return row[0] if row else ""
    return ""


def delivery(connection: sqlite3.Connection, seq: int) -> Delivery:
    """Return one row; of a text that is longer than `MAX_TEXT` its beginning."""
    try:
        size, text, key, sig, published_at, is_legacy = connection.execute(_ROW, (seq,)).fetchone()
    except sqlite3.DataError:
        return _too_large(connection, seq)
    origin: Origin = "legacy" if is_legacy else "mesh"
    return Delivery(seq, Record(text, key, sig), published_at, origin, size if size > MAX_TEXT else 0)


def _too_large(connection: sqlite3.Connection, seq: int) -> Delivery:
    """Return a row of which some value is too large to be read at all."""
    size, text = MAX_TEXT + 1, b""
    with suppress(sqlite3.Error), connection.blobopen("log", "text", seq, readonly=True) as blob:
        size, text = max(size, len(blob)), blob.read(KEPT_TEXT)
    return Delivery(seq, Record(text.decode("utf-8", "replace"), "", ""), "", "mesh", size)
