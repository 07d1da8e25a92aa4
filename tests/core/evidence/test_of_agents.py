"""Each agent's errors, what it was told, and its last sign of life, from rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from meshcore.evidence.digest import digest
from meshcore.evidence.of_agents import agents_known, effect_on, fails_at, fixes_told
from meshcore.knowledge.interchange import put
from meshcore.model import AgentInfo, Incident, IncidentState
from meshcore.store.store import Store
from meshcore.testing import FakeClock, incident, known_skill

CODEX, CI = AgentInfo("codex@dev1", "codex", "dev1"), AgentInfo("ci@build2", "ci", "build2")


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    with closing(Store(tmp_path / "store.db", clock)) as store:
        yield store


class Told:
    """Failures of agents, some of them told a fix."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.count = 0
        self.skill = put(store, known_skill("django")).skill_id

    def fail(self, agent: AgentInfo, name: str, *, remote: bool = False) -> Incident:
        self.count += 1
        made = incident(self.count, name, agent=agent, opened=self.store.now())
        line = f"ModuleNotFoundError: No module named '{name}'"
        made = replace(made, signature=replace(made.signature, line=line))
        if not remote:
            self.store.agents.see(agent.name, agent.via, agent.host)
        self.store.incidents.open(made, ("b" if remote else "a") * 64, remote=remote)
        return made

    def tell(self, made: Incident, *, taken: bool, state: IncidentState) -> None:
        data = {"via": made.agent.via, "command": "pip install django"}
        for kind in ("hook.answered", *(("hook.taken",) if taken else ())):
            self.store.events.add(
                kind,
                incident_id=made.incident_id, skill_id=self.skill, agent=made.agent.name, data=data,
            )  # fmt: skip
        self.store.incidents.set_state(made.incident_id, state, skill_id=self.skill)


@pytest.fixture
def told(store: Store) -> Told:
    return Told(store)


def test_agents_are_listed_by_their_last_sign_of_life_those_of_other_nodes_too(told: Told, clock: FakeClock) -> None:
    told.fail(CI, "django", remote=True)
    clock.advance(60)
    first = told.store.now()
    for name in ("django", "lxml"):
        told.fail(CODEX, name)
    clock.advance(60)
    told.store.agents.see("quiet@dev1", "shell", "dev1")
    quiet, codex, ci = told.store.answers(agents_known())
    assert (quiet.name, quiet.failures, quiet.own) == ("quiet@dev1", 0, True)
    assert (codex.name, codex.via, codex.failures, codex.last) == ("codex@dev1", "codex", 2, first)
    assert (ci.name, ci.host, ci.failures, ci.own) == ("ci@build2", "build2", 1, False)


def test_what_an_agent_fails_at_is_one_line_for_each_wording_the_most_frequent_first(told: Told) -> None:
    for name in ("django", "lxml", "lxml"):
        made = told.fail(CODEX, name)
    told.store.incidents.set_state(made.incident_id, "verified")
    told.fail(CI, "numpy", remote=True)
    [error] = told.store.answers(fails_at(CODEX.name))
    assert (error.times, error.verified, error.lines, error.incident_id) == (3, 1, 2, made.incident_id)
    assert error.line.endswith("'lxml'")
    assert told.store.answers(fails_at("nobody")) == []


@pytest.mark.parametrize(
    ("taken", "state", "result"),
    [
        (True, "verified", "right"),
        (True, "fix_failed", "wrong"),
        (False, "matched", "ignored"),
        (False, "verified", "ignored"),
        (True, "applied_not_rerun", ""),
    ],
)
def test_what_came_of_a_fix_is_what_the_digest_says(told: Told, taken: bool, state: IncidentState, result: str) -> None:
    made = told.fail(CODEX, "django")
    told.tell(made, taken=taken, state=state)
    told.tell(told.fail(CI, "django"), taken=False, state="matched")
    [one] = told.store.answers(fixes_told(CODEX.name))
    assert (one.command, one.result, one.incident_id) == ("pip install django", result, made.incident_id)
    shown = digest(told.store).kinds["fix"]
    assert shown.told == 2 and shown.ignored == 1 + (result == "ignored")
    assert (shown.right, shown.wrong) == (result == "right", result == "wrong")


def test_the_newest_fixes_are_named_first_and_no_more_than_asked(told: Told, clock: FakeClock) -> None:
    made = []
    for _ in range(5):
        clock.advance(60)
        made.append(told.fail(CODEX, "django"))
        told.tell(made[-1], taken=False, state="matched")
    assert [one.incident_id for one in told.store.answers(fixes_told(CODEX.name, 2))] == [
        made[4].incident_id,
        made[3].incident_id,
    ]


def test_the_effect_on_an_agent_is_of_what_this_node_met(told: Told) -> None:
    told.tell(told.fail(CODEX, "django"), taken=True, state="verified")
    told.fail(CODEX, "lxml")
    told.fail(CI, "django", remote=True)
    found = effect_on(told.store, CODEX.name)
    assert (found.via, found.seen, found.answered, found.taken) == (CODEX.name, 2, 1, 1)
    assert effect_on(told.store, CI.name).seen == 0
