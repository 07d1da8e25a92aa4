"""How fast a record reaches listeners over PostgreSQL: `python -m benchmarks.postgres [--quick]` prints JSON.

On the same server, record by record in turns, so that all meet the same state of the machine: a whole node as a
runtime has it; the bridge alone, with one signature check and one SQLite commit; and bare psycopg, an INSERT with a
NOTIFY, a LISTEN with a SELECT, the same check, commit and a receipt. A record counts as received when its receipt was
given. A goal's figure is a quotient of each round of 15 records, the median of the rounds. The server is the
distribution's, and flushes its disk.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import select
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any, cast

import psycopg
from scripts.testbed.postgres import Server, why_not

from benchmarks.propagation import Series, listening, percentile
from benchmarks.transports import open_sender
from meshcore.bridge.base import Batch, Bridge, Delivery, Member, Publication, Wants
from meshcore.bridge.open import open_bridge
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress, Settings
from meshcore.exchange.bodies import SkillBody
from meshcore.exchange.receive import pull
from meshcore.knowledge.fixes import parse_fix
from meshcore.knowledge.learning import learn
from meshcore.knowledge.signature import read
from meshcore.model import Json, Receipt, Record
from meshcore.node import Node
from meshcore.safety.records import sign, verify

LISTENERS = (1, 10)
NODE, MESH, BARE = "node over postgresql", "bridge over postgresql", "bare LISTEN"
INTERVAL_SECONDS = 0.2  # rings are at most 20 a second, and ten whole nodes share these cores
ROUND, QUICK_ROUNDS, ROUNDS = 15, 4, 14  # records of each kind in one round; the first round is not counted


def _url(place: Path) -> str:
    return (place / "postgres").read_text("utf-8")


def _bare(place: Path) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(_url(place), autocommit=True)


def settings(place: Path, name: str) -> Settings:
    """Return the settings of one of the nodes."""
    return Settings(place / name, place / "operator", BridgeAddress.parse(_url(place)), name, f"host-{name}")


def statements(sender: Node, count: int) -> list[Record]:
    """Return skills that another node of the listeners' operator has signed."""
    made = []
    for _ in range(count):
        number = sender.store.outbox.next_author_seq()
        known = learn(
            read(f"ModuleNotFoundError: No module named 'package{number}'"), parse_fix(f"pip install package{number}")
        )
        body = SkillBody(known, confirmed=True, source="taught", name="sender", host="sender")
        made.append(sign(body.kind, body.to_json(), number, sender.identity, SystemClock()))
    return made


class _Watched:
    """A bridge that keeps what came of it, and notes when the node has given receipts: then it has it in its store."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self.taken: list[Delivery] = []
        self.done_at = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bridge, name)

    def receive(self, node: str, after: int, limit: int = 100, wants: Wants = lambda seq, key: True) -> Batch:
        batch = self._bridge.receive(node, after, limit, wants)
        self.taken += batch.deliveries
        return batch

    def acknowledge(self, node: str, receipts: Sequence[Receipt], cursor: int) -> None:
        self._bridge.acknowledge(node, receipts, cursor)
        if receipts:
            self.done_at = time.monotonic_ns()


class NodeOverPostgres:
    """A sender, or a node that listens as a runtime does: what it took in was checked and is in its home's store."""

    def __init__(self, place: Path, number: int = 0) -> None:
        self._bridge: Bridge = open_bridge(BridgeAddress.parse(_url(place)), clock=SystemClock())
        self._watched = _Watched(self._bridge)
        self._settings = settings(place, f"listener{number}")
        self._node: Node | None = None

    def listen(self) -> None:
        """Join, and hear what is new from now on."""
        self._node = Node(self._settings, bridge=cast(Bridge, self._watched))
        while pull(self._node).more:
            pass
        self._bridge.wait(0)

    @property
    def done_at(self) -> int:
        return self._watched.done_at

    def send(self, record: Record) -> None:
        self._bridge.publish([Publication(record, "skill")])

    def take(self) -> Sequence[Record]:
        assert self._node is not None
        self._watched.taken.clear()
        if self._bridge.wait(1.0):
            while pull(self._node).more:
                pass
        return [delivery.record for delivery in self._watched.taken]

    def settle(self) -> None:
        """It is done: `pull` gives the receipt too."""

    def close(self) -> None:
        self._bridge.close()


class Home:
    """Where a listener that is no node keeps what it received, each time on the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;")
        self._db.execute("CREATE TABLE IF NOT EXISTS log (text TEXT, key TEXT, sig TEXT)")

    def keep(self, records: Sequence[Record]) -> None:
        """Check the signatures, and commit."""
        for record in records:
            verify(record)
        if records:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO log VALUES (?, ?, ?)", [(one.text, one.key, one.sig) for one in records])
            self._db.execute("COMMIT")


class BridgeOverPostgres:
    """A sender or listener with the bridge alone."""

    def __init__(self, place: Path, number: int = 0) -> None:
        self._bridge: Bridge = open_bridge(BridgeAddress.parse(_url(place)), clock=SystemClock())
        self._home = Home(place / f"bridge{number}.db")
        self._node = f"{number + 1:064x}"
        self._cursor = 0

    def listen(self) -> None:
        """Join, and hear what is new from now on."""
        self._bridge.join(Member(self._node, "listener", "host", Record("{}", self._node, "")))
        self._cursor = self._bridge.receive(self._node, 0, 1).end
        self._bridge.wait(0)

    def send(self, record: Record) -> None:
        self._bridge.publish([Publication(record, "skill")])

    def take(self) -> Sequence[Record]:
        self._bridge.wait(1.0)
        batch = self._bridge.receive(self._node, self._cursor)
        self._cursor = batch.cursor
        found = [delivery.record for delivery in batch.deliveries]
        self._home.keep(found)
        if found:
            receipts = [Receipt(delivery.seq, self._node, "stored", "") for delivery in batch.deliveries]
            self._bridge.acknowledge(self._node, receipts, batch.cursor)
        return found

    def settle(self) -> None:
        """It is done, with the receipt."""

    def close(self) -> None:
        self._bridge.close()


class BareListen:
    """The least that PostgreSQL needs for it."""

    def __init__(self, place: Path, number: int = 0) -> None:
        self._db = _bare(place)
        self._home = Home(place / f"bare{number}.db")
        self._number = number
        self._cursor = 0

    def listen(self) -> None:
        """Listen from now on."""
        self._db.execute("LISTEN bare")
        row = self._db.execute("SELECT coalesce(max(seq), 0)::int FROM bare").fetchone()
        self._cursor = int(str(row[0])) if row else 0

    def send(self, record: Record) -> None:
        self._db.execute(
            "WITH made AS (INSERT INTO bare (text, key, sig) VALUES (%s, %s, %s) RETURNING seq) "
            "SELECT pg_notify('bare', seq::text) FROM made",
            (record.text, record.key, record.sig),
        )

    def take(self) -> Sequence[Record]:
        select.select([self._db.fileno()], [], [], 1.0)
        for _ in self._db.notifies(timeout=0):
            pass
        rows = self._db.execute(
            "SELECT seq::int, text, key, sig FROM bare WHERE seq > %s ORDER BY seq", (self._cursor,)
        ).fetchall()
        self._cursor = max((int(str(row[0])) for row in rows), default=self._cursor)
        found = [Record(str(text), str(key), str(sig)) for _, text, key, sig in rows]
        self._home.keep(found)
        for row in rows:
            self._db.execute("INSERT INTO bare_receipts VALUES (%s, %s, clock_timestamp())", (row[0], self._number))
        return found

    def settle(self) -> None:
        """It is done, with the receipt."""

    def close(self) -> None:
        self._db.close()


KINDS: dict[str, type[NodeOverPostgres] | type[BridgeOverPostgres] | type[BareListen]] = {
    NODE: NodeOverPostgres,
    MESH: BridgeOverPostgres,
    BARE: BareListen,
}


def run(root: Path, quick: bool) -> dict[tuple[str, int], list[Series]]:
    """Measure all record by record in turns; return a series for each round."""
    server = Server(options=())
    server.start()
    places = {NODE: root / "node", MESH: root / "mesh", BARE: root / "bare"}
    for name, database in ((NODE, "node"), (MESH, "mesh"), (BARE, "postgres")):
        if name != BARE:
            server.make(database)
        places[name].mkdir()
        (places[name] / "postgres").write_text(server.address(database).url)
    server.execute("postgres", "CREATE TABLE bare (seq bigserial PRIMARY KEY, text text, key text, sig text)")
    server.execute("postgres", "CREATE TABLE bare_receipts (seq bigint, node int, at timestamptz)")
    sender = Node(settings(places[NODE], "sender"))
    sender.require_bridge()
    found = {}
    for count in LISTENERS:
        for name, rounds in in_turns(places, count, 1 + (QUICK_ROUNDS if quick else ROUNDS), sender).items():
            found[name, count] = rounds
    sender.close()
    server.remove()
    return found


def in_turns(places: Mapping[str, Path], listeners: int, rounds: int, sender: Node) -> dict[str, list[Series]]:
    """Return of each kind a series for each round but the first: all listen, and are sent to one after the other."""
    batches = {name: statements(sender, rounds * ROUND) for name in KINDS}
    began: dict[str, list[tuple[int, int]]] = {name: [] for name in KINDS}
    draw = random.Random(1)
    with ExitStack() as stack:
        processes = {
            name: stack.enter_context(listening(name, place, listeners, rounds * ROUND))
            for name, place in places.items()
        }
        senders = {name: open_sender(name, place) for name, place in places.items()}
        for at in range(rounds * ROUND):
            for name in draw.sample(sorted(KINDS), len(KINDS)):
                time.sleep(INTERVAL_SECONDS * (0.5 + draw.random()))
                record = batches[name][at]
                began[name].append((verify(record).author_seq, time.monotonic_ns()))
                senders[name].send(record)
        answers = {name: [json.loads(one.communicate()[0])[0] for one in processes[name]] for name in KINDS}
        for one in senders.values():
            one.close()
    found: dict[str, list[Series]] = {name: [] for name in KINDS}
    for name, sent in began.items():
        for first in range(ROUND, len(sent), ROUND):
            series = Series(name, listeners)
            for number, begin in sent[first : first + ROUND]:
                times = [(answer[str(number)] - begin) / 1e9 for answer in answers[name] if str(number) in answer]
                series.expected += listeners
                series.latencies += times
                series.last += [max(times)] if len(times) == listeners else []
            found[name].append(series)
    return found


def together(rounds: Sequence[Series]) -> Series:
    """Return the series of all rounds."""
    whole = Series(rounds[0].variant, rounds[0].listeners)
    for one in rounds:
        whole.expected += one.expected
        whole.latencies += one.latencies
        whole.last += one.last
    return whole


def goals(found: Mapping[tuple[str, int], Sequence[Series]]) -> list[dict[str, Json]]:
    """Return each goal beside its figure, and the lowest and highest round's."""
    listed: list[dict[str, Json]] = []
    for name, count, (share, limit) in product((MESH, NODE), LISTENERS, ((50, 1.5), (99, 3.0))):
        pairs = zip(found[name, count], found[BARE, count], strict=True)
        ratios = [percentile(ours.latencies, share) / percentile(bare.latencies, share) for ours, bare in pairs]
        ratio = statistics.median(ratios)
        text = f"p{share} as a multiple of bare LISTEN, {count} listening, {name}"
        listed.append(
            {
                "goal": text,
                "limit": limit,
                "figure": round(ratio, 3),
                "rounds": [round(min(ratios), 3), round(max(ratios), 3)],
                "met": ratio <= limit,
            }
        )
    return listed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.postgres", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records: figures for a first look only")
    options = parser.parse_args(arguments)
    if why := why_not():
        print(json.dumps({"schema_version": 1, "benchmark": "postgres", "skipped": why}))
        return 0
    with tempfile.TemporaryDirectory(prefix="mesh") as root:
        found = run(Path(root), options.quick)
    machine = {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()}
    version = subprocess.run(["psql", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    report = {
        "schema_version": 1,
        "benchmark": "postgres",
        "quick": options.quick,
        "machine": {**machine, "server": version},
        "goals": goals(found),
        "runs": [together(rounds).report() for rounds in found.values()],
    }
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
