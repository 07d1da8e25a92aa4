"""The ruling: of all judges the lowest decision counts, each reason is kept, and one judge alone may raise."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.healing.small_mesh import ERROR, Fix, SmallMesh, taught

import meshcore
import meshtui
from meshcore.healing import ruling
from meshcore.healing.approvals import approve
from meshcore.healing.healer import Considered
from meshcore.healing.ruling import JUDGES, STANDING_APPROVAL, Judge, Try, combine, rule, stop_reason
from meshcore.model import DECISIONS, Decision, KnownSkill, Verdict
from meshcore.node import Node
from meshcore.policy.question import PolicyVerdict, Question
from meshcore.safety.halt import halt
from meshcore.trust.authors import withdraw
from meshcore.trust.store_keys import action_hash

OTHERS = [judge for judge in JUDGES if judge is not STANDING_APPROVAL]
verdicts = st.builds(Verdict, st.sampled_from(DECISIONS), st.text("abc", min_size=1).map(lambda reason: (reason,)))
heard = st.lists(st.tuples(st.sampled_from(OTHERS), verdicts), min_size=1)
Heard = list[tuple[Judge, Verdict]]


def lowest(decisions: Sequence[Decision]) -> Decision:
    return min(decisions, key=DECISIONS.index)


# --- how verdicts add up ----------------------------------------------------------------------------------------------


@given(heard, st.randoms())
def test_the_lowest_wins_in_whatever_order_and_every_reason_is_kept(said: Heard, random: Random) -> None:
    found = combine(said)
    assert found.decision == lowest([verdict.decision for _, verdict in said])
    assert set(found.reasons) == {reason for _, verdict in said for reason in verdict.reasons}
    mixed = list(said)
    random.shuffle(mixed)
    assert combine(mixed).decision == found.decision


@given(heard)
def test_a_standing_approval_raises_what_only_asks_for_a_person_and_nothing_else(said: Heard) -> None:
    raised = combine([(STANDING_APPROVAL, Verdict("run", ("for good",))), *said])
    kept = [verdict.decision for judge, verdict in said if not (judge.answerable and verdict.decision == "approve")]
    assert raised.decision == lowest([*kept, "run"])
    assert "for good" in raised.reasons


@given(heard, verdicts)
def test_one_more_judge_never_raises(said: Heard, more: Verdict) -> None:
    for judge in OTHERS:
        assert DECISIONS.index(combine([*said, (judge, more)]).decision) <= DECISIONS.index(combine(said).decision)


def test_without_a_verdict_nothing_is_allowed() -> None:
    assert combine([]).decision == "refuse"


def test_a_person_is_answered_for_where_policy_provenance_age_or_a_missing_signature_asks_and_nowhere_else() -> None:
    assert [judge.name for judge in JUDGES if judge.answerable] == [
        "policy",
        "input",
        "provenance",
        "operator's signature",
        "age",
    ]


# --- each judge, in place ---------------------------------------------------------------------------------------------


def asked(node: Node, considered: Considered, decision: Decision = "run", **changes: object) -> Try:
    assert considered.match is not None and considered.known is not None and considered.ruling is not None
    question = Question(considered.incident, considered.known, considered.match)
    policy = replace(considered.ruling.policy, decision=decision)
    return replace(Try(node, question, policy), **changes)  # type: ignore[arg-type]


def lower(name: str, node: Node, known: KnownSkill) -> str:
    """Let one judge object; return what it is to decide."""
    match name:
        case "skill's state":
            node.store.skills.set_state(known.skill_id, "quarantined", "me")
        case "author":
            withdraw(node, node.identity.node.public, "stolen", "me")
        case "not here":
            node.store.refusals.put(known.skill_id, "/work", "me")
        case "mode":
            node.store.controls.set("mode", "off", "me")
        case "failed action":
            node.store.quarantine.put(known.action_key, known.skill_id)
            return "hint"
        case "halt":
            halt(node.settings.operator, "wait")
            return "hint"
    return "refuse"


@pytest.mark.parametrize("name", ["skill's state", "author", "not here", "mode", "failed action", "halt"])
def test_nothing_raises_above_what_another_judge_holds(mesh: SmallMesh, name: str) -> None:
    node = mesh.node("a")
    known = taught(node)
    considered = Fix(node, mesh.clock, "approve").fail()
    question = asked(node, considered, "approve")
    match = question.question.match
    node.store.standing_approvals.put(known.skill_id, action_hash(match.action), "/work", "me")
    assert rule(question).decision == "run"
    decision = lower(name, node, known)
    fresh = node.store.skills.find(known.skill_id)
    assert fresh is not None
    found = rule(replace(question, question=replace(question.question, known=fresh)))
    assert found.decision == decision
    assert "me approved it here for good" in found.reasons or decision == "refuse"


@pytest.mark.parametrize("name", ["skill's state", "author", "not here", "failed action", "halt"])
def test_what_changes_between_ruling_and_exec_stops_it(mesh: SmallMesh, name: str) -> None:
    node = mesh.node("a")
    known = taught(node)
    considered = Fix(node, mesh.clock).fail()
    assert considered.match is not None
    assert stop_reason(node, considered.incident, considered.match, {}) == ""
    lower(name, node, known)
    assert stop_reason(node, considered.incident, considered.match, {})


def test_a_skill_that_is_gone_is_not_executed(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    considered = Fix(node, mesh.clock).fail()
    assert considered.match is not None
    gone = replace(considered.match, skill_id="f" * 64)
    assert stop_reason(node, considered.incident, gone, {}) == "the skill is gone"


def test_a_place_among_the_first_hosts_is_taken_only_by_who_tries(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b", host="host2")
    taught(a)
    mesh.meet()
    fix = Fix(b, mesh.clock)
    incident = fix.fail("ValueError: something else").incident
    same = Fix(a, mesh.clock).fail(ERROR).incident
    incident = replace(incident, signature=same.signature, excerpt=same.excerpt)
    assert fix.healer.consider(incident, "auto", claims=False).ruling is not None
    first = Fix(a, mesh.clock).fail().ruling
    assert first is not None
    assert first.decision == "run"
    second = fix.healer.consider(incident, "auto").ruling
    assert second is not None
    assert second.decision == "approve"
    assert "new to the mesh" in second.reasons[0]


def test_a_judge_that_cannot_lower_it_further_is_not_asked(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    node = mesh.node("a")
    taught(node)
    considered = Fix(node, mesh.clock, "approve").fail()
    told: list[str] = []

    def noted(judge: Judge) -> Judge:
        def ask(one: Try) -> Verdict | None:
            told.append(judge.name)
            return judge.ask(one)

        return judge if judge is STANDING_APPROVAL else replace(judge, ask=ask)

    monkeypatch.setattr(ruling, "JUDGES", tuple(noted(judge) for judge in JUDGES))
    assert rule(asked(node, considered, "approve")).decision == "approve"
    assert "limits" not in told and "canary" not in told and "halt" in told
    told.clear()
    assert rule(asked(node, considered, "refuse")).decision == "refuse"
    assert told == ["policy"]


def test_the_plan_is_policys_whatever_is_ruled(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    found = Fix(node, mesh.clock).fail().ruling
    assert found is not None
    assert (found.action_type, found.plan, found.target) == (
        found.policy.action_type,
        found.policy.plan,
        found.policy.target,
    )


# --- everybody asks it ------------------------------------------------------------------------------------------------


def test_run_heal_an_approval_and_its_recheck_all_ask_the_same_list(
    mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock, "approve")
    ruled: list[Try] = []

    def noted(one: Try) -> ruling.Ruling:
        ruled.append(one)
        return rule(one)

    monkeypatch.setattr("meshcore.healing.healer.rule", noted)
    considered = fix.fail()
    approval = fix.healer.ask(considered)
    assert approve(node, approval.approval_id)
    fix.healer.consider(considered.incident, "approve", skill_id=approval.skill_id)
    assert [one.mode for one in ruled] == ["auto", "approve"]


@cache
def trees() -> list[tuple[str, ast.Module]]:
    roots = [Path(folder) for package in (meshcore, meshtui) for folder in package.__path__]
    files = [(root, path) for root in roots for path in sorted(root.rglob("*.py"))]
    return [(f"{root.name}/{path.relative_to(root)}", ast.parse(path.read_text())) for root, path in files]


@cache
def called(tree: ast.Module) -> set[str]:
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    return names | {call.attr for call in calls if isinstance(call, ast.Attribute)}


def makers(name: str) -> set[str]:
    return {where for where, tree in trees() if name in called(tree)}


def test_a_try_is_ruled_on_in_one_place() -> None:
    assert makers("Ruling") == {"meshcore/healing/ruling.py"}
    assert makers("decide_rerun") == {"meshcore/healing/rerun_ruling.py"}
    assert makers("put") & makers("rule") == {"meshcore/healing/healer.py", "meshcore/mcp/tools.py"}
    deciders = {where for where in makers("decide") if where.startswith("meshcore/")}
    assert deciders == {"meshcore/healing/ruling.py"}


def test_nobody_else_ranks_decisions() -> None:
    decisions = set(DECISIONS)
    for where, tree in trees():
        named = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if where not in {"meshcore/model.py", "meshcore/healing/ruling.py", "meshcore/healing/light_judges.py"}:
            assert "DECISIONS" not in named, where
        for node in ast.walk(tree):
            if isinstance(node, ast.Dict):
                keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
                numbers = all(isinstance(v, ast.Constant) and isinstance(v.value, int) for v in node.values)
                assert not (keys >= decisions and numbers), where


def test_policys_verdict_is_one_verdict_among_others() -> None:
    assert isinstance(PolicyVerdict("run", ()), Verdict)
