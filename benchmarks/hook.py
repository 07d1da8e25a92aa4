"""What a hook costs the agent that calls it: `python -m benchmarks.hook` prints JSON, each figure beside its goal.

Whole processes from start to end, the hook and a bare interpreter in turn, so that a busy machine slows both. The home
holds ten thousand skills; the answer to the failure is one of them, and policy was asked about it before. `--tricks`
measures instead what each of the hook's two start-up tricks buys.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import meshcore
from benchmarks.match_speed import error, fill, name_of
from meshcore.agents.hook_settings import FAIL_OPEN

GOAL_RATIO = 3.0
PACKAGE = Path(meshcore.__file__).parent
BARE = (sys.executable, "-c", "pass")
LIBRARIES = (sys.executable, "-c", "import json, sqlite3, re")
CASE = 7 * 6  # a missing module, as most failures of agents are
# The start-up tricks as they are where they do nothing.
CACHE = ("hook/code_cache.py", "class Cache:\n    def install(self, *_): ...\n    save = pattern = watch = install\n")
SHIMS = ("hook/stdlib_shims.py", "def install(**_): ...\n")
WARM_UPS = 3  # rounds until bytecode and what is kept are written, and policy was asked
TRICKS = {"both": (), "shims only": (CACHE,), "cache only": (SHIMS,), "none": (CACHE, SHIMS)}


def payload(number: int, text: str, command: str, *, failed: bool = True) -> bytes:
    """Return what Claude Code sends of a command; every number is another call.

    A failure is of a session of its own, since a session is told of a fix once.
    """
    body: dict[str, Any] = {
        "session_id": f"session-{number if failed else number % 20}",
        "cwd": "/",
        "hook_event_name": "PostToolUseFailure" if failed else "PostToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command},
        "tool_use_id": f"call-{number}",
    }
    if failed:
        body |= {"error": f"Exit code 1\n{text}", "is_interrupt": False}
    else:
        body |= {"tool_response": {"stdout": text, "stderr": "", "interrupted": False}}
    return json.dumps(body).encode()


class Process:
    """One program, timed as a whole: wall clock and processor, in ms."""

    def __init__(self, command: Sequence[str], environment: dict[str, str], check: Callable[[str], bool]) -> None:
        self.command, self.environment, self.check = list(command), environment, check
        self.wall: list[float] = []
        self.processor: list[float] = []
        self.wrong = 0

    def run(self, data: bytes) -> None:
        """Run it once."""
        before = time.perf_counter()
        with subprocess.Popen(
            self.command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as child:
            assert child.stdin is not None and child.stdout is not None
            child.stdin.write(data)
            child.stdin.close()
            said = child.stdout.read().decode()
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        self.wall.append((time.perf_counter() - before) * 1000)
        self.processor.append((used.ru_utime + used.ru_stime) * 1000)
        self.wrong += child.returncode != 0 or not self.check(said)

    def forget(self) -> None:
        """Drop what was measured so far."""
        self.wall.clear()
        self.processor.clear()
        self.wrong = 0

    def figures(self, bare: Process | None = None) -> dict[str, float | int]:
        """Return p50 and p99, and how they compare with a bare interpreter."""
        found: dict[str, float | int] = {"p50_ms": _at(self.wall, 0.5), "p99_ms": _at(self.wall, 0.99)}
        found["cpu_p50_ms"] = _at(self.processor, 0.5)
        if bare is not None:
            found["ratio_p50"] = round(_at(self.wall, 0.5) / _at(bare.wall, 0.5), 2)
            found["cpu_ratio_p50"] = round(_at(self.processor, 0.5) / _at(bare.processor, 0.5), 2)
            found["wrong"] = self.wrong
        return found


def _at(values: Sequence[float], share: float) -> float:
    return round(sorted(values)[min(len(values) - 1, int(len(values) * share))], 2)


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--skills", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--tricks", action="store_true", help="what each start-up trick buys")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir(0o700)
        fill(home / "store.db", options.skills).close()
        with sqlite3.connect(home / "store.db") as database:
            database.execute("UPDATE skills SET own_operator=1, confirmed=1")
        database.close()
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "MESHTUI_HOME": str(home),
            "MESHTUI_OPERATOR_DIR": f"{folder}/operator",
            "MESHTUI_BRIDGE": f"{folder}/bridge.db",
        }
        measured = (measure_tricks if options.tricks else measure)(environment, options.rounds)
        print(json.dumps(measured | {"skills": options.skills}, indent=1))


def hook_of(package: Path) -> tuple[str, ...]:
    """Return the command that an agent calls, of a package."""
    return (*FAIL_OPEN, sys.executable, "-I", "-S", str(package / "hookstart.py"), "claude-code")


def measure_tricks(environment: dict[str, str], rounds: int) -> dict[str, Any]:
    """Run the two usual calls with both tricks, with each alone and with none in turn, so many times."""
    text, command, fix = error(0, name_of(CASE))
    bare = Process(BARE, environment, lambda said: not said)
    processes: dict[str, tuple[Process, Process]] = {}
    for name, without in TRICKS.items():
        package = Path(environment["HOME"]) / name.replace(" ", "-") / "meshcore"
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.cache"))
        for file, nothing in without:
            (package / file).write_text(nothing)
        hook = hook_of(package)
        known = Process(hook, environment, lambda said: fix in said)
        processes[name] = known, Process(hook, environment, lambda said: not said)
    for number in range(-WARM_UPS, rounds):
        if number == 0:
            for process in (bare, *sum(processes.values(), ())):
                process.forget()
        bare.run(b"")
        for at, (known, quiet) in enumerate(processes.values()):
            call = number * len(processes) + at
            known.run(payload(call, text, command))
            quiet.run(payload(call, "ok", "make", failed=False).replace(b"session-", b"quiet-"))
    return {"bare python": bare.figures()} | {
        name: {
            "failure, answered": known.figures(bare) | {"goal_ratio_p50": GOAL_RATIO},
            "success in a session without failures": quiet.figures(bare),
        }
        for name, (known, quiet) in processes.items()
    }


def measure(environment: dict[str, str], rounds: int) -> dict[str, Any]:
    """Run everything in turn, so many times."""
    hook = hook_of(PACKAGE)
    text, command, fix = error(0, name_of(CASE))
    unknown = "RuntimeError: nobody has ever heard of this"

    def nothing(said: str) -> bool:
        return not said

    bare = Process(BARE, environment, nothing)
    libraries = Process(LIBRARIES, environment, nothing)
    known = Process(hook, environment, lambda said: fix in said)
    new = Process(hook, environment, lambda said: fix not in said)
    fine = Process(hook, environment, nothing)
    quiet = Process(hook, environment, nothing)
    other = Process(hook, environment, nothing)
    first = Process(hook, environment, lambda said: fix in said)
    first.run(payload(1_000_000, text, command))
    for number in range(20):  # sessions in which something is open
        first.run(payload(number, text, command))
    for number in range(rounds):
        bare.run(b"")
        known.run(payload(number + 1_000, text, command))
        libraries.run(b"")
        new.run(payload(number + 2_000_000, unknown, command))
        fine.run(payload(number + 3_000_000, "ok", "make test", failed=False))
        quiet.run(payload(number + 4_000_000, "ok", "make", failed=False).replace(b"session-", b"quiet-"))
        other.run(b'{"hook_event_name": "PostToolBatch", "tool_calls": []}')
    return {
        "bare python": bare.figures(),
        "python with json, sqlite3, re": libraries.figures(bare),
        "failure, answered": known.figures(bare) | {"goal_ratio_p50": GOAL_RATIO},
        "failure, unknown": new.figures(bare),
        "success in a session with failures": fine.figures(bare),
        "success in a session without failures": quiet.figures(bare),
        "event without news": other.figures(bare),
        "first answer of an action, policy asked": first.figures(),
    }


if __name__ == "__main__":
    main()
