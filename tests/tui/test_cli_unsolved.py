"""`meshtui unsolved`, as a person opens it in the morning; `meshtui run` is what fills it."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime

from tests.tui.busy import hear
from tests.world import Agent, only_one_line

from meshcore.store.store import Store
from meshcore.testing import FakeClock

GONE = ("ls", "no/such/folder")


def in_sessions(a: Agent, count: int) -> None:
    """Let a command fail under `meshtui run` in so many shells."""
    for _ in range(count):
        text = f"{sys.executable} -m meshtui run -- {' '.join(GONE)}; true"
        subprocess.run(["sh", "-c", text], cwd=a.work, env=a.environment, capture_output=True, check=True, timeout=60)


def test_nothing_is_said_so(a: Agent) -> None:
    assert a.call("unsolved").stdout == "nothing fails again and again\n"


def test_what_failed_in_two_shells_is_listed_with_what_to_do(a: Agent) -> None:
    (a.work / ".git").mkdir()
    in_sessions(a, 3)
    [row] = a.ask("unsolved")
    assert (row["command"], row["sessions"], row["runs"], row["agents"]) == ("ls no/such/folder", 3, 3, [a.name])
    assert "1, the costliest: ls no/such/folder" in a.call("status").stdout
    shown = a.call("unsolved", "show", row["wall"][:4]).stdout
    assert f"meshtui learn --incident {row['incident_id'][:8]} --fix COMMAND" in shown
    assert shown.count("\topen") == 3, "its incidents"
    assert a.call("unsolved", "expect", row["wall"]).returncode == 0
    assert a.ask("unsolved") == []


def test_a_pass_ends_it(a: Agent) -> None:
    (a.work / ".git").mkdir()
    in_sessions(a, 2)
    (a.work / "no" / "such" / "folder").mkdir(parents=True)
    assert a.run(*GONE).returncode == 0
    assert a.ask("unsolved") == []


def test_a_person_is_told_that_it_failed_here_before_and_in_one_shell_only_once(a: Agent) -> None:
    (a.work / ".git").mkdir()
    in_sessions(a, 1)
    said = a.run(*GONE)
    assert "`ls no/such/folder` failed here the same way in 1 earlier session" in said.stderr
    assert "earlier session" not in a.run(*GONE).stderr


def test_what_is_told_of_a_command_holds_no_secret_of_it(a: Agent) -> None:
    (a.work / ".git").mkdir()
    secret = "ghp_" + "a1B2" * 9
    text = f"{sys.executable} -m meshtui run -- ls --token={secret} no/such; true"
    said = ""
    for _ in range(2):
        done = subprocess.run(
            ["sh", "-c", text], cwd=a.work, env=a.environment, capture_output=True, text=True, timeout=60
        )
        said = "".join(line for line in done.stderr.splitlines() if line.startswith("meshtui:"))
    assert "earlier session" in said
    assert secret not in said


def test_what_other_nodes_say_is_listed_with_its_author_and_printed_safely(a: Agent) -> None:
    assert a.call("unsolved", "elsewhere").stdout == "no other node says that anything fails\n"
    with closing(Store(a.home / "store.db")) as store:
        hear(store, FakeClock(datetime.now(UTC)), "uv run \x1b[2Jpytest -q")
    first, second = a.ask("unsolved", "elsewhere")
    assert (first["name"], first["own"], first["instead"]) == ("eva@desk", False, "uv run \x1b[2Jpytest -q")
    assert first["why_not"] == "meshtui trust enroll --tell cccccccccccc"
    assert (second["name"], second["command"], second["agents_told"]) == ("ci@build2", "pytest -q tests/api", False)
    listed = a.call("unsolved", "elsewhere").stdout
    assert "eva@desk (cccccccccccc), another operator\tpassed instead in 2 sessions\tpytest -q\t" in listed
    assert "\x1b" not in listed


def test_a_wall_that_is_none_is_one_line(a: Agent) -> None:
    for words in (("show", "abcdef"), ("expect", "abcdef"), ("show", "")):
        done = a.call("unsolved", *words)
        assert done.returncode == 2
        assert "no wall" in only_one_line(done)


def test_json_has_all_of_it(a: Agent) -> None:
    (a.work / ".git").mkdir()
    in_sessions(a, 2)
    [row] = json.loads(a.call("unsolved", "--json").stdout)["unsolved"]
    assert row["line"].startswith("ls: cannot access")
    assert row["first"].endswith("Z") and row["projects"] == 1
