"""A rejection is taken back by who made it: what it refused is judged anew and waits, and both stay on record."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import taught

from meshcore.errors import MeshError, UsageError
from meshcore.healing.approvals import approve, reject
from meshcore.healing.replay import recorded_session, take_back
from meshcore.model import Decision
from meshcore.safety.halt import halt
from meshcore.store.approvals import TAKEN_BACK
from meshcore.store.rows import Approval


def rejected(desk: Desk, *, not_here: bool = False) -> Approval:
    """Let a fix wait for a person, and be rejected."""
    taught(desk.node)
    _, approval = desk.asked()
    assert reject(desk.node, approval.approval_id, not_here=not_here)
    return approval


def stored(desk: Desk, approval: Approval) -> Approval:
    found = desk.node.store.approvals.find(approval.approval_id)
    assert found is not None
    return found


@pytest.mark.parametrize("not_here", [False, True])
def test_what_was_rejected_waits_again_under_an_id_of_its_own_and_both_are_kept(desk: Desk, not_here: bool) -> None:
    before = rejected(desk, not_here=not_here)
    again = take_back(desk.node, before.approval_id)
    assert desk.node.store.approvals.all() == [stored(desk, again)]
    assert again.approval_id != before.approval_id and again.runs == before.runs
    assert again.reasons[0] == "it was rejected, and that was taken back"
    was = stored(desk, before)
    assert (was.state, was.actor, was.result) == ("rejected", "a", TAKEN_BACK)
    incident = desk.node.store.incidents.find(before.incident_id)
    assert incident is not None and incident.state == "needs_approval"
    [told] = [event for event in desk.node.store.events.after(0) if event.kind == "approval.taken_back"]
    assert told.data == {"approval": before.approval_id, "again": again.approval_id, "actor": "a"}
    assert desk.node.store.refusals.in_project(str(desk.folder)) == {}


def test_nothing_runs_by_taking_back_and_a_yes_then_runs_it(desk: Desk) -> None:
    again = take_back(desk.node, rejected(desk).approval_id)
    assert desk.fix.executor.executed == []
    incident = desk.node.store.incidents.find(again.incident_id)
    assert incident is not None
    session = recorded_session(desk.node, incident)
    session.take(again)
    assert approve(desk.node, again.approval_id, claim=True)
    session.heal()
    assert session.verified


def test_who_said_no_once_is_asked_even_where_it_would_run_by_now(desk: Desk) -> None:
    before = rejected(desk)
    desk.fix.policy.decision = "run"
    assert take_back(desk.node, before.approval_id).state == "waiting"
    assert desk.fix.executor.executed == []


@pytest.mark.parametrize("decision", ["hint", "refuse"])
def test_what_the_judges_would_not_let_wait_now_stays_rejected(desk: Desk, decision: Decision) -> None:
    before = rejected(desk, not_here=True)
    desk.fix.policy.decision = decision
    with pytest.raises(UsageError, match=f"would not wait for you now: the test says {decision}"):
        take_back(desk.node, before.approval_id)
    assert desk.node.store.approvals.all() == []
    assert stored(desk, before).result == ""
    assert desk.node.store.refusals.in_project(str(desk.folder)) == {before.skill_id: "a"}
    incident = desk.node.store.incidents.find(before.incident_id)
    assert incident is not None and incident.state == "refused"


def test_while_all_is_halted_it_is_not_taken_back(desk: Desk) -> None:
    before = rejected(desk)
    halt(desk.node.settings.operator, "a drill")
    with pytest.raises(UsageError, match="halted: a drill"):
        take_back(desk.node, before.approval_id)


def test_it_is_taken_back_once(desk: Desk) -> None:
    before = rejected(desk)
    take_back(desk.node, before.approval_id)
    with pytest.raises(UsageError, match="taken back already"):
        take_back(desk.node, before.approval_id)
    assert len(desk.node.store.approvals.all()) == 1


def test_the_second_no_can_be_taken_back_too(desk: Desk) -> None:
    again = take_back(desk.node, rejected(desk).approval_id)
    assert reject(desk.node, again.approval_id)
    third = take_back(desk.node, again.approval_id)
    assert [one.state for one in desk.node.store.approvals.all(waiting_only=False)] == ["rejected"] * 2 + ["waiting"]
    assert third.state == "waiting"


def test_another_agent_of_the_home_does_not_take_it_back(desk: Desk) -> None:
    taught(desk.node)
    _, approval = desk.asked()
    desk.node.store.approvals.resolve(approval.approval_id, "rejected", "somebody@else")
    with pytest.raises(UsageError, match="somebody@else rejected it"):
        take_back(desk.node, approval.approval_id)


def test_what_own_nodes_rejected_from_afar_is_taken_back_here(desk: Desk) -> None:
    taught(desk.node)
    _, approval = desk.asked()
    desk.node.store.approvals.resolve(approval.approval_id, "rejected", "b", afar=True)
    assert take_back(desk.node, approval.approval_id).state == "waiting"


@pytest.mark.parametrize("state", ["waiting", "approved"])
def test_only_a_rejection_is_taken_back(desk: Desk, state: str) -> None:
    taught(desk.node)
    _, approval = desk.asked()
    if state == "approved":
        assert approve(desk.node, approval.approval_id)
    with pytest.raises(UsageError, match=f"it is {state}, not rejected"):
        take_back(desk.node, approval.approval_id)


def test_what_was_solved_since_has_nothing_to_take_back(desk: Desk) -> None:
    before = rejected(desk)
    desk.node.store.incidents.set_state(before.incident_id, "verified")
    with pytest.raises(UsageError, match="verified already"):
        take_back(desk.node, before.approval_id)


def test_a_skill_put_away_since_is_not_offered_by_taking_back(desk: Desk) -> None:
    before = rejected(desk)
    desk.node.store.skills.set_state(before.skill_id, "quarantined", "me")
    with pytest.raises(MeshError, match="not the fix for this any more"):
        take_back(desk.node, before.approval_id)


def test_what_shared_the_answer_waits_with_it(desk: Desk) -> None:
    taught(desk.node)
    first, approval = desk.asked()
    second = desk.incident(argv=(*first.argv, "--all"))
    recorded_session(desk.node, second).consider("auto")
    assert reject(desk.node, approval.approval_id)
    assert desk.stored(second).state == "refused"
    again = take_back(desk.node, approval.approval_id)
    assert desk.stored(first).state == desk.stored(second).state == "needs_approval"
    assert reject(desk.node, again.approval_id)
    assert desk.stored(second).state == "refused"


def test_own_nodes_are_told_that_it_waits_again(desk: Desk) -> None:
    other = desk.mesh.node("b", host="host2")
    desk.mesh.meet()
    before = rejected(desk)
    desk.mesh.meet()
    assert other.store.inbox.waiting() == []
    again = take_back(desk.node, before.approval_id)
    desk.mesh.meet()
    assert [one.approval_id for one in other.store.inbox.waiting()] == [again.approval_id]


def test_a_folder_that_is_gone_is_said(desk: Desk, tmp_path: Path) -> None:
    before = rejected(desk)
    desk.folder.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="the folder of the incident is gone"):
        take_back(desk.node, before.approval_id)
    assert stored(desk, before).result == ""
