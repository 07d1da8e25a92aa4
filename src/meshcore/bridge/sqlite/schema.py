"""Is a file's schema exactly the one that we made? What else is in a schema, SQLite would run as our own statements."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TypeAlias

from meshcore.errors import ConfigurationError

MOST_OBJECTS = 200
Schema: TypeAlias = frozenset[tuple[str, str, str, str]]
"""What a schema holds: kind, name, table, and what it was made with, without its comments."""


def schema(connection: sqlite3.Connection) -> Schema:
    """Return the schema of a file, as far as `MOST_OBJECTS`."""
    query = (
        "SELECT CAST(type AS TEXT), CAST(name AS TEXT), CAST(tbl_name AS TEXT), CAST(sql AS TEXT) FROM sqlite_master"
    )
    rows = connection.execute(f"{query} LIMIT ?", (MOST_OBJECTS,))
    return frozenset((kind, name, table, _plain(sql or "")) for kind, name, table, sql in rows)


@cache
def made_by(*files: Path) -> Schema:
    """Return the schema that SQL files of ours make, one after the other."""
    with sqlite3.connect(":memory:", isolation_level=None) as connection:
        for file in files:
            for statement in statements(file):
                connection.execute(statement)
        found = schema(connection)
    connection.close()
    return found


def statements(file: Path) -> list[str]:
    """Return the statements of one of our SQL files."""
    return [statement for statement in file.read_text("utf-8").split(";\n") if statement.strip()]


def refuse_foreign(found: Schema, ours: Sequence[Schema], path: Path) -> None:
    """Raise ConfigurationError for a schema that is none of ours, naming what is in it, or missing."""
    if found in ours:
        return
    nearest = min(ours, key=lambda one: len(found ^ one))
    foreign = sorted(f"{kind} {name}" for kind, name, _, _ in found - nearest)
    missing = sorted(f"{kind} {name}" for kind, name, _, _ in nearest - found)
    what = f"holds what is not of the bridge: {_named(foreign)}" if foreign else f"lacks {_named(missing)}"
    raise ConfigurationError(
        f"{path} {what}; nothing in it is used: find out who can write it, move it away and restart"
    )


def refuse_active(found: Schema, table: str, path: Path) -> None:
    """Raise ConfigurationError where a schema holds what runs by itself, or a table or index computes anything.

    For a file of other programs, which may hold tables of their own.
    """
    for kind, name, on, sql in sorted(found):
        is_active = kind not in ("table", "index") or re.match(r"CREATE VIRTUAL\b", sql, re.IGNORECASE)
        if is_active or (on == table and sql and not _is_passive(sql)):
            what = kind if kind != "table" or not is_active else "virtual table"
            shown = _named([f"{what} {name}"])
            raise ConfigurationError(
                f"{path} holds the {shown}, which would run whatever it says; find out who can write it, then drop it"
            )


_LIKE_SKILL = re.compile(r" WHERE message_id LIKE 'skill_%'$", re.IGNORECASE)
_COMPUTES = re.compile(r"\b(?:CHECK|GENERATED|AS|COLLATE|WHERE|REFERENCES|SELECT)\b", re.IGNORECASE)
_SIZE = re.compile(r"\(\s*\d{1,6}\s*(?:,\s*\d{1,6}\s*)?\)")
_COLUMNS = re.compile(r"\(\s*\w+(?:\s+(?:ASC|DESC))?(?:\s*,\s*\w+(?:\s+(?:ASC|DESC))?)*\s*\)", re.IGNORECASE)


def _is_passive(sql: str) -> bool:
    """Tell whether a table or index was made of plain columns only: no expression stands anywhere in it."""
    bare = _LIKE_SKILL.sub("", sql)
    if _COMPUTES.search(bare):
        return False
    body = bare[bare.find("(") + 1 :] if bare.upper().startswith("CREATE TABLE") else bare
    body = _COLUMNS.sub("", _SIZE.sub("", body))
    return body.count("(") == 0 and body.count(")") <= 1


def _plain(sql: str) -> str:
    return " ".join(re.sub(r"--[^\n]*", " ", sql).split())


def _named(names: Iterable[str]) -> str:
    from meshcore.safety.visible_text import visible

    shown = [visible(name, limit=60, keep_newlines=False) for name in names]
    return ", ".join(shown[:3]) + (f" and {len(shown) - 3} more" if len(shown) > 3 else "")
