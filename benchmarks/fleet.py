"""How a record spreads to 1, 10, 100 and 1,000 listeners: `python -m benchmarks.fleet [--listeners 1,10,100]`.

Each listener has a session, cursor and receipts of its own, checks every signature and commits to SQLite before its
receipt, by the real protocol; four processes hold them all, and server and listeners share the machine's cores. In the
same run: the bridge in PostgreSQL, the bridge in SQLite (all listeners of one host), and bare psycopg
(LISTEN, SELECT, check, commit, INSERT of one receipt). A record is sent once every receipt of the one before has come;
then a burst is sent at once. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import select
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
from scripts.testbed.postgres import Server, why_not

from benchmarks.propagation import percentile, records
from meshcore.bridge.base import Bridge, Member, Publication
from meshcore.bridge.open import open_bridge
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress
from meshcore.model import Json, Receipt, Record
from meshcore.safety.records import verify

POSTGRES, SQLITE, BARE = "postgresql", "sqlite", "bare LISTEN"
LOGIN = "fleet"
MOST_PROCESSES = 4
PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.06
LOOK_SECONDS = 0.5  # after which a process asks its listeners whether something came without a ring
LAST_RATIO, RECEIPT_SECONDS, SERVER_GB = 2.5, 2.0, 2.0


class Listener(Protocol):
    """One of many: `fileno` is readable when something may be there."""

    def fileno(self) -> int: ...

    def take(self) -> Sequence[Record]:
        """Return what came since the last call; without a wait."""
        ...

    def settle(self) -> None:
        """Give the receipts of what came last."""
        ...


class OnBridge:
    """A listener with a bridge of its own."""

    def __init__(self, url: str, number: int) -> None:
        self._bridge: Bridge = open_bridge(BridgeAddress.parse(url), clock=SystemClock(), deadline=60.0)
        self._node = f"{number + 1:064x}"
        self._bridge.join(Member(self._node, f"listener{number}", f"host{number}", Record("{}", self._node, "")))
        self._cursor = self._bridge.receive(self._node, 0, 1).end
        self._receipts: list[Receipt] = []
        self._bridge.drain()

    def fileno(self) -> int:
        return self._bridge.fileno()

    def take(self) -> Sequence[Record]:
        if not self._bridge.drain():
            return []
        found: list[Record] = []
        while True:
            batch = self._bridge.receive(self._node, self._cursor)
            self._cursor = batch.cursor
            found += [delivery.record for delivery in batch.deliveries]
            self._receipts += [Receipt(one.seq, self._node, "stored", "") for one in batch.deliveries]
            if not batch.more:
                return found

    def settle(self) -> None:
        self._bridge.acknowledge(self._node, self._receipts, self._cursor)
        self._receipts.clear()


class OnBare:
    """The least that PostgreSQL needs for a listener."""

    def __init__(self, url: str, number: int) -> None:
        self._db = psycopg.connect(url, autocommit=True)
        self._number, self._seqs = number, list[int]()
        self._db.execute("LISTEN bare")
        row = self._db.execute("SELECT coalesce(max(seq), 0)::int FROM bare").fetchone()
        self._cursor = int(str(row[0])) if row else 0

    def fileno(self) -> int:
        return self._db.fileno()

    def take(self) -> Sequence[Record]:
        for _ in self._db.notifies(timeout=0):
            pass
        rows = self._db.execute(
            "SELECT seq::int, text, key, sig FROM bare WHERE seq > %s ORDER BY seq", (self._cursor,)
        ).fetchall()
        self._seqs = [row[0] for row in rows]
        self._cursor = max(self._seqs, default=self._cursor)
        return [Record(text, key, sig) for _, text, key, sig in rows]

    def settle(self) -> None:
        for seq in self._seqs:
            self._db.execute("INSERT INTO bare_receipts VALUES (%s, %s, clock_timestamp())", (seq, self._number))


LISTENERS: dict[str, Callable[[str, int], Listener]] = {POSTGRES: OnBridge, SQLITE: OnBridge, BARE: OnBare}


def hold(kind: str, url: str, first: int, count: int, home: str) -> None:
    """Be one process of listeners: print a line for each record that all of them have, with the times."""
    listeners = [LISTENERS[kind](url, first + number) for number in range(count)]
    poll = select.epoll()
    for at, listener in enumerate(listeners):
        poll.register(listener.fileno(), select.EPOLLIN)
        assert at == len(listeners) - 1 or listener.fileno() != listeners[at + 1].fileno()
    by_descriptor = {listener.fileno(): listener for listener in listeners}
    received: dict[int, list[int]] = defaultdict(list)
    settled: dict[int, int] = defaultdict(int)
    homes = sqlite3.connect(f"{tempfile.mkdtemp(dir=home)}/homes.db", isolation_level=None)
    homes.execute("PRAGMA journal_mode=WAL")
    homes.execute("PRAGMA synchronous=NORMAL")
    homes.execute("CREATE TABLE received (listener, number)")
    print("ready", flush=True)
    while os.getppid() != 1:
        ready = [by_descriptor[found] for found, _ in poll.poll(LOOK_SECONDS)] or listeners
        for listener in ready:
            fresh = [verify(record).author_seq for record in listener.take()]
            now = time.monotonic_ns()
            for number in fresh:
                received[number].append(now)
            if fresh:
                homes.execute("INSERT INTO received VALUES (?, ?)", (listener.fileno(), fresh[0]))
                listener.settle()
            for number in fresh:
                settled[number] += 1
                if settled[number] == count:
                    print(json.dumps([number, received.pop(number), time.monotonic_ns()]), flush=True)


@dataclass
class Spread:
    """What was measured of one kind with a number of listeners; seconds."""

    kind: str
    listeners: int
    received: list[float] = field(default_factory=list)  # of every listener
    last: list[float] = field(default_factory=list)  # per record
    receipts: list[float] = field(default_factory=list)  # per record: until the last receipt was given
    missing: int = 0
    burst_per_second: float = 0.0
    server_bytes: int = 0
    server_shared: int = 0  # bytes of these
    server_processor: float = 0.0  # seconds per record
    listener_processor: float = 0.0  # seconds per record, of all listeners together

    def report(self) -> dict[str, Json]:
        def milliseconds(values: Sequence[float], share: float) -> float:
            return round(1000 * percentile(values, share), 2)

        return {
            "kind": self.kind,
            "listeners": self.listeners,
            "records": len(self.last),
            "missing": self.missing,
            "received_p50_ms": milliseconds(self.received, 50),
            "received_p99_ms": milliseconds(self.received, 99),
            "last_received_p50_ms": milliseconds(self.last, 50),
            "last_received_max_ms": milliseconds(self.last, 100),
            "last_receipt_p50_ms": milliseconds(self.receipts, 50),
            "last_receipt_max_ms": milliseconds(self.receipts, 100),
            "burst_records_per_second": round(self.burst_per_second, 1),
            "server_mb": round(self.server_bytes / 1e6, 1),
            "of_that_shared_mb": round(self.server_shared / 1e6, 1),
            "server_cpu_ms_per_record": round(1000 * self.server_processor, 1),
            "listeners_cpu_ms_per_record": round(1000 * self.listener_processor, 1),
        }


class Places:
    """The server and the file that all of it happens on."""

    def __init__(self, root: Path, listeners: int) -> None:
        self.root = root
        self.server = Server(
            options=("-c", f"max_connections={listeners + 40}", "-c", "shared_preload_libraries=plpgsql")
        )
        self.server.start()
        self.server.make("mesh")
        self.server.execute("postgres", f"CREATE ROLE {LOGIN} LOGIN IN ROLE mesh_node")
        self.server.execute(
            "mesh",
            "INSERT INTO mesh.grants SELECT lpad(to_hex(i), 64, '0'), %s FROM generate_series(1, %s) i",
            (LOGIN, listeners),
        )
        self.server.execute("postgres", "CREATE TABLE bare (seq bigserial PRIMARY KEY, text text, key text, sig text)")
        self.server.execute("postgres", "CREATE TABLE bare_receipts (seq bigint, node int, at timestamptz)")
        self.urls = {
            POSTGRES: self.server.address("mesh", LOGIN).url,
            BARE: self.server.address("postgres").url,
            SQLITE: str(root / "bridge.db"),
        }

    def grant(self, node: str) -> None:
        """Let the senders' login speak for a node."""
        self.server.execute("mesh", "INSERT INTO mesh.grants VALUES (%s, %s)", (node, LOGIN))

    def forget(self) -> None:
        """Let all who listened leave, so that nothing is expected of them any more."""
        self.server.execute("mesh", "UPDATE mesh.readers SET left_at = now()")

    def sender(self, kind: str) -> Callable[[Sequence[Record]], object]:
        """Return what sends records at once."""
        if kind != BARE:
            bridge = open_bridge(BridgeAddress.parse(self.urls[kind]), clock=SystemClock(), deadline=60.0)
            return lambda batch: bridge.publish([Publication(one, "skill") for one in batch])
        db = psycopg.connect(self.urls[BARE], autocommit=True)

        def send(batch: Sequence[Record]) -> None:
            with db.transaction():
                for one in batch:
                    db.execute("INSERT INTO bare (text, key, sig) VALUES (%s, %s, %s)", (one.text, one.key, one.sig))
                db.execute("SELECT pg_notify('bare', '')")

        return send

    def usage(self) -> tuple[int, int, float]:
        """Return the server's memory, shared pages counted once, what of it is the memory that its processes share
        (buffers above all), and the processor seconds of what runs now."""
        ids = [
            self.server.pid,
            *map(int, Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text().split()),
        ]
        memory, shared, nanoseconds = 0, 0, 0
        for process in ids:
            try:
                lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
                nanoseconds += _on_processor(process)
            except OSError:  # it has ended
                continue
            sizes = {line.split()[0]: 1024 * int(line.split()[1]) for line in lines[1:]}
            memory, shared = memory + sizes["Pss:"], shared + sizes["Pss_Shmem:"]
        return memory, shared, nanoseconds / 1e9


def _on_processor(process: int) -> int:
    """Return the nanoseconds that a process of one thread ran; raises OSError once it has ended."""
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0])


class Process:
    """One process of listeners, and the lines that it prints."""

    def __init__(self, kind: str, url: str, first: int, count: int, home: Path) -> None:
        command = [sys.executable, "-m", "benchmarks.fleet", "--hold", kind, url, str(first), str(count), str(home)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self._descriptor = self.process.stdout.fileno()
        self._unread = b""

    def line(self) -> str:
        """Return the next line, "" where none comes for a long time."""
        while b"\n" not in self._unread:
            if not select.select([self._descriptor], [], [], PATIENCE_SECONDS)[0]:
                return ""
            if not (data := os.read(self._descriptor, 1 << 20)):
                raise RuntimeError("a process of listeners has ended")
            self._unread += data
        found, _, self._unread = self._unread.partition(b"\n")
        return found.decode()

    def processor(self) -> float:
        """Return the processor seconds that it has used."""
        return _on_processor(self.process.pid) / 1e9

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def holding(kind: str, url: str, listeners: int, home: Path) -> Iterator[list[Process]]:
    """Run so many listeners for a block, all ready when it begins."""
    share, left = divmod(listeners, MOST_PROCESSES)
    counts = [count for count in (share + (number < left) for number in range(MOST_PROCESSES)) if count]
    processes, first = [], 0
    for count in counts:
        processes.append(Process(kind, url, first, count, home))
        first += count
    try:
        for process in processes:
            while not process.line():
                pass
        yield processes
    finally:
        for process in processes:
            process.end()


def all_of(processes: Sequence[Process], count: int) -> list[list[tuple[list[int], int]]]:
    """Return what the processes say of the next `count` records: when each was received, and when the last settled."""
    found: dict[int, list[tuple[list[int], int]]] = defaultdict(list)
    for process in processes:
        for _ in range(count):
            if not (line := process.line()):
                break
            number, received, settled = json.loads(line)
            found[number].append((received, settled))
    return list(found.values())


def measure(places: Places, kind: str, listeners: int, count: int, burst: int) -> Spread:
    """Send records one after the other, then some at once; return what came of it."""
    found = Spread(kind, listeners)
    send = places.sender(kind)
    batch = records(count + burst + 1)
    places.grant(batch[0].key)
    with holding(kind, places.urls[kind], listeners, places.root) as processes:
        send(batch[:1])
        all_of(processes, 1)  # plans and caches are made
        before = places.usage()[2]
        own = sum(process.processor() for process in processes)
        for record in batch[1 : count + 1]:
            time.sleep(PAUSE_SECONDS)  # a bridge rings 20 times a second: what is nearer waits for the next ring
            began = time.monotonic_ns()
            send([record])
            told = all_of(processes, 1)
            received = [(at - began) / 1e9 for one in told for times, _ in one for at in times]
            found.missing += listeners - len(received)
            found.received += received
            if received:
                found.last.append(max(received))
                found.receipts.append((max(at for one in told for _, at in one) - began) / 1e9)
        found.server_bytes, found.server_shared, after = places.usage()
        found.server_processor = (after - before) / count
        found.listener_processor = (sum(process.processor() for process in processes) - own) / count
        began = time.monotonic_ns()
        for record in batch[count + 1 :]:
            send([record])
        told = all_of(processes, burst)
        found.missing += burst * listeners - sum(len(times) for one in told for times, _ in one)
        found.burst_per_second = burst / ((time.monotonic_ns() - began) / 1e9)
    return found


def run(sizes: Sequence[int], count: int, burst: int) -> list[Spread]:
    """Measure every kind with every number of listeners."""
    found = []
    with tempfile.TemporaryDirectory(prefix="mesh") as root, ExitStack() as stack:
        places = Places(Path(root), max(sizes))
        stack.callback(places.server.remove)
        for size in sizes:
            for kind in (BARE, POSTGRES, SQLITE):
                found.append(measure(places, kind, size, count, burst))
                print(json.dumps(found[-1].report()), file=sys.stderr)
            places.forget()
    return found


def goals(found: Sequence[Spread]) -> list[dict[str, Json]]:
    """Return each goal beside its figure, of the most listeners that were measured."""
    most = max(one.listeners for one in found)
    mesh, bare = (next(one for one in found if one.listeners == most and one.kind == kind) for kind in (POSTGRES, BARE))
    listed: list[dict[str, Json]] = []

    def goal(text: str, figure: float, limit: float) -> None:
        listed.append(
            {"goal": f"{most} listeners: {text}", "limit": limit, "figure": round(figure, 3), "met": figure <= limit}
        )

    goal("records that somebody did not receive and acknowledge", mesh.missing, 0)
    goal("last receive p50, × bare LISTEN", percentile(mesh.last, 50) / percentile(bare.last, 50), LAST_RATIO)
    goal("seconds until the last receipt, worst record", max(mesh.receipts, default=0.0), RECEIPT_SECONDS)
    goal("memory of the server, GB", mesh.server_bytes / 1e9, SERVER_GB)
    return listed


def slopes(found: Sequence[Spread]) -> dict[str, Json]:
    """Return what one more listener costs, by the two largest numbers that were measured."""
    mesh = sorted((one for one in found if one.kind == POSTGRES), key=lambda one: one.listeners)[-2:]
    if len(mesh) < 2:
        return {}
    few, many = mesh
    more = many.listeners - few.listeners
    return {
        "server_mb": round((many.server_bytes - few.server_bytes) / 1e6 / more, 3),
        "server_cpu_ms_per_record": round(1000 * (many.server_processor - few.server_processor) / more, 3),
        "last_received_ms": round(1000 * (statistics.median(many.last) - statistics.median(few.last)) / more, 3),
        "last_receipt_ms": round(1000 * (statistics.median(many.receipts) - statistics.median(few.receipts)) / more, 3),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, or one of its processes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet", description=__doc__)
    parser.add_argument("--listeners", default="1,10,100,1000", metavar="N,…")
    parser.add_argument("--records", type=int, default=20, metavar="N", help="sent one after the other")
    parser.add_argument("--burst", type=int, default=20, metavar="N", help="sent at once afterwards")
    parser.add_argument("--hold", nargs=5, metavar=("KIND", "URL", "FIRST", "COUNT", "HOME"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a listener has a few
    if options.hold:
        kind, url, first, count, home = options.hold
        hold(kind, url, int(first), int(count), home)
        return 0
    if why := why_not():
        print(json.dumps({"schema_version": 1, "benchmark": "fleet", "skipped": why}))
        return 0
    began = time.monotonic()
    found = run([int(one) for one in options.listeners.split(",")], options.records, options.burst)
    report = {
        "schema_version": 1,
        "benchmark": "fleet",
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "load": os.getloadavg()[0]},
        "goals": goals(found),
        "one_more_listener": slopes(found),
        "runs": [one.report() for one in found],
        "seconds": round(time.monotonic() - began, 1),
    }
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
