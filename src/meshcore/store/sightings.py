"""Each time that a fix was seen to help without the mesh applying it: the table `sightings`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from meshcore.store.database import Database
from meshcore.store.read import Read
from meshcore.store.rows import folder_of_text, folder_to_text

SightingKind = Literal["own", "past", "told"]
MOST_READ = 200


@dataclass(frozen=True, slots=True)
class Sighting:
    """A fix that helped: who came to it by themselves ("own", "past": in old sessions) or took it where "told".

    `session` is the key of an agent's session, "" where none is known; `project` "" where that is not known; `at` is
    when the command had failed, in seconds since 1970, 0 where that is not told.
    """

    kind: SightingKind
    project: str
    session: str = ""
    agent: str = ""
    at: float = 0.0


class Sightings:
    """The table `sightings`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, skill_id: str, seen: Sighting) -> bool:
        """Note a sighting; False where it was noted before."""
        values = (skill_id, seen.kind, folder_to_text(seen.project), seen.session, seen.agent, seen.at)
        with self._db.transaction():
            return self._db.execute("INSERT OR IGNORE INTO sightings VALUES (?,?,?,?,?,?)", values).rowcount == 1

    def of(self, skill_id: str) -> list[Sighting]:
        """Return the first sightings of a skill, in the order of their times."""
        sql = "SELECT kind, project, session, agent, at FROM sightings WHERE skill_id=? ORDER BY at, rowid LIMIT ?"
        return self._db.all(
            Read(
                sql,
                lambda row: Sighting(row[0], folder_of_text(row[1]), str(row[2]), str(row[3]), float(row[4])),
                (skill_id, MOST_READ),
            )
        )
