"""How fast a record reaches every listener: `python -m benchmarks.propagation [--quick]` prints JSON.

Listeners are processes of their own. A record counts as received when its content was read and its Ed25519 signature
checked; a latency runs from before the sender's call to that moment, on the machine's one monotonic clock.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.nats import start_server
from benchmarks.transports import OVER_SSH, mesh_bridge, open_listener, open_sender, place_for, serve_over_ssh
from meshcore.bridge.base import Member
from meshcore.bridge.legacy.gateway import LegacyGateway
from meshcore.clock import SystemClock
from meshcore.model import Json, Record
from meshcore.safety.keys import Identity, SigningKey, enrolment_text
from meshcore.safety.records import sign, verify

VARIANTS = (
    "bare loop",
    "mesh without receipts",
    "mesh with receipts",
    "mesh synchronous FULL",
    OVER_SSH,
    "nats jetstream",
)
PRODUCT = "mesh with receipts"
INTERVAL_SECONDS = 0.012
PATIENCE_SECONDS = 10.0
WARM_UP = 20  # records whose latency is not counted


@dataclass
class Series:
    """Everything measured of one variant with a number of listeners; times are seconds."""

    variant: str
    listeners: int
    expected: int = 0
    latencies: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)  # per record: until the last listener had it
    settled: list[float] = field(default_factory=list)  # per record: until the last listener had done its part

    def report(self) -> dict[str, Json]:
        return {
            "variant": self.variant,
            "listeners": self.listeners,
            "deliveries_expected": self.expected,
            "delivered_percent": round(100 * len(self.latencies) / self.expected, 2),
            "p50_ms": milliseconds(self.latencies, 50),
            "p99_ms": milliseconds(self.latencies, 99),
            "max_ms": milliseconds(self.latencies, 100),
            "last_listener_p50_ms": milliseconds(self.last, 50),
            "last_listener_p99_ms": milliseconds(self.last, 99),
            "last_settled_p50_ms": milliseconds(self.settled, 50),
            "last_settled_p99_ms": milliseconds(self.settled, 99),
        }


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` percent of the values lie; 0 for none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))] if ordered else 0.0


def milliseconds(values: Sequence[float], share: float) -> float | None:
    """Return a percentile in milliseconds; None where nothing arrived."""
    return round(percentile(values, share) * 1000, 3) if values else None


def records(count: int) -> list[Record]:
    """Return signed records of a realistic size."""
    node, operator = SigningKey(os.urandom(32)), SigningKey(os.urandom(32))
    identity = Identity(node, operator.public, operator.sign(enrolment_text(node.public, operator.public)))
    body = {
        "skill": {"error_type": "ModuleNotFoundError", "steps": [["pip", "install", "django"]], "context": "x" * 400}
    }
    return [sign("skill", body, number + 1, identity, SystemClock()) for number in range(count)]


def listen(variant: str, place: Path, number: int, count: int) -> None:
    """Be one listening process: receive `count` records, then print when each was received and settled."""
    listener = open_listener(variant, place, number)
    print("ready", flush=True)
    received: dict[int, int] = {}
    settled: dict[int, int] = {}
    quiet_since = time.monotonic()
    # Nothing is sent before all are ready.
    while len(received) < count and time.monotonic() - quiet_since < PATIENCE_SECONDS * (1 if received else 6):
        fresh = []
        for record in listener.take():
            checked = verify(record)
            received[checked.author_seq] = getattr(listener, "done_at", 0) or time.monotonic_ns()
            fresh.append(checked.author_seq)
        if fresh:
            listener.settle()
            settled.update(dict.fromkeys(fresh, time.monotonic_ns()))
            quiet_since = time.monotonic()
    listener.close()
    print(json.dumps([received, settled]), flush=True)


@contextmanager
def listening(variant: str, place: Path, listeners: int, count: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Run listening processes for a block, all ready when it begins."""
    command = [sys.executable, "-m", "benchmarks.propagation", "--listen", variant, str(place)]
    processes = [
        subprocess.Popen([*command, str(number), str(count)], stdout=subprocess.PIPE, text=True)
        for number in range(listeners)
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure(
    series: Series, place: Path, count: int, interval: float, made: Callable[[int], list[Record]] = records
) -> None:
    """Send `count` records, one each interval (± half of it), and add what came of it to the series."""
    batch = made(count)
    with listening(series.variant, place, series.listeners, count) as processes:
        sender = open_sender(series.variant, place)
        started: dict[int, int] = {}
        pause = random.Random(1)
        for record in batch:
            time.sleep(interval * (0.5 + pause.random()))
            started[record.author_seq] = time.monotonic_ns()
            sender.send(record)
        answers = [json.loads(process.communicate()[0]) for process in processes]
        sender.close()
    for number, begin in list(started.items())[min(WARM_UP, count // 4) :]:
        times, ends = (
            [(answer[kind][str(number)] - begin) / 1e9 for answer in answers if str(number) in answer[kind]]
            for kind in (0, 1)
        )
        series.expected += series.listeners
        series.latencies += times
        if len(times) == series.listeners:
            series.last.append(max(times))
            series.settled.append(max(ends))


def idle(place: Path, seconds: float, with_gateway: bool) -> float:
    """Return the share of a core (percent) that an idle listener uses."""
    bridge = mesh_bridge(place, PRODUCT)
    node = "1" * 64
    bridge.join(Member(node, "idle", "host", Record("{}", node, "")))
    gateway = LegacyGateway(bridge, place / "bridge.db", clock=SystemClock())
    bridge.wait(0)
    gateway.step()
    before, begin = cpu(), time.monotonic()
    while time.monotonic() - begin < seconds:
        bridge.wait(1.0 if with_gateway else 5.0)
        if with_gateway:
            gateway.step()
    used = 100 * (cpu() - before) / (time.monotonic() - begin)
    gateway.close()
    bridge.close()
    return used


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def run_all(root: Path, quick: bool) -> tuple[dict[tuple[str, int], Series], dict[str, float]]:
    """Run every variant, bare loop and product in turns, so that both meet the same state of the machine."""
    count, rounds = (60, 1) if quick else (150, 2)
    found: dict[tuple[str, int], Series] = {}
    places = iter(range(1000))
    for _ in range(rounds):
        for listeners in (1, 5):
            for variant in VARIANTS:
                place = place_for(root, next(places))
                servers = {"nats jetstream": start_server, OVER_SSH: serve_over_ssh}
                server = servers[variant](place) if variant in servers else None
                if variant in servers and server is None:
                    continue
                series = found.setdefault((variant, listeners), Series(variant, listeners))
                measure(series, place, count, INTERVAL_SECONDS)
                if server is not None:
                    server.terminate()
                    server.wait()
    # Idle listeners use next to nothing: they run beside the old poll.
    seconds = 3.0 if quick else 10.0
    quiet = {
        name: subprocess.Popen(
            [
                sys.executable,
                "-m",
                "benchmarks.propagation",
                "--idle",
                str(place_for(root, next(places))),
                str(seconds),
                name,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("listener", "listener and gateway")
    }
    for listeners in (1, 4):
        series = found[("old 2 s poll", listeners)] = Series("old 2 s poll", listeners)
        measure(series, place_for(root, next(places)), 12 if quick else 30, 0.25)
    return found, {name: float(process.communicate()[0]) for name, process in quiet.items()}


def goals(found: dict[tuple[str, int], Series], idle_percent: dict[str, float]) -> list[dict[str, Json]]:
    """Return each goal beside its figure."""
    listed: list[dict[str, Json]] = []

    def goal(text: str, figure: float, limit: float, *, at_least: bool = False) -> None:
        met = figure >= limit if at_least else figure <= limit
        listed.append({"goal": text, "limit": limit, "figure": round(figure, 3), "met": met})

    for listeners in (1, 5):
        product, bare = found[(PRODUCT, listeners)].latencies, found[("bare loop", listeners)].latencies
        for share in (50, 99):
            ratio = percentile(product, share) / percentile(bare, share)
            goal(f"p{share} as a multiple of the bare loop's, {listeners} listening", ratio, 3.0)
    if (OVER_SSH, 1) in found:
        goal("milliseconds at p50 over ssh", percentile(found[(OVER_SSH, 1)].latencies, 50) * 1000, 5.0)
    old, new = found[("old 2 s poll", 1)].latencies, found[(PRODUCT, 1)].latencies
    goal("times faster than the old poll at p50", percentile(old, 50) / percentile(new, 50), 300.0, at_least=True)
    delivered = min(
        100 * len(series.latencies) / series.expected for (name, _), series in found.items() if name.startswith("mesh")
    )
    goal("percent delivered to every listener", delivered, 100.0, at_least=True)
    goal("percent of a core, an idle listener", idle_percent["listener"], 0.2)
    goal("percent of a core, an idle listener that is the gateway", idle_percent["listener and gateway"], 0.2)
    return listed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark, or one of its processes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.propagation", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer records: figures for a first look only")
    parser.add_argument("--listen", nargs=4, metavar=("VARIANT", "PLACE", "NUMBER", "COUNT"), help=argparse.SUPPRESS)
    parser.add_argument("--idle", nargs=3, metavar=("PLACE", "SECONDS", "KIND"), help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.listen:
        variant, place, number, count = options.listen
        listen(variant, Path(place), int(number), int(count))
        return 0
    if options.idle:
        place, seconds, kind = options.idle
        print(idle(Path(place), float(seconds), "gateway" in kind))
        return 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mesh") as root:
        found, idle_percent = run_all(Path(root), options.quick)
    report = {
        "schema_version": 1,
        "benchmark": "propagation",
        "quick": options.quick,
        "machine": {
            "cores": os.cpu_count(),
            "system": platform.system(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
        "goals": goals(found, idle_percent),
        "runs": [series.report() for series in found.values()],
        "idle_percent_of_a_core": {name: round(value, 4) for name, value in idle_percent.items()},
        "seconds": round(time.monotonic() - begin, 1),
    }
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
