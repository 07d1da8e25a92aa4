"""What a person decides: one answer to each question, carried out once, whoever looks."""

from __future__ import annotations

import os
import shlex

import pytest
from tests.core.healing.desk import ARGV, Desk
from tests.core.healing.small_mesh import FIX, Fix, again, taught

from meshcore.control import decisions
from meshcore.errors import MeshError, UsageError
from meshcore.healing import approvals
from meshcore.healing import replay as recorded
from meshcore.healing.outcomes import recover
from meshcore.healing.replay import carry_out_claimed
from meshcore.model import SkillState
from meshcore.safety.halt import halt_file
from meshcore.store.rows import Approval
from meshcore.trust.ceilings import mode_here
from meshcore.trust.halting import halted
from meshcore.trust.modes import MODE, VIA


@pytest.fixture
def desk(desk: Desk) -> Desk:
    taught(desk.node)
    return desk


def asked(desk: Desk) -> Approval:
    return desk.asked()[1]


def now(desk: Desk, approval: Approval) -> Approval:
    found = desk.node.store.approvals.find(approval.approval_id)
    assert found is not None
    return found


def kinds(desk: Desk) -> list[str]:
    return [event.kind for event in desk.node.store.events.after(0)]


# --- approvals --------------------------------------------------------------------------------------------------------


def test_approving_writes_a_row_and_executes_nothing(desk: Desk) -> None:
    approval = asked(desk)
    assert approvals.approve(desk.node, approval.approval_id)
    assert (now(desk, approval).state, now(desk, approval).result) == ("approved", "")
    assert desk.fix.executor.executed == []


def test_what_is_settled_is_not_settled_again(desk: Desk) -> None:
    approval = asked(desk)
    assert approvals.reject(desk.node, approval.approval_id)
    assert not approvals.approve(desk.node, approval.approval_id)
    assert not approvals.reject(desk.node, approval.approval_id)
    assert now(desk, approval).state == "rejected"


def test_an_approval_that_does_not_exist_is_a_usage_error(desk: Desk) -> None:
    with pytest.raises(UsageError, match="no approval"):
        approvals.approve(desk.node, "feedbeef")


def test_an_approval_of_an_incident_that_is_gone_says_so_and_still_waits(desk: Desk) -> None:
    approval = asked(desk)
    desk.node.store.database.execute("DELETE FROM incidents")
    with pytest.raises(UsageError, match="reject the approval"):
        approvals.approve(desk.node, approval.approval_id)
    assert now(desk, approval).state == "waiting"


def test_what_is_approved_is_claimed_once_and_carried_out(desk: Desk) -> None:
    approval = asked(desk)
    assert approvals.claim_approved(desk.node) is None
    approvals.approve(desk.node, approval.approval_id)
    claimed = approvals.claim_approved(desk.node)
    assert claimed is not None
    assert approvals.claim_approved(desk.node) is None
    carry_out_claimed(desk.node, claimed)
    assert now(desk, approval).result == "verified"
    assert desk.fix.executor.executed == [tuple(FIX.split())]
    assert "approval.carried" in kinds(desk)


def test_only_the_approval_that_was_named_is_claimed(desk: Desk) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id)
    assert approvals.claim_approved(desk.node, "000000000000") is None
    assert approvals.claim_approved(desk.node, approval.approval_id) is not None


def test_what_its_approver_carries_out_at_once_is_not_for_anybody_else(desk: Desk) -> None:
    approval = asked(desk)
    assert approvals.approve(desk.node, approval.approval_id, claim=True)
    assert approvals.claim_approved(desk.node) is None


def test_what_cannot_be_carried_out_is_refused_once_and_says_why(desk: Desk) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id)
    desk.node.store.skills.set_state(approval.skill_id, "quarantined", "me")
    claimed = approvals.claim_approved(desk.node)
    assert claimed is not None
    with pytest.raises(MeshError):
        carry_out_claimed(desk.node, claimed)
    assert now(desk, approval).result == "refused"
    assert approvals.claim_approved(desk.node) is None
    assert desk.fix.executor.executed == []


def test_eight_processes_that_claim_at_once_carry_it_out_once(desk: Desk) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id)
    read, write = os.pipe()
    children = []
    for _ in range(8):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with type(desk.node)(desk.node.settings) as node:
                    os.read(read, 1)
                    code = 0 if approvals.claim_approved(node) is not None else 2
            finally:
                os._exit(code)
        children.append(child)
    os.write(write, b"x" * 8)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [0] + [2] * 7


def test_a_claim_whose_process_died_is_unknown_and_not_carried_out_again(desk: Desk) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id)
    child = os.fork()
    if child == 0:
        with type(desk.node)(desk.node.settings) as node:
            approvals.claim_approved(node)
            os._exit(0)
    os.waitpid(child, 0)
    assert now(desk, approval).process
    recover(desk.node)
    assert now(desk, approval).result == "unknown"
    assert approvals.claim_approved(desk.node) is None


def test_a_claim_whose_process_lives_is_left_alone(desk: Desk) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id, claim=True)
    recover(desk.node)
    assert now(desk, approval).result == ""


def test_always_is_a_rule_for_this_action_in_this_project(desk: Desk) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id, always=True)
    kept = desk.node.store.standing_approvals.all()
    assert [(one.skill_id, one.action_hash, one.folder, one.actor) for one in kept] == [
        (approval.skill_id, approval.action_hash, str(desk.folder), desk.node.name)
    ]


def test_not_here_is_a_rule_for_this_skill_in_this_project(desk: Desk) -> None:
    approval = asked(desk)
    approvals.reject(desk.node, approval.approval_id, not_here=True)
    assert desk.node.store.refusals.in_project(str(desk.folder)) == {approval.skill_id: desk.node.name}


def test_a_view_says_what_would_run_where_as_whom_and_why(desk: Desk) -> None:
    approval = asked(desk)
    view = approvals.approval_view(desk.node, approval)
    assert (view.command, view.cwd, view.failed) == (FIX, str(desk.folder), shlex.join(ARGV))
    assert view.user.endswith("@host1")
    assert view.reasons == approval.reasons
    assert (view.author.name, view.author.trust, view.author.tries) == ("a", "own", 0)
    desk.node.store.database.execute("DELETE FROM incidents")
    assert approvals.approval_view(desk.node, approval).cwd == ""


# --- skills, modes, halt ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["quarantined", "forgotten"])
def test_a_decision_on_a_skill_is_taken_back_to_what_was(desk: Desk, state: SkillState) -> None:
    [known] = desk.node.store.skills.all()
    decide = decisions.quarantine_skill if state == "quarantined" else decisions.forget_skill
    decide(desk.node, known.skill_id)
    assert again(desk.node, known).state == state
    decisions.restore_skill(desk.node, known.skill_id, known.state)
    assert again(desk.node, known) == known


def test_confirming_lifts_a_quarantine(desk: Desk) -> None:
    [known] = desk.node.store.skills.all()
    decisions.quarantine_skill(desk.node, known.skill_id, reason="looks odd")
    decisions.confirm_skill(desk.node, known.skill_id)
    assert again(desk.node, known).state == "active"
    with pytest.raises(UsageError, match="no skill"):
        decisions.confirm_skill(desk.node, "f" * 64)


def test_a_mode_is_set_and_taken_back(desk: Desk) -> None:
    decisions.set_mode(desk.node, "hint")
    assert mode_here(desk.node) == "hint"
    decisions.set_mode(desk.node, "")
    assert mode_here(desk.node) == "auto"
    decisions.set_mode(desk.node, "off", key=f"{VIA}ci")
    assert dict(desk.node.store.controls.under(MODE)) == {f"{VIA}ci": "off"}
    with pytest.raises(UsageError, match="no mode"):
        decisions.set_mode(desk.node, "sometimes")


def test_a_halt_stands_until_it_is_lifted_also_that_of_another_node(desk: Desk) -> None:
    assert decisions.resume(desk.node) == ""
    decisions.halt(desk.node, "a drill")
    assert halted(desk.node) == "a drill"
    desk.node.store.halts.put("b" * 64, "from elsewhere", "")
    assert decisions.resume(desk.node) == "a drill"
    assert halted(desk.node) == ""
    assert not halt_file(desk.node.settings.operator).exists()


def test_nothing_that_was_approved_runs_while_all_is_halted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    approval = asked(desk)
    approvals.approve(desk.node, approval.approval_id)
    decisions.halt(desk.node, "a drill")
    claimed = approvals.claim_approved(desk.node)
    assert claimed is not None
    monkeypatch.setattr(recorded, "make_healer", lambda *_: Fix(desk.node, desk.mesh.clock, "hint").healer)
    with pytest.raises(MeshError, match="not applied"):
        carry_out_claimed(desk.node, claimed)
