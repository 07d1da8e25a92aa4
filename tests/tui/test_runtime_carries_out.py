"""A row is enough: what a person approved is carried out by whatever runtime the home has, once."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.world import Agent, Listener, World, wait_for

from meshcore.config import load
from meshcore.healing import approvals
from meshcore.node import Node


def waiting(agent: Agent) -> str:
    """Let a program fail whose fix must be approved; return the approval."""
    agent.learn()
    agent.run(*agent.app, mode="approve")
    [row] = agent.ask("approvals", "list")
    approval_id: str = row["approval_id"]
    return approval_id


def approve_as_the_app_does(agent: Agent, approval_id: str) -> None:
    with Node(load(environment=agent.environment)) as node:
        assert approvals.approve(node, approval_id)


def row(agent: Agent, approval_id: str) -> dict[str, str]:
    [found] = [one for one in agent.ask("approvals", "list", "--all") if one["approval_id"] == approval_id]
    result: dict[str, str] = found
    return result


def test_the_runtime_carries_out_a_row_that_another_process_wrote(a: Agent) -> None:
    approval_id = waiting(a)
    with Listener(a) as listener:
        approve_as_the_app_does(a, approval_id)
        assert listener.wait_for("approval.carried")["result"] == "verified"
        assert listener.stop() == 0
    assert (row(a, approval_id)["state"], row(a, approval_id)["result"]) == ("approved", "verified")
    assert len(a.pip_log) == 1


def test_a_row_waits_for_the_next_runtime_and_is_not_carried_out_twice(a: Agent) -> None:
    approval_id = waiting(a)
    approve_as_the_app_does(a, approval_id)
    assert row(a, approval_id)["result"] == ""
    for _ in range(2):
        with Listener(a) as listener:
            if row(a, approval_id)["result"] == "":
                listener.wait_for("approval.carried")
            listener.stop()
    assert len(a.pip_log) == 1


def test_the_command_that_approves_carries_out_itself_beside_a_runtime(a: Agent) -> None:
    approval_id = waiting(a)
    with Listener(a) as listener:
        assert a.call("approvals", "approve", approval_id).returncode == 0
        listener.wait_for("approval.carried")
    assert len(a.pip_log) == 1


def test_a_child_is_ended_with_its_runtime(a: Agent, world: World) -> None:
    approval_id = waiting(a)
    (a.venv / "pip-waits").touch()
    with Listener(a) as listener:
        approve_as_the_app_does(a, approval_id)
        wait_for((a.venv / "pip-waiting").exists, "the fix runs")
        [mark] = of(a, "SELECT process FROM approvals WHERE state='approved'")
        child = int(mark.split(":")[0])
        assert os.getsid(child) == child
        assert listener.stop() == 0
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def of(agent: Agent, sql: str) -> list[str]:
    with closing(sqlite3.connect(Path(agent.home) / "store.db")) as database:
        return [str(found[0]) for found in database.execute(sql)]


def test_while_halted_the_row_waits(a: Agent) -> None:
    approval_id = waiting(a)
    a.call("halt", "a drill")
    approve_as_the_app_does(a, approval_id)
    with Listener(a) as listener:
        a.learn("ModuleNotFoundError: No module named 'x'", "pip install x")
        listener.wait_for("skill.published")
        assert row(a, approval_id)["result"] == ""
        a.call("resume")
        assert listener.wait_for("approval.carried")["result"] == "verified"


def test_an_approval_that_is_not_approved_or_of_another_incident_is_not_carried_out(a: Agent) -> None:
    approval_id = waiting(a)
    done = a.call("heal", "last", "--approval", approval_id)
    assert done.returncode == 2
    assert "not approved" in done.stderr
    assert a.pip_log == []
