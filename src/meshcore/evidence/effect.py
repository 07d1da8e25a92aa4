"""What the mesh did for each kind of agent, from rows: failures seen, answered, taken, verified, and repeats avoided.

A kind is the `via` of an incident: `claude-code`, `codex`, `shell` … Only what a node met itself counts: of a store
what this node met, of a slice what the nodes met whose views it holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from meshcore.evidence.distribution import Distribution, distribution
from meshcore.evidence.slice.rows import Slice
from meshcore.model import Json
from meshcore.store.read import Read
from meshcore.store.snapshots import ANSWERED, TAKEN
from meshcore.store.store import Store


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


@dataclass(frozen=True, slots=True)
class Met:
    """`times` failures as effect needs them. `proven`: an outcome says that a skill verified them."""

    via: str
    green: bool
    again: bool
    seconds: float | None
    answered: bool
    taken: bool
    proven: bool
    times: int = 1


_PER_INCIDENT = f"""
SELECT via, state='verified' AS green, again, seconds, {ANSWERED} AS answered, {TAKEN} AS taken,
  EXISTS (SELECT 1 FROM outcomes o WHERE o.incident_id=i.incident_id AND o.result='verified') AS proven
FROM incidents i WHERE opened_monotonic IS NOT NULL
"""  # noqa: S608 - constants


def effect(store: Store) -> list[Effect]:
    """Return the figures per kind of agent, by name."""
    return per_kind(store.answers(met()))


def met() -> Read[Met]:
    """Return what this node met, as a question to a store."""
    return Read(_PER_INCIDENT, lambda row: Met(*row))


def met_by(agent: str) -> Read[Met]:
    """Return what this node met of one agent, as a question to a store."""
    return Read(f"{_PER_INCIDENT} AND agent=?", lambda row: Met(*row), (agent,))


def of_one(name: str, failures: Iterable[Met]) -> Effect:
    """Return the figures of failures that are all of one agent, under its name."""
    return _effect(name, list(failures))


def counted() -> Read[Met]:
    """Return the same as a few rows, however much was met: without the seconds."""
    alike = "via, green, again, NULL, answered, taken, proven"
    sql = f"SELECT {alike}, count(*) FROM ({_PER_INCIDENT}) GROUP BY {alike}"  # noqa: S608 - constants
    return Read(sql, lambda row: Met(*row))


def effect_of(found: Slice) -> list[Effect]:
    """Return the same figures from a slice."""
    proven = {outcome.incident_id for outcome in found.outcomes if outcome.result == "verified"}
    return per_kind(
        Met(
            row.via,
            row.state == "verified",
            row.again,
            row.seconds,
            row.answered,
            row.taken,
            row.incident_id in proven,
        )
        for row in found.incidents
        if row.own
    )


def per_kind(failures: Iterable[Met]) -> list[Effect]:
    """Return the figures of failures per kind of agent, by name."""
    kinds: dict[str, list[Met]] = {}
    for one in failures:
        kinds.setdefault(one.via, []).append(one)
    return [_effect(via, of) for via, of in sorted(kinds.items())]


def _effect(via: str, failures: list[Met]) -> Effect:
    answered = [one for one in failures if one.answered]
    taken = [one for one in answered if one.taken]
    verified = [one for one in taken if one.green and one.proven]
    green = [one.seconds for one in failures if one.green and one.seconds is not None]
    avoided = [one for one in verified if one.again]
    return Effect(
        via,
        seen=_times(failures),
        answered=_times(answered),
        taken=_times(taken),
        verified=_times(verified),
        avoided=_times(avoided),
        to_green=distribution(green),
    )


def _times(failures: Iterable[Met]) -> int:
    return sum(one.times for one in failures)
