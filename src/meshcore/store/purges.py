"""Bodies erased for good: what a record said goes from every table, its number and its place stay."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

from meshcore.model import Json, canonical
from meshcore.safety.model_json import skill_from_json
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.read import Read

SUBJECTS: Mapping[str, str] = {
    "incident": "incident_id",
    "outcome": "outcome_id",
    "skill": "skill_id",
    "habit": "command",
    "correction": "way",
}
"""Kinds of records whose body can be erased, and the field that names what they tell of: nothing else rests on them."""

_TOLD = {"habit": ("habits", "command"), "correction": ("corrections", "way")}  # table, column of the subject
LEAST_OF_AN_ID = 8  # characters that name a record
_KEPT = frozenset({"result", "decision", "state", "again", "tier", "kind", "try"})  # words of ours, in an event's data


@dataclass(frozen=True, slots=True)
class Told:
    """A record of this home: who made it, which kind it is, what it tells of, and its link ("" and 0 for none).

    `waiting` is its row of the outbox where nobody has signed it yet: then it has no id.
    """

    record_id: str
    kind: str
    author: str
    subject: str = ""
    epoch: str = ""
    number: int = 0
    published: bool = True
    own: bool = False
    incident: str = ""
    waiting: int = 0


class Purges:
    """The table `purged`, and the erasing."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def is_purged(self, record_id: str, author: str) -> bool:
        """Tell whether a record of an author is to hold no body here."""
        sql = "SELECT 1 FROM purged WHERE record_id=? AND author=?"
        return self._db.one(Read(sql, lambda row: True, (record_id, author))) is True

    def note(self, record_id: str, author: str, by_node: str) -> None:
        """Note that a record holds no body from now on, also one that is still to come."""
        with self._db.transaction(durable=True):
            self._db.execute(
                "INSERT OR IGNORE INTO purged (record_id, author, by_node, at) VALUES (?,?,?,?)",
                (record_id, author, by_node, self._db.now()),
            )

    def has_erased(self, skill_id: str, line: str) -> bool:
        """Tell whether a skill, or what was told of an error with this line, was erased here."""
        sql = "SELECT 1 FROM purged WHERE subject IN (?,?) AND subject<>''"
        return self._db.one(Read(sql, lambda row: True, (skill_id, _digest(line)))) is True

    def find(self, reference: str, me: str) -> list[Told]:
        """Return the records that a reference means: an id or its beginning, or what records tell of; own ones too.

        `me` is this node's key: what waits in the outbox is its own.
        """
        if not reference or not set(reference) <= set("0123456789abcdef-"):
            return []
        begins, holds = f"{reference}%" if len(reference) >= LEAST_OF_AN_ID else "-", f'%"{reference}"%'
        sent = Read(
            "SELECT seq, record_id, kind, body, epoch, link, published FROM outbox"
            " WHERE record_id LIKE ? OR body LIKE ? OR kind='skill' ORDER BY seq",
            lambda row: _sent(row, me),
            (begins, holds),
        )
        heard = Read(
            "SELECT record_id, kind, author, text FROM records WHERE status NOT IN ('rejected', 'faulted')"
            " AND (record_id LIKE ? OR text LIKE ? OR kind='skill') ORDER BY seq",
            _heard,
            (begins, holds),
        )
        found = [told for told in (*self._db.all(sent), *self._db.all(heard)) if told.kind in SUBJECTS]
        named = [told for told in found if reference in (told.subject, told.incident)]
        return named or [told for told in found if begins != "-" and told.record_id.startswith(reference)]

    def erase(self, told: Told) -> list[int]:
        """Erase what a record said, and what this home made of it; return the seqs of the events that lost their words.

        What another node than the record's author made is left alone.
        """
        events: set[int] = set()
        with self._db.transaction(durable=True):
            self._remember(told)
            self._db.execute("UPDATE records SET text='', reason='purged' WHERE record_id=?", (told.record_id,))
            self._db.execute(
                "UPDATE outbox SET body='{}', text='' WHERE record_id=? AND record_id<>''", (told.record_id,)
            )
            if told.kind == "incident":
                events |= self._erase_incident(told)
            elif told.kind == "outcome":
                self._erase_outcomes("outcome_id=? AND node=?", (told.subject, told.author))
            elif told.kind == "skill":
                events |= self._erase_skill(told)
            elif told.kind in _TOLD:
                self._erase_told(told)
            data = {"record": told.record_id, "author": told.author, "kind_of_record": told.kind}
            self._events.add("record.purged", data=data)
        return sorted(events)

    def _remember(self, told: Told) -> None:
        """Note what is erased in a way that tells it again and says nothing else."""
        subject = told.subject if told.kind in ("skill", *_TOLD) else ""
        if told.kind == "incident":
            read = Read("SELECT line FROM incidents WHERE incident_id=? AND node=?", tuple, (told.subject, told.author))
            line = self._db.one(read)
            subject = _digest(line[0]) if line and line[0] else ""
        if subject:
            self._db.execute(
                "INSERT INTO purged (record_id, author, by_node, at, subject) VALUES (?,?,?,?,?)"
                " ON CONFLICT (record_id) DO UPDATE SET subject=excluded.subject",
                (told.record_id or subject, told.author, told.author, self._db.now(), subject),
            )

    def withdraw(self, told: Told) -> None:
        """Remove a row of the outbox that nobody has signed yet."""
        with self._db.transaction(durable=True):
            self._db.execute("DELETE FROM outbox WHERE seq=? AND record_id='' AND published=''", (told.waiting,))

    def overwrite(self) -> None:
        """Let what is erased from now on be overwritten where it lies. Outside of a transaction."""
        self._db.execute("PRAGMA secure_delete=ON")

    def _erase_incident(self, told: Told) -> set[int]:
        done = self._db.execute(
            "UPDATE incidents SET argv='[]', cwd='', template='', slots='[]', line='', excerpt='', environment='{}',"
            " stdin='', argv_redacted=1 WHERE incident_id=? AND node=?",
            (told.subject, told.author),
        )
        if not done.rowcount:
            return set()
        self._db.execute("DELETE FROM commands WHERE incident_id=?", (told.subject,))
        self._db.execute("UPDATE approvals SET command='', reasons='[]' WHERE incident_id=?", (told.subject,))
        self._db.execute("UPDATE tries SET plan='{}' WHERE incident_id=?", (told.subject,))
        self._erase_outcomes("incident_id=? AND node=?", (told.subject, told.author))
        return self._erase_events("incident_id=?", told.subject)

    def _erase_outcomes(self, which: str, parameters: tuple[str, ...]) -> None:
        sql = f"SELECT outcome_id, body FROM outcomes WHERE {which}"  # noqa: S608
        for outcome_id, text in self._db.all(Read(sql, tuple, parameters)):
            body = json.loads(text)
            for step in (*body.get("steps", ()), *([body["rerun"]] if body.get("rerun") else ())):
                step.update(argv=[], output="")
            body["slots"] = []
            body.pop("why", None)
            self._db.execute("UPDATE outcomes SET body=? WHERE outcome_id=?", (canonical(body), outcome_id))

    def _erase_skill(self, told: Told) -> set[int]:
        sql = "SELECT bucket, shape FROM skills WHERE skill_id=? AND (author=? OR (author='' AND ?))"
        found = self._db.one(Read(sql, tuple, (told.subject, told.author, int(told.own))))
        if found is None:
            return set()
        self._db.execute("DELETE FROM skill_keys WHERE skill_id=?", (told.subject,))
        self._db.execute("UPDATE skill_shapes SET n=n-1 WHERE bucket=? AND shape=?", found)
        self._db.execute("DELETE FROM skill_shapes WHERE bucket=? AND shape=? AND n<=0", found)
        self._db.execute("DELETE FROM skills WHERE skill_id=?", (told.subject,))
        self._db.execute("UPDATE approvals SET command='', reasons='[]' WHERE skill_id=?", (told.subject,))
        self._db.execute("UPDATE tries SET plan='{}' WHERE skill_id=?", (told.subject,))
        self._erase_outcomes("skill_id=?", (told.subject,))
        return self._erase_events("skill_id=?", told.subject)

    def _erase_told(self, told: Told) -> None:
        """Erase what an author says of a command; of an own word also what this home knows of it."""
        table, key = _TOLD[told.kind]
        self._db.execute(
            f"DELETE FROM told_{table} WHERE {key}=? AND (author=? OR (author='' AND ?))",  # noqa: S608
            (told.subject, told.author, int(told.own)),
        )
        if told.own:
            self._db.execute(f"DELETE FROM {table} WHERE {key}=?", (bytes.fromhex(told.subject),))  # noqa: S608

    def _erase_events(self, which: str, subject: str) -> set[int]:
        sql = f"SELECT seq, data FROM events WHERE {which}"  # noqa: S608
        done = set()
        for seq, text in self._db.all(Read(sql, tuple, (subject,))):
            kept = dict(_without_words(json.loads(text)))
            self._db.execute("UPDATE events SET data=? WHERE seq=?", (json.dumps({**kept, "purged": True}), seq))
            done.add(int(seq))
        return done


def _digest(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()


def _without_words(data: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for name, value in data.items():
        if name in _KEPT or isinstance(value, int | float) or value is None:
            yield name, value


def _sent(row: sqlite3.Row, me: str) -> Told:
    subject, incident = _about(row["kind"], row["body"], ())
    published, waiting = row["published"] != "", 0 if row["record_id"] else row["seq"]
    return Told(
        row["record_id"], row["kind"], me, subject, row["epoch"], row["link"], published, True, incident, waiting
    )


def _heard(row: sqlite3.Row) -> Told:
    subject, incident = _about(row["kind"], row["text"], ("body",))
    epoch, number = "", 0
    with suppress(ValueError, LookupError, TypeError):
        chain = json.loads(row["text"])["chain"]
        epoch, number = str(chain["epoch"]), int(chain["number"])
    return Told(row["record_id"], row["kind"], row["author"], subject, epoch, number, incident=incident)


def _about(kind: str, text: str, path: tuple[str, ...]) -> tuple[str, str]:
    """Return what a record tells of, and the incident that it names; "" for what it does not say."""
    try:
        body = json.loads(text)
        for name in path:
            body = body[name]
        subject = skill_from_json(body["skill"]).skill_id if kind == "skill" else body.get(SUBJECTS.get(kind, ""), "")
        return str(subject), str(body.get("incident_id", ""))
    except (ValueError, LookupError, TypeError, AttributeError):
        return "", ""
