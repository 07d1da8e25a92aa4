"""Healing from the record: only what was recorded whole, only what was shown."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.healing.desk import ARGV, Desk
from tests.core.healing.small_mesh import ERROR, FIX, Fix, again, taught

from meshcore.errors import MeshError, UsageError
from meshcore.healing.approvals import approve
from meshcore.healing.replay import lines, recorded_session, summary
from meshcore.healing.series import Series
from meshcore.safety.halt import halt


def test_an_incident_is_healed_in_its_folder_and_verified(desk: Desk) -> None:
    taught(desk.node)
    session = recorded_session(desk.node, desk.incident())
    session.consider("auto")
    assert session.may_apply
    session.heal()
    assert session.verified
    assert desk.fix.executor.reruns == [ARGV]
    assert summary(Series(session, "auto"))["command"] == FIX


def test_a_command_that_was_redacted_is_never_run_from_the_record(desk: Desk) -> None:
    taught(desk.node)
    with pytest.raises(UsageError, match="run it again yourself"):
        recorded_session(desk.node, desk.incident(argv_redacted=True))
    assert desk.fix.executor.executed == []


def test_a_command_of_several_lines_is_run_from_the_record_once_a_person_says_so(desk: Desk) -> None:
    taught(desk.node)
    desk.fix.policy.rerun = "approve"
    argv = ("bash", "-c", "set -e\ncd .\npython app.py")
    session = recorded_session(desk.node, desk.incident(argv=argv))
    session.consider("approve")
    [approval] = desk.node.store.approvals.all()
    assert approval.rerun == shlex.join(argv)
    session.approve()
    session.heal()
    assert session.verified
    assert desk.fix.executor.reruns == [argv]


def test_an_incident_of_another_node_is_not_healed_here(desk: Desk) -> None:
    other = desk.mesh.node("b")
    fix = Fix(other, desk.mesh.clock)
    considered = fix.fail()
    desk.mesh.meet()
    with pytest.raises(UsageError, match="another node"):
        recorded_session(desk.node, desk.stored(considered.incident))


def test_a_folder_that_is_gone_is_said(desk: Desk) -> None:
    with pytest.raises(UsageError, match="folder of the incident is gone"):
        recorded_session(desk.node, desk.incident(cwd=str(desk.folder / "gone")))


def test_what_is_verified_already_is_not_tried_again(desk: Desk) -> None:
    taught(desk.node)
    incident = desk.incident()
    desk.node.store.incidents.set_state(incident.incident_id, "verified")
    with pytest.raises(UsageError, match="verified already"):
        recorded_session(desk.node, desk.stored(incident)).consider("auto")


@pytest.mark.parametrize("stdin", ["captured", "file", "unrepeatable"])
def test_a_command_whose_input_is_gone_is_not_run_again(desk: Desk, stdin: str) -> None:
    taught(desk.node)
    session = recorded_session(desk.node, desk.incident(stdin=stdin))
    session.consider("auto")
    session.heal()
    assert session.outcome is not None
    assert session.outcome.result == "applied_not_rerun"
    assert desk.fix.executor.reruns == []
    assert "what was piped into it is not kept" in lines(Series(session, "auto"))[-1]


def test_a_program_is_looked_for_from_the_folder_of_the_incident(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    taught(desk.node)
    monkeypatch.chdir(tmp_path)
    (desk.folder / "bin").mkdir()
    (desk.folder / "bin" / "app").symlink_to(ARGV[0])
    session = recorded_session(desk.node, desk.incident(argv=("bin/app", "app.py")))
    session.consider("auto")
    session.heal()
    assert session.verified


def test_a_program_that_is_gone_is_named(desk: Desk) -> None:
    taught(desk.node)
    session = recorded_session(desk.node, desk.incident(argv=("bin/gone", "app.py")))
    session.consider("auto")
    session.heal()
    assert desk.fix.executor.reruns == []
    assert "it cannot be started: bin/gone: No such file or directory" in lines(Series(session, "auto"))[-1]


def test_a_rerun_that_policy_does_not_allow_is_left_to_the_person(desk: Desk) -> None:
    taught(desk.node)
    desk.fix.policy.rerun = "approve"
    session = recorded_session(desk.node, desk.incident())
    session.consider("auto")
    session.heal()
    assert session.outcome is not None
    assert session.outcome.result == "applied_not_rerun"
    assert lines(Series(session, "auto"))[-1].startswith("not run again unasked: ")


def test_nothing_known_is_said_as_it_is(desk: Desk) -> None:
    session = recorded_session(desk.node, desk.incident())
    session.consider("auto")
    assert not session.may_apply
    assert lines(Series(session, "auto"))[0].startswith("unknown")
    assert summary(Series(session, "auto"))["command"] is None


# --- approvals --------------------------------------------------------------------------------------------------------


def test_who_approves_executes_exactly_what_was_shown(desk: Desk) -> None:
    taught(desk.node)
    incident, approval = desk.asked()
    session = recorded_session(desk.node, incident)
    session.take(approval)
    assert approve(desk.node, approval.approval_id, claim=True)
    session.heal()
    assert desk.fix.executor.executed == [("pip", "install", "django")]
    assert session.verified
    assert session.outcome is not None
    assert session.outcome.actor == "a"


def test_an_action_that_is_not_the_one_shown_is_refused(desk: Desk) -> None:
    taught(desk.node)
    incident, approval = desk.asked()
    session = recorded_session(desk.node, incident)
    with pytest.raises(MeshError, match="not what was shown"):
        session.take(replace(approval, action_hash="0" * 64))
    assert desk.fix.executor.executed == []


def test_a_skill_that_is_withdrawn_while_it_waits_is_not_executed(desk: Desk) -> None:
    known = taught(desk.node)
    incident, approval = desk.asked()
    desk.node.store.skills.set_state(known.skill.skill_id, "quarantined", "me")
    with pytest.raises(MeshError, match="not what was shown"):
        recorded_session(desk.node, incident).take(approval)


def test_a_better_answer_learnt_meanwhile_does_not_take_the_place_of_the_one_approved(desk: Desk) -> None:
    known = taught(desk.node)
    incident, approval = desk.asked()
    better = taught(desk.node, fix="pip install django-next")
    other = Fix(desk.mesh.node("b"), desk.mesh.clock)
    desk.mesh.meet()
    for skill in (better,):
        considered = other.fail()
        if considered.match and considered.match.skill_id == skill.skill.skill_id:
            other.heal(considered)
    desk.mesh.meet()
    session = recorded_session(desk.node, incident)
    session.take(approval)
    assert approve(desk.node, approval.approval_id, claim=True)
    session.heal()
    assert desk.fix.executor.executed == [("pip", "install", "django")]
    assert again(desk.node, known).evidence.verified == 1


def test_an_approval_does_not_outvote_policy(desk: Desk) -> None:
    taught(desk.node)
    incident, approval = desk.asked()
    desk.fix.policy.decision = "refuse"
    with pytest.raises(MeshError, match="not applied: the test says refuse"):
        recorded_session(desk.node, incident).take(approval)


def test_an_approval_does_not_outvote_a_halt(desk: Desk) -> None:
    taught(desk.node)
    incident, approval = desk.asked()
    session = recorded_session(desk.node, incident)
    session.take(approval)
    halt(desk.node.settings.operator, "wait")
    assert approve(desk.node, approval.approval_id, claim=True)
    session.heal()
    assert desk.fix.executor.executed == []
    assert session.outcome is not None
    assert session.outcome.result == "refused"


def test_an_incident_settled_meanwhile_needs_no_approval(desk: Desk) -> None:
    taught(desk.node)
    incident, approval = desk.asked()
    desk.node.store.incidents.set_state(incident.incident_id, "verified")
    with pytest.raises(UsageError, match="verified already"):
        recorded_session(desk.node, desk.stored(incident)).take(approval)


def test_the_words_for_people_name_fix_reason_and_decision(desk: Desk) -> None:
    taught(desk.node)
    session = recorded_session(desk.node, desk.incident())
    session.consider("auto")
    session.heal()
    said = lines(Series(session, "auto"))
    assert said[0] == f"known fix: {FIX}"
    assert ERROR.split(":")[0] in said[1]
    assert said[2].startswith("run: ")
    assert said[3].startswith("✓ verified: it ran again with exit 0")
