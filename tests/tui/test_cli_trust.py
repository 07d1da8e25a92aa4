"""Whose fixes may run, how far, and what waits for a person: as commands, each in a process of its own."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.world import ERROR, FIX, Agent, World, only_one_line, wait_for

from meshcore.config import BridgeAddress, Settings, load
from meshcore.errors import ConfigurationError
from meshcore.node import Node
from meshcore.policy.policy_file import load as load_rules
from meshcore.testing import FakeClock, MemoryBridge
from meshtui.__main__ import run
from meshtui.bell import ring
from meshtui.cli.approvals import POLL_SECONDS, wait_for_approvals

X = ("ModuleNotFoundError: No module named 'x'", "pip install x")


@pytest.fixture
def stranger(world: World) -> Agent:
    """A node of another operator that has taught the fix."""
    agent = world.agent("s", operator="other")
    agent.learn()
    return agent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A home of this process's own."""
    for name in ("HOME", "OPERATOR_DIR"):
        monkeypatch.setenv(f"MESHTUI_{name}", str(tmp_path / name))
    monkeypatch.setenv("MESHTUI_BRIDGE", str(tmp_path / "bridge.db"))


def author(agent: Agent, name: str) -> dict[str, str]:
    """Return what `trust list` says of an author."""
    [found] = [row for row in agent.ask("trust", "list") if row["name"] == name]
    result: dict[str, str] = found
    return result


def decision(agent: Agent, **options: str) -> str:
    """Let the program fail; return what was decided."""
    agent.run(*agent.app, **options)
    decided: str = agent.ask("policy", "explain", "last")[-1]["decision"]
    return decided


# --- trust ------------------------------------------------------------------------------------------------------------


def test_authors_are_listed_with_what_they_are_to_the_operator(a: Agent, b: Agent, stranger: Agent) -> None:
    b.learn(*X)
    assert (author(a, "b")["state"], author(a, "b")["mode"]) == ("own", "auto")
    assert (author(a, "s")["state"], author(a, "s")["mode"]) == ("unknown", "hint")
    shown = a.call("trust", "list").stdout
    assert "unknown" in shown and author(a, "s")["node"][:12] in shown


def test_a_strangers_fix_is_shown_offered_once_enrolled_and_refused_once_revoked(a: Agent, stranger: Agent) -> None:
    assert decision(a) == "hint"
    assert a.call("trust", "enroll", "s").returncode == 0
    assert decision(a) == "approve"
    [approval] = a.ask("approvals", "list")
    assert approval["author"] == {**approval["author"], "name": "s", "trust": "enrolled", "verified": 0, "tries": 0}
    assert a.call("trust", "revoke", "s", "it lies").returncode == 0
    assert (author(a, "s")["state"], author(a, "s")["why"]) == ("revoked", "it lies")
    done = a.call("approvals", "approve", approval["approval_id"])
    assert done.returncode == 1
    assert "was revoked: it lies" in only_one_line(done)
    assert a.pip_log == []


def test_a_revocation_holds_at_the_operators_other_nodes_before_their_next_fix(
    a: Agent, b: Agent, world: World
) -> None:
    c = world.agent("c")
    c.learn()
    assert decision(b, mode="approve") == "approve"
    assert author(a, "c")["state"] == "own"
    a.call("trust", "revoke", "c")
    assert decision(b) == "refuse"
    assert b.pip_log == []


def test_a_revocation_that_somebody_took_from_the_bridge_stops_what_would_run_and_is_named(
    a: Agent, b: Agent, world: World
) -> None:
    c = world.agent("c")
    c.learn()
    assert decision(b, mode="approve") == "approve"
    a.call("trust", "revoke", "c")
    log = world.bridge.with_name(world.bridge.name + ".mesh.db")
    with closing(sqlite3.connect(log)) as hostile, hostile:
        hostile.execute("CREATE TEMP TABLE taken AS SELECT * FROM log WHERE kind='revocation'")
        hostile.execute("DELETE FROM log WHERE kind='revocation'")
        hostile.commit()
        assert decision(b) == "approve"
        [text] = b.ask("status")["not_synced"]
        assert text.startswith("1 control record of a on ")
        assert f"not synced: {text}" in b.call("nodes").stdout
        assert text in b.call("status").stdout
        assert text in b.call("doctor").stdout
        hostile.execute(
            "INSERT INTO log SELECT (SELECT max(seq) + 1 FROM log), record_id, kind, origin, key, sig,"
            " published_at, text FROM taken"
        )
    assert decision(b) == "refuse"
    assert "not_synced" not in b.ask("status")
    assert b.pip_log == []


def test_what_the_bridge_has_lost_is_published_again_by_maintenance(a: Agent, b: Agent, world: World) -> None:
    b.learn()
    b.learn(*X)
    log = world.bridge.with_name(world.bridge.name + ".mesh.db")
    with closing(sqlite3.connect(log)) as hostile, hostile:
        hostile.execute("DELETE FROM log WHERE seq=(SELECT min(seq) FROM log WHERE kind='skill')")
    assert len(a.ask("status")["not_synced"]) == 1
    assert "1 published again" in b.call("maintenance").stdout
    assert "not_synced" not in a.ask("status")
    assert "published again" not in b.call("maintenance").stdout


def test_one_does_not_revoke_oneself(a: Agent, b: Agent) -> None:
    b.ask("status")
    done = a.call("trust", "revoke", author(a, "b")["operator"])
    assert done.returncode == 2
    assert "meshtui halt" in only_one_line(done)


def test_a_new_key_is_the_same_node_to_the_others(a: Agent, b: Agent) -> None:
    b.learn()
    before = author(a, "b")["node"]
    done = b.call("trust", "rotate")
    assert done.returncode == 0, done.stderr
    states = {row["node"]: row["state"] for row in a.ask("trust", "list")}
    assert states.pop(before) == "replaced"
    assert list(states.values()) == ["own"]
    assert a.run(*a.app).returncode == 0
    assert b.run(*b.app).returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ["trust", "enroll", "nobody"],
        ["trust", "revoke", "nobody"],
        ["mode", "hint", "--author", "nobody"],
        ["mode", "off", "--action", "nosuch"],
        ["mode", "--via", "ci"],
        ["mode", "auto", "--clear"],
        ["mode", "auto", "--via", "x", "--action", "y"],
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_is_said_in_one_line(
    here: None, capfd: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    assert run(arguments) == 2
    out, error = capfd.readouterr()
    assert (out, error.count("\n")) == ("", 1)


# --- modes ------------------------------------------------------------------------------------------------------------


def test_modes_are_set_per_home_kind_of_agent_author_and_action_listed_and_taken_back(
    a: Agent, stranger: Agent
) -> None:
    a.ask("status")
    [known, *_] = [action.name for action in load_rules(None).actions]
    for arguments in (("approve",), ("hint", "--via", "ci"), ("hint", "--author", "s"), ("off", "--action", known)):
        assert a.call("mode", *arguments).returncode == 0
    found = {row["for"]: row["mode"] for row in a.ask("mode")["set"]}
    operator = author(a, "s")["operator"]
    assert found == {
        "this home": "approve",
        "via ci": "hint",
        f"author {operator}": "hint",
        f"action {known}": "off",
    }
    assert a.ask("mode")["mode"] == "approve"
    a.call("mode", "--via", "ci", "--clear")
    assert "via ci" not in a.call("mode").stdout


def test_a_mode_for_a_kind_of_agent_holds_for_that_kind_only(a: Agent) -> None:
    a.learn()
    a.call("mode", "hint", "--via", "ci")
    done = a.call("run", "--via", "ci", "--", *a.app)
    assert done.returncode == 1
    assert "the mode for agents of ci is hint" in done.stderr
    assert a.run(*a.app).returncode == 0


# --- approvals --------------------------------------------------------------------------------------------------------


def waiting(agent: Agent, error: str = ERROR, fix: str = FIX) -> str:
    """Let a fix wait for a person because its program is no typed action; return the approval's id."""
    agent.learn(error, fix)
    agent.call("run", "--", "sh", "-c", f"echo {json.dumps(error)} >&2; exit 3")
    approval_id: str = agent.ask("approvals", "list")[-1]["approval_id"]
    return approval_id


def test_what_waits_says_where_as_whom_why_and_how_its_author_has_fared(a: Agent) -> None:
    waiting(a, X[0], "touch mended")
    [approval] = a.ask("approvals", "list")
    assert approval["command"] == "touch mended"
    assert approval["cwd"] == str(a.work)
    assert approval["as"].endswith("@host1")
    assert approval["for"].startswith("sh -c")
    assert approval["reasons"]
    assert approval["author"]["name"] == "a" and approval["author"]["trust"] == "own"
    shown = a.call("approvals", "list").stdout
    assert "touch mended" in shown and "verified 0 of 0" in shown and "@host1" in shown


def test_always_is_asked_once_and_then_runs_exactly_that_here(a: Agent, world: World) -> None:
    a.learn(X[0], "touch mended")
    command = ["sh", "-c", f"test -e mended || {{ echo {json.dumps(X[0])} >&2; exit 3; }}"]
    a.run(*command)
    [approval] = a.ask("approvals", "list")
    done = a.call("approvals", "approve", approval["approval_id"], "--always")
    assert "from now on without asking" in done.stdout
    (a.work / "mended").unlink(missing_ok=True)
    age_tries(a)
    a.run(*command)
    assert (a.work / "mended").exists()
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    age_tries(a)
    a.run(*command, cwd=elsewhere)
    assert not (elsewhere / "mended").exists()


def age_tries(agent: Agent) -> None:
    """Let an hour and more pass for the brakes."""
    with sqlite3.connect(agent.home / "store.db") as db:
        db.execute("UPDATE tries SET monotonic=monotonic-7200")
    db.close()


def test_what_was_rejected_here_is_not_offered_here_again(a: Agent, world: World) -> None:
    approval = waiting(a, X[0], "touch mended")
    assert a.call("approvals", "reject", approval, "--not-here").returncode == 0
    a.run("sh", "-c", f"echo {json.dumps(X[0])} >&2; exit 3")
    assert a.ask("approvals", "list") == []
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir()
    a.run("sh", "-c", f"echo {json.dumps(X[0])} >&2; exit 3", cwd=elsewhere)
    assert [one["cwd"] for one in a.ask("approvals", "list")] == [str(elsewhere)]


def test_a_script_that_waits_is_told_at_once_or_after_its_time(a: Agent) -> None:
    done = a.call("approvals", "wait", "--timeout", "0")
    assert (done.returncode, done.stdout) == (1, "")
    approval = waiting(a, X[0], "touch mended")
    done = a.call("approvals", "wait", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["approvals"][0]["approval_id"] == approval


def test_waiting_ends_when_something_arrives_or_time_is_up(tmp_path: Path) -> None:
    clock = FakeClock()
    settings = Settings(
        tmp_path / "home", tmp_path / "operator", BridgeAddress.of(tmp_path / "bridge.db"), "a", "host1"
    )
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.advance(seconds)

    with Node(settings, clock, MemoryBridge(clock)) as node:
        assert wait_for_approvals(node, 1.0, sleep).count == 0
        assert sum(slept) == pytest.approx(1.0)
        assert max(slept) <= POLL_SECONDS <= 0.25

        def arrive(seconds: float) -> None:
            from tests.core.store.test_tables import approval

            node.store.approvals.ask(approval())

        assert wait_for_approvals(node, None, arrive).count == 1


def test_the_operators_command_hears_of_a_new_approval_without_a_shell(a: Agent, world: World) -> None:
    told = world.root / "told"
    script = world.root / "tell"
    script.write_text(f'#!/bin/sh\nprintf "%s|%s" "$MESHTUI_APPROVAL" "$1" > {told}.new && mv {told}.new {told}\n')
    script.chmod(0o755)
    a.operator.mkdir(parents=True, exist_ok=True)
    (a.operator / "config.toml").write_text(f'on_approval = ["{script}", "$(touch evil); x"]\n')
    approval = waiting(a, X[0], "touch mended")
    wait_for(told.exists, "the operator's command")
    assert told.read_text() == f"{approval}|$(touch evil); x"
    assert not (a.work / "evil").exists()


@pytest.mark.parametrize("value", ['"notify me"', "[1]", '[""]'])
def test_an_on_approval_that_is_no_command_is_a_fault_of_the_settings(tmp_path: Path, value: str) -> None:
    (tmp_path / "config.toml").write_text(f"on_approval = {value}\n")
    with pytest.raises(ConfigurationError, match="on_approval"):
        load(environment={"MESHTUI_OPERATOR_DIR": str(tmp_path), "USER": "anna"})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_rings_and_shows_a_notification_that_the_text_cannot_leave() -> None:
    terminal = Terminal()
    ring("known fix: x\x07\x1b]52;c;aGk=\x07\x9c", terminal, {"TERM": "xterm"})
    written = terminal.getvalue()
    assert written.startswith("\a\x1b]9;") and written.endswith("\x07")
    assert not [c for c in written[4:-1] if ord(c) < 32 or 127 <= ord(c) < 160]


@pytest.mark.parametrize("environment", [{"TERM": "dumb"}, {"TERM": ""}, {}])
def test_a_dumb_terminal_only_rings(environment: dict[str, str]) -> None:
    terminal = Terminal()
    ring("x", terminal, environment)
    assert terminal.getvalue() == "\a"


def test_what_is_no_terminal_hears_nothing() -> None:
    stream = io.StringIO()
    ring("x", stream, {"TERM": "xterm"})
    assert stream.getvalue() == ""
