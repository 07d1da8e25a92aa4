"""Who speaks on the bridge and what this home's operator made of it: authors, what each said of a skill, the rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from meshcore.clock import from_text, to_text
from meshcore.store import queries as reads
from meshcore.store.events import EventTables
from meshcore.store.queries import Read


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


class TrustTables(EventTables):
    """The tables `authors` and `sayings`, and the rules in `control`; `words`."""

    def see_author(
        self, node: str, name: str, host: str, operator: str, own_operator: bool, seq: int, created: str = ""
    ) -> None:
        """Remember an author, and the highest number and time that it has used; the host that it first named stays."""
        with self.transaction():
            new = self._db.execute("SELECT 1 FROM authors WHERE node=?", (node,)).fetchone() is None
            self._write(
                "INSERT INTO authors (node, name, host, operator, own_operator, first_seen, last_seen, highest_seq,"
                " newest) VALUES (?,?,?,?,?,?,?,?,?) ON CONFLICT (node) DO UPDATE SET"
                " name=CASE excluded.name WHEN '' THEN name ELSE excluded.name END,"
                " host=CASE host WHEN '' THEN excluded.host ELSE host END,"
                " operator=excluded.operator, own_operator=excluded.own_operator, last_seen=excluded.last_seen,"
                " highest_seq=max(highest_seq, excluded.highest_seq), newest=max(newest, excluded.newest)",
                (node, name, host, operator, int(own_operator), self.now(), self.now(), seq, in_utc(created)),
            )
            if new:
                self.add_event("node.joined", data={"node": node, "name": name, "host": host, "own": own_operator})

    def author(self, node: str) -> AuthorRow | None:
        """Return what is known of an author."""
        return self._one(Read("SELECT * FROM authors WHERE node=?", _author_of_row, (node,)))

    def authors(self) -> list[AuthorRow]:
        """Return every author that was heard, in the order in which they were first."""
        return self._all(Read("SELECT * FROM authors ORDER BY first_seen, node", _author_of_row))

    def newest_own_time(self) -> str:
        """Return the highest time of a record of the own operator's nodes, empty where there is none."""
        sql = "SELECT coalesce(max(newest), '') FROM authors WHERE own_operator=1"
        return self._one(Read(sql, lambda row: str(row[0]))) or ""

    def authors_called(self, name: str, host: str) -> list[AuthorRow]:
        """Return the authors that go by a name on a host."""
        return self._all(Read("SELECT * FROM authors WHERE name=? AND host=?", _author_of_row, (name, host)))

    def mark_changed(self, node: str, changed: bool) -> None:
        """Note that an author's key is, or is no longer, to be looked at by a person."""
        with self.transaction():
            self._write("UPDATE authors SET changed=? WHERE node=?", (int(changed), node))

    def set_successor(self, node: str, successor: str, final_seq: int) -> None:
        """Note which key replaced an author's, and the number of the last record that the old one may have signed."""
        with self.transaction():
            self._write("UPDATE authors SET successor=?, final_seq=? WHERE node=?", (successor, final_seq, node))

    def count_skills_by_author(self) -> dict[str, int]:
        """Return how many skills each author is named for, forgotten ones left out."""
        sql = "SELECT author, count(*) FROM skills WHERE state<>'forgotten' GROUP BY author"
        return dict(self._all(Read(sql, lambda row: (str(row[0]), int(row[1])))))

    def set_own(self, author: str, own_operator: bool) -> None:
        """Say of an author's skills and outcomes whether they count as the own operator's."""
        with self.transaction():
            self._write("UPDATE skills SET own_operator=? WHERE author=?", (int(own_operator), author))
            self._write("UPDATE outcomes SET own_operator=? WHERE node=?", (int(own_operator), author))

    def skills_tried_by(self, node: str) -> list[str]:
        """Return the ids of skills that a node has told an outcome of."""
        return self._all(Read("SELECT DISTINCT skill_id FROM outcomes WHERE node=?", lambda row: str(row[0]), (node,)))

    # --- what each author said of a skill -------------------------------------------------------------------------

    def note_saying(self, skill_id: str, author: str, seq: int, expires: str = "") -> bool:
        """Remember an author's newest word on a skill; False where a newer one is known: then nothing changes.

        `expires` is the time after which the author no longer stands behind it, empty for never.
        """
        with self.transaction():
            done = self._write(
                "INSERT INTO sayings VALUES (?,?,?,?) ON CONFLICT (skill_id, author) DO UPDATE SET"
                " author_seq=excluded.author_seq, expires=excluded.expires WHERE author_seq<=excluded.author_seq",
                (skill_id, author, seq, in_utc(expires)),
            )
        return done.rowcount == 1

    def expires(self, skill_id: str, author: str) -> str:
        """Return until when an author stands behind a skill, empty for always."""
        sql = "SELECT expires FROM sayings WHERE skill_id=? AND author=?"
        return self._one(Read(sql, lambda row: str(row[0]), (skill_id, author))) or ""

    # --- rules that an operator sets ------------------------------------------------------------------------------

    def controls(self, prefix: str) -> Mapping[str, str]:
        """Return what an operator has set under keys that begin like this."""
        return dict(self._all(reads.controls(prefix)))

    def set_rule(self, key: str, value: str, actor: str) -> None:
        """Set what an operator decides, or take it back with an empty value; the caller writes the event."""
        with self.transaction(durable=True):
            self._write("DELETE FROM control WHERE key=?", (key,))
            if value:
                self._write("INSERT INTO control VALUES (?,?,?,?)", (key, value, self.now(), actor))

    # --- what the operator signed ---------------------------------------------------------------------------------

    def put_word(self, kind: str, key: str, text: str, sig: str) -> None:
        """Keep a signed word; the one before it for the same thing is gone."""
        with self.transaction(durable=True):
            self._write("INSERT OR REPLACE INTO words VALUES (?,?,?,?)", (kind, key, text, sig))

    def word(self, kind: str, key: str) -> tuple[str, str] | None:
        """Return the text and signature that are kept for a thing; nothing says yet that they hold."""
        sql = "SELECT text, sig FROM words WHERE kind=? AND key=?"
        return self._one(Read(sql, lambda row: (str(row[0]), str(row[1])), (kind, key)))


def in_utc(text: str) -> str:
    """Return a time as rows hold it, so that texts compare; empty for what is no time."""
    try:
        return to_text(from_text(text))
    except (ValueError, OverflowError):
        return ""
