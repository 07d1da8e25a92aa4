"""Looking after an SQLite file: is it whole, what does it hold, and does it give back what it no longer needs?"""

from __future__ import annotations

import sqlite3

GIVE_BACK_BYTES = 1024 * 1024  # less unused space than this is left for new rows
GIVE_BACK_SHARE = 4  # of the file: below a quarter it is left, too
FULL_VACUUM_BYTES = 256 * 1024 * 1024  # a larger file that knows no incremental vacuum is not written anew
_PAGES_PER_STEP = 1000
_INCREMENTAL = 2
_FAULTS_NAMED = 3


def integrity(connection: sqlite3.Connection) -> str:
    """Return what SQLite finds wrong with the whole file, empty where nothing is."""
    rows = connection.execute(f"PRAGMA integrity_check({_FAULTS_NAMED})").fetchall()
    found = "; ".join(" ".join(str(row[0]).split()) for row in rows)
    return "" if found == "ok" else found[:500]


def unused_bytes(connection: sqlite3.Connection) -> int:
    """Return how many bytes `give_back` would return to the disk now."""
    page, pages, free = (_pragma(connection, name) for name in ("page_size", "page_count", "freelist_count"))
    if free * page < GIVE_BACK_BYTES or free * GIVE_BACK_SHARE < pages:
        return 0
    can_step = _pragma(connection, "auto_vacuum") == _INCREMENTAL
    return free * page if can_step or pages * page <= FULL_VACUUM_BYTES else 0


def give_back(connection: sqlite3.Connection) -> int:
    """Return unused pages to the disk where they are many, in short steps; return how many bytes that were.

    A file that was made without incremental vacuum is written anew once. Raises sqlite3.Error where it is in use.
    """
    size = unused_bytes(connection)
    if not size:
        return 0
    if _pragma(connection, "auto_vacuum") != _INCREMENTAL:
        connection.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}")
        connection.execute("VACUUM")
        return size
    while _pragma(connection, "freelist_count"):
        connection.execute(f"PRAGMA incremental_vacuum({_PAGES_PER_STEP})").fetchall()
    return size


def table_counts(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the number of rows of every table, by name."""
    names = connection.execute("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")
    tables = [str(row[0]) for row in names if not str(row[0]).startswith("sqlite_")]
    return {name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]) for name in tables}  # noqa: S608


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])
