"""Many agents fail at once on one missing folder: one makes it, the others find it made, the skill stays good."""

from __future__ import annotations

import json
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from tests.world import TIMEOUT_S, Agent, World


def heal_at_once(world: World, agents: list[Agent], number: int) -> tuple[list[int], list[dict[str, object]]]:
    """Let so many processes fail on one missing folder together; return exit codes and the outcomes in all homes."""
    place = world.root / "project"
    place.mkdir()
    (place / ".git").mkdir()
    running = [
        subprocess.Popen(
            agents[at % len(agents)].command("run", "--mode", "auto", "--", "stat", "logs"),
            cwd=place,
            env=agents[at % len(agents)].environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for at in range(number)
    ]
    codes = []
    for process in running:
        process.communicate(timeout=TIMEOUT_S * 3)
        codes.append(process.returncode)
    return codes, [row for agent in agents for row in journal(agent)]


def journal(agent: Agent) -> list[dict[str, object]]:
    return [json.loads(line) for line in (agent.home / "journal.jsonl").read_text().splitlines()]


def taught(agent: Agent, cwd: Path) -> None:
    error = "stat: cannot statx 'logs': No such file or directory"
    done = agent.call("learn", "--error", error, "--fix", "mkdir logs", "--command", "stat logs", cwd=cwd)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [6, pytest.param(30, marks=pytest.mark.long)])
@pytest.mark.parametrize("homes", [1, 2])
def test_one_heals_and_the_others_find_it_done(world: World, number: int, homes: int) -> None:
    agents = [world.agent(f"agent{at}") for at in range(homes)]
    for agent in agents:
        taught(agent, agent.work)
    codes, lines = heal_at_once(world, agents, number)
    assert codes == [0] * number
    assert [line for line in lines if line["kind"] == "skill.quarantined"] == []
    results = Counter(str(line["result"]) for line in lines if line["kind"] == "try.outcome")
    assert set(results) == {"verified"}
    own = [row for agent in agents for row in agent.ask("incidents", "list") if row["agent"] == agent.name]
    states = Counter(str(row["state"]) for row in own)
    assert set(states) == {"verified"}
