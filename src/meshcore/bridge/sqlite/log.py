"""The file of the mesh's own log, `<bridge>.mesh.db`: its schema, appending to it, what it may forget."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from meshcore.bridge.base import BridgeStatistics, Origin, Pruned
from meshcore.bridge.limits import EXPECTED_WITHIN, MAX_TEXT, MOST_EXPECTED, before, is_summary
from meshcore.bridge.sqlite.file import Opened
from meshcore.bridge.sqlite.places import check_file
from meshcore.bridge.sqlite.rows import free
from meshcore.bridge.sqlite.schema import Schema, made_by, refuse_foreign, schema, statements
from meshcore.bridge.sqlite.wal import WalFile
from meshcore.clock import Clock, to_text
from meshcore.errors import ConfigurationError
from meshcore.model import Record
from meshcore.store.retention import KINDS_MARKS, SUMMARIES

_REVISIONS = tuple(Path(__file__).parent / "sql" / name for name in ("log_001.sql", "log_002.sql"))
_CHUNK = 500  # rows in one transaction


def log_path(bridge: Path) -> Path:
    """Return where the log of a bridge lies."""
    return bridge.with_name(bridge.name + ".mesh.db")


def log_files(bridge: Path) -> dict[str, Path]:
    """Return the files of the log of a bridge, by what they are."""
    log = log_path(bridge)
    return {"mesh_bridge": log, "mesh_bridge_wal": log.with_name(log.name + "-wal")}


class LogFile(WalFile):
    """The log."""

    def __init__(self, bridge: Path, deadline: float, prepare: Callable[[bool], None]) -> None:
        """`prepare` is called before the log is opened; True where it is still to be made."""
        super().__init__(log_path(bridge), deadline, bridge.with_name(bridge.name + ".mesh.lock"))
        self.bridge_id = ""
        self._prepare_place = prepare

    def _before_open(self) -> None:
        self._prepare_place(check_file(self.path) is None)
        super()._before_open()

    def _schemas(self) -> Sequence[Schema]:
        return made_by(*_REVISIONS), made_by(_REVISIONS[0])

    def _fill(self, connection: sqlite3.Connection) -> None:
        for file in _REVISIONS:
            for statement in statements(file):
                connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('bridge_id', ?)", (os.urandom(16).hex(),))

    def _prepare(self, opened: Opened) -> None:
        super()._prepare(opened)
        connection = opened.connection
        if schema(connection) != made_by(*_REVISIONS):
            self._add(connection)
        self.bridge_id = _bridge_id(connection)
        if not 0 < len(self.bridge_id) <= 64:
            raise ConfigurationError(f"{self.path} has no identity; move it away and restart, nodes publish again")

    def _add(self, connection: sqlite3.Connection) -> None:
        """Add to a log of version 0.1, whose programs may be at work in it, what is new."""
        connection.execute("COMMIT")
        connection.execute("BEGIN IMMEDIATE")
        found = schema(connection)
        refuse_foreign(found, self._schemas(), self.path)
        if found == made_by(_REVISIONS[0]):
            for statement in statements(_REVISIONS[1]):
                connection.execute(statement)


def append(connection: sqlite3.Connection, record: Record, kind: str, clock: Clock, origin: Origin) -> int:
    """Append a record inside a transaction, with the receipts that are expected for it; return its seq.

    The same text under the same signature is one record. A copy under another signature is another row: it must not
    take the place of the true one.
    """
    row = connection.execute(
        "SELECT seq FROM log WHERE record_id = ? AND key = ? AND sig = ?", (record.record_id, record.key, record.sig)
    ).fetchone()
    if row:
        return int(row[0])
    now = clock.now()
    seq = free(connection)
    connection.execute(
        "INSERT INTO log (seq, record_id, kind, origin, key, sig, published_at, text) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, record.record_id, kind, origin, record.key, record.sig, to_text(now), record.text),
    )
    connection.execute(
        # A number that is used again, after somebody took rows away, must not keep anybody from publishing.
        "INSERT OR IGNORE INTO awaited (seq, node) SELECT ?, node FROM members WHERE node != ? AND seen_at >= ? "
        "LIMIT ?",
        (seq, record.key, to_text(now - EXPECTED_WITHIN), MOST_EXPECTED),
    )
    return seq


def statistics(log: LogFile) -> BridgeStatistics:
    """Return counts of the whole log."""
    with log.reading() as connection:
        records, members, awaited = (_count(connection, table) for table in ("log", "members", "awaited"))
        received, rejected = connection.execute(
            "SELECT coalesce(sum(expected), 0), coalesce(sum(status = 'rejected'), 0) FROM receipts"
        ).fetchone()
        oldest = connection.execute(
            "SELECT substr(CAST(published_at AS TEXT), 1, 40) FROM log WHERE seq = (SELECT min(seq) FROM awaited)"
        ).fetchone()
        bridge_id = log.bridge_id
    return BridgeStatistics(
        bridge_id,
        records,
        members,
        received + awaited,
        received,
        rejected,
        awaited,
        oldest[0] if oldest else "",
    )


def _count(connection: sqlite3.Connection, table: str) -> int:
    """Count the rows of a table one by one: a count of all at once knows no deadline."""
    sql = f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT -1 OFFSET 0)"  # noqa: S608
    return int(connection.execute(sql).fetchone()[0])


def erase(log: LogFile, record_id: str) -> int:
    """Erase the text of a record, in the file too; return how many rows held it."""
    with log.reading() as connection:
        connection.execute("PRAGMA secure_delete=ON")
    with log.writing() as connection:
        done = connection.execute("UPDATE log SET text = '' WHERE record_id = ?", (record_id,)).rowcount
    log.checkpoint()
    return done


def prune(log: LogFile, clock: Clock, older_than: float, *, dry_run: bool) -> Pruned:
    """Delete summaries older than some seconds that every member has, with their receipts."""
    since = to_text(before(clock.now(), older_than))
    with log.reading() as connection:
        seqs = _summaries(connection.execute(_RECEIVED, (since, *SUMMARIES)))
        waiting = len(_summaries(connection.execute(_UNRECEIVED, (since, *SUMMARIES))))
    if not dry_run:
        for start in range(0, len(seqs), _CHUNK):
            part = [(seq,) for seq in seqs[start : start + _CHUNK]]
            with log.writing() as connection:
                connection.executemany("DELETE FROM log WHERE seq = ?", part)
                connection.executemany("DELETE FROM receipts WHERE seq = ?", part)
                connection.execute(
                    "UPDATE meta SET value = max(CAST(value AS INTEGER), ?) WHERE name = 'pruned_to'", part[-1]
                )
        log.checkpoint_if_due()
    return Pruned(len(seqs), waiting)


_SUMMARY = (
    f"SELECT seq, CAST(text AS TEXT) FROM log WHERE published_at < ? AND kind IN ({KINDS_MARKS})"  # noqa: S608
    " AND origin = 'mesh' AND "
    f"length(CAST(text AS BLOB)) <= {MAX_TEXT} AND "
)
_GOT = "(seq NOT IN (SELECT seq FROM awaited) AND seq <= (SELECT coalesce(min(cursor), 0) FROM members))"
_RECEIVED = f"{_SUMMARY} {_GOT} ORDER BY seq"
_UNRECEIVED = f"{_SUMMARY} NOT {_GOT} ORDER BY seq"


def _summaries(rows: sqlite3.Cursor) -> list[int]:
    """Return the rows whose text, too, is a summary: the column is only what a publisher said."""
    return [seq for seq, text in rows if is_summary(text)]


def _bridge_id(connection: sqlite3.Connection) -> str:
    row = connection.execute("SELECT CAST(value AS TEXT) FROM meta WHERE name = 'bridge_id'").fetchone()
    return row[0] if row else ""
