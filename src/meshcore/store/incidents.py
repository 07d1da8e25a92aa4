"""What this node met and did: incidents, tries, outcomes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

from meshcore.model import Incident, IncidentState
from meshcore.store import open_folders
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.events import Events
from meshcore.store.incident_states import may_follow
from meshcore.store.read import Read, marks
from meshcore.store.rows import (
    folder_of_text,
    folder_to_text,
    incident_of_row,
    incident_to_row,
)

_WAITING_FOLDERS = "SELECT DISTINCT cwd FROM incidents WHERE state<>'verified' AND opened_monotonic IS NOT NULL"
_CLOSED = ("verified", "fix_failed", "refused")


class Incidents:
    """The table `incidents`."""

    def __init__(self, db: Database, events: Events) -> None:
        self._db = db
        self._events = events

    def open(
        self, incident: Incident, node: str, *, boot: str = "", monotonic: float | None = None, remote: bool = False
    ) -> bool:
        """Store an incident with its event; False where it is there already.

        `monotonic` (seconds, in the boot named `boot`) is when the command failed; None: now.
        """
        columns = incident_to_row(incident)
        failed_at = self._db.clock.monotonic() if monotonic is None else monotonic
        columns |= {"node": node, "boot": boot, "opened_monotonic": None if remote else failed_at}
        values = tuple(columns.values())
        with self._db.transaction():
            done = self._db.execute(
                f"INSERT INTO incidents ({','.join(columns)}) VALUES ({marks(values)})"  # noqa: S608
                " ON CONFLICT (incident_id) DO NOTHING",
                values,
            )
            if done.rowcount and not remote and open_folders.is_kept(str(self._db.path)):
                with suppress(OSError):  # a mark that cannot be made is no reason to forget the failure
                    open_folders.mark(str(self._db.path), incident.cwd)
            if done.rowcount:
                self._events.add(
                    "incident.opened",
                    incident_id=incident.incident_id,
                    agent=incident.agent.name,
                    data={
                        "error_type": incident.signature.error_type,
                        "line": incident.signature.line,
                        "command": list(incident.argv),
                        "via": incident.agent.via,
                        "host": incident.agent.host,
                        "remote": remote,
                    },
                )
        return done.rowcount == 1

    def set_state(
        self,
        incident_id: str,
        state: IncidentState,
        *,
        skill_id: str = "",
        again: bool | None = None,
        seconds: float | None = None,
        own_seconds: float | None = None,
    ) -> bool:
        """Move an incident on, with its event; a final state sets the closing time.

        Return False, and change nothing, where the state may not follow the one that it is in (see `incident_states`).
        """
        with self._db.transaction():
            before = self._db.one(reads.incident_state(incident_id))
            if before is not None and not may_follow(before, state):
                return False
            self._db.execute(
                "UPDATE incidents SET state=?, closed=?, skill_id=CASE ? WHEN '' THEN skill_id ELSE ? END,"
                " again=coalesce(?, again), seconds=coalesce(?, seconds), own_seconds=coalesce(?, own_seconds)"
                " WHERE incident_id=?",
                (
                    state,
                    self._db.now() if state in _CLOSED else "",
                    skill_id,
                    skill_id,
                    None if again is None else int(again),
                    seconds,
                    own_seconds,
                    incident_id,
                ),
            )
            self._events.add(
                "incident.state", incident_id=incident_id, skill_id=skill_id, data={"state": state, "seconds": seconds}
            )
        return True

    def find(self, reference: str) -> Incident | None:
        """Return the incident with this id or unambiguous beginning of it; `last` is the newest of this node."""
        return self._db.one(reads.incident(reference))

    def all(self, *, state: str = "", limit: int = 50) -> list[Incident]:
        """Return incidents, those that this node learnt of last first."""
        return self._db.all(reads.incidents(state, limit))

    def count_own(self) -> int:
        """Return how many incidents this node met itself."""
        sql = "SELECT count(*) FROM incidents WHERE opened_monotonic IS NOT NULL"
        return self._db.one(Read(sql, lambda row: int(row[0]))) or 0

    def times(self, incident_id: str) -> tuple[float | None, str, float | None, float | None]:
        """Return an incident's opening (monotonic seconds, boot id) and its seconds to green, whole and own."""
        sql = "SELECT opened_monotonic, boot, seconds, own_seconds FROM incidents WHERE incident_id=?"
        found = self._db.one(Read(sql, lambda row: (row[0], str(row[1]), row[2], row[3]), (incident_id,)))
        return found or (None, "", None, None)

    def node_of(self, incident_id: str) -> str:
        """Return the node that met an incident, empty where it is not known."""
        sql = "SELECT node FROM incidents WHERE incident_id=?"
        return self._db.one(Read(sql, lambda row: str(row[0]), (incident_id,))) or ""

    def name_node(self, node: str) -> None:
        """Name this node for what it met before it had a key: a hook makes none."""
        with self._db.transaction():
            self._db.execute("UPDATE incidents SET node=? WHERE node='' AND opened_monotonic IS NOT NULL", (node,))

    def seen_alike(self, incident: Incident, boot: str, seconds: float, newest: int = 20) -> list[str]:
        """Return the vias of those of this node's `newest` incidents that are this one, as others saw it lately.

        What has succeeded since is not this one.
        """
        sql = (
            "SELECT via FROM (SELECT * FROM incidents WHERE opened_monotonic IS NOT NULL ORDER BY seq DESC LIMIT ?)"
            " WHERE argv=? AND cwd=? AND excerpt=? AND boot=? AND opened_monotonic>? AND state<>'verified'"
        )
        since = self._db.clock.monotonic() - seconds
        row = incident_to_row(incident)
        found = (newest, row["argv"], row["cwd"], row["excerpt"], boot, since)
        return self._db.all(Read(sql, lambda row: str(row[0]), found))

    def waiting(self, argv: Sequence[str], cwd: str) -> list[Incident]:
        """Return this node's incidents of one command in one folder that only a success of it can settle."""
        sql = (
            "SELECT * FROM incidents WHERE state NOT IN ('verified', 'fixing')"
            " AND argv=? AND cwd=? AND opened_monotonic IS NOT NULL ORDER BY seq"
        )
        return self._db.all(Read(sql, incident_of_row, (json.dumps(list(argv)), folder_to_text(cwd))))

    def note_open_folders(self, cwd: str) -> None:
        """Bring the marks of `open_folders` up to date for a folder; for all where none are kept yet."""
        store = str(self._db.path)
        with suppress(OSError), self._db.transaction():  # in a transaction: nobody opens one in between
            if not open_folders.is_kept(store):
                for folder in self._db.all(Read(_WAITING_FOLDERS, lambda row: folder_of_text(row[0]))):
                    open_folders.mark(store, folder)
                open_folders.mark(store, cwd)
            if self._db.one(Read(f"{_WAITING_FOLDERS} AND cwd=?", lambda row: True, (folder_to_text(cwd),))) is None:
                open_folders.unmark(store, cwd)

    def series(self, incident_id: str) -> list[Incident]:
        """Return the errors that one run met, one after the other, this one among them; at most 40 before and after."""
        return self._db.all(reads.series(incident_id))

    def last_verified(self, argv: Sequence[str], cwd: str) -> Incident | None:
        """Return the newest incident of one command in one folder that a fix solved, None where there is none."""
        sql = (
            "SELECT * FROM incidents WHERE state='verified' AND skill_id<>'' AND argv=? AND cwd=?"
            " AND opened_monotonic IS NOT NULL ORDER BY seq DESC LIMIT 1"
        )
        return self._db.one(Read(sql, incident_of_row, (json.dumps(list(argv)), folder_to_text(cwd))))

    def seconds_to_green(self) -> dict[str, list[float]]:
        """Return this node's seconds from opening to verified, for `first` and `again`."""
        return reads.first_and_again(self._db.all(reads.seconds_to_green()))
