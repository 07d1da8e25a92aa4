"""What waits for a person: it executes what was shown, once, or not at all."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from tests.world import FIX, Agent, only_one_line, wait_for


def waiting(agent: Agent) -> str:
    """Let a fix wait for a person; return the approval's id."""
    agent.learn()
    assert agent.run(*agent.app, mode="approve").returncode == 1
    [approval] = agent.ask("approvals", "list")
    approval_id: str = approval["approval_id"]
    return approval_id


def test_an_approval_shows_what_would_run_where_and_why(a: Agent) -> None:
    waiting(a)
    [approval] = a.ask("approvals", "list")
    assert (approval["command"], approval["cwd"], approval["state"]) == (FIX, str(a.work), "waiting")
    assert approval["reasons"]


def test_who_approves_executes_and_verifies(a: Agent) -> None:
    approval = waiting(a)
    done = a.call("approvals", "approve", approval[:8], cwd=Path("/"))
    assert done.returncode == 0, done.stderr
    assert len(a.pip_log) == 1
    assert a.ask("incidents", "list")[0]["state"] == "verified"
    assert a.ask("approvals", "list") == []
    [settled] = a.ask("approvals", "list", "--all")
    assert (settled["state"], settled["actor"]) == ("approved", "a")


def test_what_was_approved_is_not_approved_twice(a: Agent) -> None:
    approval = waiting(a)
    a.call("approvals", "approve", approval)
    done = a.call("approvals", "approve", approval)
    assert done.returncode == 2
    assert "approved already, by a" in only_one_line(done)
    assert len(a.pip_log) == 1


def test_two_shells_that_approve_at_once_execute_once(a: Agent) -> None:
    approval = waiting(a)
    (a.venv / "pip-waits").touch()
    shells = [a.start("approvals", "approve", approval) for _ in range(2)]
    wait_for(lambda: any(shell.poll() is not None for shell in shells), "one of the two gives up")
    wait_for((a.venv / "pip-waiting").exists, "the other one applies")
    (a.venv / "pip-waits").unlink()
    codes = []
    for shell in shells:
        _, errors = shell.communicate(timeout=60)
        assert "Traceback" not in errors
        codes.append(shell.returncode)
    assert len(a.pip_log) == 1
    assert codes.count(0) == 1


def test_two_shells_that_heal_one_environment_at_once_do_not_collide(a: Agent) -> None:
    a.learn()
    (a.venv / "pip-waits").touch()
    shells = [a.start("run", "--", *a.app) for _ in range(2)]
    wait_for((a.venv / "pip-waiting").exists, "one of them applies")
    (a.venv / "pip-waits").unlink()
    for shell in shells:
        shell.communicate(timeout=60)
    assert {shell.returncode for shell in shells} == {0}
    assert {incident["state"] for incident in a.ask("incidents", "list")} == {"verified"}


def test_what_was_rejected_is_never_run(a: Agent) -> None:
    approval = waiting(a)
    assert a.call("approvals", "reject", approval).returncode == 0
    assert a.ask("incidents", "list")[0]["state"] == "refused"
    assert a.call("approvals", "approve", approval).returncode == 2
    assert a.pip_log == []


def test_a_rejection_is_taken_back_and_waits_again(a: Agent) -> None:
    approval = waiting(a)
    assert f"approvals undo {approval[:8]}" in a.call("approvals", "reject", approval).stdout
    done = a.call("approvals", "undo", approval[:8])
    assert done.returncode == 0, done.stderr
    [again] = a.ask("approvals", "list")
    assert again["approval_id"] != approval and again["runs"] in done.stdout
    assert [one["state"] for one in a.ask("approvals", "list", "--all")] == ["rejected", "waiting"]
    assert a.pip_log == []
    assert a.call("approvals", "undo", approval).returncode == 2
    assert a.call("approvals", "approve", again["approval_id"]).returncode == 0
    assert len(a.pip_log) == 1


def test_an_action_changed_in_the_store_since_it_was_shown_is_refused(a: Agent) -> None:
    approval = waiting(a)
    with sqlite3.connect(a.home / "store.db") as db:
        changed = db.execute("UPDATE skills SET body=replace(body, '\"install\"', '\"uninstall\"')").rowcount
    db.close()
    assert changed == 1
    done = a.call("approvals", "approve", approval)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert a.pip_log == []


def test_a_halt_holds_for_whoever_approves(a: Agent) -> None:
    approval = waiting(a)
    a.call("halt", "an audit")
    done = a.call("approvals", "approve", approval)
    assert done.returncode == 1
    assert a.pip_log == []
    a.call("resume")
    assert a.call("approvals", "approve", approval).returncode == 0


def test_a_command_with_a_secret_is_not_executed_from_its_record(a: Agent) -> None:
    a.learn()
    secret = "ghp_" + "a1B2c3D4e5" * 4
    a.run(*a.app, f"--token={secret}", mode="approve")
    [approval] = a.ask("approvals", "list")
    done = a.call("approvals", "approve", approval["approval_id"])
    assert done.returncode == 2
    assert "run it again yourself" in only_one_line(done)
    assert a.pip_log == []
    assert secret not in a.call("incidents", "show", "last").stdout


def test_fixed_by_hand_meanwhile_nothing_waits_any_more(a: Agent) -> None:
    waiting(a)
    a.run(a.app[0], "-m", "pip", "install", "django")
    assert a.run(*a.app).returncode == 0
    assert a.ask("approvals", "list") == []


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_an_unknown_approval_is_said_in_one_line(a: Agent, verb: str) -> None:
    done = a.call("approvals", verb, "nosuch")
    assert done.returncode == 2
    assert "approvals list" in only_one_line(done)


def test_other_homes_are_listed_and_decided_in_them(a: Agent, b: Agent, tmp_path: Path) -> None:
    approval = waiting(b)
    (a.operator / "config.toml").write_text(f'homes = ["{b.home}", "{tmp_path / "gone"}"]\n')
    done = a.call("approvals", "list")
    assert done.returncode == 1 and str(b.home) in done.stdout and approval[:8] in done.stdout
    assert "gone/store.db: no store here" in done.stderr
    done = a.call("approvals", "approve", approval)
    assert done.returncode == 0, done.stderr
    assert f"approved in {b.home}" in done.stdout and "as soon as a runtime of that home" in done.stdout
    assert b.pip_log == [], "whoever approves carries nothing out"
    [settled] = b.ask("approvals", "list", "--all")
    assert (settled["state"], settled["actor"]) == ("approved", "a")
    assert a.call("approvals", "reject", approval).returncode == 2
