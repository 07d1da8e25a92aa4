"""kill -9 at random times: `python -m benchmarks.torture [--kills 1000] [--seconds N]` prints one JSON object.

Four real processes write to one bridge, two of them to each of two homes: skills, outcomes, records, journal lines.
Each tells its parent through a pipe what was committed, after the commit returned. The parent kills one after the
other at random times and starts another in its place; every 25 kills, and at the end, each file must pass SQLite's
quick check and hold everything that was acknowledged. At the end nothing may be left undelivered or delivered twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from meshcore.bridge.base import BridgeStatistics
from meshcore.config import BridgeAddress, Settings
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.teaching import teach
from meshcore.journal.writer import project
from meshcore.model import Json
from meshcore.node import Node
from meshcore.testing import incident, outcome

KILLS = 1_000
WRITERS = 4
HOMES = 2
CHECK_EVERY = 25
LONGEST_PAUSE_SECONDS = 0.12  # between two kills: a writer lives for four of them on average, its start included
SEED = 20261122

TABLES = {"skill": ("skills", "skill_id"), "outcome": ("outcomes", "outcome_id"), "record": ("log", "record_id")}


def settings_of(root: Path, home: int) -> Settings:
    """Return the settings of one of the homes."""
    return Settings(
        home=root / f"home{home}",
        operator=root / "operator",
        bridge=BridgeAddress.of(root / "bridge.db"),
        agent=f"writer{home}",
        host=f"host{home}",
    )


def write_for_ever(root: Path, home: int, acknowledge: int) -> None:
    """Be one writer: whatever a line on the descriptor names was committed before the line was written."""

    def acknowledged(kind: str, name: str) -> None:
        os.write(acknowledge, f"{kind} {name}\n".encode())

    with Node(settings_of(root, home)) as node:
        told = node.store.events.last()
        for number in range(sys.maxsize):
            name = f"p{os.getpid()}n{number}x{time.monotonic_ns()}"
            known, _ = teach(node, f"ModuleNotFoundError: No module named '{name}'", f"pip install {name}")
            acknowledged("skill", known.skill.skill_id)
            _fix(node, known.skill.skill_id, name)
            acknowledged("outcome", name)
            publish(node)
            for event in node.store.events.after(told):
                told = event.seq
                if event.kind == "skill.published":
                    acknowledged("record", str(event.data["record"]))
            pull(node)
            project(node.store, node.home.journal)


def _fix(node: Node, skill_id: str, name: str) -> None:
    store, me = node.store, node.identity.node.public
    store.incidents.open(incident(incident_id=name), me)
    store.tries.intend(name, name, skill_id, "policy", {}, "", str(os.getpid()))
    done = replace(outcome(), outcome_id=name, incident_id=name, skill_id=skill_id, node=me)
    store.outcomes.add(done, own_operator=True, try_id=name)


@dataclass
class Writer:
    """One process, the home it writes to, and the pipe on which it acknowledges."""

    home: int
    process: int
    pipe: int
    unread: bytes = b""

    def read(self) -> list[tuple[str, str]]:
        """Return what it has acknowledged since the last call; half a line at its death counts for nothing."""
        with suppress(BlockingIOError):
            while data := os.read(self.pipe, 1 << 16):
                self.unread += data
        *lines, self.unread = self.unread.split(b"\n")
        return [(kind, name) for kind, name in (line.decode().split(" ") for line in lines)]


@dataclass
class Torture:
    """The run: what was acknowledged, what was found to be lost or damaged."""

    root: Path
    acknowledged: dict[tuple[str, int], list[str]] = field(default_factory=dict)
    kills: int = 0
    checks: int = 0
    damage: list[str] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)

    def run(self, kills: int, seconds: float, rng: random.Random) -> None:
        """Kill until either is reached."""
        self._make()
        writers = [self._start(number % HOMES) for number in range(WRITERS)]
        until = time.monotonic() + seconds
        try:
            while self.kills < kills and time.monotonic() < until:
                time.sleep(rng.uniform(0, LONGEST_PAUSE_SECONDS))
                for writer in writers:
                    self._hear(writer)
                place = rng.randrange(WRITERS)
                self._kill(writers[place])
                writers[place] = self._start(writers[place].home)
                self.kills += 1
                if self.kills % CHECK_EVERY == 0:
                    self.check()
        finally:
            for writer in writers:
                self._kill(writer)
        self.check()

    def _make(self) -> None:
        for home in range(HOMES):
            with Node(settings_of(self.root, home)) as node:
                node.require_bridge()

    def _start(self, home: int) -> Writer:
        reading, writing = os.pipe()
        process = os.fork()
        if process:
            os.close(writing)
            os.set_blocking(reading, False)
            return Writer(home, process, reading)
        try:
            os.close(reading)
            write_for_ever(self.root, home, writing)
        except BaseException as error:  # the parent counts a writer that ended by itself as damage
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
        os._exit(1)

    def _hear(self, writer: Writer) -> None:
        for kind, name in writer.read():
            self.acknowledged.setdefault((kind, writer.home), []).append(name)

    def _kill(self, writer: Writer) -> None:
        os.kill(writer.process, signal.SIGKILL)
        _, status = os.waitpid(writer.process, 0)
        self._hear(writer)
        os.close(writer.pipe)
        if not os.WIFSIGNALED(status):
            self.damage.append(f"a writer ended by itself with {os.waitstatus_to_exitcode(status)}")

    def check(self) -> None:
        """Look at every file while the others write on: is it whole, and is everything there?"""
        self.checks += 1
        for (kind, home), names in self.acknowledged.items():
            table, column = TABLES[kind]
            path = self.bridge_file if kind == "record" else self.store_file(home)
            self.lost |= {f"{kind} {name}" for name in _missing(path, table, column, names)}
        for path in (self.bridge_file, *map(self.store_file, range(HOMES))):
            with closing(_opened(path)) as connection:
                (said,) = connection.execute("PRAGMA quick_check").fetchone()
            if said != "ok":
                self.damage.append(f"{path.name}: {said}")

    @property
    def bridge_file(self) -> Path:
        return self.root / "bridge.db.mesh.db"

    def store_file(self, home: int) -> Path:
        return settings_of(self.root, home).home / "store.db"

    def settle(self) -> BridgeStatistics:
        """Let each home tell and hear all that is left; note what is then missing somewhere, or there twice."""
        nodes = [Node(settings_of(self.root, home)) for home in range(HOMES)]
        try:
            for node in nodes:
                publish(node)
            for node in nodes:
                while pull(node).more:
                    pass
                project(node.store, node.home.journal)
            skills = [name for (kind, _), names in self.acknowledged.items() if kind == "skill" for name in names]
            for home, node in enumerate(nodes):
                missing = _missing(node.store.path, "skills", "skill_id", skills)
                self.lost |= {f"skill {name} at home{home}" for name in missing}
                self.damage += _journal_faults(node)
            statistics = nodes[0].require_bridge().statistics()
        finally:
            for node in nodes:
                node.close()
        if statistics.undelivered:
            self.damage.append(f"{statistics.undelivered} deliveries are open")
        with closing(_opened(self.bridge_file)) as connection:
            twice = connection.execute("SELECT count(*) - count(DISTINCT record_id) FROM log").fetchone()[0]
        if twice:
            self.damage.append(f"{twice} records are in the log twice")
        return statistics


def _opened(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=10, isolation_level=None)
    connection.execute("PRAGMA wal_autocheckpoint=0")
    return connection


def _missing(path: Path, table: str, column: str, names: Iterable[str]) -> list[str]:
    with closing(_opened(path)) as connection:
        found = {row[0] for row in connection.execute(f"SELECT {column} FROM {table}")}
    return [name for name in names if name not in found]


def _journal_faults(node: Node) -> list[str]:
    """Return what is wrong with a journal: a line that is none, an event that is missing."""
    seqs = set()
    for number, line in enumerate(node.home.journal.read_bytes().splitlines(), 1):
        try:
            seqs.add(json.loads(line)["seq"])
        except (ValueError, KeyError, TypeError):
            return [f"{node.home.journal.name}, line {number}: not a line of ours"]
    missing = set(range(1, node.store.events.last() + 1)) - seqs
    return [f"{node.home.journal.name}: {len(missing)} events are missing"] if missing else []


def torture(kills: int, seconds: float, seed: int = SEED) -> Mapping[str, Json]:
    """Run it in a folder of its own; return the figures."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = Torture(Path(folder))
        run.run(kills, seconds, random.Random(seed))
        statistics = run.settle()
    counts = Counter(dict.fromkeys(TABLES, 0))
    for (kind, _), names in run.acknowledged.items():
        counts[kind] += len(names)
    total = counts.total()
    return {
        "benchmark": "torture",
        "kills": run.kills,
        "writers": WRITERS,
        "acknowledged": dict(counts),
        "lost": len(run.lost),
        "survived_percent": round(100 * (total - len(run.lost)) / total, 3) if total else None,
        "goal_percent": 100,
        "quick_checks": run.checks,
        "records_on_the_bridge": statistics.records,
        "undelivered": statistics.undelivered,
        "damage": run.damage[:20],
        "seconds": round(time.monotonic() - started, 1),
    }


def main() -> int:
    """Print the figures; 1 where anything was lost or damaged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS, metavar="N")
    parser.add_argument("--seconds", type=float, default=3600.0, metavar="S", help="stop after so many, checks aside")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    options = parser.parse_args()
    figures = torture(options.kills, options.seconds, options.seed)
    print(json.dumps(figures))
    return 1 if figures["lost"] or figures["damage"] or not figures["survived_percent"] else 0


if __name__ == "__main__":
    sys.exit(main())
