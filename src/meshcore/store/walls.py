"""What fails again and again and nobody has solved: one question that all who show it ask."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshcore.store.habits import WALL
from meshcore.store.read import Read

MOST_WALLS = 200


@dataclass(frozen=True, slots=True)
class Wall:
    """What fails again and again and has not passed since, in one way: where, how often, and what it has cost.

    `command`, `root`, `exit_code`, `incident_id` and `line` are of the command that cost most, the last two "" where
    its newest incident is no longer kept. `sessions` are those of the command that failed in most: where there are
    more `commands`, it is at least that many. `seconds` sum up the failed runs; `first` and `last` are seconds since
    1970.
    """

    wall: str
    command: str
    root: str
    exit_code: int
    incident_id: str
    line: str
    commands: int
    projects: int
    sessions: int
    runs: int
    seconds: float
    first: int
    last: int
    agents: tuple[str, ...]

    @property
    def cost(self) -> str:
        """Return what the failed runs took, in at most two words."""
        return in_words(self.seconds)

    @property
    def in_sessions(self) -> str:
        """Return in how many sessions it failed, as far as that is known."""
        return f"{self.sessions}+" if self.commands > 1 else str(self.sessions)

    @property
    def where(self) -> str:
        """Return the project's folder, or how many projects there are."""
        return f"{self.projects} projects" if self.projects > 1 else Path(self.root).name

    @property
    def what(self) -> str:
        """Return the command that cost most, and how many more there are."""
        return f"{self.command}{_more(self.commands)}"

    @property
    def places(self) -> str:
        """Return the folder of that command's project, and how many more projects there are."""
        return f"{self.root}{_more(self.projects)}"


def in_words(seconds: float) -> str:
    """Return what failed runs took, in at most two words."""
    if seconds < 1:
        return "-" if seconds <= 0 else "< 1 s"
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _more(count: int) -> str:
    return f"  (and {count - 1} more)" if count > 1 else ""


ORDERS: Mapping[str, tuple[str, ...]] = {
    "cost": ("cost", "most", "until"),
    "sessions": ("most", "cost", "until"),
    "last": ("until", "cost", "most"),
}
"""What walls can be ordered by, and what is compared for it."""


def walls(now: int, limit: int = MOST_WALLS, *, by: str = "cost", descending: bool = True) -> Read[Wall]:
    """Ask what failed in two sessions or three runs, was not passed since and is not expected, the costliest first.

    `by` is one of `ORDERS`; without `descending` the least comes first.
    """
    way = "DESC" if descending else "ASC"
    inner, outer = (", ".join(f"{place}{name} {way}" for name in ORDERS[by]) for place in ("", "f."))
    sql = f"""
WITH standing AS (SELECT *, {WALL} AS wall FROM habits WHERE sessions>0 AND expected<=?),
found AS (
  SELECT wall, count(*) AS commands, count(DISTINCT project) AS projects, max(sessions) AS most, sum(runs) AS times,
    sum(seconds) AS cost, min(first) AS since, max(last) AS until, group_concat(agents, char(10)) AS who
  FROM standing GROUP BY wall HAVING most>=2 OR times>=3 ORDER BY {inner} LIMIT ?
),
dearest AS (
  SELECT *, row_number() OVER (PARTITION BY wall ORDER BY seconds DESC, sessions DESC, last DESC) AS place
  FROM standing WHERE wall IN (SELECT wall FROM found)
)
SELECT f.wall, d.text, coalesce((SELECT root FROM checkouts c WHERE c.project=d.project LIMIT 1), ''), d.exit_code,
  coalesce(i.incident_id, ''), coalesce(i.line, ''), f.commands, f.projects, f.most, f.times, f.cost, f.since, f.until,
  f.who
FROM found f JOIN dearest d ON d.wall=f.wall AND d.place=1
LEFT JOIN incidents i ON i.incident_id=(
  SELECT max(incident_id) FROM incidents
  WHERE d.incident<>x'' AND incident_id BETWEEN lower(hex(d.incident)) AND lower(hex(d.incident))||'g'
)
ORDER BY {outer}
"""  # noqa: S608

    def wall(row: sqlite3.Row | tuple[Any, ...]) -> Wall:
        names = tuple(dict.fromkeys(filter(None, str(row[13] or "").split("\n"))))
        return Wall(
            str(row[0]), str(row[1]), str(row[2]), int(row[3]), str(row[4]), str(row[5]), int(row[6]), int(row[7]),
            int(row[8]), int(row[9]), float(row[10]), int(row[11]), int(row[12]), names,
        )  # fmt: skip

    return Read(sql, wall, (now, limit))


def walls_count(now: int) -> Read[int]:
    """Ask how many walls there are in all."""
    sql = f"""
SELECT count(*) FROM (
  SELECT max(sessions) AS most, sum(runs) AS times FROM habits WHERE sessions>0 AND expected<=?
  GROUP BY {WALL} HAVING most>=2 OR times>=3
)
"""  # noqa: S608
    return Read(sql, lambda row: int(row[0]), (now,))


def incidents_at(incident_id: str, limit: int) -> Read[str]:
    """Ask for the ids of the incidents with the same error as one, the newest first."""
    sql = (
        "SELECT incident_id FROM incidents WHERE (error_type, template)="
        "(SELECT error_type, template FROM incidents WHERE incident_id=?) ORDER BY seq DESC LIMIT ?"
    )
    return Read(sql, lambda row: str(row[0]), (incident_id, limit))
