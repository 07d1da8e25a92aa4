"""Figures from facts: nothing is claimed without its chain, nothing is averaged away."""

from __future__ import annotations

import random
import statistics
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.clock import from_text, to_text
from meshcore.errors import UsageError
from meshcore.evidence.distribution import Distribution, distribution
from meshcore.evidence.metrics import Facts, by, facts_of, figures
from meshcore.evidence.slice.gather import Slice, cut, gather_slice, origin
from meshcore.knowledge.interchange import put
from meshcore.model import AgentInfo, Circumstances, StepResult
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.testing import START, incident, known_skill, outcome

A, B = "a" * 64, "b" * 64
SKILL = known_skill(author=A, created=to_text(START))
FIX = StepResult(("pip", "install", "django"), 0, 1.5)
RERUN = StepResult(("python", "app.py"), 0, 0.2)


def gather(
    store: Store,
    labels: Mapping[str, str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Facts:
    """Return the facts of a store as node A sees them."""
    about = origin(A, "agent_a_test", "host1", "", START, labels)
    return facts_of(gather_slice(store, about, since=since, until=until))


def met(
    store: Store,
    number: int,
    *,
    again: bool,
    seconds: float | None = 2.0,
    node: str = A,
    agent: AgentInfo | None = None,
    rerun: StepResult | None = RERUN,
    remote: bool = False,
) -> str:
    """Let an incident happen, and be healed unless `seconds` is None; return its id."""
    opened = to_text(START + timedelta(minutes=number))
    found = incident(number, opened=opened, agent=agent or AgentInfo("agent_a_test", "shell", "host1"))
    store.incidents.open(found, node, remote=remote)
    result = "fix_failed" if seconds is None else "verified"
    tried = outcome(
        number,
        result=result,
        node=node,
        host=found.agent.host,
        agent=found.agent.name,
        seconds=seconds,
        steps=(FIX,),
        rerun=rerun if seconds is not None else StepResult(RERUN.argv, 3, 0.1),
    )
    store.outcomes.add(tried, own_operator=True)
    store.incidents.set_state(
        found.incident_id,
        "fix_failed" if seconds is None else "verified",
        skill_id=SKILL.skill_id,
        again=None if remote else again,
        seconds=seconds,
    )
    return found.incident_id


@pytest.fixture
def mesh(store: Store) -> Store:
    """A store that knows the skill and who taught it."""
    put(store, SKILL)
    store.authors.see(A, "agent_a_test", "host1", "operator", True, 1)
    return store


def test_every_repeat_avoided_is_a_line_with_its_whole_chain(mesh: Store) -> None:
    met(mesh, 1, again=False, seconds=90.0)
    second = met(mesh, 2, again=True)
    facts = gather(mesh)
    [claim] = facts.ledger
    assert (claim.incident_id, claim.skill_id) == (second, SKILL.skill_id)
    assert (claim.taught_by, claim.taught_at) == ("agent_a_test", to_text(START))
    assert (claim.fix, claim.rerun, claim.exit_code) == ("pip install django", "python app.py", 0)
    assert (claim.host, claim.seconds) == ("host1", 2.0)
    assert figures(facts).repeats_avoided == 1


@pytest.mark.parametrize("rerun", [None, StepResult(("python", "app.py"), 1, 0.1)])
def test_a_repeat_without_a_rerun_that_exited_0_is_not_claimed_but_counted(
    mesh: Store, rerun: StepResult | None
) -> None:
    number = met(mesh, 1, again=True, rerun=rerun)
    facts = gather(mesh)
    assert facts.ledger == ()
    assert [incident_id for incident_id, _ in facts.unproven] == [number]
    assert (figures(facts).repeats_avoided, figures(facts).unproven) == (0, 1)


def test_a_repeat_whose_skill_is_not_known_here_is_not_claimed(store: Store) -> None:
    met(store, 1, again=True)
    assert gather(store).unproven == ((f"{1:016x}", "its skill is not known here"),)


def test_a_skill_of_an_old_program_is_said_to_be_that(store: Store) -> None:
    put(store, replace(SKILL, author=""))
    met(store, 1, again=True)
    assert [claim.taught_by for claim in gather(store).ledger] == ["an old program"]


def test_times_to_green_are_told_apart_for_first_and_again(mesh: Store) -> None:
    met(mesh, 1, again=False, seconds=90.0)
    for number, seconds in enumerate((1.0, 2.0, 9.0), start=2):
        met(mesh, number, again=True, seconds=seconds)
    mesh.incidents.open(incident(9), A)
    found = figures(gather(mesh))
    assert (found.first.incidents, found.first.verified) == (2, 1)
    assert found.first.to_green == Distribution(1, 90.0, 90.0, 90.0, 90.0)
    assert found.again.to_green == Distribution(3, 2.0, 9.0, 1.0, 9.0)


def test_what_was_taught_only_after_the_failure_makes_no_repeat(mesh: Store) -> None:
    put(mesh, replace(SKILL, created=""))
    late = known_skill("late", author=A, created=to_text(START + timedelta(hours=1)))
    put(mesh, late)
    number = met(mesh, 1, again=True)
    with mesh.transaction():
        mesh.database.execute("UPDATE incidents SET skill_id=? WHERE incident_id=?", (late.skill_id, number))
    facts = gather(mesh)
    assert [fact.again for fact in facts.incidents] == [False]
    assert (facts.ledger, facts.unproven) == ((), ())


def test_a_fix_that_failed_is_listed_with_the_exit_code_that_says_so(mesh: Store) -> None:
    number = met(mesh, 1, again=True, seconds=None)
    facts = gather(mesh)
    [failed] = facts.failed
    assert (failed.incident_id, failed.fix, failed.exit_code) == (number, "pip install django", 3)
    assert figures(facts).again.to_green == Distribution(0)


def test_another_nodes_incident_is_a_repeat_where_the_skill_was_taught_elsewhere_or_verified_before(
    mesh: Store,
) -> None:
    mesh.authors.see(B, "agent_b_test", "host2", "operator", True, 1)
    there = AgentInfo("agent_b_test", "shell", "host2")
    met(mesh, 1, again=False, remote=True)
    met(mesh, 2, again=False, remote=True, node=B, agent=there)
    met(mesh, 3, again=False, remote=True)
    assert [fact.again for fact in gather(mesh).incidents] == [False, True, True]
    assert [claim.host for claim in gather(mesh).ledger] == ["host2", "host1"]


def test_approvals_that_wait_are_counted_with_the_oldest(mesh: Store) -> None:
    for number in (1, 2):
        mesh.incidents.open(incident(number), A)
        mesh.approvals.ask(
            Approval(
                approval_id=f"{number:016x}",
                incident_id=f"{number:016x}",
                skill_id=SKILL.skill_id,
                action_hash="0" * 64,
                command="pip install django",
                reasons=("a person decides",),
                asked=to_text(START + timedelta(minutes=number)),
                state="waiting",
            )
        )
    found = figures(gather(mesh))
    assert (found.approvals_waiting, found.oldest_approval) == (2, to_text(START + timedelta(minutes=1)))


def test_figures_are_grouped_by_agent_via_host_project_and_label(mesh: Store) -> None:
    met(mesh, 1, again=False, agent=AgentInfo("a", "shell", "host1"))
    met(mesh, 2, again=True, agent=AgentInfo("b", "claude-code", "host2"))
    met(mesh, 3, again=True, remote=True, node=B, agent=AgentInfo("c", "shell", "host2"))
    facts = gather(mesh, {"team": "payments"})
    assert {key: found.again.incidents for key, found in by(facts, "host").items()} == {"host1": 0, "host2": 2}
    assert {key: found.repeats_avoided for key, found in by(facts, "agent").items()} == {"a": 0, "b": 1, "c": 1}
    assert set(by(facts, "via")) == {"shell", "claude-code"}
    assert set(by(facts, "project")) == {"/srv/app"}
    assert {key: found.repeats_avoided for key, found in by(facts, "label:team").items()} == {"": 1, "payments": 1}


def test_outside_a_project_the_folder_is_no_project(store: Store) -> None:
    store.incidents.open(incident(1, circumstances=Circumstances(project="no")), A)
    assert set(by(gather(store), "project")) == {""}


def test_an_unknown_way_to_group_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="agent, via, host, project"):
        by(Facts(), "colour")


def test_the_groups_add_up_to_the_whole(mesh: Store) -> None:
    chance = random.Random(5)
    for number in range(1, 30):
        agent = AgentInfo(chance.choice("abc"), "shell", "host1")
        met(mesh, number, again=chance.random() < 0.5, seconds=chance.choice([None, 1.0, 4.0]), agent=agent)
    facts = gather(mesh)
    whole, parts = figures(facts), by(facts, "agent").values()
    for name in ("repeats_avoided", "unproven", "fixes_failed", "approvals_waiting"):
        assert sum(getattr(part, name) for part in parts) == getattr(whole, name), name
    assert sum(part.again.incidents for part in parts) == whole.again.incidents


def test_a_range_of_time_keeps_what_was_opened_in_it(mesh: Store) -> None:
    for number in (1, 2, 3):
        met(mesh, number, again=True)
    since, until = START + timedelta(minutes=2), START + timedelta(minutes=3)
    kept = gather(mesh, since=since, until=until)
    assert [from_text(fact.opened) for fact in kept.incidents] == [since]
    assert len(kept.ledger) == 1
    assert gather(mesh, since=START, until=START + timedelta(hours=1)) == gather(mesh)


def test_a_repeat_stays_a_repeat_where_the_first_lies_before_the_range(mesh: Store) -> None:
    for number in (1, 2):
        met(mesh, number, again=False, remote=True)
    [kept] = gather(mesh, since=START + timedelta(minutes=2)).incidents
    assert kept.again


def test_a_reversed_or_empty_range_is_refused() -> None:
    for until in (START, START - timedelta(hours=1)):
        with pytest.raises(UsageError, match="no time lies in it"):
            cut(Slice(), START, until)


def test_an_empty_mesh_has_figures_that_say_so(store: Store) -> None:
    found = figures(gather(store))
    assert (found.first.incidents, found.again.to_green, found.oldest_approval) == (0, Distribution(0), "")


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_a_distribution_names_values_that_were_measured(values: list[float]) -> None:
    found = distribution(values)
    assert found.n == len(values)
    assert found.median == statistics.median(values)
    assert found.p90 in values
    assert found.p90 is not None
    assert sum(value <= found.p90 for value in values) >= 0.9 * len(values)
    assert (found.min, found.max) == (min(values), max(values))
