"""Who speaks on the bridge and what this home's operator made of it: authors, what each said of a skill, the rules."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from meshcore.clock import from_text, to_text
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.read import Read


@dataclass(frozen=True, slots=True)
class AuthorRow:
    """A node that this one has heard: who it says it is, its operator ("" where no enrolment holds), how far it got.

    `highest_seq` and `newest` are the highest number and time of its records. `changed`: it came under a name that
    another key had. `successor`: the key that replaced it, after its record `final_seq`.
    """

    node: str
    name: str
    host: str
    operator: str
    own_operator: bool
    first_seen: str
    last_seen: str
    highest_seq: int = 0
    newest: str = ""
    changed: bool = False
    successor: str = ""
    final_seq: int = 0


def _author_of_row(row: sqlite3.Row) -> AuthorRow:
    fields = dict(row)
    return AuthorRow(**{**fields, "own_operator": bool(fields["own_operator"]), "changed": bool(fields["changed"])})


class Authors:
    """The tables `authors` and `sayings`."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def see(
        self, node: str, name: str, host: str, operator: str, own_operator: bool, seq: int, created: str = ""
    ) -> None:
        """Remember an author, and the highest number and time that it has used; the host that it first named stays."""
        with self._db.transaction():
            new = self._db.execute("SELECT 1 FROM authors WHERE node=?", (node,)).fetchone() is None
            self._db.execute(
                "INSERT INTO authors (node, name, host, operator, own_operator, first_seen, last_seen, highest_seq,"
                " newest) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (node) DO UPDATE SET"
                " name=CASE excluded.name WHEN '' THEN name ELSE excluded.name END,"
                " host=CASE host WHEN '' THEN excluded.host ELSE host END,"
                " operator=excluded.operator, own_operator=excluded.own_operator, last_seen=excluded.last_seen,"
                " highest_seq=max(highest_seq, excluded.highest_seq), newest=max(newest, excluded.newest)",
                (node, name, host, operator, int(own_operator), self._db.now(), self._db.now(), seq, in_utc(created)),
            )
            if new:
                self._events.add("node.joined", data={"node": node, "name": name, "host": host, "own": own_operator})

    def get(self, node: str) -> AuthorRow | None:
        """Return what is known of an author."""
        return self._db.one(Read("SELECT * FROM authors WHERE node=?", _author_of_row, (node,)))

    def all(self) -> list[AuthorRow]:
        """Return every author that was heard, in the order in which they were first."""
        return self._db.all(Read("SELECT * FROM authors ORDER BY first_seen, node", _author_of_row))

    def own(self) -> set[str]:
        """Return the own operator's nodes."""
        return set(self._db.all(Read("SELECT node FROM authors WHERE own_operator=1", lambda row: str(row[0]))))

    def newest_own_time(self) -> str:
        """Return the highest time of a record of the own operator's nodes, empty where there is none."""
        sql = "SELECT coalesce(max(newest), '') FROM authors WHERE own_operator=1"
        return self._db.one(Read(sql, lambda row: str(row[0]))) or ""

    def called(self, name: str, host: str) -> list[AuthorRow]:
        """Return the authors that go by a name on a host."""
        return self._db.all(Read("SELECT * FROM authors WHERE name=? AND host=?", _author_of_row, (name, host)))

    def mark_changed(self, node: str, changed: bool) -> None:
        """Note that an author's key is, or is no longer, to be looked at by a person."""
        with self._db.transaction():
            self._db.execute("UPDATE authors SET changed=? WHERE node=?", (int(changed), node))

    def set_successor(self, node: str, successor: str, final_seq: int) -> None:
        """Note which key replaced an author's, and the number of the last record that the old one may have signed."""
        with self._db.transaction():
            self._db.execute("UPDATE authors SET successor=?, final_seq=? WHERE node=?", (successor, final_seq, node))

    def count_skills(self) -> dict[str, int]:
        """Return how many skills each author is named for, forgotten ones left out."""
        sql = "SELECT author, count(*) FROM skills WHERE state<>'forgotten' GROUP BY author"
        return dict(self._db.all(Read(sql, lambda row: (str(row[0]), int(row[1])))))

    def set_own(self, author: str, own_operator: bool) -> None:
        """Say of an author's skills and outcomes whether they count as the own operator's."""
        with self._db.transaction():
            self._db.execute("UPDATE skills SET own_operator=? WHERE author=?", (int(own_operator), author))
            self._db.execute("UPDATE outcomes SET own_operator=? WHERE node=?", (int(own_operator), author))

    def skills_tried_by(self, node: str) -> list[str]:
        """Return the ids of skills that a node has told an outcome of."""
        return self._db.all(
            Read("SELECT DISTINCT skill_id FROM outcomes WHERE node=?", lambda row: str(row[0]), (node,))
        )

    # --- what each author said of a skill -------------------------------------------------------------------------

    def copy_sayings(self, skill_id: str, other: str) -> None:
        """Let what authors said of a skill, and until when, hold for another that is the same read anew."""
        with self._db.transaction():
            self._db.execute(
                "INSERT OR IGNORE INTO sayings SELECT ?, author, author_seq, expires FROM sayings WHERE skill_id=?",
                (other, skill_id),
            )

    def note_saying(self, skill_id: str, author: str, seq: int, expires: str = "") -> bool:
        """Remember an author's newest word on a skill; False where a newer one is known: then nothing changes.

        `expires` is the time after which the author no longer stands behind it, empty for never.
        """
        with self._db.transaction():
            done = self._db.execute(
                "INSERT INTO sayings VALUES (?,?,?,?) ON CONFLICT (skill_id, author) DO UPDATE SET"
                " author_seq=excluded.author_seq, expires=excluded.expires WHERE author_seq<=excluded.author_seq",
                (skill_id, author, seq, in_utc(expires)),
            )
        return done.rowcount == 1

    def expires(self, skill_id: str, author: str) -> str:
        """Return until when an author stands behind a skill, empty for always."""
        sql = "SELECT expires FROM sayings WHERE skill_id=? AND author=?"
        return self._db.one(Read(sql, lambda row: str(row[0]), (skill_id, author))) or ""


def in_utc(text: str) -> str:
    """Return a time as rows hold it, so that texts compare; empty for what is no time."""
    try:
        return to_text(from_text(text))
    except (ValueError, OverflowError):
        return ""
