"""The loop: match, decide, apply, rerun, outcome; and what a crash, a brake or a later success makes of it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from tests.core.healing.small_mesh import ARGV, ERROR, Fix, SmallMesh, again, taught

from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.executor import TargetBusyError
from meshcore.healing.outcomes import process_mark, recover, settle_success
from meshcore.safety.halt import halt


def kinds(fix: Fix, incident_id: str) -> list[str]:
    return [event.kind for event in fix.node.store.events.of_incident(incident_id)]


def test_a_failure_that_nothing_known_answers_stays_open(mesh: SmallMesh) -> None:
    fix = Fix(mesh.node("a"), mesh.clock)
    considered = fix.fail()
    assert considered.match is None
    assert fix.state(considered) == "open"


def test_a_known_fix_is_applied_and_verified_by_running_the_command_again(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    outcome = fix.heal(considered)
    assert outcome.result == "verified"
    assert fix.executor.executed == [("pip", "install", "django")]
    assert fix.executor.locked == ["/venv"]
    assert fix.state(considered) == "verified"
    assert again(node, known).evidence.verified == 1
    assert kinds(fix, considered.incident.incident_id) == [
        "incident.opened",
        "incident.matched",
        "incident.state",
        "try.decided",
        "incident.state",
        "try.intent",
        "try.outcome",
        "incident.state",
    ]


def test_the_mesh_counts_only_its_own_time_as_its_own(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    mesh.clock.advance(30)

    def look_for_half_a_second() -> None:
        mesh.clock.advance(0.5)

    fix.executor.at_lock = look_for_half_a_second
    outcome = fix.heal(considered)
    assert outcome.seconds == pytest.approx(32.5)
    assert outcome.own_seconds == pytest.approx(0.5)


def test_time_to_green_is_told_apart_for_first_and_again(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    fix = Fix(node, mesh.clock)
    first = fix.fail()
    taught(node)
    fix.heal(fix.healer.consider(first.incident, "auto"))
    mesh.clock.advance(60)
    fix.heal(fix.fail())
    assert {name: len(times) for name, times in node.store.incidents.seconds_to_green().items()} == {
        "first": 1,
        "again": 1,
    }


def test_the_intent_is_on_the_disk_before_anything_is_executed(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    other_process = mesh.node("a")
    seen: list[int] = []
    fix.executor.at_exec = lambda: seen.append(len(other_process.store.tries.unfinished()))
    fix.heal(fix.fail())
    assert seen == [1]
    assert other_process.store.tries.unfinished() == []


def test_a_fix_that_fails_is_followed_by_no_rerun(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node, fix="pip install django && touch done")
    fix = Fix(node, mesh.clock)
    fix.executor.codes = [1]
    considered = fix.fail()
    outcome = fix.heal(considered)
    assert (outcome.result, outcome.rerun, len(outcome.steps)) == ("fix_failed", None, 1)
    assert fix.state(considered) == "fix_failed"
    assert again(node, known).evidence.failed == 1


def test_a_fix_after_which_the_command_fails_again_did_not_help(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    outcome = fix.heal(fix.fail(), rerun=1)
    assert (outcome.result, outcome.seconds) == ("fix_failed", None)


def test_a_command_that_may_not_be_run_again_is_verified_by_its_next_success(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    assert fix.heal(considered, rerun=None).result == "applied_not_rerun"
    assert again(node, known).evidence.verified == 0
    settle_success(node, ARGV, "/elsewhere")
    assert fix.state(considered) == "applied_not_rerun"
    settle_success(node, ARGV, "/work")
    assert fix.state(considered) == "verified"
    assert again(node, known).evidence.verified == 1


def test_a_success_by_other_means_settles_an_incident_and_credits_nobody(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock, "hint")
    considered = fix.fail()
    settle_success(node, ARGV, "/work")
    assert fix.state(considered) == "verified"
    assert again(node, known).evidence.verified == 0


def test_what_another_try_has_just_done_is_looked_at_again_and_not_done_twice(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    fix.executor.done_elsewhere = True
    considered = fix.fail()
    outcome = fix.heal(considered)
    assert (outcome.result, outcome.steps, fix.executor.executed) == ("verified", (), [])
    assert fix.state(considered) == "verified"
    assert again(node, known).evidence == known.evidence, "no skill gains by it"


def test_what_another_try_has_just_done_in_vain_is_not_held_against_the_skill(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    fix.executor.done_elsewhere = True
    considered = fix.fail()
    outcome = fix.heal(considered, rerun=1)
    assert (outcome.result, fix.executor.executed) == ("refused", [])
    assert fix.state(considered) == "matched"
    assert again(node, known).evidence == known.evidence


def test_a_halt_between_decision_and_execution_stops_it(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    fix.executor.at_lock = lambda: halt(node.settings.operator, "stop it")
    considered = fix.fail()
    outcome = fix.heal(considered)
    assert outcome.result == "refused"
    assert fix.executor.executed == []
    assert fix.state(considered) == "matched"
    assert node.store.tries.unfinished() == []


def test_a_halt_just_before_a_later_step_stops_the_rest(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node, fix="pip install django && touch done")
    fix = Fix(node, mesh.clock)

    def halt_after_the_first() -> None:
        if fix.executor.executed:
            halt(node.settings.operator, "stop it")

    fix.executor.at_exec = halt_after_the_first
    outcome = fix.heal(fix.fail())
    assert len(fix.executor.executed) == 1
    assert (outcome.result, outcome.rerun) == ("not_applied", None)


def test_a_skill_withdrawn_before_execution_is_not_applied(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    fix.executor.at_lock = lambda: node.store.skills.set_state(known.skill.skill_id, "quarantined", "me")
    assert fix.heal(considered).result == "refused"
    assert fix.executor.executed == []


def test_a_busy_target_is_no_failure_of_the_fix(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)

    def busy() -> None:
        raise TargetBusyError("/venv is being changed")

    fix.executor.at_lock = busy
    considered = fix.fail()
    assert fix.heal(considered).result == "refused"
    assert fix.state(considered) == "matched"
    assert again(node, known).evidence.failed == 0


def test_three_failures_take_a_skill_out_of_use(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    for considered in [fix.fail() for _ in range(3)]:
        assert again(node, known).state == "active"
        assert fix.heal(considered, rerun=1).result == "fix_failed"
        mesh.clock.advance(1)
    assert again(node, known).state == "quarantined"
    assert fix.fail().match is None


def test_the_reasons_of_mode_and_halt_are_both_kept(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    node.store.controls.request("mode", "hint", "me", "mesh.mode")
    halt(node.settings.operator, "wait")
    ruling = fix.fail().ruling
    assert ruling is not None and ruling.decision == "hint"
    assert "the mode for this home is hint" in ruling.reasons
    # `hint` is the lowest that a halt says, so where the mode holds it there already nobody asks about a halt.
    node.store.controls.request("mode", "approve", "me", "mesh.mode")
    ruling = fix.fail().ruling
    assert ruling is not None and ruling.decision == "hint"
    assert ruling.reasons[:2] == ("halted: wait", "the mode for this home is approve")


def test_a_refusal_closes_the_incident_as_refused(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock, "refuse")
    assert fix.state(fix.fail()) == "refused"


# --- approvals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("refused", ["one", "two"])
def test_a_refused_fix_does_not_stand_in_the_way_of_another_of_ones_own(mesh: SmallMesh, refused: str) -> None:
    node = mesh.node("a")
    skills = {name: taught(node, fix=f"pip install {name}") for name in ("one", "two")}
    fix = Fix(node, mesh.clock)
    fix.policy.then = {refused: "refuse"}
    (other,) = {*skills} - {refused}
    considered = fix.fail()
    assert considered.ruling is not None and considered.ruling.decision == "run"
    assert considered.match is not None and considered.match.tier == "likely", "they contradict each other"
    assert considered.known is not None and considered.known.skill_id == skills[other].skill_id
    assert [one.skill_id for one in considered.others] == [skills[refused].skill_id]
    fix.policy.then = {"one": "refuse", "two": "refuse"}
    considered = fix.fail()
    assert considered.ruling is not None and considered.ruling.decision == "refuse"


def test_a_refused_fix_makes_no_room_for_a_strangers(mesh: SmallMesh) -> None:
    node, stranger = mesh.node("a"), mesh.node("b", operator="somebody", host="host2")
    own = taught(node, fix="pip install one")
    taught(stranger, fix="pip install two")
    mesh.meet()
    fix = Fix(node, mesh.clock)
    fix.policy.then = {"one": "refuse"}
    considered = fix.fail()
    assert considered.known is not None and considered.known.skill_id == own.skill_id
    assert considered.ruling is not None and considered.ruling.decision == "refuse"


def test_a_fix_that_could_not_be_applied_in_a_folder_comes_after_its_equals_there(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    for name in ("one", "two"):
        taught(node, fix=f"pip install {name}")
    fix = Fix(node, mesh.clock)

    def answer(cwd: str = "/work") -> str:
        considered = fix.fail(cwd=cwd)
        return considered.match.action.command() if considered.match else ""

    first = answer()
    fix.executor.codes, fix.executor.said = [1], "curl: (6) Could not resolve host: index.example"
    assert fix.heal(fix.fail()).result == "not_applied"
    second = answer()
    assert {first, second} == {"pip install one", "pip install two"}
    assert answer("/elsewhere") == first
    fix.executor.codes = [1]
    assert fix.heal(fix.fail()).result == "not_applied"
    assert answer() == first, "where neither could be, the order is as before"


def test_the_same_try_waits_once_however_often_it_is_asked_for(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock, "approve")
    considered = fix.fail()
    one = fix.healer.ask(considered)
    two = fix.healer.ask(fix.healer.consider(considered.incident, "auto"))
    assert one.approval_id == two.approval_id
    assert len(node.store.approvals.all()) == 1
    assert fix.state(considered) == "needs_approval"


def test_what_has_been_settled_otherwise_waits_for_nobody(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock, "approve")
    fix.healer.ask(fix.fail())
    settle_success(node, ARGV, "/work")
    assert node.store.approvals.all() == []
    [row] = node.store.approvals.all(waiting_only=False)
    assert (row.state, row.actor) == ("not needed", "later success")


# --- crashes ----------------------------------------------------------------------------------------------------------


def gone_process() -> str:
    """Return the mark of a process that was killed."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = process_mark(process.pid)
    process.kill()
    process.communicate()
    return mark


def crashed(fix: Fix) -> str:
    """Leave an intent behind as a process that is killed while a fix runs; return the incident."""
    considered = fix.fail()
    assert considered.match
    fix.node.store.tries.intend(
        "f" * 16, considered.incident.incident_id, considered.match.skill_id, "policy", {}, "/venv", gone_process()
    )
    return considered.incident.incident_id


def test_an_intent_whose_process_is_gone_becomes_unknown_and_nothing_is_claimed(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    fix = Fix(node, mesh.clock)
    incident_id = crashed(fix)
    assert recover(node) == 1
    assert recover(node) == 0
    found = node.store.incidents.find(incident_id)
    assert found is not None
    assert found.state == "unknown"
    [outcome] = node.store.outcomes.of(incident_id=incident_id)
    assert (outcome.result, outcome.actor) == ("unknown", "recovery")
    assert fix.executor.executed == []
    assert (again(node, known).evidence.verified, again(node, known).evidence.failed) == (0, 0)


def test_only_a_later_success_decides_what_is_unknown(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    known = taught(node)
    incident_id = crashed(Fix(node, mesh.clock))
    recover(node)
    settle_success(node, ARGV, "/work")
    found = node.store.incidents.find(incident_id)
    assert found is not None
    assert found.state == "verified"
    assert again(node, known).evidence.verified == 1


def test_an_intent_of_a_living_process_is_left_alone(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    assert considered.match
    mark = process_mark(os.getpid())
    node.store.tries.intend(
        "e" * 16, considered.incident.incident_id, considered.match.skill_id, "policy", {}, "", mark
    )
    assert recover(node) == 0
    assert fix.state(considered) == "fixing"


def test_a_number_used_again_by_another_process_is_not_taken_for_the_old_one(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    considered = fix.fail()
    assert considered.match
    earlier = f"{os.getpid()}:another boot:1"
    node.store.tries.intend(
        "e" * 16, considered.incident.incident_id, considered.match.skill_id, "policy", {}, "", earlier
    )
    assert recover(node) == 1


def test_a_recovery_that_comes_second_changes_nothing(mesh: SmallMesh, monkeypatch: pytest.MonkeyPatch) -> None:
    node = mesh.node("a")
    taught(node)
    incident_id = crashed(Fix(node, mesh.clock))
    stale = node.store.tries.unfinished()
    recover(node)
    settle_success(node, ARGV, "/work")
    monkeypatch.setattr(node.store.tries, "unfinished", lambda: stale)
    recover(node)
    found = node.store.incidents.find(incident_id)
    assert found is not None
    assert found.state == "verified"


def test_a_clock_that_steps_back_changes_no_interval_and_no_order(mesh: SmallMesh) -> None:
    a, b = mesh.node("a"), mesh.node("b")
    known = taught(a)
    fix = Fix(a, mesh.clock)
    considered = fix.fail()
    mesh.clock.wall = mesh.clock.wall.replace(year=2020)
    outcome = fix.heal(considered)
    assert outcome.seconds == pytest.approx(2.0)
    publish(a)
    pull(b)
    assert again(b, known).evidence.verified == 1
    assert [e.seq for e in a.store.events.after(0)] == sorted(e.seq for e in a.store.events.after(0))


def test_another_error_is_not_answered(mesh: SmallMesh) -> None:
    node = mesh.node("a")
    taught(node)
    fix = Fix(node, mesh.clock)
    assert fix.fail(ERROR.replace("django", "flask")).match is None
