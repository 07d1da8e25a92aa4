"""Two days of a log that grows, followed and shown: `python -m benchmarks.soak_logs [--passes 576 | --seconds N]`.

A pass stands for 300 s at 5 events a second. The log is rotated every two hours, by renaming and by copying and
truncating in turn; its reader is stopped and started again from its offsets every four; the Log screen is open all the
time and asked with keys once a pass. Warm-up is the first fifth. `play` is what `make soak` calls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.soak import GOAL_KIB, PASSES, WARM_UP, slope
from meshcore.config import load
from meshcore.journal.tail import Tail
from meshcore.model import Json
from meshtui.logapp import LogApp

EVENTS = 1_500
ROTATE_EVERY, RESTART_EVERY, KEPT = 24, 48, 3
KEYS = ("up", "pageup", "g", "G")
GOAL_KEY_MS = 100.0


class Reader:
    """Counts what comes, and what is lost or comes twice."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offsets = log.with_name("offsets.json")
        self._tail = self._new()
        self.next = 0
        self.wrong = 0

    def _new(self) -> Tail:
        return Tail([self._log], from_start=True, offsets=self._offsets)

    def read(self) -> None:
        while batch := self._tail.poll():
            for one in batch.lines:
                seq = json.loads(one.line.text)["seq"]
                self.wrong += seq != self.next
                self.next = seq + 1

    def restart(self) -> None:
        self._tail.save()
        self._tail.close()
        self._tail = self._new()

    def close(self) -> None:
        self._tail.close()


def rotate(log: Path, number: int) -> None:
    """Rotate a log as logrotate does, the last one dropped."""
    for kept in range(KEPT, 0, -1):
        if (older := log.with_name(f"{log.name}.{kept}")).exists():
            older.rename(log.with_name(f"{log.name}.{kept + 1}"))
    log.with_name(f"{log.name}.{KEPT + 1}").unlink(missing_ok=True)
    if number % 2:
        log.rename(log.with_name(f"{log.name}.1"))
        log.touch()
    else:
        shutil.copy(log, log.with_name(f"{log.name}.1"))
        os.truncate(log, 0)


def write(log: Path, first: int) -> None:
    """Append the events of a pass."""
    with log.open("a") as file:
        for seq in range(first, first + EVENTS):
            event = {"seq": seq, "at": "2026-11-22T08:00:00.000000Z", "kind": "try.outcome", "result": "verified"}
            file.write(json.dumps({**event, "what": "x" * 120}) + "\n")


async def soak(folder: Path, passes: int, seconds: float | None) -> dict[str, Json]:
    """Write, follow and show a log for so many passes, or seconds if that is less; return the figures."""
    until = time.monotonic() + seconds if seconds is not None else float("inf")
    log = folder / "log.jsonl"
    log.touch()
    environment = {"MESHTUI_HOME": str(folder / "home"), "MESHTUI_OPERATOR_DIR": str(folder), "HOME": str(folder)}
    app, reader = LogApp(load(environment=environment), log), Reader(log)
    resident, keys, descriptors, threads = [], [], [], []
    async with app.run_test(size=(120, 36)) as pilot:
        for number in range(passes):
            write(log, number * EVENTS)
            reader.read()
            for key in KEYS:
                start = time.perf_counter()
                await pilot.press(key)
                keys.append((time.perf_counter() - start) * 1000)
            if number % ROTATE_EVERY == ROTATE_EVERY - 1:
                rotate(log, number // ROTATE_EVERY)
            if number % RESTART_EVERY == RESTART_EVERY - 1:
                reader.read()
                reader.restart()
            await pilot.pause()
            resident.append(_resident_kib())
            descriptors.append(float(sum(1 for _ in Path("/proc/self/fd").iterdir())))
            threads.append(float(threading.active_count()))
            if time.monotonic() >= until:
                passes = number + 1
                break
    reader.read()
    reader.close()
    warm = int(passes * WARM_UP)
    growth = slope(resident[warm:])
    first, last = keys[: max(1, warm * len(KEYS))], keys[-max(1, warm * len(KEYS)) :]
    return {
        "passes": passes,
        "events": passes * EVENTS,
        "lost or twice": passes * EVENTS - reader.next + reader.wrong,
        "resident_kib_per_pass": round(growth, 2),
        "goal_resident_kib_per_pass": GOAL_KIB,
        "open_files": {"after warm-up": descriptors[warm], "at the end": descriptors[-1], "most": max(descriptors)},
        "threads": {"after warm-up": threads[warm], "at the end": threads[-1]},
        "key_ms": {
            "p50 at the start": round(statistics.median(first), 1),
            "p50 at the end": round(statistics.median(last), 1),
            "p99 at the start": round(sorted(first)[int(len(first) * 0.99)], 1),
            "p99 at the end": round(sorted(last)[int(len(last) * 0.99)], 1),
            "goal p99": GOAL_KEY_MS,
        },
    }


def _resident_kib() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1024


def play(passes: int = PASSES, seconds: float | None = None) -> dict[str, Json]:
    """Let the passes go by in a folder of their own; return the figures."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(soak(Path(folder), passes, seconds))


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passes", type=int, default=PASSES)
    parser.add_argument("--seconds", type=float, help="end after so many seconds")
    options = parser.parse_args()
    json.dump(play(options.passes, options.seconds), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
