"""What waits on one host is answered at another and carried out where it was asked, by real processes."""

from __future__ import annotations

import pytest
from tests.world import FIX, Agent, Listener, World


@pytest.fixture
def asked(a: Agent, b: Agent, world: World) -> str:
    """An approval that waits at b, on another host than a."""
    b.environment["MESHTUI_HOST"] = "host2"
    a.run("false")
    b.learn()
    b.run(*b.app, mode="approve")
    [row] = a.ask("approvals", "list")
    assert (row["command"], row["cwd"], row["as"].rpartition("@")[2]) == (FIX, str(b.work), "host2")
    approval_id: str = row["approval_id"]
    return approval_id


def test_a_yes_is_carried_out_where_it_was_asked(a: Agent, b: Agent, asked: str) -> None:
    with Listener(b) as listener:
        done = a.call("approvals", "approve", asked)
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("host2 is told, signed:")
        assert listener.wait_for("approval.resolved")["actor"] == "a on host1"
        assert listener.wait_for("approval.carried")["result"] == "verified"
        listener.stop()
    assert (len(a.pip_log), len(b.pip_log)) == (0, 1)
    assert a.ask("approvals", "list") == []


def test_a_no_settles_it_and_what_is_for_a_project_is_said_there(a: Agent, b: Agent, asked: str) -> None:
    for words in (("approve", asked, "--always"), ("reject", asked, "--not-here")):
        assert a.call("approvals", *words).returncode == 2
    assert a.call("approvals", "reject", asked[:8]).returncode == 0
    assert b.ask("approvals", "list") == []
    assert [row["state"] for row in b.ask("approvals", "list", "--all")] == ["rejected"]
    assert b.pip_log == []


def test_one_yes_goes_to_each_host_that_asks_for_the_same(a: Agent, b: Agent, asked: str, world: World) -> None:
    c = world.agent("c")
    c.environment["MESHTUI_HOST"] = "host3"
    c.run(*c.app, mode="approve")
    rows = a.ask("approvals", "list")
    assert [row["command"] for row in rows] == [FIX, FIX]
    done = a.call("approvals", "approve", asked, "--everywhere")
    told = sorted(line.partition(" ")[0] for line in done.stdout.splitlines())
    same = len({row["runs"] for row in rows}) == 1
    assert told == (["host2", "host3"] if same else ["host2"]), "exactly the same only"
