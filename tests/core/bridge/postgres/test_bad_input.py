"""What a person is told where a bridge in PostgreSQL cannot be used: one plain line, and the documented exit code."""

from __future__ import annotations

import shutil
import socket
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from scripts.testbed.postgres import Server, free_port, why_not
from tests.core.bridge.helpers import ALICE, record
from tests.world import Agent, World

from meshcore.bridge.base import Publication
from meshcore.bridge.open import open_bridge
from meshcore.bridge.postgres import session as session_module
from meshcore.bridge.postgres.address import connection_parameters
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.errors import BadRecordError, ConfigurationError

UNAVAILABLE, CONFIGURATION = 69, 78  # trying again may help; or it is no use


@dataclass
class Place:
    """A server over TCP with passwords, and one host that was let in."""

    root: Path
    server: Server = field(init=False)
    agent: Agent = field(init=False)
    password: str = field(init=False)

    def __post_init__(self) -> None:
        self.server = Server(port=free_port(), listen="localhost")
        self.server.speak_tls(["localhost", "127.0.0.1", "::1"])
        self.server.start()
        administration = self.server.make("mesh")
        self.agent = World(self.root).agent("build2")
        self.agent.environment |= {
            "MESHTUI_HOST": "build2",
            "MESHTUI_BRIDGE": self.server.address("mesh", "build2").url,
        }
        words = self.agent.call("bridge", "introduce").stdout.split()
        self.password = administration.grant("build2", [words[words.index("--node") + 1]]).line.rpartition(":")[2]

    def url(self, where: str = "127.0.0.1", database: str = "mesh", password: str | None = None) -> str:
        """Return an address whose password is read from a file, as it should be."""
        secret = self.root / "password"
        secret.write_text(self.password if password is None else password)
        secret.chmod(0o600)
        port = "" if ":" in where.rpartition("]")[2] else f":{self.server.port}"
        return f"postgresql://build2@{where}{port}/{database}?passwordfile={secret}"

    def exchange(self, url: str) -> tuple[int, str]:
        """Exchange with what lies at an address; return the exit code and what was said."""
        done = self.agent.call("bridge", "exchange", env={"MESHTUI_BRIDGE": url})
        assert done.stdout == ""
        assert len(done.stderr.splitlines()) <= 1
        assert "Traceback" not in done.stderr
        assert self.password not in done.stderr
        return done.returncode, done.stderr


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    if why := why_not():
        pytest.skip(why)
    made = Place(tmp_path_factory.mktemp("place"))
    yield made
    made.server.remove()


@pytest.mark.services
def test_two_addresses_and_ipv6_reach_the_server(place: Place) -> None:
    dead = free_port()
    assert place.exchange(place.url()) == (0, "")
    assert place.exchange(place.url(f"127.0.0.1:{dead},127.0.0.1:{place.server.port}")) == (0, "")
    assert place.exchange(place.url("localhost")) == (0, "")  # a name of two addresses, where there is IPv6
    try:
        socket.create_connection(("::1", place.server.port)).close()
    except OSError:
        return
    assert place.exchange(place.url("[::1]")) == (0, "")


@pytest.mark.services
def test_what_cannot_be_used_is_one_line_and_a_code(place: Place) -> None:
    said: dict[str, tuple[int, str]] = {}
    place.server.execute("postgres", "CREATE DATABASE ledger")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        said["did not answer within"] = place.exchange(place.url(f"127.0.0.1:{silent.getsockname()[1]}"))
    said["refused"] = place.exchange(place.url(f"127.0.0.1:{free_port()}"))
    said["password authentication failed"] = place.exchange(place.url(password="guessed"))
    said["does not exist"] = place.exchange(place.url(database="nothing"))
    said["holds no bridge"] = place.exchange(place.url(database="ledger"))
    missing = Path(place.root / "nowhere")
    said["no password read"] = place.exchange(place.url().partition("?")[0] + f"?passwordfile={missing}")
    place.server.execute("mesh", "UPDATE mesh.head SET schema_version = 99")
    said["written by a newer meshtui"] = place.exchange(place.url())
    place.server.execute("mesh", "UPDATE mesh.head SET schema_version = 1")
    place.server.execute("mesh", "ALTER FUNCTION mesh.beat RENAME TO beaten")
    said["the bridge lacks something"] = place.exchange(place.url())
    place.server.execute("mesh", "ALTER FUNCTION mesh.beaten RENAME TO beat")
    for words, (code, line) in said.items():
        assert words in line
        assert code == (UNAVAILABLE if words in ("did not answer within", "refused") else CONFIGURATION), line


@pytest.mark.services
def test_a_home_that_was_copied_with_its_keys_is_said_at_once_on_both_hosts(place: Place) -> None:
    place.agent.learn()
    assert place.exchange(place.url())[0] == 0
    copy = place.agent.world.agent("copy")
    shutil.copytree(place.agent.home, copy.home, dirs_exist_ok=True)
    copy.environment |= {"MESHTUI_HOST": "copy", "MESHTUI_OPERATOR_DIR": str(place.agent.operator)}
    assert copy.call("bridge", "exchange", env={"MESHTUI_BRIDGE": place.url()}).returncode == 0
    assert place.exchange(place.url())[0] == 0
    for agent, other in ((copy, "build2"), (place.agent, "copy")):
        with closing(sqlite3.connect(agent.home / "store.db")) as store:
            said = str(store.execute("SELECT data FROM events WHERE kind = 'fault'").fetchall())
        assert "two nodes with one key: this node was seen on host" in said
        assert other in said.partition(" ago")[0]


@pytest.mark.services
def test_upkeep_is_done_by_who_owns_the_bridge(place: Place) -> None:
    place.server.execute("postgres", "GRANT mesh_owner TO build2")
    done = place.agent.call("maintenance", env={"MESHTUI_BRIDGE": place.url()})
    assert done.returncode == 0, done.stderr
    assert "postgresql://" in done.stdout


@pytest.mark.services
def test_a_server_of_another_major_version_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "OLDEST_SERVER", 990000)
    bridge = open_bridge(place.server.address("mesh", "build2"), clock=SystemClock())
    with pytest.raises(ConfigurationError, match="a bridge needs 14 or newer: upgrade the server"):
        bridge.beat(ALICE)
    bridge.close()


@pytest.mark.services
def test_a_record_of_ten_megabytes_is_refused_before_it_is_sent(place: Place) -> None:
    bridge = open_bridge(place.server.address("mesh"), clock=SystemClock())
    with pytest.raises(BadRecordError, match="of 10485"):
        bridge.publish([Publication(record(ALICE, 1, text="x" * 10 * 1024 * 1024), "skill")])
    bridge.close()


def test_a_password_comes_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ModuleType("keyring")
    held = {("meshtui", "build2"): "classified"}
    ring.get_password = lambda service, user: held.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", ring)
    address = BridgeAddress.parse("postgresql://build2@localhost/mesh?keyring=meshtui")
    assert connection_parameters(address, 5.0)["password"] == "classified"
    held.clear()
    with pytest.raises(ConfigurationError, match="the keyring holds no password of 'meshtui' for 'build2'"):
        connection_parameters(address, 5.0)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigurationError, match="pip install keyring"):
        connection_parameters(address, 5.0)
