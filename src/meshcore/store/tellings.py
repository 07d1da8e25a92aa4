"""What agents were told and what came of it, how long hooks took, and which payloads could not be read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.store.database import Database
from meshcore.store.known_marks import calls_in
from meshcore.store.read import Read

DAY = 86_400
TOLD_ALWAYS, TOLD, WITHHELD = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Followed:
    """Something told whose consequences are still looked at; see the table `tellings`."""

    seq: int
    kind: str
    command: bytes
    offered: str
    changed: bool
    result: str


class Tellings:
    """The tables `tellings`, `hook_calls` and `unread_payloads`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(
        self, kinds: Sequence[str], *, via: str, session: str, project: int, command: bytes, arm: int, offered: str
    ) -> None:
        """Note that something was told, or withheld; a row for each of its kinds."""
        at = int(self._db.clock.now().timestamp())
        sql = "INSERT INTO tellings (at, kind, via, session, project, command, arm, offered) VALUES (?,?,?,?,?,?,?,?)"
        with self._db.transaction():
            for kind in kinds:
                self._db.execute(sql, (at, kind, via, session, project, command, arm, offered))

    def followed(self, session: str) -> list[Followed]:
        """Return what a session was told lately."""
        sql = "SELECT seq, kind, command, offered, changed, result FROM tellings WHERE session=? AND age<6"
        return self._db.all(
            Read(
                sql,
                lambda row: Followed(row[0], str(row[1]), bytes(row[2]), str(row[3]), bool(row[4]), str(row[5])),
                (session,),
            )
        )

    def note(self, seq: int, *, again: bool, changed: bool, result: str) -> None:
        """Note what the next command of the session was to something told; after the last one its text is dropped."""
        sql = (
            "UPDATE tellings SET age=age+1, again=again+?, changed=?, result=?,"
            " offered=CASE WHEN age<5 THEN offered ELSE '' END WHERE seq=?"
        )
        with self._db.transaction():
            self._db.execute(sql, (again, changed, result, seq))

    def note_change(self, session: str) -> None:
        """Note that a session changed something outside of its commands."""
        with self._db.transaction():
            self._db.execute("UPDATE tellings SET changed=1 WHERE session=? AND age<6", (session,))

    def note_unread(self, via: str, version: str) -> None:
        """Count a payload that could not be read; `version` is that of the agent program, "" where it tells none."""
        day = int(self._db.clock.now().timestamp()) // DAY
        sql = "INSERT INTO unread_payloads VALUES (?,?,?,1) ON CONFLICT (day, via, version) DO UPDATE SET calls=calls+1"
        with self._db.transaction():
            self._db.execute(sql, (day, via, version))

    def unread(self, days: int) -> list[tuple[str, str, int]]:
        """Return of the last days by program and version how many payloads could not be read, the most first."""
        first = int(self._db.clock.now().timestamp()) // DAY - days + 1
        sql = "SELECT via, version, sum(calls) FROM unread_payloads WHERE day>=? GROUP BY 1,2 ORDER BY 3 DESC, 1, 2"
        return self._db.all(Read(sql, lambda row: (str(row[0]), str(row[1]), int(row[2])), (first,)))

    def fold_calls(self, state: Path, names: str = "hook.*") -> None:
        """Take in what hooks wrote beside the store of their calls, in files of such names."""
        for path in state.glob(names):
            try:
                if path.lstat().st_size:
                    self._fold(path)
            except OSError:
                continue  # a count of calls is worth no failure

    def _fold(self, path: Path) -> None:
        from collections import Counter  # most calls of a hook fold nothing

        via = path.name.removeprefix("hook.")
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            with self._db.transaction():
                seen = os.fstat(descriptor)
                data = os.pread(descriptor, seen.st_size, 0)
                os.ftruncate(descriptor, 0)  # first: rather a call too few than one counted twice
                os.utime(descriptor, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # which tells when a hook was called last
                for (day, root, ended, took), calls in Counter(calls_in(data)).items():
                    self._db.execute(
                        "INSERT INTO hook_calls VALUES (?,?,?,?,?,?)"
                        " ON CONFLICT (day, via, root, ended, took) DO UPDATE SET calls=calls+excluded.calls",
                        (day, via, root, ended, took, calls),
                    )
        finally:
            os.close(descriptor)

    def forget(self, before: int) -> int:
        """Forget what was told before a time; return how many rows went."""
        with self._db.transaction():
            self._db.execute("DELETE FROM hook_calls WHERE day<?", (before // DAY,))
            self._db.execute("DELETE FROM unread_payloads WHERE day<?", (before // DAY,))
            return self._db.execute("DELETE FROM tellings WHERE at<?", (before,)).rowcount
