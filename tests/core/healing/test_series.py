"""A command that misses several things: each is an incident of its own, and all are verified once it passes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh, again, taught
from tests.core.healing.test_command import Shell

from meshcore.healing.approvals import approve, claim_approved
from meshcore.healing.replay import carry_out_claimed
from meshcore.healing.series import MOST_LINKS
from meshcore.model import Decision, Incident
from meshcore.node import Node


def missing(name: str) -> str:
    return f"ModuleNotFoundError: No module named '{name}'"


def knows(node: Node, *names: str) -> None:
    for name in names:
        taught(node, missing(name), f"pip install {name}")


def incidents(node: Node) -> list[Incident]:
    """All incidents, the first one first."""
    return list(reversed(node.store.incidents.all()))


@pytest.fixture
def shell(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(mesh, mesh.node("a"), monkeypatch)


def test_a_command_that_misses_three_things_is_healed_in_one_run(shell: Shell) -> None:
    knows(shell.node, "one", "two", "three")
    series, said = shell.fail(1, missing("one"), after=[missing("two"), missing("three")])
    assert (series.exit_code, series.verified, len(series.links)) == (0, True, 3)
    assert [step[-1] for step in shell.fix.executor.executed] == ["one", "two", "three"]
    found = incidents(shell.node)
    assert [incident.state for incident in found] == ["verified"] * 3
    assert [incident.follows for incident in found] == ["", *(one.incident_id for one in found[:2])]
    skills = [known for known in shell.node.store.skills.all() if known.source == "taught"]
    assert [(known.evidence.verified, known.evidence.failed) for known in skills] == [(1, 0)] * 3
    assert [line.split(":")[0] for line in said] == ["fixed", "fixed", "✓ verified in 4.50 s", "why", "allowed"]


def test_a_run_that_gets_stuck_later_holds_nothing_against_what_was_right(shell: Shell) -> None:
    knows(shell.node, "one")
    series, said = shell.fail(1, missing("one"), after=[missing("two")])
    assert series.exit_code == 1
    assert [incident.state for incident in incidents(shell.node)] == ["progress", "open"]
    [known] = shell.node.store.skills.all()
    assert (known.evidence.verified, known.evidence.failed) == (0, 0)
    assert said == [f"fixed: {missing('one')} → pip install one; another error follows"]
    shell.succeed()
    assert again(shell.node, known).evidence.verified == 1
    assert [incident.state for incident in incidents(shell.node)] == ["verified", "verified"]


def test_what_a_person_then_does_is_learnt_for_the_error_that_was_left(shell: Shell) -> None:
    knows(shell.node, "one")
    shell.fail(1, missing("one"), after=[missing("two")])
    shell.succeed("", argv=("pip", "install", "two"))
    shell.succeed()
    assert [known.skill.example_line for known in shell.node.store.skills.all()] == [missing("one"), missing("two")]


def test_a_skill_that_leads_on_in_three_projects_is_not_quarantined(mesh: SmallMesh, shell: Shell) -> None:
    knows(shell.node, "one")
    for _ in range(3):
        shell.fail(1, missing("one"), after=[missing("two")])
        mesh.clock.advance(3700)
    [known] = shell.node.store.skills.all()
    assert (known.state, known.evidence.failed) == ("active", 0)


def test_the_same_error_again_is_a_fix_that_did_not_help(shell: Shell) -> None:
    knows(shell.node, "one")
    series, _ = shell.fail(1, missing("one"), rerun=1)
    assert len(series.links) == 1
    assert [incident.state for incident in incidents(shell.node)] == ["fix_failed"]


@pytest.mark.parametrize(
    ("before", "then", "state"),
    [
        (
            "RuntimeError: worker 17 died in /tmp/a1/run.py",
            "RuntimeError: worker 18 died in /tmp/b2/run.py",
            "fix_failed",
        ),
        ("RuntimeError: worker 17 died in /tmp/a1/run.py", "RuntimeError: the settings lack a key", "progress"),
        ("FileNotFoundError: [Errno 2] No such file or directory: 'a/out.txt'",) * 2 + ("fix_failed",),
    ],
)
def test_what_differs_from_run_to_run_makes_no_other_error(shell: Shell, before: str, then: str, state: str) -> None:
    taught(shell.node, before, "make clean")
    shell.fail(1, before, after=[then])
    assert incidents(shell.node)[0].state == state


def test_what_the_fix_names_makes_another_error_even_where_it_is_a_path(shell: Shell) -> None:
    def no(path: str) -> str:
        return f"FileNotFoundError: [Errno 2] No such file or directory: '{path}'"

    taught(shell.node, no("out/a.txt"), "mkdir -p out")
    taught(shell.node, no("logs/b.txt"), "mkdir -p logs")
    series, _ = shell.fail(1, no("out/a.txt"), after=[no("logs/b.txt")])
    assert [incident.state for incident in incidents(shell.node)] == ["verified", "verified"]
    assert series.verified


def test_a_rerun_that_was_ended_from_outside_shows_nothing(shell: Shell) -> None:
    knows(shell.node, "one")
    shell.fail(1, missing("one"), rerun=137, output_again="")
    assert [incident.state for incident in incidents(shell.node)] == ["unknown"]
    assert shell.node.store.skills.all()[0].evidence.failed == 0


def test_a_fix_is_not_applied_twice_in_one_run(shell: Shell) -> None:
    knows(shell.node, "one", "two")
    series, said = shell.fail(1, missing("one"), after=[missing("two"), missing("one")])
    assert [step[-1] for step in shell.fix.executor.executed] == ["one", "two"]
    assert "the error is back" in said[-1]
    assert not series.verified
    assert [known.evidence.failed for known in shell.node.store.skills.all()] == [0, 0]


def test_no_more_than_eight_errors_are_fixed_in_one_run(shell: Shell) -> None:
    names = [f"module{letter}" for letter in "abcdefghijkl"]
    knows(shell.node, *names)
    series, said = shell.fail(1, missing(names[0]), after=[missing(name) for name in names[1:]])
    assert len(shell.fix.executor.executed) == MOST_LINKS == 8
    assert "the most allowed" in said[-1]
    assert not series.verified


def test_the_time_for_fixes_is_that_of_the_whole_run(mesh: SmallMesh, shell: Shell) -> None:
    knows(shell.node, "one", "two", "three")
    shell.fix.executor.at_exec = lambda: mesh.clock.advance(0.0)
    object.__setattr__(shell.node.settings, "fix_timeout_seconds", 2.0)
    _, said = shell.fail(1, missing("one"), after=[missing("two"), missing("three")])
    assert len(shell.fix.executor.executed) == 2
    assert "are used up" in said[-1]


@pytest.mark.parametrize(("decision", "state"), [("approve", "needs_approval"), ("hint", "matched")])
def test_each_error_is_ruled_like_a_first_one(shell: Shell, decision: Decision, state: str) -> None:
    knows(shell.node, "one", "two")
    shell.fix.policy.then["two"] = decision
    series, said = shell.fail(1, missing("one"), after=[missing("two")])
    assert [incident.state for incident in incidents(shell.node)] == ["progress", state]
    assert [step[-1] for step in shell.fix.executor.executed] == ["one"]
    assert "pip install two" in said[1]
    assert series.exit_code == 1


def test_a_person_asked_in_the_middle_sees_this_errors_steps_and_the_rerun(shell: Shell) -> None:
    knows(shell.node, "one", "two", "three")
    shell.fix.policy.then["two"] = "approve"
    series, _ = shell.fail(1, missing("one"), after=[missing("two"), missing("three")], answer=True)
    [asked] = shell.node.store.approvals.all(waiting_only=False)
    assert (asked.runs, asked.rerun, asked.result) == ("pip install two", "python app.py", "progress")
    assert series.verified
    assert [incident.state for incident in incidents(shell.node)] == ["verified"] * 3


@pytest.mark.parametrize("mode", ["approve", "hint"])
def test_a_lower_ceiling_holds_for_what_follows_too(shell: Shell, mode: str) -> None:
    knows(shell.node, "one", "two")
    shell.fail(1, missing("one"), after=[missing("two")], mode=mode, answer=mode == "approve")  # type: ignore[arg-type]
    assert len(shell.node.store.approvals.all(waiting_only=False)) == (2 if mode == "approve" else 0)
    assert len(shell.fix.executor.executed) == (2 if mode == "approve" else 0)


def test_an_approval_that_is_carried_out_later_goes_the_same_way(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from meshcore.healing import replay

    knows(shell.node, "one", "two")
    shell.fix.policy.then["one"] = "approve"
    monkeypatch.setattr(replay, "make_healer", lambda *_: shell.fix.healer)
    monkeypatch.setattr("shutil.which", lambda *_args, **_named: "/bin/python")
    shell.fail(1, missing("one"), cwd=str(tmp_path))
    [asked] = shell.node.store.approvals.all()
    approve(shell.node, asked.approval_id)
    claimed = claim_approved(shell.node)
    assert claimed is not None
    shell.fix.executor.then = [missing("two")]
    series = carry_out_claimed(shell.node, claimed)
    assert (series.verified, len(series.links)) == (True, 2)
    assert [incident.state for incident in incidents(shell.node)] == ["verified"] * 2


def test_one_skill_may_answer_several_errors_of_one_run(shell: Shell) -> None:
    """The pause between two tries of a skill is for an error that comes back, not for another one."""
    knows(shell.node, "one", "two", "three")
    skills = shell.node.store.skills
    shell.fail(1, missing("one"), after=[missing("two"), missing("three")])
    tries = shell.node.store.tries
    boot = shell.node.store.incidents.times(incidents(shell.node)[0].incident_id)[1]
    skill = skills.all()[0].skill_id
    assert tries.same_command_ago(("python", "app.py"), "/work", skill, boot, 0.0, missing("two")) == []
    assert len(tries.same_command_ago(("python", "app.py"), "/work", skill, boot, 0.0, missing("one"))) == 1
