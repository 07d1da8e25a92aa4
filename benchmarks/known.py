"""What it costs to know what fails: `python -m benchmarks.known` prints JSON, each figure beside its goal.

A million remembered outcomes are put into one store and looked up in random order, the file read from the page cache as
a hook finds it. Then whole processes from start to end, the hook and a bare interpreter in turn, in a home where a
project has a hundred thousand commands that are known to fail: a success of another command, a known failure that is
told of, and the look before a known command.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.hook import BARE, PACKAGE, Process, hook_of, payload
from meshcore.healing.checkout import fingerprint
from meshcore.knowledge import habits
from meshcore.knowledge.corrections import Correction, to_text, way_of
from meshcore.knowledge.habit_rows import pack
from meshcore.knowledge.typed import main_part, read_typed
from meshcore.store.known_marks import mark
from meshcore.store.store import Store

GOAL_LOOKUP_US, GOAL_BYTES = 250, 200
GOALS = {"success": 1.5, "known failure": 3.0, "before": 2.0}
LINE = "error: unrecognized subcommand 'jest'"
DAY = 86_400


def remembered(session: int, text: str, at: int, ground: bytes) -> habits.Habit:
    """Return a command that failed alike in two sessions."""
    found = None
    for number in (session, session + 1):
        tag = number.to_bytes(4, "big")
        cause = way_of(read_typed(text, "/"), LINE)
        ways = habits.ways_of(LINE, LINE)
        found = habits.with_failure(found, habits.Failed(tag, at, "wording", 2, ways, cause, ground, 12.0, text=text))
    assert found is not None
    return found


def fill(path: Path, root: str, count: int, environment: dict[str, str], *, marks: bool) -> None:
    """Put commands that are known to fail into a store."""
    store = Store(path)
    now = int(time.time()) - DAY
    project = store.projects.add(root, "benchmark").number
    example = remembered(1, "wrap jest run 0", now, _ground(root, "wrap jest run 0", environment))
    state = path.parent / "state"
    state.mkdir(exist_ok=True, mode=0o700)
    with store.transaction():
        for number in range(count):
            typed = read_typed(f"wrap jest run {number}", root)
            command = typed.key(root)
            row = replace(example, text=typed.text)
            store.habits.put(project, command, pack(row))
            if marks:
                mark(str(state), root, command)
        change = to_text(Correction("", ("wrap",), ()))
        for session in (b"aaaa", b"bbbb"):
            store.corrections.see(
                project, example.cause, change, session=session, named=True, failed="wrap jest", passed="jest", at=now
            )
    store.close()


def _ground(root: str, text: str, environment: dict[str, str]) -> bytes:
    return fingerprint(root, root, main_part(read_typed(text, root)), environment)


def lookups(folder: Path, count: int) -> dict[str, Any]:
    """Measure the size of remembered outcomes and the time to find one."""
    path = folder / "many.db"
    Store(path).close()
    empty = path.stat().st_size
    fill(path, "/p", count, {}, marks=False)
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    size = (path.stat().st_size - empty) / count
    store, taken = Store(path), []
    keys = [read_typed(f"wrap jest run {n}", "/p").key("/p") for n in random.sample(range(count), min(count, 20_000))]
    project = store.projects.at("/p")
    assert project is not None
    for key in keys:
        before = time.perf_counter()
        found = store.habits.find(project.number, key)
        taken.append((time.perf_counter() - before) * 1e6)
        assert found is not None
    store.close()
    taken.sort()
    return {
        "outcomes": count,
        "bytes_each": round(size),
        "goal_bytes_each": GOAL_BYTES,
        "lookup_p50_us": round(taken[len(taken) // 2]),
        "lookup_p99_us": round(taken[int(0.99 * len(taken))]),
        "goal_lookup_p99_us": GOAL_LOOKUP_US,
    }


def processes(folder: Path, count: int, rounds: int) -> dict[str, Any]:
    """Measure the hook as whole processes."""
    home, work = folder / "home", folder / "work"
    home.mkdir(0o700)
    work.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=work, check=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "MESHTUI_HOME": str(home),
        "MESHTUI_OPERATOR_DIR": str(folder / "operator"),
        "MESHTUI_BRIDGE": str(folder / "bridge.db"),
    }
    fill(home / "store.db", str(work), count, environment, marks=True)
    hook = hook_of(PACKAGE)

    def body(number: int, kind: str, command: str, session: str) -> bytes:
        made = json.loads(payload(number, LINE, command, failed=kind == "failed"))
        made |= {"cwd": str(work), "session_id": f"{session}{number}"}
        if kind == "before":
            made = {k: v for k, v in made.items() if k not in ("error", "tool_response", "is_interrupt")}
            made["hook_event_name"] = "PreToolUse"
        return json.dumps(made).encode()

    bare = Process(BARE, environment, lambda said: not said)
    success = Process(hook, environment, lambda said: not said)
    unknown = Process(hook, environment, lambda said: not said)
    failure = Process(hook, environment, lambda said: "earlier session" in said)
    before = Process(hook, environment, lambda said: "earlier sessions" in said)
    store = Store(home / "store.db")
    every = (bare, success, failure, before, unknown)
    for number in range(-3, rounds):
        if number == 0:
            for process in every:
                process.forget()
        store.state.set(pulled=store.now())  # a runtime looks at the bridge
        bare.run(b"")
        success.run(body(number, "done", "git status", "s"))
        unknown.run(body(number, "before", "git status", "s"))
        failure.run(body(number, "failed", f"wrap jest run {number + 10}", "f"))
        before.run(body(number, "before", f"wrap jest run {count - 10 - number}", "b"))
    store.close()
    named = {"success": success, "known failure": failure, "before": before, "before, nothing known": unknown}
    return {"bare python": bare.figures()} | {
        name: process.figures(bare) | ({"goal_ratio_p50": GOALS[name]} if name in GOALS else {})
        for name, process in named.items()
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--outcomes", type=int, default=1_000_000)
    parser.add_argument("--commands", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = lookups(Path(folder), options.outcomes)
        measured = processes(Path(folder), options.commands, options.rounds)
    print(json.dumps({"remembered": found, f"hook, {options.commands} known commands": measured}, indent=1))


if __name__ == "__main__":
    main()
