"""How long a report takes: `python -m benchmarks.report` prints JSON, each figure beside its goal.

The store is filled through its own interface: failures of 20 agents, 5,000 different error lines, 1,000 commands, 500
skills; six of seven are healed. The limit below which no report can go is reading and parsing the same rows alone.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from meshcore.clock import to_text
from meshcore.evidence.report.report import FORMATS, build, render
from meshcore.evidence.slice.gather import gather_slice, origin, read_slice, write_slice
from meshcore.home import Home
from meshcore.journal.writer import project
from meshcore.knowledge.interchange import put
from meshcore.model import AgentInfo, StepResult
from meshcore.store.store import Store
from meshcore.testing import START, FakeClock, incident, known_skill, outcome

GOAL_SECONDS = 10.0
NODE = "a" * 64
BATCH = 2_000


def fill(path: Path, count: int) -> None:
    """Let so many failures happen to a store, over 60 days."""
    chance = random.Random(7)
    clock = FakeClock()
    store = Store(path, clock)
    skills = [known_skill(f"module_{n}", author=NODE, created=to_text(START)) for n in range(500)]
    for known in skills:
        put(store, known)
        store.events.add("skill.learned", skill_id=known.skill_id)
    for first in range(0, count, BATCH):
        with store.transaction():
            for number in range(first, min(first + BATCH, count)):
                _meet(store, number, skills[chance.randrange(500)].skill_id, chance)
    project(store, Home(path.parent).journal)
    store.close()


def _meet(store: Store, number: int, skill_id: str, chance: random.Random) -> None:
    opened = to_text(START + timedelta(seconds=number * 50))
    agent = AgentInfo(f"agent_{chance.randrange(20)}", "shell", f"host{chance.randrange(8)}")
    argv = ("python", f"job_{chance.randrange(1000)}.py")
    found = incident(number, f"module_{chance.randrange(5000)}", opened=opened, agent=agent, argv=argv)
    store.incidents.open(found, NODE)
    green = number % 7 != 0
    seconds = chance.lognormvariate(1.0, 0.8) if green else None
    steps = (StepResult(("pip", "install", f"module_{number % 500}"), 0, 1.0, "installed\n" * 20),)
    tried = outcome(
        number,
        skill_id=skill_id,
        result="verified" if green else "fix_failed",
        at=opened,
        node=NODE,
        steps=steps,
        rerun=StepResult(argv, 0 if green else 1, 0.1, "ok"),
        seconds=seconds,
    )
    store.outcomes.add(tried, own_operator=True)
    state = "verified" if green else "fix_failed"
    store.incidents.set_state(found.incident_id, state, skill_id=skill_id, again=number % 5 != 0, seconds=seconds)  # type: ignore[arg-type]


def rows_alone(path: Path) -> None:
    """Read and parse the same rows, and nothing else."""
    with closing(sqlite3.connect(path)) as db:
        for (argv,) in db.execute("SELECT argv FROM incidents"):
            json.loads(argv)
        for (body,) in db.execute("SELECT body FROM outcomes"):
            json.loads(body)


def seconds_of(act: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    start = time.perf_counter()
    act()
    return round(time.perf_counter() - start, 3)


def as_command(home: Path, output: Path) -> None:
    """Run `meshtui report` to its end."""
    environment = {
        **os.environ,
        "MESHTUI_HOME": str(home),
        "MESHTUI_OPERATOR_DIR": str(home / "operator"),
        "MESHTUI_BRIDGE": str(home / "bridge.db"),
    }
    subprocess.run(
        [sys.executable, "-m", "meshtui", "report", "-o", str(output)],
        env=environment,
        stderr=subprocess.DEVNULL,
        check=True,
    )


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--incidents", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home").create()
        filled = seconds_of(lambda: fill(home.store, options.incidents))
        page = Path(folder) / "report.html"
        command = seconds_of(lambda: as_command(home.root, page))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        store = Store(home.store)
        gc.disable()  # as in the command
        about = origin(NODE, "agent", "host", "", START)
        gathered = gather_slice(store, about)
        exported = Path(folder) / "slice"
        result = {
            f"{options.incidents} incidents": {
                "command_seconds": command,
                "goal_seconds": GOAL_SECONDS,
                "command_cpu_seconds": round(used.ru_utime + used.ru_stime, 3),
                "rows_alone_seconds": seconds_of(lambda: rows_alone(home.store)),
                "gather_seconds": seconds_of(lambda: gather_slice(store, about)),
                "build_seconds": seconds_of(lambda: build(gathered)),
                **{f"{form}_seconds": seconds_of(lambda form=form: render(build(gathered), form)) for form in FORMATS},  # type: ignore[misc]
                "write_slice_seconds": seconds_of(lambda: write_slice(exported, gathered)),
                "read_slice_seconds": seconds_of(lambda: read_slice(exported)),
                "page_kib": page.stat().st_size // 1024,
                "command_resident_mb": round(used.ru_maxrss / 1024),
                "fill_seconds": filled,
            }
        }
        store.close()
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
