"""One incident with everything that proves it, gathered from store and bridge: what the chain screen shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from meshcore.clock import from_text
from meshcore.errors import MeshError
from meshcore.events import Event
from meshcore.model import Incident, KnownSkill, Outcome
from meshcore.store import queries, views
from meshtui.feed import Feed

RECORDS = 20  # of one incident; more are not shown


@dataclass(frozen=True, slots=True)
class Told:
    """One record about the incident: to whom it went, and after how many seconds each had it.

    `receipts` are (node's name, status, seconds from publication).
    """

    kind: str
    published: str
    receipts: tuple[tuple[str, str, float], ...]


@dataclass(frozen=True, slots=True)
class Chain:
    """An incident from error to proof. `seconds` is to green, `own_seconds` the mesh's own part of it.

    `series` are the errors that its run met one after the other, where there are several, each with what answers it.
    `waits`: a fix of it waits on this home for what a person says. `rejected` is who rejected one, and can take that
    back; "" where nobody has, or something was done about it since.
    """

    incident: Incident
    skill: KnownSkill | None
    events: tuple[Event, ...]
    outcomes: tuple[Outcome, ...]
    seconds: float | None
    own_seconds: float | None
    told: tuple[Told, ...]
    series: tuple[tuple[Incident, KnownSkill | None], ...] = ()
    waits: bool = False
    rejected: str = ""


async def gather_chain(feed: Feed, incident_id: str) -> Chain | None:
    """Return an incident's chain, None where the store does not know it. Raises MeshError."""
    store = feed.store
    if store is None or (incident := await store.one(queries.incident(incident_id))) is None:
        return None
    events = await store.ask(queries.events_of(incident.incident_id))
    seconds, own = await store.one(views.seconds_of(incident.incident_id)) or (None, None)
    series = await store.ask(queries.series(incident.incident_id))
    skills = {one.skill_id: await store.one(queries.skill(one.skill_id)) for one in series if one.skill_id}
    rejected = await store.ask(views.approval_rejected(incident.incident_id)) if incident.state == "refused" else []
    records = await store.ask(views.records_about(incident.incident_id))
    return Chain(
        incident=incident,
        skill=skills.get(incident.skill_id),
        events=tuple(events),
        outcomes=tuple(await store.ask(queries.outcomes(incident_id=incident.incident_id))),
        seconds=seconds,
        own_seconds=own,
        told=await asyncio.to_thread(_told, feed, records[:RECORDS]),
        waits=bool(await store.ask(views.approval_awaited(incident.incident_id))),
        rejected=rejected[0].actor if rejected else "",
        series=tuple((one, skills.get(one.skill_id)) for one in series) if len(series) > 1 else (),
    )


def _told(feed: Feed, records: Sequence[tuple[str, str]]) -> tuple[Told, ...]:
    try:
        names = feed.bridge.names()
        return tuple(_told_of(feed, names, record_id, kind) for record_id, kind in records)
    except MeshError:
        return ()  # the header says what is wrong with the bridge


def _told_of(feed: Feed, names: dict[str, str], record_id: str, kind: str) -> Told:
    published = feed.bridge.published(record_id)
    receipts = [
        (names.get(r.node, r.node[:12]), r.status, (from_text(r.at) - from_text(published)).total_seconds())
        for r in feed.bridge.receipts(record_id)
        if published
    ]
    return Told(kind, published, tuple(sorted(receipts, key=lambda one: one[2])))
