"""Agents of one operator heal each other's errors; others' words are shown and never run."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from tests.world import ERROR, FIX, Agent, Listener, World, lines_of_ours, wait_for

from meshcore.bridge.base import Publication
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.clock import SystemClock
from meshcore.errors import BadRecordError
from meshcore.home import Home
from meshcore.model import Record
from meshcore.safety.keys import identify
from meshcore.safety.records import sign


def publish(world: World, record: Record, kind: str = "skill") -> None:
    """Put a record on the bridge past every command."""
    bridge = SqliteBridge(world.bridge, clock=SystemClock())
    bridge.publish([Publication(record, kind)])
    bridge.close()


def test_what_one_agent_was_taught_heals_the_other_without_anyone_looking(a: Agent, b: Agent) -> None:
    with Listener(b) as listener:
        assert a.run(*a.app).returncode == 1
        skill_id = a.learn()
        listener.wait_for("skill.received", skill_id=skill_id)
        assert a.call("heal", "last").returncode == 0
        listener.wait_for("outcome.received", skill_id=skill_id, result="verified")
        done = b.run(*b.app)
        assert (done.returncode, done.stdout) == (0, "it works\n")
        assert listener.stop() == 0
    assert len(a.pip_log) == len(b.pip_log) == 1
    assert [i["state"] for i in a.ask("incidents", "list")] == ["verified", "verified"]
    status = a.ask("status")
    assert (status["verified"], status["handled"], status["rejected_records"]) == (2, 2, 0)
    assert (status["bridge"]["joined"], status["bridge"]["undelivered"]) == (2, 0)
    [known] = b.ask("skills", "list")
    assert (known["verified"], known["failed"]) == (1, 0)


def test_without_anything_running_the_next_command_hears_of_it(a: Agent, b: Agent) -> None:
    a.learn()
    assert b.run(*b.app).returncode == 0


def test_agents_of_one_home_know_at_once_and_are_listed(a: Agent) -> None:
    a.learn()
    done = a.call("--agent", "ci@build2", "run", "--via", "ci", "--", *a.app)
    assert done.returncode == 0
    assert [(agent["name"], agent["via"]) for agent in a.ask("agents")] == [("ci@build2", "ci")]


def test_another_operators_skill_is_shown_and_never_run(a: Agent, world: World) -> None:
    stranger = world.agent("stranger", operator="another")
    stranger.learn()
    done = a.run(*a.app)
    assert done.returncode == 1
    assert a.pip_log == []
    [known] = a.ask("skills", "list")
    assert (known["own_operator"], known["state"], known["confirmed"]) == (False, "unconfirmed", False)
    assert any(FIX in note for note in lines_of_ours(done.stderr))


def test_a_text_without_a_signature_is_never_run(a: Agent, world: World) -> None:
    a.call("status")
    skill = {"error_type": "ModuleNotFoundError", "pattern": "No module named 'django'", "resolution": FIX}
    publish(world, Record(json.dumps(skill), "", ""))
    assert a.run(*a.app).returncode == 1
    assert a.pip_log == []
    assert a.ask("status")["rejected_records"] == 1


def test_a_bad_signature_is_kept_counted_and_shown(a: Agent, b: Agent, world: World) -> None:
    a.call("status")
    b.call("status")
    identity = identify(Home(b.home).key, b.operator / "operator.key")
    good = sign("skill", {"skill": {}}, 99, identity, SystemClock())
    publish(world, Record(good.text.replace('"skill":{}', '"skill":[]'), good.key, good.sig))
    assert a.ask("status")["rejected_records"] == 1
    assert a.ask("deliveries")["rejected"] >= 1
    assert "rejected     1" in a.call("status").stdout
    with sqlite3.connect(a.home / "store.db") as db:
        [(text,)] = db.execute("SELECT text FROM records WHERE status='rejected'").fetchall()
    db.close()
    assert '"skill":[]' in text


def test_ten_megabytes_and_the_unknown_hold_nothing_up(a: Agent, b: Agent, world: World) -> None:
    a.call("status")
    b.call("status")
    with pytest.raises(BadRecordError):
        publish(world, Record("x" * 10_000_000, "0" * 64, "0" * 128))
    publish(world, Record("x" * 1_000_000, "0" * 64, "0" * 128))
    identity = identify(Home(b.home).key, b.operator / "operator.key")
    publish(world, sign("poem", {"of": "the future"}, 98, identity, SystemClock()), "poem")
    a.learn()
    b.call("status")
    done = b.run(*b.app)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: a.ask("status")["bridge"]["undelivered"] == 0, "the megabyte's turn")


def test_an_outcome_in_anothers_name_changes_nothing(a: Agent, b: Agent, world: World) -> None:
    skill_id = a.learn()
    b.call("status")
    identity = identify(Home(b.home).key, b.operator / "operator.key")
    me = identify(Home(a.home).key, a.operator / "operator.key").node.public
    body = {
        **dict.fromkeys(("outcome_id", "incident_id", "at", "host", "agent"), "x"),
        "skill_id": skill_id,
        "node": me,
        "result": "fix_failed",
        "circumstances": {},
    }
    publish(world, sign("outcome", body, 97, identity, SystemClock()), "outcome")
    assert a.ask("skills", "show", skill_id[:12])["failed"] == 0
    assert a.ask("status")["rejected_records"] == 1


def test_three_failures_quarantine_a_skill_until_a_person_lifts_it(a: Agent, b: Agent, world: World) -> None:
    skill_id = a.learn()
    b.call("status")
    identity = identify(Home(b.home).key, b.operator / "operator.key")
    for number in range(3):
        assert a.ask("skills", "show", skill_id[:12])["state"] == "active"
        body = {
            **dict.fromkeys(("outcome_id", "incident_id"), f"{number:016x}"),
            "skill_id": skill_id,
            "node": identity.node.public,
            "result": "fix_failed",
            "at": f"2026-11-22T08:00:0{number}.000000Z",
            "host": "host1",
            "agent": "b",
            "circumstances": {"program": "elsewhere"},
        }
        publish(world, sign("outcome", body, 90 + number, identity, SystemClock()), "outcome")
    shown = a.ask("skills", "show", skill_id[:12])
    assert (shown["state"], shown["failed"]) == ("quarantined", 1)
    assert a.run(*a.app).returncode == 1
    assert a.pip_log == []
    assert a.call("match", "--error", ERROR).returncode == 1
    assert a.call("skills", "confirm", skill_id[:12]).returncode == 0
    assert a.ask("skills", "show", skill_id[:12])["state"] == "active"
    assert any(FIX in note for note in lines_of_ours(a.run(*a.app).stderr))


def test_a_forgotten_node_is_expected_nowhere_and_joins_again_by_itself(a: Agent, b: Agent) -> None:
    b.call("status")
    a.learn()
    assert a.ask("deliveries")["undelivered"]
    assert a.call("nodes", "forget", "b").returncode == 0
    assert a.ask("deliveries")["undelivered"] == []
    assert [node["name"] for node in a.ask("nodes", "list")] == ["a"]
    assert b.run(*b.app).returncode == 0
    assert {node["name"] for node in a.ask("nodes", "list")} == {"a", "b"}


def test_nothing_of_the_users_own_is_touched(a: Agent, b: Agent, world: World) -> None:
    a.learn()
    b.run(*b.app)
    assert list(Path(world.environment["HOME"]).iterdir()) == []
