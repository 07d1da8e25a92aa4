"""kill -9 at the worst moments: nothing acknowledged is lost, nothing is applied twice, nothing is claimed."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from tests.world import Agent, Listener, wait_for

DIE = """\
import os, sys
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.store.outbox import Outbox
from meshcore.store.tries import Outcomes
from meshcore.exchange import receive as exchange

def die(*arguments, **options):
    os.kill(os.getpid(), 9)

where = sys.argv.pop(1)
if where == "between receipt of a message and its storing":
    exchange._take_in_one = die
elif where == "between storing a message and its receipt":
    SqliteBridge.acknowledge = die
elif where == "between signing and publishing":
    SqliteBridge.publish = die
elif where == "between writing to the bridge and ringing":
    SqliteBridge._ring = die
elif where == "between publishing and noting it":
    Outbox.mark_published = die
elif where == "between applying and noting the outcome":
    Outcomes.add = die
else:
    raise SystemExit(f"no such moment: {where}")
from meshtui.__main__ import main
main()
"""


def dying(agent: Agent, where: str, *arguments: str) -> int:
    """Run a `meshtui` command that is killed at a certain moment; return how it ended."""
    done = subprocess.run(
        [sys.executable, "-c", DIE, where, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        cwd=agent.work,
        env=agent.environment,
        timeout=60,
    )
    return done.returncode


@pytest.mark.parametrize(
    "moment", ["between receipt of a message and its storing", "between storing a message and its receipt"]
)
def test_a_listener_killed_with_a_message_in_hand_loses_none(a: Agent, b: Agent, moment: str) -> None:
    b.call("status")
    skill_id = a.learn()
    assert dying(b, moment, "--no-ui") == -signal.SIGKILL
    assert [u["kind"] for u in a.ask("deliveries")["undelivered"]] == ["skill"]
    with Listener(b) as listener:
        assert listener.stop() == 0
    assert a.ask("deliveries")["undelivered"] == []
    [known] = b.ask("skills", "list")
    assert (known["skill_id"], known["state"]) == (skill_id, "active")
    received = [line for line in (b.home / "journal.jsonl").read_text().splitlines() if '"skill.received"' in line]
    assert len(received) == 1


@pytest.mark.parametrize(
    "moment",
    [
        "between signing and publishing",
        "between writing to the bridge and ringing",
        "between publishing and noting it",
    ],
)
def test_a_sender_killed_while_it_tells_is_heard_once(a: Agent, b: Agent, moment: str) -> None:
    b.call("status")
    learn = ("learn", "--error", "ModuleNotFoundError: No module named 'django'", "--fix", "pip install django")
    assert dying(a, moment, *learn) == -signal.SIGKILL
    a.call("status")
    assert a.ask("status")["unpublished"] == 0
    assert [known["state"] for known in b.ask("skills", "list")] == ["active"]
    assert a.ask("status")["bridge"]["records"] == 1


def test_a_message_whose_ring_was_lost_is_found_all_the_same(a: Agent, b: Agent) -> None:
    a.call("status")
    with Listener(b) as listener:
        learn = ("learn", "--error", "ModuleNotFoundError: No module named 'django'", "--fix", "pip install django")
        assert dying(a, "between writing to the bridge and ringing", *learn) == -signal.SIGKILL
        listener.wait_for("skill.received")


def test_a_run_killed_after_it_applied_claims_nothing_and_applies_nothing_again(a: Agent) -> None:
    a.learn()
    assert dying(a, "between applying and noting the outcome", "run", "--", *a.app) == -signal.SIGKILL
    assert a.ask("incidents", "list")[0]["state"] == "fixing"
    a.run("sh", "-c", "exit 3")
    states = {
        incident["command"] if "command" in incident else incident["argv"][-1]: incident["state"]
        for incident in a.ask("incidents", "list")
    }
    assert states["app.py"] == "unknown"
    assert len(a.pip_log) == 1
    done = a.run(*a.app)
    assert done.returncode == 0
    assert len(a.pip_log) == 1
    assert {i["argv"][-1]: i["state"] for i in a.ask("incidents", "list")}["app.py"] == "verified"


def test_a_run_killed_while_the_fix_runs_is_unknown_until_the_command_succeeds(a: Agent) -> None:
    a.learn()
    waits, waiting = a.venv / "pip-waits", a.venv / "pip-waiting"
    waits.touch()
    process = a.start("run", "--", *a.app)
    wait_for(waiting.exists, "the fix runs")
    process.kill()
    process.communicate(timeout=60)
    waits.unlink()
    a.run("sh", "-c", "exit 3")
    incident = next(i for i in a.ask("incidents", "list") if i["argv"][-1] == "app.py")
    assert incident["state"] == "unknown"
    shown = a.ask("incidents", "show", incident["incident_id"])
    assert [outcome["result"] for outcome in shown["outcomes"]] == ["unknown"]
    assert len(a.pip_log) == 1
