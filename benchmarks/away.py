"""What a PostgreSQL that nobody reaches costs a command that needs no help: `python -m benchmarks.away` prints JSON.

Whole processes in turn, `meshtui run -- true` and the hook (an answered failure, a success), each with the bridge in a
local file, with a server that is not there, and with one that accepts and never answers. What a command leaves to be
told in the background is waited for before the next is started, so that it slows none.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import random
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path
from statistics import median

from benchmarks.hook import CASE, PACKAGE, Process, hook_of, payload
from benchmarks.match_speed import error, fill, name_of
from meshcore.model import Json

SKILLS = 1_000
LIMIT = 1.05
WARM_UPS = 3
LOCAL = "local"
SUBREAPER = 36  # of prctl: what a child leaves behind becomes ours, and can be waited for


def environments(root: Path, silent_port: int, free_port: int) -> dict[str, dict[str, str]]:
    """Return the surroundings of each kind of bridge; each has a home of its own that has lived alike."""
    bridges = {
        LOCAL: str(root / "bridge.db"),
        "refused": f"postgresql://build2@127.0.0.1:{free_port}/mesh",
        "silent": f"postgresql://build2@127.0.0.1:{silent_port}/mesh",
    }
    made = {}
    for kind, bridge in bridges.items():
        home = root / kind
        home.mkdir(0o700)
        fill(home / "store.db", SKILLS).close()
        with closing(sqlite3.connect(home / "store.db")) as database, database:
            database.execute("UPDATE skills SET own_operator=1, confirmed=1")
        made[kind] = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(root),
            "MESHTUI_HOME": str(home),
            "MESHTUI_OPERATOR_DIR": str(root / "operator"),
            "MESHTUI_BRIDGE": bridge,
        }
    return made


def wait_for_all() -> None:
    """Wait for whatever the last command left running."""
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def measure(made: Mapping[str, dict[str, str]], rounds: int) -> dict[str, Json]:
    """Run every command with every bridge in turn, in another order each round; return the figures."""
    text, command, fix = error(0, name_of(CASE))
    hook = hook_of(PACKAGE)
    run = [str(Path(sys.executable).with_name("meshtui")), "run", "--", "true"]

    def call(name: str, number: int) -> bytes:
        if name == "meshtui run -- true":
            return b""
        is_failure = name == "hook, an answered failure"
        said = payload(number, text if is_failure else "ok", command if is_failure else "make", failed=is_failure)
        return said if is_failure else said.replace(b"session-", b"quiet-")

    kinds = {
        kind: {
            "meshtui run -- true": Process(run, environment, lambda said: not said),
            "hook, an answered failure": Process(hook, environment, lambda said: fix in said),
            "hook, a success": Process(hook, environment, lambda said: not said),
        }
        for kind, environment in made.items()
    }
    order, turn = list(kinds), random.Random(1)
    for number in range(-WARM_UPS, rounds):
        if number == 0:
            for processes in kinds.values():
                for process in processes.values():
                    process.forget()
        turn.shuffle(order)
        for kind in order:
            for name, process in kinds[kind].items():
                process.run(call(name, number + 1000))
                wait_for_all()
    return {name: _figures({kind: kinds[kind][name] for kind in kinds}) for name in kinds[LOCAL]}


def _figures(by_kind: Mapping[str, Process]) -> dict[str, Json]:
    local = by_kind[LOCAL]
    found: dict[str, Json] = {"local_p50_ms": round(median(local.wall), 2)}
    for kind, process in by_kind.items():
        if kind != LOCAL:
            # Pairs of one round met the same machine.
            ratio = median(away / near for away, near in zip(process.wall, local.wall, strict=True))
            found[kind] = {
                "p50_ms": round(median(process.wall), 2),
                "ratio": round(ratio, 3),
                "goal_ratio": LIMIT,
                "met": ratio <= LIMIT,
                "processor_ratio": round(median(process.processor) / median(local.processor), 3),
                "wrong": process.wrong,
            }
    return found


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.away", description=__doc__)
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.create_server(("127.0.0.1", 0), backlog=512) as silent,
        socket.socket() as nobody,  # bound, and nobody listens: whoever connects is refused
    ):
        nobody.bind(("127.0.0.1", 0))
        made = environments(Path(folder), silent.getsockname()[1], nobody.getsockname()[1])
        found = measure(made, options.rounds)
    print(json.dumps({"schema_version": 1, "benchmark": "away", "rounds": options.rounds, "commands": found}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
