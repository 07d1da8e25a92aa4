"""`meshtui --no-ui`: the runtime as a process."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys

import pytest
from tests.core.runs import samples
from tests.world import Agent, Listener, World, only_one_line


def learn_unpublished(agent: Agent) -> None:
    """Teach an agent a fix while it cannot reach the bridge."""
    no_bridge = {"MESHTUI_BRIDGE": str(agent.work / "app.py" / "x.db")}
    agent.call(
        "learn", "--error", "ValueError: the settings of the day are wrong", "--fix", "touch settings", env=no_bridge
    )


def test_it_prints_one_json_object_per_event_and_what_is_taught_arrives(a: Agent, b: Agent) -> None:
    with Listener(b) as listener:
        skill_id = a.learn()
        event = listener.wait_for("skill.received", skill_id=skill_id)
        assert (event["schema_version"], event["own"]) == (1, True)
        assert listener.stop() == 0


def test_it_prints_one_readable_line_per_event(a: Agent, b: Agent) -> None:
    process = b.start("serve")
    assert process.stdout is not None
    assert "runtime.started" in process.stdout.readline()
    a.learn()
    line = next(line for line in process.stdout if "skill.received" in line)
    assert "No module named 'django' from a" in line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert "runtime.stopped" in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_lets_it_drain_and_leave_with_0(b: Agent, number: int) -> None:
    with Listener(b) as listener:
        assert listener.stop(number) == 0
    assert "runtime.stopped" in (b.home / "journal.jsonl").read_text()


def test_what_was_queued_when_the_signal_came_is_published(a: Agent, b: Agent) -> None:
    a.call("status")
    with Listener(b) as listener:
        listener.process.send_signal(signal.SIGSTOP)
        learn_unpublished(b)
        listener.process.send_signal(signal.SIGTERM)
        listener.process.send_signal(signal.SIGCONT)
        assert listener.stop(signal.SIGCONT) == 0
    assert [skill["own_operator"] for skill in a.ask("skills", "list")] == [True]


def test_a_second_one_says_who_holds_the_home(b: Agent) -> None:
    with Listener(b) as listener:
        done = b.call("--no-ui")
        assert done.returncode == 1
        line = only_one_line(done)
        assert f"process {listener.process.pid}" in line
        assert str(b.home) in line
        assert b.ask("status")["runtime"] == listener.process.pid
    assert b.ask("status")["runtime"] is None


def test_a_signal_is_obeyed_though_somebody_holds_the_bridge(a: Agent, b: Agent, world: World) -> None:
    a.call("status")
    with Listener(b) as listener:
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(world.bridge) + ".mesh.db"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        learn_unpublished(b)
        assert listener.stop() == 0
        holder.communicate("let go\n", timeout=60)


HOLD = """\
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


def test_a_reader_that_goes_away_ends_it_in_order(a: Agent, b: Agent) -> None:
    process = b.start("--no-ui", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    a.learn()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 0
    journal = (b.home / "journal.jsonl").read_text().splitlines()
    assert "runtime.stopped" in [json.loads(line)["kind"] for line in journal]


def test_a_newer_store_is_not_served(b: Agent) -> None:
    b.call("status")
    with sqlite3.connect(b.home / "store.db") as db:
        db.execute("PRAGMA user_version=99")
    db.close()
    done = b.call("--no-ui")
    assert done.returncode == 78
    assert "newer" in only_one_line(done)


def test_hostile_text_of_a_peer_is_made_visible_in_its_lines(a: Agent, b: Agent) -> None:
    process = b.start("serve")
    assert process.stdout is not None
    process.stdout.readline()
    script = a.work / "hostile.sh"
    script.write_bytes(b"printf 'ValueError: \\033]52;c;aGk=\\007 in the settings\\n' >&2; exit 1\n")
    a.run("sh", "hostile.sh")
    line = next(line for line in process.stdout if "incident.opened" in line)
    assert "in the settings" in line
    assert "\x1b" not in line
    process.terminate()
    process.communicate(timeout=60)


def test_killed_it_leaves_nothing_that_holds_up_the_next(b: Agent) -> None:
    with Listener(b) as listener:
        os.kill(listener.process.pid, signal.SIGKILL)
        listener.process.wait(60)
    with Listener(b) as listener:
        assert listener.stop() == 0


def test_monitor_and_validator_run_inside_it_each_at_its_interval(b: Agent, world: World) -> None:
    root = world.root / "runs"
    samples.write_run(root, "run-1")
    process = b.start("--no-ui", "--json", "--monitor-interval", "0.5", "--runs-root", str(root))
    assert process.stdout is not None
    kinds: list[str] = []
    for line in process.stdout:
        kinds.append(json.loads(line)["kind"])
        if kinds.count("monitor.snapshot") == 2 and "runs.validated" in kinds:
            break
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "meshtui: --monitor-interval 0.5 raised to 1 s\n")
    assert len((b.home / "collective_learning_monitor_log.jsonl").read_text().splitlines()) >= 2
    assert len((root / "validation_log.jsonl").read_text().splitlines()) == 1
    assert (b.home / "journal.jsonl").read_text().count("runs.validated") == 1
