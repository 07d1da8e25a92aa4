"""A figure is the same wherever it stands: header, status, Prometheus, agents and report, on generated meshes.

Failures and what is verified are of all that is known; times to green are of what this node met.
"""

from __future__ import annotations

import asyncio
import random
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from textual.message import Message

from meshcore.config import Settings, load
from meshcore.control.needs_you import asked_of
from meshcore.evidence.effect import effect
from meshcore.evidence.metrics import facts_of, figures
from meshcore.evidence.of_agents import agents_known, effect_on, fails_at
from meshcore.evidence.slice.gather import gather_slice, origin
from meshcore.knowledge.interchange import put
from meshcore.model import AgentInfo, IncidentState
from meshcore.node import Node
from meshcore.service.prometheus import exposition
from meshcore.store.store import Store
from meshcore.testing import incident, known_skill, outcome
from meshtui.cli import mesh
from meshtui.feed import Feed
from meshtui.messages import SnapshotTaken

MESHES = 12
STATES: tuple[IncidentState, ...] = ("open", "verified", "fix_failed")


@pytest.mark.parametrize("seed", range(MESHES))
def test_every_place_says_the_same(seed: int, tmp_path: Path) -> None:
    settings = load(home=str(tmp_path / "home"), bridge=str(tmp_path / "bridge.db"), environment={})
    settings = replace(settings, operator=tmp_path / "operator")
    with Node(settings) as node:
        generate(node.store, random.Random(seed))
        told = {
            "status": from_status(node),
            "Prometheus": from_prometheus(node),
            "report": from_report(node),
            "agents": from_agents(node),
            "each agent": from_each_agent(node),
        }
    told["header"] = asyncio.run(from_header(settings))
    for name in ("failures", "verified", "met here", "skills", "first", "again", "waiting"):
        said = {place: found[name] for place, found in told.items() if name in found}
        assert len(said) > 1
        assert len(set(said.values())) == 1, (name, said)


def generate(store: Store, chance: random.Random) -> None:
    """Put failures of this node and of others, tries and skills into a store, as chance has it."""
    for number in range(chance.randrange(1, 8)):
        put(store, known_skill(f"module{number}"))
    for number in range(1, chance.randrange(2, 40)):
        state, remote, again = chance.choice(STATES), chance.random() < 0.4, chance.random() < 0.5
        node = "b" * 64 if remote else "a" * 64
        who = AgentInfo(f"agent{number % 3}", chance.choice(("shell", "codex")), "host2" if remote else "host1")
        made = incident(number, f"module{number % 9}", agent=who, again=again)
        store.incidents.open(made, node, remote=remote)
        if state == "open":
            continue
        result = cast(Any, state)
        done = outcome(number, incident_id=made.incident_id, result=result, node=node, seconds=chance.random() * 20)
        store.outcomes.add(done, own_operator=True)
        seconds = done.seconds if state == "verified" else None
        store.incidents.set_state(made.incident_id, state, skill_id=done.skill_id, seconds=seconds)


def from_status(node: Node) -> dict[str, object]:
    found = mesh.figures(node, asked_of(node))
    green = cast(Any, found["to_green"])
    return {
        "failures": found["handled"],
        "verified": found["verified"],
        "skills": found["skills"],
        "waiting": found["needs_you"],
        **{name: (green[name]["n"], green[name]["median_seconds"]) for name in ("first", "again")},
    }


def from_prometheus(node: Node) -> dict[str, object]:
    text = exposition(node)
    states = {state: int(n) for state, n in re.findall(r'meshtui_incidents\{state="(\w+)"\} (\d+)', text)}
    skills = {state: int(n) for state, n in re.findall(r'meshtui_skills\{state="(\w+)"\} (\d+)', text)}
    return {
        "failures": sum(states.values()),
        "verified": states.get("verified", 0),
        "skills": sum(n for state, n in skills.items() if state != "forgotten"),
        "waiting": int(re.findall(r"meshtui_approvals_waiting (\d+)", text)[0]),
    }


def from_agents(node: Node) -> dict[str, object]:
    return {"met here": sum(kind.seen for kind in effect(node.store))}


def from_each_agent(node: Node) -> dict[str, object]:
    known = node.store.answers(agents_known())
    errors = [error for one in known for error in node.store.answers(fails_at(one.name, 1000))]
    assert sum(error.times for error in errors) == sum(one.failures for one in known)
    assert sum(error.verified for error in errors) == sum(one.verified for one in known)
    return {
        "failures": sum(one.failures for one in known),
        "verified": sum(one.verified for one in known),
        "met here": sum(effect_on(node.store, one.name).seen for one in known),
    }


def from_report(node: Node) -> dict[str, object]:
    about = origin(node.identity.node.public, node.name, node.settings.host, "", datetime.now(UTC))
    facts = facts_of(gather_slice(node.store, about))
    known, own = figures(facts), figures(replace(facts, incidents=tuple(one for one in facts.incidents if one.own)))
    return {
        "failures": known.first.incidents + known.again.incidents,
        "verified": known.first.verified + known.again.verified,
        "met here": own.first.incidents + own.again.incidents,
        "first": (own.first.to_green.n, own.first.to_green.median),
        "again": (own.again.to_green.n, own.again.to_green.median),
        "waiting": own.approvals_waiting,
    }


async def from_header(settings: Settings) -> dict[str, object]:
    taken = asyncio.Event()

    def post(message: Message) -> None:
        if isinstance(message, SnapshotTaken):
            taken.set()

    feed = Feed(settings, post)
    running = asyncio.create_task(feed.run())
    await taken.wait()
    shown = feed.snapshot
    feed.stop()
    await running
    return {
        "failures": shown.handled,
        "verified": shown.verified,
        "skills": shown.skills,
        "first": (shown.first.n, shown.first.median),
        "again": (shown.again.n, shown.again.median),
        "waiting": shown.needs_you.count,
    }
