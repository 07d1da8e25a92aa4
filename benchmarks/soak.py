"""The document's 48 hours, compressed: `python -m benchmarks.soak [--passes 576 | --seconds N]` prints one JSON object.

A whole headless runtime with monitor and validator, real files, real SQLite and real subprocesses, on a clock that
jumps from beat to beat (300 s apart). Between two beats commands fail and heal in two homes, each a `meshtui run`
process on the same clock; peers join and leave; logs are rotated by renaming, as logrotate does; maintenance applies
retention.
Measured at every pass: resident memory, open files and threads of the runtime's process, its write-ahead logs and
journal. Warm-up is the first fifth. Goals: at most 16 KiB of memory per pass after it, everything else flat, no pass
missed, every event in the journal once.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from meshcore.bridge.base import Member
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.clock import SystemClock
from meshcore.config import ConfiguredCheck, MonitorSettings, Settings, ValidatorSettings, load
from meshcore.evidence.monitor.checks import CONNECTOR, built_in
from meshcore.evidence.monitor.monitor import LOG_NAME, Options
from meshcore.journal.segments import segments
from meshcore.model import Json, Receipt, Record, canonical
from meshcore.node import Node
from meshcore.runs.validate import ARTIFACTS
from meshcore.runs.validate import LOG_NAME as VALIDATION_LOG
from meshcore.service import runtime
from meshcore.service.loops.monitor import MonitorLoop
from meshcore.service.loops.validator import ValidatorLoop
from meshcore.service.runtime import Runtime

HERE = Path(__file__).resolve().parents[1]
PASSES = 576
INTERVAL_SECONDS = 300.0
GOAL_KIB = 16.0
GOAL_MINUTES = 15.0
WARM_UP = 0.2
HOMES = ("agent_a", "agent_b")
PEERS = 4
RUNS = 5
TINY_CHECK_EVERY = 4  # passes
REAL_CHECK_EVERY = 48
ROTATE_EVERY = 36
MAINTAIN_EVERY = 72
PATIENCE_SECONDS = 120.0

PROGRAM = 'open("build/out.txt", "w").write("x")\nprint("written")\n'
ERROR = "FileNotFoundError: [Errno 2] No such file or directory: 'build/out.txt'"
FIX = "mkdir -p build"
CONFIG = """
[retention]
incidents_days = 0.5
journal_days = 1
bridge_days = 0.5
rotate_mib = 2
"""


class JumpingClock:
    """This machine's clock, plus what was jumped over. Loops wait on it; `jump` goes to their next beat."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._changed = threading.Condition()
        self._due: dict[int, float] = {}

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.offset)

    def monotonic(self) -> float:
        return time.monotonic() + self.offset

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait on this clock, or until the event is set."""
        me, due = threading.get_ident(), self.monotonic() + seconds
        with self._changed:
            self._due[me] = due
            self._changed.notify_all()
            while self.monotonic() < due and not stop.is_set():
                self._changed.wait(0.05)
            self._due.pop(me, None)

    def parked(self) -> int:
        """Return how many loops wait for a beat that is still far."""
        with self._changed:
            return sum(due - self.monotonic() > INTERVAL_SECONDS / 2 for due in self._due.values())

    def jump(self) -> None:
        """Go to the moment at which every loop that waits is due."""
        with self._changed:
            self.offset += max(0.0, max(self._due.values()) - self.monotonic())
            self._changed.notify_all()


class Beats:
    """No news of changed runs: the validator waits for its beat alone."""

    def __init__(self, clock: JumpingClock, stop: threading.Event) -> None:
        self._clock = clock
        self._stop = stop

    def wait(self, seconds: float) -> frozenset[str] | None:
        self._clock.wait(seconds, self._stop)
        return None if self._stop.is_set() else frozenset()


@dataclass(frozen=True, slots=True)
class Sample:
    """The process and its files after one pass; sizes in bytes."""

    rss: int
    files: int
    threads: int
    wal: int
    journal: int


class Place:
    """Everything of the soak in one folder: an operator, a bridge, two homes with a project each, runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bridge = root / "claude_bridge_enhanced.db"
        self.runs = root / "workflow_results" / "runs"
        (root / "operator").mkdir(mode=0o700)
        (root / "operator" / "config.toml").write_text(CONFIG)
        for name in HOMES:
            work = root / name / "work"
            work.mkdir(parents=True)
            (work / "app.py").write_text(PROGRAM)
            (work / ".git").mkdir()  # what makes it a project
        for number in range(RUNS):
            write_run(self.runs, f"run-{number:03}")

    def environment(self, name: str) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MESHTUI_")}
        return {
            **kept,
            "MESHTUI_HOME": str(self.root / name / "home"),
            "MESHTUI_OPERATOR_DIR": str(self.root / "operator"),
            "MESHTUI_BRIDGE": str(self.bridge),
            "MESHTUI_AGENT": name,
            "MESHTUI_HOST": "soak",
            "PYTHONUNBUFFERED": "1",
        }

    def settings(self) -> Settings:
        found = load(environment=self.environment(HOMES[0]))
        return replace(
            found,
            monitor=MonitorSettings(interval_seconds=INTERVAL_SECONDS, include_manifest=True),
            validator=ValidatorSettings(interval_seconds=INTERVAL_SECONDS, runs_root=self.runs),
        )


def write_run(root: Path, name: str) -> None:
    """Write the artifacts of a run that passes."""
    folder, at = root / name, "2026-11-22T08:00:00Z"
    folder.mkdir(parents=True)
    context = {"video_url": "https://example.com/v", "run_id": name, "initiated_at": at}
    step = {"id": "s1", "kind": "execute", "status": "succeeded", "started_at": at}
    graph = {"schema_version": "v1.0", "graph_id": name, "run_context": context, "steps": [step]}
    event = {"event_id": "e1", "event_type": "run.created", "emitted_at": at, "run_id": name}
    review = "metadata: {}\nexecution_context: {}\nexpected_outcomes: {deliverables: [], commands: []}\n"
    review += "run_observation: {}\nmetric_scores: {}\nannotations: []\nverdict: pass\n"
    for file, text in zip(ARTIFACTS, (json.dumps(graph), json.dumps([event]), review), strict=True):
        (folder / file).write_text(text)


# --- what happens between two beats -------------------------------------------------------------------------------


def command(clock: JumpingClock, place: Place, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `meshtui` as one of the homes, on the soak's clock."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--as-of", repr(clock.offset), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=place.root / name / "work",
        env={**place.environment(name), "PYTHONPATH": f"{HERE}{os.pathsep}{HERE / 'src'}"},
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def fail_and_heal(clock: JumpingClock, place: Place, name: str) -> bool:
    """Let a command fail that the mesh knows the fix of; True where it was healed."""
    shutil.rmtree(place.root / name / "work" / "build", ignore_errors=True)
    done = command(clock, place, name, "run", "--", sys.executable, "-S", "app.py")
    return done.returncode == 0 and "verified" in done.stderr


def come_and_go(place: Place, clock: JumpingClock, nodes: Sequence[str]) -> None:
    """Let peers join the bridge, receive everything, and leave."""
    for node in nodes:
        bridge = SqliteBridge(place.bridge, clock=clock)
        try:
            hello = Record(canonical({"peer": node}), node, "00")
            bridge.join(Member(node, f"peer-{node[:8]}", "soak", hello))
            bridge.wait(0)
            cursor = next(member.cursor for member in bridge.members() if member.node == node)
            more = True
            while more:
                batch = bridge.receive(node, cursor)
                receipts = [Receipt(row.seq, node, "ignored", "") for row in batch.deliveries]
                bridge.acknowledge(node, receipts, batch.cursor)
                cursor, more = batch.cursor, batch.more
        finally:
            bridge.close()


def rotate_logs(place: Place, number: int) -> None:
    """Rename the logs as logrotate does, and let nobody know."""
    home = place.root / HOMES[0] / "home"
    for log in (home / LOG_NAME, place.runs / VALIDATION_LOG):
        if log.exists():
            log.rename(log.with_name(f"{log.name}.{number:05}"))


# --- measuring ----------------------------------------------------------------------------------------------------


def sample(place: Place) -> Sample:
    """Measure this process and its files."""
    home = place.root / HOMES[0] / "home"
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    wals = (home / "store.db-wal", place.bridge.with_name(place.bridge.name + ".mesh.db-wal"))
    return Sample(
        rss=pages * os.sysconf("SC_PAGE_SIZE"),
        files=len(os.listdir("/proc/self/fd")),  # noqa: PTH208  the cheap form
        threads=threading.active_count(),
        wal=sum(wal.stat().st_size for wal in wals if wal.exists()),
        journal=(home / "journal.jsonl").stat().st_size,
    )


def slope(values: Sequence[float]) -> float:
    """Return the least-squares growth per step."""
    n = len(values)
    if n < 2:
        return 0.0
    middle, mean = (n - 1) / 2, sum(values) / n
    spread = sum((i - middle) ** 2 for i in range(n))
    return sum((i - middle) * (value - mean) for i, value in enumerate(values)) / spread


def count_lines(paths: Sequence[Path]) -> int:
    """Return the number of lines of files."""
    return sum(path.read_bytes().count(b"\n") for path in paths if path.exists())


def tables_of(place: Place) -> dict[str, int]:
    """Return how many rows the tables hold that peers come and go in."""
    with closing(sqlite3.connect(f"file:{place.bridge}.mesh.db?mode=ro", uri=True)) as log:
        return {
            table: log.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("members", "doorbells", "awaited", "claims")
        }


# --- the soak -----------------------------------------------------------------------------------------------------


async def soak(root: Path, passes: int, seconds: float | None) -> dict[str, Json]:
    """Play so many passes, or as many as begin within so many seconds; return what was measured."""
    clock, place = JumpingClock(), Place(root)
    settings = place.settings()
    peers = [secrets.token_hex(32) for _ in range(PEERS)]
    done = 0

    def options(_: Settings) -> Options:
        checks: tuple[ConfiguredCheck, ...] = ()
        if done % TINY_CHECK_EVERY == 1:
            checks = (ConfiguredCheck("tiny.py", (sys.executable, "-S", "-c", "print('ok')")),)
        if done % REAL_CHECK_EVERY == 2:
            checks = tuple(check for check in built_in() if check.name == CONNECTOR)
        return Options(settings.home / LOG_NAME, checks, include_manifest=True)

    learnt = await asyncio.to_thread(command, clock, place, HOMES[0], "learn", "--error", ERROR, "--fix", FIX)
    assert learnt.returncode == 0, learnt.stderr
    await asyncio.to_thread(command, clock, place, HOMES[1], "status")
    samples: list[Sample] = []
    healed = tried = 0
    started = time.monotonic()
    with Node(settings, clock) as node:
        loops = (
            MonitorLoop(settings, clock, clock.wait, options),
            ValidatorLoop(settings, clock, lambda _root, stop: Beats(clock, stop)),
        )
        working = Runtime(node, loops=loops)
        task = asyncio.create_task(working.run())
        while done < passes and (seconds is None or time.monotonic() - started < seconds):
            if done:
                clock.jump()
            done += 1
            await parked(clock, task)
            turn = done % (len(HOMES) + 1)
            if turn < len(HOMES):
                tried += 1
                healed += await asyncio.to_thread(fail_and_heal, clock, place, HOMES[turn])
            await asyncio.to_thread(come_and_go, place, clock, peers)
            if done % ROTATE_EVERY == 0:
                rotate_logs(place, done)
            if done % MAINTAIN_EVERY == 0:
                kept = await asyncio.to_thread(command, clock, place, HOMES[0], "maintenance")
                assert kept.returncode == 0, kept.stdout + kept.stderr
            gc.collect()
            samples.append(sample(place))
        working.stop()
        await task
        end = time.monotonic() - started
        return figures(place, node, samples, passes=done, tried=tried, healed=healed, seconds=end)


async def parked(clock: JumpingClock, task: asyncio.Task[None]) -> None:
    """Return once both loops have done their pass and wait for the next."""
    until = time.monotonic() + PATIENCE_SECONDS
    while clock.parked() < 2:
        if task.done():
            await task
        assert time.monotonic() < until, "a loop did not come back"
        await asyncio.sleep(0.005)


def figures(
    place: Place, node: Node, samples: Sequence[Sample], *, passes: int, tried: int, healed: int, seconds: float
) -> dict[str, Json]:
    """Return the figures beside their goals."""
    steady = samples[int(len(samples) * WARM_UP) :]
    home = place.root / HOMES[0] / "home"
    monitor_lines = count_lines([path for path in home.glob(f"{LOG_NAME}*") if path.suffix != ".lock"])
    validated = count_lines(sorted(place.runs.glob(f"{VALIDATION_LOG}*")))
    seqs = journal_seqs(home / "journal.jsonl")
    growth = slope([one.rss / 1024 for one in steady])
    flat = {
        name: sorted({getattr(one, name) for one in steady})[:: max(1, len({getattr(one, name) for one in steady}) - 1)]
        for name in ("files", "threads")
    }
    tables = tables_of(place)
    goals: Mapping[str, bool] = {
        "memory": growth <= GOAL_KIB,
        "open files flat": flat["files"][-1] - flat["files"][0] <= 2,
        "threads flat": flat["threads"][-1] - flat["threads"][0] <= 1,
        "write-ahead logs bounded": max(one.wal for one in steady) <= 12 << 20,
        "no pass missed": monitor_lines == passes and validated == passes * RUNS,
        "every event in the journal once": seqs[1] == 0 and seqs[2] == node.store.events.last(),
        "every failure healed": healed == tried,
        "peers leave nothing": tables["members"] == PEERS + len(HOMES) and tables["doorbells"] <= 1,
    }
    return {
        "passes": passes,
        "virtual_hours": round(passes * INTERVAL_SECONDS / 3600, 1),
        "wall_seconds": round(seconds, 1),
        "healed": [healed, tried],
        "rss_kib_per_pass": {"goal": GOAL_KIB, "figure": round(growth, 2), "over_passes": len(steady)},
        "rss_mib": [round(one.rss / 2**20, 2) for one in steady[:: max(1, len(steady) // 12)]],
        "open_files": flat["files"],
        "threads": flat["threads"],
        "wal_bytes_most": max(one.wal for one in steady),
        "journal_bytes_per_pass": round(seqs[0] / max(1, passes)),
        "journal": {"segments": len(segments(home / "journal.jsonl")), "repeated": seqs[1], "last_seq": seqs[2]},
        "monitor_lines": monitor_lines,
        "validation_lines": validated,
        "tables": dict(tables),
        "goals": dict(goals),
        "ok": all(goals.values()),
    }


def journal_seqs(path: Path) -> tuple[int, int, int]:
    """Return the journal's size with its segments, how many events stand twice, and the last seq."""
    size, seen, repeated, last = 0, set(), 0, 0
    for part in (*segments(path), path):
        size += part.stat().st_size
        for line in part.read_bytes().splitlines():
            seq = json.loads(line)["seq"]
            repeated += seq in seen
            seen.add(seq)
            last = max(last, seq)
    return size, repeated, last


def as_of(offset: float, arguments: Sequence[str]) -> int:
    """Be `meshtui` on the soak's clock."""
    real_now, real_monotonic = SystemClock.now, SystemClock.monotonic
    SystemClock.now = lambda self: real_now(self) + timedelta(seconds=offset)  # type: ignore[method-assign]
    SystemClock.monotonic = lambda self: real_monotonic(self) + offset  # type: ignore[method-assign]
    from meshtui.__main__ import run

    return run(list(arguments))


def play(passes: int = PASSES, seconds: float | None = None) -> dict[str, Json]:
    """Play the soak in a throwaway folder; return its figures."""
    # 300 s of looks are made in the time between two jumps.
    runtime.LOOK_EVERY_SECONDS = 0.05
    with tempfile.TemporaryDirectory(prefix="meshtui-soak-") as folder:
        return asyncio.run(soak(Path(folder).resolve(), passes, seconds))


def main() -> None:
    """Print the figures as JSON; exit 1 where a goal is missed."""
    if sys.argv[1:2] == ["--as-of"]:
        sys.exit(as_of(float(sys.argv[2]), sys.argv[3:]))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=PASSES)
    parser.add_argument("--seconds", type=float, help="begin no pass after so many seconds")
    chosen = parser.parse_args()
    found = play(chosen.passes, chosen.seconds)
    print(json.dumps({"soak": found}, indent=2))
    sys.exit(0 if found["ok"] else 1)


if __name__ == "__main__":
    main()
