"""What evidence asks of a store: whole tables at once, all of one moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from meshcore.model import Json
from meshcore.store import queries as reads
from meshcore.store.database import Database
from meshcore.store.read import Read
from meshcore.store.rows import MetIncident, met_of_row, outcome_body_of_row

ANSWERED, TAKEN = (
    "EXISTS (SELECT 1 FROM events e WHERE e.incident_id=i.incident_id AND e.incident_id<>''"  # noqa: S608 - constants
    f" AND e.kind IN ('{hook}', '{loop}'))"
    for hook, loop in (("hook.answered", "try.decided"), ("hook.taken", "try.intent"))
)
"""Of an incident `i`: whether a known fix was named or used, and whether it was run, by the agent or the mesh."""

_MET = f"""
SELECT incident_id, node, opened, agent, via, host, argv, exit_code, error_type, line, state, skill_id, again,
  seconds, own_seconds, opened_monotonic IS NOT NULL,
  CASE json_extract(circumstances, '$.project') WHEN 'yes' THEN cwd ELSE '' END, {ANSWERED}, {TAKEN}
FROM incidents i ORDER BY seq
"""  # noqa: S608 - constants


class Snapshots:
    """The tables `incidents`, `outcomes` and `events`, read whole, in the order in which this node learnt of things."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @contextmanager
    def one_moment(self) -> Iterator[None]:
        """Let every read of a block see the store as it is now; nothing may be written meanwhile by this connection."""
        with self._db.faults():
            self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")

    def met_incidents(self) -> list[MetIncident]:
        """Return every incident as evidence needs it."""
        return self._db.all(Read(_MET, met_of_row))

    def outcomes(self) -> list[Mapping[str, Json]]:
        """Return every outcome in its JSON form (see `store_rows.outcome_to_json`)."""
        return self._db.all(Read("SELECT body FROM outcomes ORDER BY seq", outcome_body_of_row))

    def told_at(self) -> dict[str, str]:
        """Return when the author of a skill said what this node heard of it last, by skill id."""
        sql = (
            "SELECT skill_id, r.created FROM skills JOIN sayings USING (skill_id, author)"
            " JOIN records r USING (author, author_seq) WHERE r.status<>'rejected'"
        )
        return dict(self._db.all(Read(sql, lambda row: (str(row[0]), str(row[1])))))

    def figures(self) -> dict[str, int]:
        """Return counts: incidents by state, skills by state, approvals waiting, outbox, records rejected."""
        return dict(self._db.all(reads.figures()))
