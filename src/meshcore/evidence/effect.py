"""What the mesh did for each kind of agent, from rows: failures seen, answered, taken, verified, and repeats avoided.

A kind is the `via` of an incident: `claude-code`, `codex`, `shell` … Only what this node met counts.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from meshcore.evidence.metrics import Distribution, distribution
from meshcore.model import Json
from meshcore.store import Store
from meshcore.store_reads import Read


@dataclass(frozen=True, slots=True)
class Effect:
    """One kind of agent. Each count is part of the one before it, `avoided` of `verified`.

    `seen`: failures. `answered`: a known fix was named, or used. `taken`: the fix was run, by the agent or the mesh.
    `verified`: after that the failed command succeeded. `avoided`: of these the fix was known before the failure.
    `to_green` are seconds from failure to success, of all failures that became green, however.
    """

    via: str
    seen: int
    answered: int
    taken: int
    verified: int
    avoided: int
    to_green: Distribution

    def to_json(self) -> Mapping[str, Json]:
        """Return the figures as a record holds them."""
        names = ("via", "seen", "answered", "taken", "verified", "avoided")
        return {**{name: getattr(self, name) for name in names}, "to_green": self.to_green.to_json()}


_PER_INCIDENT = """
SELECT via, state='verified' AS green, again, seconds,
  EXISTS (SELECT 1 FROM events e WHERE e.incident_id=i.incident_id AND e.incident_id<>''
          AND e.kind IN ('hook.answered', 'try.decided')) AS answered,
  EXISTS (SELECT 1 FROM events e WHERE e.incident_id=i.incident_id AND e.incident_id<>''
          AND e.kind IN ('hook.taken', 'try.intent')) AS taken,
  EXISTS (SELECT 1 FROM outcomes o WHERE o.incident_id=i.incident_id AND o.result='verified') AS proven
FROM incidents i WHERE opened_monotonic IS NOT NULL
"""


def effect(store: Store) -> list[Effect]:
    """Return the figures per kind of agent, by name."""
    kinds: dict[str, list[sqlite3.Row]] = {}
    for row in store.answers(Read(_PER_INCIDENT, lambda row: row)):
        kinds.setdefault(str(row["via"]), []).append(row)
    return [_effect(via, rows) for via, rows in sorted(kinds.items())]


def _effect(via: str, rows: list[sqlite3.Row]) -> Effect:
    answered = [row for row in rows if row["answered"]]
    taken = [row for row in answered if row["taken"]]
    verified = [row for row in taken if row["green"] and row["proven"]]
    green = [float(row["seconds"]) for row in rows if row["green"] and row["seconds"] is not None]
    avoided = sum(bool(row["again"]) for row in verified)
    return Effect(via, len(rows), len(answered), len(taken), len(verified), avoided, distribution(green))
