"""How often a fix was seen to help without the mesh applying it, and what that is worth.

What an agent came to by itself is one sighting; what it did because it was told is half of one. The first must be
followed by one more, each from another project and another session than the first; and no number of them lets a name
in from the network.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import replace

from meshcore.clock import from_text
from meshcore.exchange.announce import announce_skill
from meshcore.healing.circumstances import project_root
from meshcore.healing.succeeding_command import succeeded
from meshcore.knowledge.acts import acts
from meshcore.knowledge.corrections import holds
from meshcore.model import Incident, KnownSkill
from meshcore.node import Node
from meshcore.policy.policy import brings_in
from meshcore.store.rows import CommandRow
from meshcore.store.sightings import Sighting

SESSION_SECONDS = 3600.0  # what one agent does within this time counts as one session, where it tells none
WEIGHTS = {"own": 1.0, "past": 1.0, "told": 0.5}
ENOUGH = 2.0
_SEEN_HERE = ("recognised", "imported")  # where skills come from that sightings may confirm


def note_sighting(node: Node, skill_id: str, seen: Sighting) -> bool:
    """Note that a fix was seen to help; True where it is confirmed by that, and the others are told."""
    store = node.store
    store.sightings.add(skill_id, seen)
    known = store.skills.find(skill_id)
    if known is None or not _may_be_confirmed(known) or not stands(store.sightings.of(skill_id)):
        return False
    reason = "second occurrence" if seen.kind == "own" else f"seen {len(store.sightings.of(skill_id))} times"
    store.skills.confirm(skill_id, reason)
    announce_skill(node, replace(known, confirmed=True, state="active"))
    return True


def _may_be_confirmed(known: KnownSkill) -> bool:
    if known.confirmed or not known.own_operator or known.source not in _SEEN_HERE or brings_in(known.skill.action):
        return False
    return known.state in ("unconfirmed", "active")


def stands(sightings: Sequence[Sighting]) -> bool:
    """Tell whether sightings, oldest first, confirm a fix: those that count weigh enough together."""
    rest = sorted((one for one in sightings if one.project), key=lambda one: -WEIGHTS[one.kind])
    if not rest:
        return False
    counted = [rest.pop(0)]
    for one in rest:
        if one.project != counted[0].project and all(_other_session(one, before) for before in counted):
            counted.append(one)
    return sum(WEIGHTS[one.kind] for one in counted) >= ENOUGH


def _other_session(one: Sighting, other: Sighting) -> bool:
    if one.session and other.session:
        return one.session != other.session
    return one.agent != other.agent or abs(one.at - other.at) >= SESSION_SECONDS


def note_told(
    node: Node, incident: Incident, fix: str, rows: Sequence[CommandRow], *, session: str, agent: str
) -> bool:
    """Note that an agent took a fix that it was told, and that the failed command then passed.

    `rows`: what the session ran, oldest first. Nothing is noted where something else than the fix may have helped.
    """
    at = max((i for i, row in enumerate(rows) if row.incident_id == incident.incident_id), default=-1)
    later = [row for row in rows[at + 1 :] if row.exit_code == 0 and row.argv != incident.argv] if at >= 0 else []
    did = [row for row in later if _acts(row)]
    if not did or not all(holds(_text(row), fix) and not _does_more(row, fix) for row in did):
        return False
    project = project_root(incident.cwd) or incident.cwd
    seen = Sighting("told", project, session, agent, from_text(incident.opened).timestamp())
    return note_sighting(node, incident.skill_id, seen)


def _text(row: CommandRow) -> str:
    return row.argv[2] if row.argv[:2] in (("sh", "-c"), ("bash", "-c")) and len(row.argv) > 2 else shlex.join(row.argv)


def _acts(row: CommandRow) -> bool:
    return any(acts(place.argv) for place in succeeded(row.argv, row.cwd, {})) or acts(row.argv)


def _does_more(row: CommandRow, fix: str) -> bool:
    """Tell whether a command did something that its fix does not name."""
    return any(acts(one.argv) and not holds(fix, shlex.join(one.argv)) for one in succeeded(row.argv, row.cwd, {}))
