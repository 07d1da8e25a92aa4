"""The bridge of another host through a real sshd, as two machines of one person have it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from scripts.testbed import sshd
from scripts.testbed.sshd import Sshd
from tests.core.bridge.helpers import ALICE, BOB, member, open_at, publication, take

from meshcore.bridge.open import open_bridge
from meshcore.bridge.ssh.authorize import authorized_line
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.errors import ConfigurationError, UsageError

pytestmark = pytest.mark.services
PROGRAM = [sys.executable, "-P", "-m", "meshtui"]


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sshd]:
    folder = tmp_path / "sshd"
    folder.mkdir()
    try:
        running, process = sshd.start(folder)
    except sshd.NoSshdError as error:
        pytest.skip(str(error))
    monkeypatch.setenv("PATH", f"{running.path}:{os.environ['PATH']}")
    yield running
    process.terminate()
    process.wait()


def test_a_key_that_is_authorized_for_a_node_joins_and_does_nothing_else(server: Sshd, tmp_path: Path) -> None:
    path = tmp_path / "bridge.db"
    hub = open_at("sqlite://{root}/bridge.db", tmp_path, SystemClock())
    hub.join(member(ALICE))
    server.authorize(authorized_line(server.public_key, BOB, PROGRAM, path))
    bob = open_bridge(BridgeAddress.parse(server.url()), clock=SystemClock(), deadline=20)
    bob.join(member(BOB))
    hub.publish([publication(ALICE, 1)])
    assert bob.wait(20)
    assert len(take(bob, BOB)) == 1
    bob.publish([publication(BOB, 1)])
    assert [one.name for one in hub.members()] == ["node-a", "node-b"]
    assert len(take(hub, ALICE)) == 1
    with pytest.raises(UsageError, match="another node"):
        bob.beat(ALICE)
    bob.close()
    asked = subprocess.run(
        ["ssh", "-p", str(server.port), "127.0.0.1", "touch", str(tmp_path / "mine")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert b"meshtui_bridge" in asked.stdout
    assert not (tmp_path / "mine").exists()
    hub.close()


def test_what_ssh_says_is_what_a_person_reads(server: Sshd) -> None:
    bridge = open_bridge(BridgeAddress.parse(server.url()), clock=SystemClock(), deadline=20)
    with pytest.raises(ConfigurationError, match="Permission denied"):
        bridge.beat(BOB)
    bridge.close()
    (server.folder / "known_hosts").write_text("")
    bridge = open_bridge(BridgeAddress.parse(server.url()), clock=SystemClock(), deadline=20)
    with pytest.raises(ConfigurationError, match="Host key verification failed"):
        bridge.beat(BOB)
    bridge.close()


def test_a_key_that_ssh_would_ask_a_person_about_is_a_line_and_no_wait(server: Sshd, tmp_path: Path) -> None:
    server.authorize(authorized_line(server.public_key, BOB, PROGRAM, tmp_path / "bridge.db"))
    lock = ["ssh-keygen", "-q", "-p", "-P", "", "-N", "classified", "-f", str(server.folder / "id")]
    subprocess.run(lock, check=True)
    bridge = open_bridge(BridgeAddress.parse(server.url()), clock=SystemClock(), deadline=20)
    with pytest.raises(ConfigurationError, match="Permission denied") as caught:
        bridge.join(member(BOB))
    assert "\n" not in str(caught.value)
    bridge.close()


def test_a_fix_that_was_learnt_on_one_host_is_known_on_the_other(server: Sshd, tmp_path: Path) -> None:
    def meshtui(host: str, bridge: str, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "HOME": str(tmp_path),
            "MESHTUI_HOME": str(tmp_path / host),
            "MESHTUI_OPERATOR_DIR": str(tmp_path / "operator"),
            "MESHTUI_PACKS": "off",
            "MESHTUI_BRIDGE": bridge,
        }
        return subprocess.run(
            [*PROGRAM, *words],
            env=environment,
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    hub, far = str(tmp_path / "bridge.db"), server.url()
    (tmp_path / "key.pub").write_text(server.public_key)
    said = meshtui("far", str(tmp_path / "own.db"), "bridge", "introduce", "--key", str(tmp_path / "key.pub"))
    command = shlex.split(said.stdout)
    assert command[:3] == ["meshtui", "bridge", "authorize"]
    server.authorize(meshtui("hub", hub, *command[1:]).stdout.strip())
    error = "ModuleNotFoundError: No module named 'django'"
    taught = meshtui("hub", hub, "learn", "--error", error, "--fix", "pip install django")
    assert taught.returncode == 0, taught.stderr
    found = meshtui("far", far, "match", "--error", error)
    assert "pip install django" in found.stdout, (found, meshtui("far", far, "status"))
    learnt = meshtui("far", far, "learn", "--error", "bash: jqq: command not found", "--fix", "apt-get install jqq")
    assert learnt.returncode == 0, learnt.stderr
    assert "jqq" in meshtui("hub", hub, "match", "--error", "bash: jqq: command not found").stdout
