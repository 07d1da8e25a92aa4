"""What nodes say of a project's commands: the tables of told habits and corrections, each author's newest word.

This node's own word lies there too: it tells what the others believe, so that nothing is said twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from meshcore.store.database import Database
from meshcore.store.read import Read

if TYPE_CHECKING:
    from meshcore.model import Json

MOST_OF_AUTHOR = 2000  # rows of one author in a table; the oldest give way
MOST_READ = 50  # words, or authors, that one question is answered with
MOST_OF_STRANGERS = 2000  # of all together whom nobody enrolled


@dataclass(frozen=True, slots=True)
class Saying:
    """What an author says of a command, or of what to type instead of it.

    `key` is the command, or the correction's way and mark. `sessions` is 0 where it passed, or is withdrawn; `last` is
    in seconds since 1970. `body` is what the record said.
    """

    project: str
    key: tuple[str, ...]
    author: str
    last: int
    sessions: int
    body: Mapping[str, Json]


class Table:
    """One of the two tables: `keys` are the columns between the project and the author."""

    def __init__(self, db: Database, name: str, keys: tuple[str, ...]) -> None:
        self._db = db
        self._name = name
        self._keys = keys
        self._columns = f"project, {', '.join(keys)}, author, last, sessions, body"

    def put(self, saying: Saying, seq: int, *, known: bool) -> bool:
        """Keep an author's word; False where a newer one is known.

        `known`: of an own or enrolled node. What exceeds the quota gives way, the oldest first.
        """
        from meshcore.model import canonical  # takes a while to load, and most calls of a hook say nothing new

        names = ("project", *self._keys, "author")
        marks = ",".join("?" * (len(names) + 5))
        with self._db.transaction():
            done = self._db.execute(
                f"INSERT INTO {self._name} VALUES ({marks}) ON CONFLICT ({', '.join(names)}) DO UPDATE SET"  # noqa: S608
                " author_seq=excluded.author_seq, known=excluded.known, last=excluded.last,"
                " sessions=excluded.sessions, body=excluded.body WHERE author_seq<=excluded.author_seq",
                (
                    saying.project, *saying.key, saying.author, seq, int(known), saying.last, saying.sessions,
                    canonical(dict(saying.body)),
                ),
            )  # fmt: skip
            self._shrink("author=?", (saying.author,), MOST_OF_AUTHOR)
            if not known:
                self._shrink("known=0", (), MOST_OF_STRANGERS)
        return done.rowcount == 1

    def _shrink(self, which: str, parameters: tuple[str, ...], most: int) -> None:
        sql = f"SELECT count(*) FROM {self._name} WHERE {which}"  # noqa: S608
        if (self._db.one(Read(sql, lambda row: int(row[0]), parameters)) or 0) > most:
            names = f"project, {', '.join(self._keys)}, author"
            self._db.execute(
                f"DELETE FROM {self._name} WHERE ({names}) IN"  # noqa: S608
                f" (SELECT {names} FROM {self._name} WHERE {which} ORDER BY last, author_seq LIMIT 1)",
                parameters,
            )

    def of(self, project: str, key: str) -> list[Saying]:
        """Return what is said of a command, or of its way of failing: own and enrolled nodes first, the newest first.

        Whoever makes up many authors is not read beyond a limit.
        """
        sql = (
            f"SELECT {self._columns} FROM {self._name} WHERE project=? AND {self._keys[0]}=?"  # noqa: S608
            " ORDER BY known DESC, last DESC LIMIT ?"
        )
        return self._db.all(Read(sql, self._saying, (project, key, MOST_READ)))

    def all(self, limit: int) -> list[Saying]:
        """Return what is said of any command, the newest first."""
        sql = f"SELECT {self._columns} FROM {self._name} ORDER BY last DESC LIMIT ?"  # noqa: S608
        return self._db.all(Read(sql, self._saying, (limit,)))

    def has(self, project: str) -> bool:
        """Tell whether anything is said of a project."""
        sql = f"SELECT 1 FROM {self._name} WHERE project=? LIMIT 1"  # noqa: S608
        return self._db.one(Read(sql, lambda row: True, (project,))) is True

    def authors(self, project: str) -> list[str]:
        """Return who says that something in a project fails, or what to type instead."""
        sql = (
            f"SELECT author FROM {self._name} WHERE project=? AND sessions>0 GROUP BY author"  # noqa: S608
            " ORDER BY max(known) DESC LIMIT ?"
        )
        return self._db.all(Read(sql, lambda row: str(row[0]), (project, MOST_READ)))

    def count_since(self, author: str, since: int) -> int:
        """Return how many rows an author wrote since a time."""
        sql = f"SELECT count(*) FROM {self._name} WHERE author=? AND last>=?"  # noqa: S608
        return self._db.one(Read(sql, lambda row: int(row[0]), (author, since))) or 0

    def keys_of(self, project: str) -> list[str]:
        """Return the first keys of what is said of a project."""
        sql = f"SELECT DISTINCT {self._keys[0]} FROM {self._name} WHERE project=?"  # noqa: S608
        return self._db.all(Read(sql, lambda row: str(row[0]), (project,)))

    def forget(self, before: int) -> None:
        """Forget what was said before a time."""
        with self._db.transaction():
            self._db.execute(f"DELETE FROM {self._name} WHERE last<?", (before,))  # noqa: S608

    def _saying(self, row: sqlite3.Row | tuple[Any, ...]) -> Saying:
        end = 1 + len(self._keys)
        return Saying(
            str(row[0]), tuple(map(str, row[1:end])), str(row[end]), int(row[end + 1]), int(row[end + 2]),
            json.loads(row[end + 3]),
        )  # fmt: skip


class Told:
    """The tables `told_habits` and `told_corrections`."""

    def __init__(self, db: Database) -> None:
        self.habits = Table(db, "told_habits", ("command",))
        self.corrections = Table(db, "told_corrections", ("way", "mark"))

    def forget(self, before: int) -> None:
        """Forget what was said before a time."""
        self.habits.forget(before)
        self.corrections.forget(before)
