"""Long lists of a store, a page at a time from either end, in the orders that an index serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from meshcore.store import views
from meshcore.store.read import Parameter, Read, marks
from meshcore.store.views import IncidentBrief, SkillBrief

T = TypeVar("T")
Key = tuple[str | int | float, int | str]
"""Where a row stands in an order: what is compared, then the row's own number."""


@dataclass(frozen=True, slots=True)
class Order(Generic[T]):
    """One order: its name, what is compared in SQL, as its index has it, and the same of a row that was read.

    `descending` is the way round that is shown first.
    """

    name: str
    sql: str
    of: Callable[[T], str | int | float]
    descending: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """What is looked for: a text in any case, or one of these states."""

    text: str = ""
    states: tuple[str, ...] = ()


EVERYTHING = Found()


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """One list: how its rows are read, what counts them, what a text is looked for in, and its orders.

    `number` is the column of each row's own number, `id` that of its id, `state` that of its state. `matches` are
    conditions with one parameter each, the pattern. The first of `orders` is the usual one. `given` stands before each
    question: what the list is made of, where that is no table.
    """

    reading: Read[T]
    table: str
    number: str
    id: str
    state: str
    id_of: Callable[[T], str]
    number_of: Callable[[T], int | str]
    matches: tuple[str, ...]
    orders: tuple[Order[T], ...]
    given: str = ""

    def key(self, order: Order[T], row: T) -> Key:
        """Return where a row stands in an order."""
        return order.of(row), self.number_of(row)

    def page(
        self,
        order: Order[T],
        limit: int,
        *,
        descending: bool,
        beyond: Key | None = None,
        backwards: bool = False,
        found: Found = EVERYTHING,
    ) -> Read[T]:
        """Ask for the rows next to `beyond` (None: the first), or before it, the nearest first, with `backwards`."""
        sign, way = ("<", "DESC") if descending != backwards else (">", "ASC")
        both = tuple(dict.fromkeys((order.sql, self.number)))
        conditions, sought = self._condition(found)

        def rows(by: Sequence[str], *where: str) -> str:
            given = f" WHERE {' AND '.join([*where, *conditions])}" if where or conditions else ""
            return f"{self.reading.sql}{given} ORDER BY {', '.join(f'{name} {way}' for name in by)} LIMIT ?"

        if beyond is None:
            return Read(self.given + rows(both), self.reading.row, (*sought, limit))
        value, number = beyond
        after = rows(both, f"{order.sql} {sign} ?")
        if order.sql == self.number:
            return Read(self.given + after, self.reading.row, (number, *sought, limit))
        # One condition for both would be searched for by the value alone: all the rows that share it would be read.
        alike = rows([self.number], f"{order.sql} = ?", f"{self.number} {sign} ?")
        sql = f"{self.given}SELECT * FROM ({alike}) UNION ALL SELECT * FROM ({after}) LIMIT ?"  # noqa: S608
        return Read(sql, self.reading.row, (value, number, *sought, limit, value, *sought, limit, limit))

    def those(self, ids: Sequence[str], found: Found = EVERYTHING) -> Read[T]:
        """Ask for these rows, as far as they are what is looked for."""
        conditions, parameters = self._condition(found)
        where = " AND ".join([f"{self.id} IN ({marks(ids)})", *conditions])
        return Read(f"{self.given}{self.reading.sql} WHERE {where}", self.reading.row, (*ids, *parameters))

    def count(self, found: Found = EVERYTHING) -> Read[int]:
        """Ask how many rows there are."""
        conditions, parameters = self._condition(found)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        sql = f"{self.given}SELECT count(*) FROM {self.table}{where}"  # noqa: S608
        return Read(sql, lambda row: int(row[0]), parameters)

    def _condition(self, found: Found) -> tuple[list[str], list[Parameter]]:
        if not found.text:
            return [], []
        escaped = "".join(f"\\{char}" if char in "%_\\" else char for char in found.text)
        parts, parameters = list(self.matches), [f"%{escaped}%"] * len(self.matches)
        if found.states:
            parts.append(f"{self.state} IN ({marks(found.states)})")
        return [f"({' OR '.join(parts)})"], [*parameters, *found.states]


def like(*columns: str) -> tuple[str, ...]:
    """Return the conditions of a list in whose columns a text is looked for."""
    return tuple(f"{column} LIKE ? ESCAPE '\\'" for column in columns)


TIME = "time UTC"
NOT_GREEN = -1.0  # stands before every number of seconds

INCIDENTS: Listed[IncidentBrief] = Listed(
    reading=views.INCIDENT_BRIEFS,
    table="incidents i",
    number="i.seq",
    id="i.incident_id",
    state="i.state",
    id_of=lambda brief: brief.incident_id,
    number_of=lambda brief: brief.seq,
    matches=(
        *like("i.line", "i.error_type", "i.agent", "i.opened"),
        "i.skill_id IN (SELECT skill_id FROM skills WHERE json_extract(body, '$.action') LIKE ? ESCAPE '\\')",
    ),
    orders=(
        Order("", "i.seq", lambda brief: brief.seq),
        Order(TIME, "i.opened", lambda brief: brief.opened),
        Order("state", "i.state", lambda brief: brief.state, descending=False),
        Order("agent", "i.agent", lambda brief: brief.agent, descending=False),
        Order(
            "green", "coalesce(i.seconds, -1.0)", lambda brief: NOT_GREEN if brief.seconds is None else brief.seconds
        ),
    ),
)

_VERIFIED = "coalesce(CASE WHEN json_valid(s.evidence) THEN json_extract(s.evidence, '$.verified') END, 0)"

SKILLS: Listed[SkillBrief] = Listed(
    reading=views.SKILL_BRIEFS,
    table="skills s LEFT JOIN authors a ON a.node = s.author",
    number="s.label",
    id="s.skill_id",
    state="s.state",
    id_of=lambda brief: brief.skill_id,
    number_of=lambda brief: brief.label,
    matches=like(
        "json_extract(s.body, '$.example_line')",
        "json_extract(s.body, '$.error_type')",
        "json_extract(s.body, '$.action')",
        "a.name",
        "'#' || s.label",
        "s.last_used",
    ),
    orders=(
        Order("#", "s.label", lambda brief: brief.label, descending=False),
        Order("state", "s.state", lambda brief: brief.state, descending=False),
        Order("verified", _VERIFIED, lambda brief: brief.verified),
        Order("last used", "s.last_used", lambda brief: brief.last_used),
    ),
)
