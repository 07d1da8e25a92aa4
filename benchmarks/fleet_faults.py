"""Three hosts on one PostgreSQL, and what can go wrong there: `make fleet` prints a table of faults.

Each host is a network namespace (where that is permitted) with a node of its own, a process whose agent meets failures,
learns what fixes them, and hears the others. It tells its parent of every record once the bridge has acknowledged it.
After each kind of fault all three are killed and settled: every record that was acknowledged must be in the log once,
every skill must be known to every host, and nothing may have been applied twice. A restored backup lacks its end:
skills are put back then, summaries of that time may be gone. Exit 1 where anything was lost or applied twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
from scripts.testbed.postgres import Server, free_port, why_not

from meshcore.bridge.postgres.administration import PostgresAdministration
from meshcore.clock import SystemClock
from meshcore.config import BridgeAddress, Settings
from meshcore.demo.hosts import Machine, machines, why_no_machines
from meshcore.errors import BridgeUnavailableError, MeshError
from meshcore.exchange.publish import publish
from meshcore.exchange.receive import pull
from meshcore.healing.teaching import teach
from meshcore.node import Node
from meshcore.testing import incident, outcome

HOSTS = 3
DISK_MB = 400
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
STEPS = ("+3600s", "-3600s", "+90000s", "+0s")  # what a clock is set to, beside the right time
PROGRESS = 1  # records that every host must have acknowledged between two faults
PATIENCE_SECONDS = 300.0
FULL_SECONDS = 3.0  # that a disk stays full
SEED = 20261127


# --- one host ---------------------------------------------------------------------------------------------------------


class SetClock(SystemClock):
    """The wall clock of a host, as far off as a file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=int(self._file.read_text("utf-8").rstrip("s") or 0))


def settings_of(root: Path, number: int) -> Settings:
    """Return the settings of one of the hosts."""
    url = (root / f"url{number}").read_text("utf-8")
    return Settings(
        root / f"home{number}", root / "operator", BridgeAddress.parse(url), f"agent{number}", f"host{number}"
    )


def live(root: Path, number: int) -> None:
    """Be one host: each printed line names a record that the bridge had acknowledged before."""
    node = Node(settings_of(root, number), SetClock(root / f"clock{number}"), patience=5.0)
    told = node.store.events.last()
    pause = random.Random()
    while os.getppid() != 1:
        _fail_and_heal(node)
        try:
            node.require_bridge()
            publish(node)
            while pull(node).more:
                pass
        except MeshError:
            node.disconnect()
            time.sleep(pause.uniform(0.05, 0.3))
        for event in node.store.events.after(told):
            told = event.seq
            if event.kind == "skill.published":
                print(event.data["record"], event.skill_id, flush=True)
        time.sleep(pause.uniform(0.0, 0.2))


def _fail_and_heal(node: Node) -> None:
    name = f"p{os.getpid()}n{time.monotonic_ns()}"
    known, _ = teach(node, f"ModuleNotFoundError: No module named '{name}'", f"pip install {name}")
    store, me = node.store, node.identity.node.public
    store.incidents.open(incident(incident_id=name), me)
    store.tries.intend(name, name, known.skill.skill_id, "policy", {}, "", str(os.getpid()))
    done = replace(outcome(), outcome_id=name, incident_id=name, skill_id=known.skill.skill_id, node=me)
    store.outcomes.add(done, own_operator=True, try_id=name)


@dataclass
class Actor:
    """The process of a host, and what it has said."""

    root: Path
    number: int
    host: Machine | None
    acknowledged: list[tuple[str, str]] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    unread: bytes = b""

    def start(self) -> None:
        words = [sys.executable, "-m", "benchmarks.fleet_faults", "--live", str(self.root), str(self.number)]
        self.process = subprocess.Popen(
            self.host.command(words) if self.host else words,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def hear(self) -> int:
        """Read what was acknowledged meanwhile; return how many there are by now."""
        assert self.process is not None and self.process.stdout is not None
        with suppress(BlockingIOError):
            while data := os.read(self.process.stdout.fileno(), 1 << 16):
                self.unread += data
        *lines, self.unread = self.unread.split(b"\n")
        for line in lines:
            record, skill = line.decode().split()
            self.acknowledged.append((record, skill))
        return len(self.acknowledged)

    def kill(self) -> bool:
        """End it with SIGKILL; False where it had ended by itself."""
        assert self.process is not None
        was_alive = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        self.hear()
        self.unread = b""
        return was_alive


# --- all of them ------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """One line of the table."""

    fault: str
    times: int = 0
    acknowledged: int = 0
    lost: int = 0
    twice: int = 0
    slowest: float = 0.0
    note: str = ""

    def cells(self) -> list[str]:
        figures = [self.times, self.acknowledged, self.lost, self.twice, f"{self.slowest:.1f} s", self.note]
        return [self.fault, *map(str, figures)]


class Fleet:
    """The server, the hosts, and what is done to them."""

    def __init__(self, root: Path, hosts: Sequence[Machine], cut_seconds: float, rng: random.Random) -> None:
        self.root, self.hosts, self.cut_seconds, self.rng = root, list(hosts), cut_seconds, rng
        self.clocks = [root / f"clock{number}" for number in range(HOSTS + 1)]
        for clock in self.clocks:
            clock.write_text("+0s")
            clock.chmod(0o644)
        root.chmod(0o755)
        is_root = os.geteuid() == 0
        self.server = Server(
            options=(),
            port=free_port(),
            listen="0.0.0.0" if hosts else "",
            megabytes=DISK_MB if is_root else 0,
            environment=self._server_clock(),
        )
        self.is_small = is_root
        if hosts:
            certificate = self.server.speak_tls([host.server for host in hosts], 30)
        self.server.start()
        administration: PostgresAdministration = self.server.make("mesh")
        self.actors: list[Actor] = []
        for number in range(HOSTS):
            login = f"host{number}"
            host = self.hosts[number] if hosts else None
            secret = root / f"password{number}"
            url = self.server.address("mesh", login).url
            if host is not None:
                url = (
                    f"postgresql://{login}@{host.server}:{self.server.port}/mesh"
                    f"?sslrootcert={certificate}&passwordfile={secret}"
                )
            (root / f"url{number}").write_text(url)
            node = Node(settings_of(root, number))
            granted = administration.grant(login, [node.identity.node.public])
            node.close()
            secret.write_text(granted.line.rpartition(":")[2])
            secret.chmod(0o600)
            self.actors.append(Actor(root, number, host))

    def _server_clock(self) -> dict[str, str]:
        """Return what lets the server have a clock that can be set, where the library for it is there."""
        if not FAKETIME.exists():
            return {}
        return {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": str(self.clocks[HOSTS]),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    # --- faults ---

    def kill_server(self) -> None:
        self.server.stop(signal.SIGKILL)
        self.server.start()

    def kill_client(self) -> None:
        actor = self.rng.choice(self.actors)
        if not actor.kill():
            raise RuntimeError(f"host{actor.number} had ended by itself")
        actor.start()

    def cut(self) -> None:
        host = self.rng.choice(self.hosts)
        host.cut()
        time.sleep(self.cut_seconds)
        host.mend()

    def restart(self) -> None:
        self.server.stop(signal.SIGINT)
        self.server.start()

    def restore(self) -> None:
        self.server.stop(signal.SIGINT)
        backup = self.root / "backup"
        shutil.rmtree(backup, ignore_errors=True)
        shutil.copytree(self.server.data, backup)
        self.server.start()
        self.go_on()
        self.server.stop(signal.SIGINT)
        self.server.replace_data(backup)
        self.server.start()

    def fill_disk(self) -> None:
        """Leave the server's disk no room for a while, then give it back; start it where it went down."""
        ballast = self.server.folder / "ballast"
        try:
            with suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(bytes(1 << 20))
            with suppress(psycopg.Error):
                self.server.execute("mesh", "CREATE TABLE public.room AS SELECT * FROM generate_series(1, 1000000)")
                raise RuntimeError("the disk was full, and the server has not noticed")
            time.sleep(FULL_SECONDS)  # the hosts meet it too
        finally:
            ballast.unlink()
        if not self.server.is_running:
            self.server.start()

    def step_clock(self) -> None:
        """Set the clock of the server or of a host; others go on."""
        self.rng.choice(self.clocks).write_text(self.rng.choice(STEPS))

    # --- before and after ---

    def go_on(self) -> float:
        """Wait until every host has had so many more records acknowledged; return the seconds that it took."""
        began = time.monotonic()
        goal = {actor.number: actor.hear() + PROGRESS for actor in self.actors}
        while any(actor.hear() < goal[actor.number] for actor in self.actors):
            if time.monotonic() - began > PATIENCE_SECONDS:
                raise RuntimeError(f"no progress within {PATIENCE_SECONDS:.0f} s")
            for actor in self.actors:
                if actor.process is not None and actor.process.poll() is not None:
                    raise RuntimeError(f"host{actor.number} has ended by itself")
            time.sleep(0.05)
        return time.monotonic() - began

    def play(self, name: str, fault: Callable[[], None], times: int) -> Row:
        """Let a fault happen so many times, then look what became of all that was acknowledged."""
        row = Row(name)
        before = sum(len(actor.acknowledged) for actor in self.actors)
        for actor in self.actors:
            actor.start()
        try:
            self.go_on()
            for _ in range(times):
                fault()
                row.times += 1
                row.slowest = max(row.slowest, self.go_on())
        except (RuntimeError, OSError) as error:
            row.note = str(error).strip().splitlines()[-1][:80]
            row.lost += 1
        finally:
            for actor in self.actors:
                actor.kill()
        for clock in self.clocks:
            clock.write_text("+0s")
        if not self.server.is_running:
            self.server.start()
        row.acknowledged = sum(len(actor.acknowledged) for actor in self.actors) - before
        self._settle(row)
        return row

    def _settle(self, row: Row) -> None:
        """Let every host tell and hear what is left, and count what is then missing or there twice."""
        nodes = [Node(settings_of(self.root, number), patience=30.0) for number in range(HOSTS)]
        try:
            for node in (*nodes, *nodes):
                publish(node)
                while pull(node).more:
                    pass
            for node in nodes:
                while pull(node).more:
                    pass
            missing = nodes[0].require_bridge().statistics().undelivered
        except BridgeUnavailableError as error:
            row.note = str(error)[:80]
            missing = 1
        finally:
            for node in nodes:
                node.close()
        said = [pair for actor in self.actors for pair in actor.acknowledged]
        rows = self.server.execute("mesh", "SELECT record_id, key, sig FROM mesh.log WHERE kind = 'skill'")
        in_log = Counter(str(record) for record, _, _ in rows)
        row.lost += sum(record not in in_log for record, _ in said) + missing
        row.twice += sum(count - 1 for count in in_log.values())
        for number in range(HOSTS):
            with closing(sqlite3.connect(self.root / f"home{number}" / "store.db")) as store:
                known = {skill for (skill,) in store.execute("SELECT skill_id FROM skills")}
                row.lost += sum(skill not in known for _, skill in said)
                applied = store.execute(
                    "SELECT count(*) FROM events WHERE kind IN ('skill.received', 'outcome.received') "
                    "GROUP BY kind, skill_id, json_extract(data, '$.author') HAVING count(*) > 1"
                ).fetchall()
                row.twice += sum(count - 1 for (count,) in applied)


HEAD = ("fault", "times", "acknowledged", "lost", "applied twice", "slowest recovery", "")


def table(rows: Sequence[Row]) -> str:
    """Return the table of faults."""
    cells = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[at]) for line in cells) for at in range(len(HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def run(kills: int, others: int, cut_seconds: float, seed: int) -> list[Row]:
    """Play every fault in a folder of its own; print each line as it is done."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="fleet") as folder, ExitStack() as stack:
        why_no_network = why_no_machines()
        hosts = [] if why_no_network else stack.enter_context(machines(HOSTS))
        fleet = Fleet(Path(folder), hosts, cut_seconds, random.Random(seed))
        stack.callback(fleet.server.remove)
        plays = [
            ("kill -9 of the server", fleet.kill_server, kills // 2, ""),
            ("kill -9 of a client", fleet.kill_client, kills - kills // 2, ""),
            (f"network cut for {cut_seconds:g} s", fleet.cut, others, why_no_network),
            ("restart of the server", fleet.restart, others, ""),
            (
                "disk full on the server",
                fleet.fill_disk,
                others,
                "" if fleet.is_small else "only root can make a small disk",
            ),
            ("clock steps", fleet.step_clock, others, "" if FAKETIME.exists() else "faketime is not installed"),
            ("restore of an older backup", fleet.restore, others, ""),
        ]
        for name, fault, times, why in plays:
            rows.append(Row(name, note=f"not played: {why}") if why else fleet.play(name, fault, times))
            print("  ".join(rows[-1].cells()), file=sys.stderr, flush=True)
    return rows


def main() -> int:
    """Print the table; 1 where anything was lost or applied twice."""
    parser = argparse.ArgumentParser(prog="make fleet", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=20, metavar="N", help="half of the server, half of clients")
    parser.add_argument("--others", type=int, default=2, metavar="N", help="of every other fault")
    parser.add_argument("--cut", type=float, default=5.0, metavar="SECONDS", help="how long a cut takes")
    parser.add_argument("--full", action="store_true", help="1,000 kills, 10 of every other fault, cuts of 60 s")
    parser.add_argument("--seed", type=int, default=SEED, metavar="N")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--live", nargs=2, metavar=("ROOT", "NUMBER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.live:
        live(Path(options.live[0]), int(options.live[1]))
        return 0
    if why := why_not():
        print(f"not played: {why}")
        return 0
    if options.full:
        options.kills, options.others, options.cut = 1000, 10, 60.0
    rows = run(options.kills, options.others, options.cut, options.seed)
    lines = [dict(zip(HEAD, row.cells(), strict=True)) for row in rows]
    print(json.dumps(lines) if options.json else table(rows))
    return 1 if any(row.lost or row.twice for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
