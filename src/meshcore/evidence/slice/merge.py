"""Several views merged into one: what several nodes know of the same thing counts once, and what differs is said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from meshcore.evidence.slice.codec import to_json
from meshcore.evidence.slice.rows import Slice
from meshcore.model import canonical

T = TypeVar("T")

# What cannot change about a thing: where two views differ in it, one of them is wrong.
_INCIDENT = ("node", "opened", "agent", "host", "seconds")
_OUTCOME = ("incident_id", "skill_id", "result", "node", "seconds")  # others note the host that a node first named
_SKILL = ("fix",)
_AUTHOR = ("operator",)
_APPROVAL = ("incident_id", "command")


def merge(slices: Sequence[Slice]) -> Slice:
    """Return one slice of several; ranges and nodes may overlap.

    Of one thing the view of the node that it belongs to is kept, and of two of those the newer one. Where views differ
    in what cannot change (who, when, where, with what result), `contradictions` names both values.
    """
    parts = sorted(slices, key=_made_at)
    differing = [text for part in parts for text in part.contradictions]
    owned = [{origin.node for origin in part.origins} for part in parts]

    def by(
        rows: Callable[[Slice], Iterable[T]],
        key: Callable[[T], str],
        owner: Callable[[T], str],
        constant: Sequence[str] = (),
        word: str = "",
    ) -> tuple[T, ...]:
        kept: dict[str, tuple[bool, T]] = {}
        for part, nodes in zip(parts, owned, strict=True):
            for row in rows(part):
                own, before = owner(row) in nodes, kept.get(key(row))
                if before is not None:
                    differing.extend(_differences(word, key(row), before[1], row, constant))
                if before is None or own >= before[0]:
                    kept[key(row)] = (own, row)
        return tuple(row for _, row in kept.values())

    return Slice(
        origins=_once(part.origins for part in parts),
        incidents=by(lambda p: p.incidents, lambda r: r.incident_id, lambda r: r.node, _INCIDENT, "incident"),
        outcomes=by(lambda p: p.outcomes, lambda r: r.outcome_id, lambda r: r.node, _OUTCOME, "outcome"),
        skills=by(lambda p: p.skills, lambda r: r.skill_id, lambda r: r.author, _SKILL, "skill"),
        authors=by(lambda p: p.authors, lambda r: r.node, lambda r: r.node, _AUTHOR, "node"),
        agents=by(lambda p: p.agents, lambda r: f"{r.node} {r.name}", lambda r: r.node),
        approvals=by(lambda p: p.approvals, lambda r: r.approval_id, lambda r: r.node, _APPROVAL, "approval"),
        growth=_once(part.growth for part in parts),
        monitor=_once(part.monitor for part in parts),
        validation=_once(part.validation for part in parts),
        hooks=_once(part.hooks for part in parts),
        history=_once(part.history for part in parts),
        skipped=tuple(dict.fromkeys(text for part in parts for text in part.skipped)),
        contradictions=tuple(dict.fromkeys(differing)),
    )


def _made_at(part: Slice) -> str:
    return max((origin.made_at for origin in part.origins), default="")


def _differences(word: str, key: str, one: object, other: object, names: Sequence[str]) -> Iterable[str]:
    for name in names:
        a, b = getattr(one, name), getattr(other, name)
        if a != b and a not in ("", None) and b not in ("", None):
            yield f"{word} {key[:16]}: {name} is {str(a)[:80]!r} in one export and {str(b)[:80]!r} in another"


def _once(tables: Iterable[Sequence[T]]) -> tuple[T, ...]:
    """Return the rows of all tables, equal ones once, in the order in which they came."""
    return tuple({canonical(to_json(row)): row for table in tables for row in table}.values())
