"""What a project's commands did: the tables of projects and their checkouts, of habits and of corrections."""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from typing import Any

from meshcore.store.database import Database
from meshcore.store.read import Read

MAX_SESSIONS = 8  # whose marks a correction keeps
WITHDRAWN_AT = 2  # contradictions


@dataclass(frozen=True, slots=True)
class HabitRow:
    """A row of `habits`; times in seconds since 1970. What its columns mean is told in `knowledge.habits`."""

    kind: int
    exit_code: int
    sessions: int
    live: int
    recent: bytes
    runs: int
    seconds: float
    first: int
    last: int
    fingerprint: bytes
    passes: int
    failures: int
    expected: int
    cause: bytes
    ways: bytes
    text: str
    incident: bytes = b""
    agents: str = ""
    costs: bytes = b""


@dataclass(frozen=True, slots=True)
class CorrectionRow:
    """A row of `corrections`: see `knowledge.corrections`; `sessions` are marks of 4 bytes."""

    change: str
    sessions: bytes
    named: bool
    told: int
    confirmed: int
    contradicted: int
    failed: str
    passed: str
    last: int

    @property
    def seen(self) -> int:
        """Return in how many sessions it was seen."""
        return len(self.sessions) // 4

    @property
    def is_withdrawn(self) -> bool:
        """Tell whether it was contradicted too often for what else it has shown."""
        return self.contradicted >= WITHDRAWN_AT + self.confirmed // 4


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its number in this store, how often it was warned of wrongly, and whether the checkout is accepted.

    `asked`: of what a person was asked for this checkout (bits, see `hook.elsewhere`).
    """

    number: int
    wrong_warnings: int
    accepted: bool
    identity: str = ""
    asked: int = 0


def _project(row: sqlite3.Row | tuple[Any, ...]) -> Project:
    return Project(int(row[0]), int(row[1]), bool(row[2]), str(row[3]), int(row[4]))


class Projects:
    """The tables `projects` (an identity each) and `checkouts` (a folder that holds one)."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def at(self, root: str) -> Project | None:
        """Return the project of a checkout's folder, None where that was never met."""
        sql = (
            "SELECT project, wrong_warnings, accepted, identity, asked FROM checkouts"
            " JOIN projects ON project=number WHERE root=?"
        )
        return self._db.one(Read(sql, _project, (root,)))

    def add(self, root: str, identity: str) -> Project:
        """Note that a folder holds the project of this identity, and return it."""
        with self._db.transaction():
            self._db.execute("INSERT OR IGNORE INTO projects (identity) VALUES (?)", (identity,))
            self._db.execute(
                "INSERT INTO checkouts (root, project) SELECT ?, number FROM projects WHERE identity=?"
                " ON CONFLICT (root) DO UPDATE SET project=excluded.project, accepted=0, asked=0"
                " WHERE project<>excluded.project",
                (root, identity),
            )
        found = self.at(root)
        assert found is not None
        return found

    def accept(self, root: str, accepted: bool) -> None:
        """Note whether what others say of its project counts in a checkout."""
        with self._db.transaction():
            self._db.execute("UPDATE checkouts SET accepted=?, asked=0 WHERE root=?", (int(accepted), root))

    def note_asked(self, root: str, asked: int) -> None:
        """Note of what a person was asked for a checkout."""
        with self._db.transaction():
            self._db.execute("UPDATE checkouts SET asked=? WHERE root=?", (asked, root))

    def checkouts(self, identity: str = "") -> list[tuple[str, str, bool]]:
        """Return (root, identity, accepted) of the checkouts of a project, or of all."""
        sql = (
            "SELECT root, identity, accepted FROM checkouts JOIN projects ON project=number"
            " WHERE ?='' OR identity=? ORDER BY root"
        )
        return self._db.all(Read(sql, lambda row: (str(row[0]), str(row[1]), bool(row[2])), (identity, identity)))

    def identity(self, project: int) -> str:
        """Return what stands for a project on every machine, "" for one that is not known."""
        sql = "SELECT identity FROM projects WHERE number=?"
        return self._db.one(Read(sql, lambda row: str(row[0]), (project,))) or ""

    def note_wrong_warning(self, project: int) -> None:
        """Count a warning before a command that then passed."""
        with self._db.transaction():
            self._db.execute("UPDATE projects SET wrong_warnings=wrong_warnings+1 WHERE number=?", (project,))


_COLUMNS = (
    "kind, exit_code, sessions, live, recent, runs, seconds, first, last, fingerprint, passes, failures, expected,"
    " cause, ways, text, incident, agents, costs"
)


def _habit(row: sqlite3.Row | tuple[Any, ...]) -> HabitRow:
    return HabitRow(*row)


class Habits:
    """The table `habits`: a row for each command of a project that failed, also of those that passed since."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, project: int, command: bytes) -> HabitRow | None:
        """Return what is remembered of a command."""
        sql = f"SELECT {_COLUMNS} FROM habits WHERE project=? AND command=?"  # noqa: S608
        return self._db.one(Read(sql, _habit, (project, command)))

    def standing(self, project: int, since: int, limit: int) -> list[tuple[bytes, HabitRow]]:
        """Return what failed in two sessions or more, last after a time, and not passed since; the costliest first."""
        sql = (
            f"SELECT command, {_COLUMNS} FROM habits WHERE project=? AND sessions>1 AND last>=?"  # noqa: S608
            " ORDER BY seconds*runs DESC, sessions DESC, last DESC LIMIT ?"
        )
        return self._db.all(Read(sql, lambda row: (bytes(row[0]), HabitRow(*row[1:])), (project, since, limit)))

    def put(self, project: int, command: bytes, row: HabitRow) -> None:
        """Keep what is known of a command."""
        values = (
            project, command, row.kind, row.exit_code, row.sessions, row.live, row.recent, row.runs, row.seconds,
            row.first, row.last, row.fingerprint, row.passes, row.failures, row.expected, row.cause, row.ways,
            row.text, row.incident, row.agents, row.costs,
        )  # fmt: skip
        with self._db.transaction():
            marks = ",".join("?" * len(values))
            self._db.execute(f"INSERT OR REPLACE INTO habits VALUES ({marks})", values)  # noqa: S608

    def expect(self, wall: str, until: int) -> int:
        """Note that the commands of a wall are meant to fail until a time, 0 for no longer; return how many."""
        with self._db.transaction():
            sql = f"UPDATE habits SET expected=? WHERE sessions>0 AND {WALL}=?"  # noqa: S608
            return self._db.execute(sql, (until, wall)).rowcount

    def forget(self, before: int) -> int:
        """Forget the commands that neither failed nor passed since a time; return how many went."""
        with self._db.transaction():
            return self._db.execute("DELETE FROM habits WHERE last<?", (before,)).rowcount


WALL = "CASE WHEN length(ways)>=10 THEN lower(hex(substr(ways,-10,5))) ELSE lower(hex(command))||'-'||project END"
"""What stands for the wall that a habit's command met (SQL): its telling line, without one the command itself."""


_FIELDS = "change, sessions, named, told, confirmed, contradicted, failed, passed, last"


def _correction(row: sqlite3.Row | tuple[Any, ...]) -> CorrectionRow:
    return CorrectionRow(str(row[0]), bytes(row[1]), bool(row[2]), *row[3:9])


class Corrections:
    """The table `corrections`: by project and by what failed how, what was typed instead."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, project: int, way: bytes) -> list[CorrectionRow]:
        """Return what was typed instead after such a failure, the newest first."""
        sql = f"SELECT {_FIELDS} FROM corrections WHERE project=? AND way=? ORDER BY last DESC"  # noqa: S608
        return self._db.all(Read(sql, _correction, (project, way)))

    def see(
        self, project: int, way: bytes, change: str, *, session: bytes, named: bool, failed: str, passed: str, at: int
    ) -> CorrectionRow:
        """Note that a command was corrected so in a session, and return what is known of it now."""
        mark = hashlib.blake2b(change.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        sql = f"SELECT {_FIELDS} FROM corrections WHERE project=? AND way=? AND mark=?"  # noqa: S608
        with self._db.transaction():
            known = self._db.one(Read(sql, _correction, (project, way, mark)))
            sessions = known.sessions if known else b""
            if session not in [sessions[i : i + 4] for i in range(0, len(sessions), 4)]:
                sessions = (sessions + session)[-4 * MAX_SESSIONS :]
            row = CorrectionRow(
                change, sessions, named or (known is not None and known.named), known.told if known else 0,
                known.confirmed if known else 0, known.contradicted if known else 0, failed, passed, at,
            )  # fmt: skip
            values = (
                project, way, mark, row.change, row.sessions, row.named, row.told, row.confirmed, row.contradicted,
                row.failed, row.passed, row.last,
            )  # fmt: skip
            self._db.execute("INSERT OR REPLACE INTO corrections VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", values)
        return row

    def count(self, project: int, way: bytes, change: str, result: str) -> None:
        """Count what became of a correction: `told`, `confirmed` or `contradicted`."""
        assert result in ("told", "confirmed", "contradicted")
        mark = hashlib.blake2b(change.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        with self._db.transaction():
            self._db.execute(
                f"UPDATE corrections SET {result}={result}+1 WHERE project=? AND way=? AND mark=?",  # noqa: S608
                (project, way, mark),
            )

    def all(self, limit: int) -> list[tuple[int, bytes, CorrectionRow]]:
        """Return what is known, the newest first: (project, way, row)."""
        sql = f"SELECT {_FIELDS}, project, way FROM corrections ORDER BY last DESC LIMIT ?"  # noqa: S608
        return self._db.all(Read(sql, lambda row: (int(row[9]), bytes(row[10]), _correction(row[:9])), (limit,)))

    def forget(self, before: int) -> int:
        """Forget what was last seen before a time; return how much went."""
        with self._db.transaction():
            return self._db.execute("DELETE FROM corrections WHERE last<?", (before,)).rowcount
