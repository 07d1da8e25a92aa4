"""Two hosts on PostgreSQL, with the commands that people have: one learns, the other knows; a restored backup heals."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from scripts.testbed.postgres import Server, free_port, why_not
from tests.world import Agent, Listener, World

from meshcore.bridge.postgres.administration import PostgresAdministration

pytestmark = pytest.mark.services
OTHER = ("ModuleNotFoundError: No module named 'flask'", "pip install flask")


class Hosts:
    """A server, and two hosts with a login each."""

    def __init__(self, root: Path) -> None:
        self.server = Server()
        self.server.start()
        self.administration: PostgresAdministration = self.server.make("mesh")
        self.world = World(root)
        self.a, self.b = self.host("host1"), self.host("host2")

    def host(self, name: str) -> Agent:
        """Let a host in as docs/many-hosts.md says."""
        agent = self.world.agent(name)
        agent.environment |= {"MESHTUI_BRIDGE": self.server.address("mesh", name).url, "MESHTUI_HOST": name}
        words = agent.call("bridge", "introduce").stdout.split()
        self.administration.grant(name, [words[words.index("--node") + 1]])
        return agent


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    if why := why_not():
        pytest.skip(why)
    made = Hosts(tmp_path)
    yield made
    made.server.remove()


def patterns(agent: Agent) -> set[str]:
    """Return what an agent knows the fix of."""
    return {str(skill["id"]) if "skill_id" not in skill else skill["skill_id"] for skill in agent.ask("skills", "list")}


def test_what_one_host_learns_the_other_hears_while_it_runs(hosts: Hosts) -> None:
    hosts.b.call("bridge", "exchange")
    with Listener(hosts.b) as listener:
        skill = hosts.a.learn()
        assert hosts.a.call("bridge", "exchange").returncode == 0
        listener.wait_for("skill.received", skill_id=skill)
        assert listener.stop(signal.SIGTERM) == 0
    assert patterns(hosts.b) == {skill}
    assert hosts.a.ask("deliveries")["undelivered"] == []


def test_after_an_older_backup_was_restored_what_it_lacks_is_put_back_and_that_is_said(hosts: Hosts) -> None:
    server = hosts.server
    hosts.b.call("bridge", "exchange")
    kept = hosts.a.learn()
    for agent in (hosts.a, hosts.b, hosts.a):
        assert agent.call("bridge", "exchange").returncode == 0
    server.stop()
    backup = server.folder / "backup"
    shutil.copytree(server.data, backup, copy_function=shutil.copy2)
    server.start()
    lost = hosts.a.learn(*OTHER)
    for agent in (hosts.a, hosts.b):
        agent.call("bridge", "exchange")
    assert patterns(hosts.b) == {kept, lost}
    server.stop()
    server.replace_data(backup)
    server.start()
    for agent in (hosts.b, hosts.a, hosts.b):
        assert agent.call("bridge", "exchange").returncode == 0
    rows = server.execute("mesh", "SELECT count(*), count(DISTINCT record_id) FROM mesh.log WHERE kind = 'skill'")
    assert rows == [(2, 2)]
    assert patterns(hosts.b) == {kept, lost}
    for agent in (hosts.a, hosts.b):  # whoever came while it was shorter
        with closing(sqlite3.connect(agent.home / "store.db")) as store:
            said = str(store.execute("SELECT * FROM events WHERE kind = 'fault'").fetchall())
        assert "it is read from its beginning" in said


def test_a_server_that_is_away_costs_a_success_nothing_and_a_failure_says_so(hosts: Hosts) -> None:
    hosts.server.stop()
    done = hosts.a.run("true")
    assert (done.returncode, done.stderr) == (0, "")
    done = hosts.a.run("false")
    assert done.returncode == 1
    hosts.server.start()
    assert hosts.a.call("bridge", "exchange").returncode == 0
    assert hosts.server.execute("mesh", "SELECT kind FROM mesh.log") == [("incident",)]


def test_a_name_without_a_server_is_a_line(hosts: Hosts) -> None:
    hosts.a.environment["MESHTUI_BRIDGE"] = f"postgresql://host1:secret@127.0.0.1:{free_port()}/mesh"
    done = hosts.a.call("bridge", "exchange")
    assert done.returncode == 69
    assert "refused" in done.stderr
    assert "secret" not in done.stderr
