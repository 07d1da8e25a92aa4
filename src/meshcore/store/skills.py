"""What this node knows: skills, and the keys under which matching finds them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

from meshcore.errors import ConfigurationError
from meshcore.model import KnownSkill, SkillState, canonical
from meshcore.safety.model_json import skill_to_json
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.read import Read, marks
from meshcore.store.rows import evidence_to_json, skill_of_row

PAGE = 200  # skills that are read at once


class Skills:
    """The tables `skills`, `skill_keys` and `skill_shapes`."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def put(self, known: KnownSkill, bucket: str, shape: str, keys: Sequence[str]) -> KnownSkill:
        """Store a skill, or replace what is known about it; return it with its label. Its keys are replaced.

        A skill keeps the label and the time that it was first stored with; a label that another has is not given twice.
        """
        skill_id = known.skill.skill_id
        with self._db.transaction():
            old = self._db.execute(
                "SELECT label, bucket, shape, created, last_good FROM skills WHERE skill_id=?", (skill_id,)
            ).fetchone()
            if old:
                self._drop_keys(skill_id, old["bucket"], old["shape"])
                last = max(known.last_good, old["last_good"])
                known = replace(known, label=old["label"], created=old["created"])
            else:
                created = known.created or self._db.now()
                last = known.last_good or created
                known = replace(known, label=self._free_label(known.label), created=created)
            known = replace(known, last_good=min(last, self._db.now()))  # a clock that ran ahead makes nothing younger
            self._db.execute(
                "INSERT INTO skills (skill_id, label, body, state, source, author, own_operator, confirmed, created,"
                " evidence, bucket, shape, action_key, last_good) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
                " ON CONFLICT (skill_id) DO UPDATE SET"
                " body=excluded.body, state=excluded.state, source=excluded.source, author=excluded.author,"
                " own_operator=excluded.own_operator, confirmed=excluded.confirmed, evidence=excluded.evidence,"
                " bucket=excluded.bucket, shape=excluded.shape, last_good=excluded.last_good,"
                " action_key=CASE excluded.action_key WHEN '' THEN action_key ELSE excluded.action_key END",
                (
                    skill_id,
                    known.label,
                    canonical(skill_to_json(known.skill)),
                    known.state,
                    known.source,
                    known.author,
                    int(known.own_operator),
                    int(known.confirmed),
                    known.created,
                    canonical(evidence_to_json(known.evidence)),
                    bucket,
                    shape,
                    known.action_key,
                    known.last_good,
                ),
            )
            for key in keys:
                self._db.execute("INSERT OR IGNORE INTO skill_keys VALUES (?,?)", (key, skill_id))
            self._db.execute(
                "INSERT INTO skill_shapes VALUES (?,?,1) ON CONFLICT (bucket, shape) DO UPDATE SET n=n+1",
                (bucket, shape),
            )
        return known

    def carry_over(self, skill_id: str, now: str) -> None:
        """Let what was counted and ruled of a skill hold for what it is called now."""
        columns = "used, last_used, learnt_by, confirmed_by, said_worked, said_failed"
        copies = (
            ("standing_approvals", "action_hash, folder, at, actor"),
            ("refusals", "folder, at, actor"),
            ("sightings", "kind, project, session, agent, at"),
            ("lifts", "node, author_seq"),
        )
        with self._db.transaction():
            self._db.execute(
                f"UPDATE skills SET ({columns}) = (SELECT {columns} FROM skills WHERE skill_id=?) WHERE skill_id=?",  # noqa: S608
                (skill_id, now),
            )
            for table, rest in copies:
                self._db.execute(
                    f"INSERT OR IGNORE INTO {table} (skill_id, {rest}) SELECT ?, {rest} FROM {table} WHERE skill_id=?",  # noqa: S608
                    (now, skill_id),
                )
            self._db.execute("UPDATE bad_actions SET skill_id=? WHERE skill_id=?", (now, skill_id))
            self._db.execute("UPDATE approvals SET skill_id=? WHERE skill_id=? AND state='waiting'", (now, skill_id))

    def give_up_label(self, skill_id: str) -> int:
        """Give a skill the next free label; return the one that it had, which another may have now."""
        with self._db.transaction():
            had = self._db.execute("SELECT label FROM skills WHERE skill_id=?", (skill_id,)).fetchone()
            self._db.execute("UPDATE skills SET label=? WHERE skill_id=?", (self._free_label(0), skill_id))
        return int(had[0]) if had else 0

    def _free_label(self, wanted: int) -> int:
        if wanted > 0 and not self._db.execute("SELECT 1 FROM skills WHERE label=?", (wanted,)).fetchone():
            return wanted
        return int(self._db.execute("SELECT coalesce(max(label), 0) + 1 FROM skills").fetchone()[0])

    def _drop_keys(self, skill_id: str, bucket: str, shape: str) -> None:
        self._db.execute("DELETE FROM skill_keys WHERE skill_id=?", (skill_id,))
        self._db.execute("UPDATE skill_shapes SET n=n-1 WHERE bucket=? AND shape=?", (bucket, shape))
        self._db.execute("DELETE FROM skill_shapes WHERE bucket=? AND shape=? AND n<=0", (bucket, shape))

    def find(self, reference: str) -> KnownSkill | None:
        """Return the skill with this id beginning of an id (6 or more digits), or label."""
        return self._db.one(reads.skill(reference))

    def all(self, *, states: Sequence[SkillState] = (), limit: int = -1) -> list[KnownSkill]:
        """Return skills by label; all states where none is named."""
        return self._db.all(reads.skills(states, limit))

    def each(self, *, states: Sequence[SkillState] = ()) -> Iterator[KnownSkill]:
        """Yield the same, a page at a time: a large home is never held as a whole."""
        page = self._db.all(reads.skills(states, PAGE))
        while page:
            yield from page
            page = self._db.all(reads.skills(states, PAGE, page[-1].label))

    def ids(self) -> list[str]:
        """Return the ids of all skills by label, those of damaged rows too."""
        return self._db.all(Read("SELECT skill_id FROM skills ORDER BY label", lambda row: str(row[0])))

    def readable(self, skill_ids: Iterable[str]) -> Iterator[KnownSkill]:
        """Yield the skills of these ids; a damaged row is passed over, and told to who asks for it."""
        for skill_id in skill_ids:
            with contextlib.suppress(ConfigurationError):
                if (known := self.find(skill_id)) is not None:
                    yield known

    def recognised_here(self) -> list[str]:
        """Return the ids of what nodes of this operator recognised as fixes, forgotten ones left out."""
        sql = "SELECT skill_id FROM skills WHERE source='recognised' AND own_operator=1 AND state<>'forgotten'"
        return self._db.all(Read(f"{sql} ORDER BY label", lambda row: str(row[0])))

    def count(self) -> int:
        """Return how many different skills are known, forgotten ones left out."""
        return self._db.one(reads.count_skills()) or 0

    def shapes(self, bucket: str) -> list[str]:
        """Return the shapes of the skills in a bucket (see `knowledge.matching`)."""
        return self._db.all(Read("SELECT shape FROM skill_shapes WHERE bucket=?", lambda row: str(row[0]), (bucket,)))

    def neighbours(self, skill_id: str, limit: int) -> list[KnownSkill]:
        """Return skills that share a lookup key with one, itself among them: those that differ in one slot at most."""
        sql = (
            "SELECT * FROM skills WHERE skill_id IN (SELECT k.skill_id FROM skill_keys k"
            " JOIN skill_keys own USING (key) WHERE own.skill_id=?) ORDER BY label LIMIT ?"
        )
        return self._db.all(Read(sql, skill_of_row, (skill_id, limit)))

    def lack_action_keys(self) -> bool:
        """Tell whether there is a skill of which it was not yet noted what its action is."""
        return bool(self._db.all(Read("SELECT 1 FROM skills WHERE action_key='' LIMIT 1", bool)))

    def without_action_key(self) -> list[str]:
        """Return the ids of the skills of which it was not yet noted what their action is."""
        return self._db.all(Read("SELECT skill_id FROM skills WHERE action_key=''", lambda row: str(row[0])))

    def note_action_key(self, skill_id: str, action_key: str) -> None:
        """Note what a skill's action is, however it is spelled."""
        with self._db.transaction():
            self._db.execute("UPDATE skills SET action_key=? WHERE skill_id=?", (action_key, skill_id))

    def same_fix(self, skill_id: str) -> list[KnownSkill]:
        """Return the skills that answer the same error with the same action, one among them, however it is spelled."""
        sql = (
            "SELECT s.* FROM skills own JOIN skills s ON s.skill_id=own.skill_id"
            " OR (s.bucket=own.bucket AND s.action_key=own.action_key AND own.action_key<>'')"
            " WHERE own.skill_id=? ORDER BY s.label"
        )
        return self._db.all(Read(sql, skill_of_row, (skill_id,)))

    def now(self) -> str:
        """Return the time, by which what is old counts less."""
        return self._db.now()

    def lookup(self, keys: Sequence[str], limit: int) -> list[KnownSkill]:
        """Return at most `limit` different skills stored under any of the keys, those of the first keys first."""
        found: dict[str, None] = {}
        with self._db.faults():
            for key in keys:
                if len(found) >= limit:
                    break
                rows = self._db.execute("SELECT skill_id FROM skill_keys WHERE key=? LIMIT ?", (key, limit))
                found |= dict.fromkeys(row[0] for row in rows)
        ids = list(found)[:limit]
        if not ids:
            return []
        sql = f"SELECT * FROM skills WHERE skill_id IN ({marks(ids)})"  # noqa: S608
        by_id = {known.skill_id: known for known in self._db.all(Read(sql, skill_of_row, ids))}
        return [by_id[skill_id] for skill_id in ids if skill_id in by_id]

    def set_state(self, skill_id: str, state: SkillState, actor: str, reason: str = "") -> None:
        """Change what may be done with a skill, with its event."""
        with self._db.transaction(durable=True):
            self._db.execute("UPDATE skills SET state=? WHERE skill_id=?", (state, skill_id))
            if state in ("quarantined", "forgotten"):
                self._db.execute("DELETE FROM words WHERE kind='confirm' AND key=?", (skill_id,))
            self._events.add("skill.state", skill_id=skill_id, data={"state": state, "actor": actor, "reason": reason})

    def confirm(self, skill_id: str, actor: str) -> None:
        """Note that a person, or a second occurrence, stands behind a skill."""
        with self._db.transaction(durable=True):
            self._db.execute(
                "UPDATE skills SET confirmed=1, confirmed_by=?, last_good=?,"
                " state=CASE state WHEN 'unconfirmed' THEN 'active' ELSE state END WHERE skill_id=?",
                (actor, self._db.now(), skill_id),
            )
            self._events.add("skill.confirmed", skill_id=skill_id, data={"actor": actor})

    def note_use(self, skill_id: str) -> None:
        """Count a use of a skill."""
        with self._db.transaction():
            self._db.execute("UPDATE skills SET used=used+1, last_used=? WHERE skill_id=?", (self._db.now(), skill_id))

    def uses(self) -> dict[str, int]:
        """Return how often each skill was used here; those never used are left out."""
        return dict(self._db.all(reads.uses()))

    def learnt_by(self, skill_id: str) -> str:
        """Return the agent of this node whose commands showed a skill, "" where none of them did."""
        found = Read("SELECT learnt_by FROM skills WHERE skill_id=?", lambda row: str(row[0]), (skill_id,))
        return self._db.one(found) or ""

    def confirmed_by(self, skill_id: str) -> str:
        """Return who, or what, confirmed a skill last, "" where nobody did or that is not known."""
        found = Read("SELECT confirmed_by FROM skills WHERE skill_id=?", lambda row: str(row[0]), (skill_id,))
        return self._db.one(found) or ""

    def note_learnt_by(self, skill_id: str, agent: str) -> None:
        """Note the agent whose commands showed a skill first."""
        with self._db.transaction():
            self._db.execute("UPDATE skills SET learnt_by=? WHERE skill_id=?", (agent, skill_id))

    def said(self, skill_id: str) -> dict[str, int]:
        """Return how often models said that a skill `worked`, and that it `failed`; it enters no figure."""
        sql = "SELECT said_worked AS worked, said_failed AS failed FROM skills WHERE skill_id=?"
        return self._db.one(Read(sql, dict, (skill_id,))) or {"worked": 0, "failed": 0}

    def note_said(self, skill_id: str, outcome: Literal["worked", "failed"]) -> None:
        """Count what a model said of a skill."""
        column = "said_worked" if outcome == "worked" else "said_failed"
        with self._db.transaction():
            self._db.execute(f"UPDATE skills SET {column}={column}+1 WHERE skill_id=?", (skill_id,))  # noqa: S608
