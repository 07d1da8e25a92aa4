"""Real processes, killed where it hurts: what was not acknowledged comes again, what was written arrives."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.core.bridge.helpers import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    member,
    open_bridge,
    publication,
    record,
    take,
)

from meshcore.bridge.legacy.gateway import LegacyGateway
from meshcore.bridge.legacy.table import OldFile
from meshcore.testing import FakeClock

ROOT = Path(__file__).parents[4]
PROLOGUE = """
import sys
from pathlib import Path
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.legacy.gateway import LegacyGateway
from meshcore.clock import SystemClock
from tests.core.bridge.helpers import *
path, node = Path(sys.argv[1]), sys.argv[2]
def say(word):
    print(word, flush=True)
def hang():
    say("here")
    sys.stdin.read()
bridge = SqliteBridge(path, clock=SystemClock())
"""
Start = Callable[[str, str], "subprocess.Popen[str]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def start(path: Path) -> Iterator[Start]:
    """Give a function that runs a program as a node, in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def run(program: str, node: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", PROLOGUE + program, str(path), node],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL


def test_a_record_comes_again_to_a_listener_that_was_killed_before_it_acknowledged(path: Path, start: Start) -> None:
    bridge = open_bridge(path)
    bridge.join(member(BOB))
    bridge.publish([publication()])
    listener = start("say(len(receive(bridge, node).deliveries)); hang()", BOB)
    assert (line(listener), line(listener)) == ("1", "here")
    kill(listener)
    assert [u.node for u in bridge.undelivered()] == [BOB]
    assert take(bridge, BOB) == [record().text]
    bridge.close()


def test_an_acknowledgement_that_was_killed_before_its_commit_left_neither_receipt_nor_cursor(
    path: Path, start: Start
) -> None:
    bridge = open_bridge(path)
    bridge.join(member(BOB))
    bridge.publish([publication()])
    program = """
with bridge.log.writing() as connection:
    connection.execute("INSERT INTO receipts SELECT seq, node, 1, 'stored', '', '' FROM awaited")
    connection.execute("DELETE FROM awaited")
    connection.execute("UPDATE members SET cursor = 1")
    hang()
"""
    listener = start(program, BOB)
    assert line(listener) == "here"
    kill(listener)
    assert len(bridge.undelivered()) == 1
    assert take(bridge, BOB) == [record().text]
    bridge.close()


def test_the_poll_finds_what_a_sender_wrote_that_was_killed_before_it_rang(path: Path, start: Start) -> None:
    reader = open_bridge(path)
    reader.join(member(BOB))
    assert not reader.wait(0)
    sender = start("bridge._ring = lambda *a, **k: hang(); bridge.publish([publication()])", ALICE)
    assert line(sender) == "here"
    kill(sender)
    assert reader.wait(10)
    assert take(reader, BOB) == [record().text]
    reader.close()


def test_the_gateway_writes_for_old_readers_what_a_killed_sender_no_longer_could(path: Path, start: Start) -> None:
    bridge = open_bridge(path)
    bridge.join(member(BOB))
    program = """
gateway = LegacyGateway(bridge, path, clock=SystemClock())
gateway._write_queued = hang
broadcast(bridge, gateway)
"""
    sender = start(program, ALICE)
    assert line(sender) == "here"
    kill(sender)
    old = OldFile(path, 0.1)
    assert old.queries()[0][1] == 0
    gateway = LegacyGateway(bridge, path, clock=FakeClock())
    assert gateway.step().written == 1
    assert gateway.step().written == 0
    assert old.queries()[0][1] == 1
    gateway.close()
    old.close()
    bridge.close()


def test_a_killed_gateway_leaves_its_place_to_another(path: Path, start: Start) -> None:
    holder = start("g = LegacyGateway(bridge, path, clock=SystemClock())\nsay(g.step().elected); hang()", ALICE)
    assert (line(holder), line(holder)) == ("True", "here")
    bridge = open_bridge(path)
    gateway = LegacyGateway(bridge, path, clock=FakeClock())
    assert not gateway.step().elected
    kill(holder)
    assert gateway.step().elected
    gateway.close()
    bridge.close()


def test_the_bell_of_a_killed_listener_is_cleaned_away(path: Path, start: Start) -> None:
    bridge = open_bridge(path)
    bridge.join(member(BOB))
    listener = start("bridge.fileno(); hang()", BOB)
    assert line(listener) == "here"
    bells = path.with_name("bridge.db.mesh.bells")
    with bridge.log.reading() as connection:
        assert connection.execute("SELECT count(*) FROM doorbells").fetchone() == (1,)
    kill(listener)
    bridge.publish([publication()])
    with bridge.log.reading() as connection:
        assert connection.execute("SELECT count(*) FROM doorbells").fetchone() == (0,)
    assert not bells.exists() or list(bells.iterdir()) == []
    bridge.close()


def test_four_processes_that_listen_each_receive_everything_that_two_send(path: Path, start: Start) -> None:
    bridge = open_bridge(path)
    listening = """
import json
bridge.join(member(node))
bridge.wait(0)
say("ready")
texts = []
while len(texts) < 60:
    bridge.wait(30)
    texts += take(bridge, node)
say(json.dumps(texts))
bridge.close()
"""
    sending = """
for n in range(30):
    bridge.publish([publication(node, n)])
bridge.close()
"""
    nodes = [ALICE, BOB, CAROL, DAVE]
    listeners = [start(listening, node) for node in nodes]
    assert [line(listener) for listener in listeners] == ["ready"] * 4
    senders = [start(sending, author) for author in ("e" * 64, "f" * 64)]
    received = [json.loads(line(listener)) for listener in listeners]
    assert [sender.wait() for sender in senders] == [0, 0]
    assert len(set(received[0])) == 60
    assert received == [received[0]] * 4
    assert [listener.wait() for listener in listeners] == [0] * 4
    statistics = bridge.statistics()
    assert (statistics.expected, statistics.received) == (240, 240)
    bridge.close()


def test_processes_that_open_a_new_bridge_at_once_open_the_same(path: Path, start: Start) -> None:
    processes = [start("say('ready'); sys.stdin.readline(); say(bridge.bridge_id)", ALICE) for _ in range(4)]
    assert {line(process) for process in processes} == {"ready"}
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert len({line(process) for process in processes}) == 1
