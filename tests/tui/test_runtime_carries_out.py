"""A row is enough: what a person approved is carried out by whatever runtime the home has, once."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.pilot import shown
from tests.world import Agent, Listener, World, wait_for

from meshcore.config import load
from meshcore.filelock import is_stopped
from meshcore.healing import approvals
from meshcore.healing.executor import Executor, TargetBusyError
from meshcore.node import Node
from meshcore.policy.question import Target
from meshcore.process.sandbox import Containment


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


def test_others_see_that_who_runs_this_home_is_stopped(a: Agent) -> None:
    with Listener(a) as listener:
        process = listener.process.pid
        os.kill(process, signal.SIGSTOP)
        wait_for(lambda: is_stopped(process), "it is stopped")
        words = f"process {process} "
        assert words in a.call("status").stdout and "is stopped" in a.call("status").stdout
        [check] = [check for check in a.ask("doctor")["checks"] if check["name"] == "runtime"]
        assert check["level"] == "bad" and f"kill -CONT {process}" in check["remedy"]
        other = a.call("--no-ui")
        assert other.returncode == 1 and f"process {process} runs this home and is stopped" in other.stderr
        os.kill(process, signal.SIGCONT)
        assert listener.stop() == 0


async def test_the_terminal_sees_it_within_seconds_and_says_so(a: Agent) -> None:
    approval_id = waiting(a)
    with Listener(a) as listener:
        process = listener.process.pid
        async with shown(load(environment=a.environment)) as it:
            assert "stopped" not in it.text()
            os.kill(process, signal.SIGSTOP)
            said = f"process {process} runs this home and is stopped"
            async with asyncio.timeout(10):
                while said not in it.text():
                    await asyncio.sleep(0.05)
            await it.press("4")
            async with asyncio.timeout(10):
                while "then again" not in it.text():
                    await asyncio.sleep(0.05)
            await it.press("a", "y")
            async with asyncio.timeout(10):
                while row(a, approval_id)["state"] != "approved":
                    await asyncio.sleep(0.05)
            await it.pilot.pause()
            assert any(f"when process {process}, which is stopped" in str(one.message) for one in it.app._notifications)
            os.kill(process, signal.SIGCONT)
            async with asyncio.timeout(10):
                while said in it.text():
                    await asyncio.sleep(0.05)


def test_a_fix_that_a_stopped_process_holds_up_says_by_whom(a: Agent) -> None:
    a.learn()
    (a.venv / "pip-waits").touch()
    child = a.start("run", "--mode", "auto", "--", *a.app)
    wait_for((a.venv / "pip-waiting").exists, "the fix runs")
    os.kill(child.pid, signal.SIGSTOP)
    wait_for(lambda: is_stopped(child.pid), "it is stopped")
    with Node(load(environment=a.environment)) as node:
        executor = Executor(node.clock, node.settings.operator / "state", Containment())
        lock = executor.lock(Target(str(a.venv), "venv"), wait=0.0)
        with pytest.raises(TargetBusyError, match=f"process {child.pid} .*, which is stopped"), lock:
            pass
    os.kill(child.pid, signal.SIGCONT)
    (a.venv / "pip-waits").unlink()
    child.communicate(timeout=30)


def test_ctrl_z_does_not_stop_a_runtime_in_the_middle_of_a_fix(a: Agent) -> None:
    approval_id = waiting(a)
    (a.venv / "pip-waits").touch()
    with Listener(a) as listener:
        approve_as_the_app_does(a, approval_id)
        wait_for((a.venv / "pip-waiting").exists, "the fix runs")
        os.kill(listener.process.pid, signal.SIGTSTP)
        (a.venv / "pip-waits").unlink()
        assert listener.wait_for("approval.carried")["result"] == "verified"

        def stops() -> bool:  # as soon as the child that carried it out has ended
            os.kill(listener.process.pid, signal.SIGTSTP)
            return is_stopped(listener.process.pid)

        wait_for(stops, "it is stopped")
        os.kill(listener.process.pid, signal.SIGCONT)
        listener.process.send_signal(signal.SIGTERM)
        _, said = listener.process.communicate(timeout=30)
        assert "not suspended: a fix runs (pip install django)" in said
