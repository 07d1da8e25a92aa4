"""The ways of sending that `benchmarks.propagation` compares: each a sender and a listener with the same two verbs."""

from __future__ import annotations

import json
import os
import shlex
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from scripts.testbed.old_system import OldAgent, make_database
from scripts.testbed.sshd import NoSshdError, start

from benchmarks.nats import NatsClient
from meshcore.bridge.base import Batch, Bridge, Member, OldSkill, Publication
from meshcore.bridge.legacy.gateway import LegacyGateway
from meshcore.bridge.open import open_bridge
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.model import Json, Receipt, Record

OLD_POLL_SECONDS = 2.0
OVER_SSH = "mesh over ssh"
SKILL: dict[str, Json] = {
    "id": 1,
    "error_type": "ModuleNotFoundError",
    "pattern": "No module named 'django'",
    "resolution": "pip install django",
    "context": "benchmark",
    "created": "2026-11-22T09:00:00.000000",
    "usage_count": 0,
    "success_rate": 100.0,
}


class Sender(Protocol):
    """Sends a record to all listeners."""

    def send(self, record: Record) -> None: ...

    def close(self) -> None: ...


class Listener(Protocol):
    """Waits for records; `settle` is what must be done once they were read."""

    def take(self) -> Sequence[Record]: ...

    def settle(self) -> None: ...

    def close(self) -> None: ...


class MeshSender:
    """The product: with receipts, every record is also a skill for old readers."""

    def __init__(self, place: Path, variant: str) -> None:
        self._bridge = mesh_bridge(place, variant)
        self._gateway = LegacyGateway(self._bridge, place / "bridge.db", clock=SystemClock())
        self._is_shown = variant == "mesh with receipts"

    def send(self, record: Record) -> None:
        (seq,) = self._bridge.publish([Publication(record, "skill")])
        if self._is_shown:
            self._gateway.show([OldSkill(seq, record, SKILL, "")])

    def close(self) -> None:
        self._gateway.close()
        self._bridge.close()


class MeshListener:
    """A node that waits at its doorbell; without receipts it only moves its cursor."""

    def __init__(self, place: Path, variant: str, number: int) -> None:
        self._bridge: Bridge = _afar(place) if variant == OVER_SSH else mesh_bridge(place, variant)
        self._node = f"{number + 1:064x}"
        self._receipts = variant != "mesh without receipts"
        self._batch = Batch()
        self._bridge.join(Member(self._node, f"listener-{number}", "host", Record("{}", self._node, "")))
        self._bridge.wait(0)

    def take(self) -> Sequence[Record]:
        self._bridge.wait(1.0)
        self._batch = self._bridge.receive(self._node, self._batch.cursor)
        return [delivery.record for delivery in self._batch.deliveries]

    def settle(self) -> None:
        receipts = [Receipt(d.seq, self._node, "stored", "") for d in self._batch.deliveries if self._receipts]
        if self._batch.deliveries:
            self._bridge.acknowledge(self._node, receipts, self._batch.cursor)

    def close(self) -> None:
        self._bridge.close()


def _afar(place: Path) -> Bridge:
    """Open the bridge through the sshd that `serve_over_ssh` has started."""
    url, path = (place / "ssh").read_text("utf-8").splitlines()
    os.environ["PATH"] = f"{path}:{os.environ['PATH']}"
    return open_bridge(BridgeAddress.parse(url), clock=SystemClock())


def serve_over_ssh(place: Path) -> subprocess.Popen[bytes] | None:
    """Let the bridge be joined through a real sshd of this host, by any node; None where there is none."""
    folder = place / "sshd"
    folder.mkdir()
    try:
        server, process = start(folder)
    except NoSshdError:
        return None
    words = [sys.executable, "-P", "-m", "meshtui", "--bridge", str(place / "bridge.db"), "bridge", "serve", "--stdio"]
    server.authorize(f'restrict,command="{shlex.join(words)}" {server.public_key}')
    (place / "ssh").write_text(f"{server.url()}\n{server.path}\n")
    return process


def mesh_bridge(place: Path, variant: str) -> SqliteBridge:
    """Open the bridge; the FULL variant flushes the disk at every commit."""
    bridge = SqliteBridge(place / "bridge.db", clock=SystemClock())
    if variant == "mesh synchronous FULL":
        with bridge.log.bare() as connection:
            connection.execute("PRAGMA synchronous=FULL")
    return bridge


class BareSender:
    """What a wake-up through SQLite costs at the least: one insert, one datagram to each listener."""

    def __init__(self, place: Path) -> None:
        self._db = bare_database(place)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._listeners = [str(path) for path in place.glob("*.bell")]

    def send(self, record: Record) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._db.execute("INSERT INTO log (text, key, sig) VALUES (?, ?, ?)", (record.text, record.key, record.sig))
        self._db.execute("COMMIT")
        for path in self._listeners:
            self._socket.sendto(b"\x00", path)

    def close(self) -> None:
        self._socket.close()
        self._db.close()


class BareListener:
    """Sleeps on its datagram, then reads what came after the last row."""

    def __init__(self, place: Path, number: int) -> None:
        self._db = bare_database(place)
        self._last = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(place / f"{number}.bell"))
        self._socket.settimeout(1.0)

    def take(self) -> Sequence[Record]:
        try:
            self._socket.recv(1)
        except TimeoutError:
            return []
        rows = self._db.execute("SELECT seq, text, key, sig FROM log WHERE seq > ?", (self._last,)).fetchall()
        if rows:
            self._last = rows[-1][0]
        return [Record(text, key, sig) for _, text, key, sig in rows]

    def settle(self) -> None:
        """Nothing is promised to anyone."""

    def close(self) -> None:
        self._socket.close()
        self._db.close()


def bare_database(place: Path) -> sqlite3.Connection:
    """Open the bare log: WAL, synchronous NORMAL, as the bridge has it."""
    connection = sqlite3.connect(place / "bare.db", timeout=5, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE IF NOT EXISTS log (seq INTEGER PRIMARY KEY, text TEXT, key TEXT, sig TEXT)")
    return connection


class OldSender:
    """A stand-in for the earlier system's sender; what it sends carries the record as it could not."""

    def __init__(self, place: Path) -> None:
        self._agent = old_agent(place, "sender")
        self._number = 0

    def send(self, record: Record) -> None:
        self._number += 1
        carried = {"record": record.text, "key": record.key, "sig": record.sig}
        self._agent.send(
            f"skill_{self._number}_0", json.dumps({**SKILL, "pattern": str(self._number), "carried": carried})
        )

    def close(self) -> None:
        self._agent.close()


class OldListener:
    """A stand-in for the earlier system's listener: looks every 2 s."""

    def __init__(self, place: Path, number: int) -> None:
        self._agent = old_agent(place, f"listener-{number}")
        # Real listeners do not start at the same moment.
        self._pause = OLD_POLL_SECONDS * (number + 1) / 5

    def take(self) -> Sequence[Record]:
        time.sleep(self._pause)
        self._pause = OLD_POLL_SECONDS
        self._agent.poll()
        carried = [skill["carried"] for skill in self._agent.known.values()]
        self._agent.known.clear()
        return [Record(item["record"], item["key"], item["sig"]) for item in carried]

    def settle(self) -> None:
        """It has marked the rows as delivered for everyone while reading."""

    def close(self) -> None:
        self._agent.close()


def old_agent(place: Path, name: str) -> OldAgent:
    path = place / "old.db"
    make_database(path)
    return OldAgent(path, name, SystemClock().now)


class NatsSender:
    """JetStream: each record is stored in a file stream before the next one is sent."""

    def __init__(self, place: Path) -> None:
        self._client = NatsClient(nats_port(place))
        self._client.make_stream("MESH", "mesh.records")

    def send(self, record: Record) -> None:
        self._client.publish_stored("mesh.records", packed(record))

    def close(self) -> None:
        self._client.close()


class NatsListener:
    """JetStream: a push consumer of its own for each listener, every message acknowledged."""

    def __init__(self, place: Path, number: int) -> None:
        self._client = NatsClient(nats_port(place))
        self._client.make_stream("MESH", "mesh.records")
        self._client.consume("MESH", f"listener{number}")
        self._replies: list[str] = []

    def take(self) -> Sequence[Record]:
        message = self._client.next_message(1.0)
        if message is None:
            return []
        self._replies.append(message.reply)
        return [Record(*json.loads(message.payload))]

    def settle(self) -> None:
        for reply in self._replies:
            self._client.publish(reply, b"+ACK")
        self._replies.clear()

    def close(self) -> None:
        self._client.close()


def nats_port(place: Path) -> int:
    return int((place / "port").read_text())


def packed(record: Record) -> bytes:
    return json.dumps([record.text, record.key, record.sig]).encode()


def open_sender(variant: str, place: Path) -> Sender:
    """Return the sending end of a variant."""
    if (place / "postgres").exists():
        from benchmarks.postgres import KINDS

        return KINDS[variant](place)
    if variant.startswith("mesh"):
        return MeshSender(place, variant)
    kinds: dict[str, Callable[[Path], Sender]] = {
        "bare loop": BareSender,
        "old 2 s poll": OldSender,
        "nats jetstream": NatsSender,
    }
    return kinds[variant](place)


def open_listener(variant: str, place: Path, number: int) -> Listener:
    """Return the listening end of a variant, ready to be sent to."""
    if (place / "postgres").exists():
        from benchmarks.postgres import KINDS  # which needs an extra

        listener = KINDS[variant](place, number)
        listener.listen()
        return listener
    if variant.startswith("mesh"):
        return MeshListener(place, variant, number)
    kinds: dict[str, Callable[[Path, int], Listener]] = {
        "bare loop": BareListener,
        "old 2 s poll": OldListener,
        "nats jetstream": NatsListener,
    }
    return kinds[variant](place, number)


def place_for(root: Path, number: int) -> Path:
    """Make a folder with a short path for one run."""
    place = root / str(number)
    os.makedirs(place)  # noqa: PTH103
    return place
