"""What fails again and again and nobody has solved: one question that all who show it ask."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshcore.store.habits import WALL
from meshcore.store.listed import Listed, Order, like
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


ORDERS: tuple[Order[Wall], ...] = (
    Order("cost", "f.number", lambda one: _number(one)),
    Order("sessions", "f.most", lambda one: one.sessions),
    Order("last", "f.until", lambda one: one.last),
)
"""What walls are ordered by: the costliest first, those of as many sessions or of one moment by their cost."""

_STANDING = f"SELECT *, {WALL} AS wall FROM habits WHERE sessions>0 AND expected<="  # noqa: S608
_COUNTS = "max(sessions) AS most, sum(runs) AS times, sum(seconds) AS cost"
_MET = "HAVING most>=2 OR times>=3"
_INCIDENT = """i.incident_id=(
  SELECT max(incident_id) FROM incidents
  WHERE f.incident<>x'' AND incident_id BETWEEN lower(hex(f.incident)) AND lower(hex(f.incident))||'g'
)"""
_ROOT = "coalesce((SELECT root FROM checkouts c WHERE c.project=f.project LIMIT 1), '')"


def unsolved(now: int) -> Listed[Wall]:
    """Return the list of what failed in two sessions or three runs, was not passed since and is not expected."""
    given = f"""
WITH found AS MATERIALIZED (
  SELECT *, printf('%015d', cost*1000)||wall AS number FROM (
    SELECT wall, count(*) AS commands, count(DISTINCT project) AS projects, {_COUNTS}, min(first) AS since,
      max(last) AS until, group_concat(agents, char(10)) AS who, max(CASE place WHEN 1 THEN text END) AS text,
      max(CASE place WHEN 1 THEN project END) AS project, max(CASE place WHEN 1 THEN exit_code END) AS exit_code,
      max(CASE place WHEN 1 THEN incident END) AS incident
    FROM (SELECT *, row_number() OVER (PARTITION BY wall ORDER BY seconds DESC, sessions DESC, last DESC) AS place
      FROM ({_STANDING}{int(now)}))
    GROUP BY wall {_MET}
  )
)
"""  # noqa: S608
    reading = f"""SELECT f.wall, f.text, {_ROOT}, f.exit_code, coalesce(i.incident_id, ''), coalesce(i.line, ''),
  f.commands, f.projects, f.most, f.times, f.cost, f.since, f.until, f.who
FROM found f LEFT JOIN incidents i ON {_INCIDENT}"""  # noqa: S608
    return Listed(
        reading=Read(reading, _wall),
        table=f"found f LEFT JOIN incidents i ON {_INCIDENT}",
        number="f.number",
        id="f.wall",
        state="''",
        id_of=lambda one: one.wall,
        number_of=_number,
        matches=like("f.text", "i.line", "f.who", _ROOT),
        orders=ORDERS,
        given=given,
    )


def walls(now: int, limit: int = MOST_WALLS) -> Read[Wall]:
    """Ask for the costliest of what is unsolved (a negative `limit`: for all of it)."""
    return unsolved(now).page(ORDERS[0], limit, descending=True)


def walls_sum(now: int) -> Read[tuple[int, int, float]]:
    """Ask how many walls there are in all, how many runs failed at them, and the seconds that these took."""
    standing = f"SELECT {_COUNTS} FROM ({_STANDING}?) GROUP BY wall {_MET}"  # noqa: S608
    sql = f"SELECT count(*), coalesce(sum(times), 0), coalesce(sum(cost), 0) FROM ({standing})"  # noqa: S608
    return Read(sql, lambda row: (int(row[0]), int(row[1]), float(row[2])), (now,))


def _number(one: Wall) -> str:
    """Return what tells walls of one place in an order apart, as `unsolved` makes it in SQL."""
    return f"{int(one.seconds * 1000):015d}{one.wall}"


def _wall(row: sqlite3.Row | tuple[Any, ...]) -> Wall:
    names = tuple(dict.fromkeys(filter(None, str(row[13] or "").split("\n"))))
    return Wall(
        str(row[0]), str(row[1]), str(row[2]), int(row[3]), str(row[4]), str(row[5]), int(row[6]), int(row[7]),
        int(row[8]), int(row[9]), float(row[10]), int(row[11]), int(row[12]), names,
    )  # fmt: skip


def incidents_at(incident_id: str, limit: int) -> Read[str]:
    """Ask for the ids of the incidents with the same error as one, the newest first."""
    sql = (
        "SELECT incident_id FROM incidents WHERE (error_type, template)="
        "(SELECT error_type, template FROM incidents WHERE incident_id=?) ORDER BY seq DESC LIMIT ?"
    )
    return Read(sql, lambda row: str(row[0]), (incident_id, limit))
