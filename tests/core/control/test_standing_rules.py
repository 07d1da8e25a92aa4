"""What was ruled for a whole project is listed with its use, and holds no longer once it is withdrawn."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.healing.desk import Desk
from tests.core.healing.small_mesh import again, taught

from meshcore.control.standing_rules import StandingRule, find_rule, standing_rules, withdraw
from meshcore.errors import UsageError
from meshcore.healing.approvals import approve, reject
from meshcore.healing.replay import recorded_session
from meshcore.knowledge.parts import example_fix
from meshcore.store.rows import Approval


def always(desk: Desk) -> Approval:
    """Let a fix wait for a person, who approves it for good."""
    taught(desk.node)
    _, approval = desk.asked()
    assert approve(desk.node, approval.approval_id, always=True)
    return approval


def fails_again(desk: Desk, folder: Path | None = None) -> str:
    """Let a command fail in a folder, and be healed where nobody has to be asked; return what was decided."""
    desk.mesh.clock.advance(24 * 3600)  # beyond what limits count
    incident = desk.incident(cwd=str(folder or desk.folder))
    session = recorded_session(desk.node, incident)
    session.consider("auto")
    if session.may_apply:
        session.heal()
    return session.considered.ruling.decision if session.considered.ruling is not None else "not offered"


def only(desk: Desk) -> StandingRule:
    [rule] = standing_rules(desk.node)
    return rule


def test_an_always_is_listed_with_what_where_by_whom_and_since_when(desk: Desk) -> None:
    approval = always(desk)
    rule = only(desk)
    assert (rule.kind, rule.command, rule.folder) == ("always", approval.command, str(desk.folder))
    assert (rule.actor, rule.since, rule.used, rule.counts) == (desk.node.name, desk.node.store.now(), 0, True)


def test_each_try_that_rested_on_it_is_counted_and_no_other(desk: Desk, tmp_path: Path) -> None:
    always(desk)
    other = tmp_path / "other"
    other.mkdir()
    assert [fails_again(desk) for _ in range(3)] == ["run"] * 3
    assert fails_again(desk, other) == "approve"
    desk.fix.policy.decision = "run"
    assert fails_again(desk, other) == "run"
    assert only(desk).used == 3


def test_each_project_counts_its_own_also_one_inside_of_another(desk: Desk) -> None:
    taught(desk.node)
    outer, inner = desk.folder, desk.folder / "inner"
    inner.mkdir()
    for folder in (outer, inner):
        (folder / "pyproject.toml").touch()
        desk.fix.policy.decision = "approve"
        recorded_session(desk.node, desk.incident(cwd=str(folder))).consider("auto")
        [approval] = desk.node.store.approvals.all()
        assert approve(desk.node, approval.approval_id, always=True)
    assert {fails_again(desk, folder) for folder in (outer, inner, inner)} == {"run"}
    assert {rule.folder: rule.used for rule in standing_rules(desk.node)} == {str(outer): 1, str(inner): 2}


def test_what_is_withdrawn_is_asked_about_again(desk: Desk) -> None:
    always(desk)
    assert fails_again(desk) == "run"
    assert withdraw(desk.node, only(desk))
    assert standing_rules(desk.node) == []
    assert fails_again(desk) == "approve"
    told = [event.data["rule"] for event in desk.node.store.events.after(0) if event.kind == "approval.rule"]
    assert told == [f"always in {desk.folder}", f"no longer always in {desk.folder}"]


def test_a_not_here_is_listed_and_withdrawn_too(desk: Desk) -> None:
    known = taught(desk.node)
    _, approval = desk.asked()
    assert reject(desk.node, approval.approval_id, not_here=True)
    rule = only(desk)
    assert (rule.kind, rule.used, rule.folder) == ("not here", None, str(desk.folder))
    assert rule.command == example_fix(again(desk.node, known).skill)
    assert fails_again(desk) == "not offered"
    assert withdraw(desk.node, rule)
    assert fails_again(desk) == "approve"


def test_it_is_withdrawn_once(desk: Desk) -> None:
    always(desk)
    rule = only(desk)
    assert withdraw(desk.node, rule) and not withdraw(desk.node, rule)


def test_a_rule_is_found_by_the_beginning_of_its_id(desk: Desk) -> None:
    always(desk)
    rule = only(desk)
    assert find_rule(desk.node, rule.rule_id[:6]) == rule
    for none in ("", "nosuch"):
        with pytest.raises(UsageError, match="approvals rules"):
            find_rule(desk.node, none)


def test_a_rule_whose_skill_and_approval_are_gone_is_listed_all_the_same(desk: Desk) -> None:
    desk.node.store.standing_approvals.put("f" * 64, "e" * 64, "/gone", "a")
    desk.node.store.refusals.put("f" * 64, "/gone", "a")
    assert {(rule.kind, rule.command, rule.folder) for rule in standing_rules(desk.node)} == {
        ("always", "", "/gone"),
        ("not here", "", "/gone"),
    }
