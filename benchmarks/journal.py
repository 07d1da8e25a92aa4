"""How fast logs are opened, counted and followed: `python -m benchmarks.journal` prints JSON beside the goals.

A log of 1 GB and 2.5 million lines is made on the spot and removed again. `tail`, `wc` and `tail -F`
are the peers of the same run. What a line costs on the screen is measured by `benchmarks/terminal.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.match_speed import resident_mb
from meshcore.journal.index import LineIndex
from meshcore.journal.news import FolderNews
from meshcore.journal.tail import Tail, follow

SCREEN = 60
WRITER = """
import json, sys, time
rate, seconds, path = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
start, written = time.monotonic(), 0
with open(path, "a", buffering=1) as file:
    while written < rate * seconds:
        due = min(int((time.monotonic() - start) * rate), int(rate * seconds))
        for number in range(written, due):
            file.write(json.dumps({"seq": number, "at": time.time(), "kind": "try.outcome", "what": "x" * 200}) + "\\n")
        written = max(written, due)
        time.sleep(0.005)
"""


def make_log(path: Path, lines: int, size: int) -> None:
    """Write a log of so many records, together about `size` bytes."""
    each = max(0, size // lines - 110)
    with path.open("wb", buffering=1 << 20) as file:
        for seq in range(lines):
            head = f'"seq": {seq + 100_000_000}, "at": "2026-11-22T08:00:00.000000Z", "kind": "try.outcome"'
            file.write(f'{{{head}, "result": "verified", "what": "{"y" * each}"}}\n'.encode())


def milliseconds(run: Callable[[], object], rounds: int) -> float:
    """Return the median of so many calls."""
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        spent.append(time.perf_counter() - start)
    return round(statistics.median(spent) * 1000, 3)


def open_at_the_end(path: Path) -> None:
    """Open a log and parse its last screen."""
    descriptor = os.open(path, os.O_RDONLY)
    index = LineIndex(descriptor)
    index.index_for(SCREEN)
    records = [json.loads(line.text) for line in index.lines(index.end - SCREEN, SCREEN)]
    os.close(descriptor)
    if len(records) != SCREEN:
        sys.exit(f"the last screen has {len(records)} lines of {SCREEN}")


def large_log(path: Path, lines: int, rounds: int) -> dict[str, object]:
    """Open a large log at its end, and count all of it."""
    size = path.stat().st_size
    last_screen = ["tail", "-n", str(SCREEN), str(path)]
    descriptor = os.open(path, os.O_RDONLY)
    index = LineIndex(descriptor)
    before, start, cpu = resident_mb(), time.perf_counter(), time.process_time()
    while index.index_back(64):
        pass
    seconds, spent = time.perf_counter() - start, time.process_time() - cpu
    grown = resident_mb() - before
    middle = index.first + lines // 2
    anywhere = milliseconds(lambda: index.lines(random.randrange(index.first, index.end - SCREEN), SCREEN), 200)
    found = json.loads(index.lines(middle, 1)[0].text)["seq"] - 100_000_000
    counted = index.end - index.first
    os.close(descriptor)
    start = time.perf_counter()
    said = subprocess.run(["wc", "-l", str(path)], capture_output=True, check=True).stdout.split()[0]
    wc = time.perf_counter() - start
    if not counted == int(said) == lines or found != lines // 2:
        sys.exit(f"counted {counted} lines, wc {said.decode()}, made {lines}; line {lines // 2} is {found}")
    return {
        "bytes": size,
        "lines": counted,
        "open_and_last_screen_ms": milliseconds(lambda: open_at_the_end(path), rounds),
        "goal_open_ms": 5,
        "tail_n_60_ms": milliseconds(
            lambda: subprocess.run(last_screen, stdout=subprocess.DEVNULL, check=True), rounds
        ),
        "index_mb_per_s": round(size / 1e6 / seconds),
        "index_mb_per_cpu_s": round(size / 1e6 / spent),
        "goal_index_mb_per_s": 300,
        "wc_l_mb_per_s": round(size / 1e6 / wc),
        "index_resident_mb": round(grown, 1),
        "goal_index_resident_mb": 30,
        "screen_anywhere_ms": anywhere,
    }


async def latency(folder: Path, count: int) -> dict[str, object]:
    """Append single lines, at random moments; measure until each is given to the caller."""
    log = folder / "latency.jsonl"
    log.touch()
    tail, news, spent = Tail([log]), FolderNews(), []
    tail.poll()
    batches = follow(tail, news)
    chance = random.Random(1)
    with log.open("ab", buffering=0) as file:
        for number in range(count + 5):
            come = asyncio.ensure_future(anext(batches))
            await asyncio.sleep(0.05 + chance.random() * 0.05)
            start = time.perf_counter()
            file.write(b'{"n": %d}\n' % number)
            await come
            if number >= 5:
                spent.append((time.perf_counter() - start) * 1000)
    news.close()
    tail.close()
    spent.sort()
    return {
        "appended_to_callback_p50_ms": round(spent[len(spent) // 2], 2),
        "appended_to_callback_p99_ms": round(spent[int(len(spent) * 0.99)], 2),
        "goal_on_screen_ms": {"p50": 40, "p99": 120},
        "tail_f_p50_ms": tail_f(log, count),
    }


def tail_f(log: Path, count: int) -> float:
    """Return what `tail -F`, without Python between, takes from an append to its output."""
    spent = []
    argv = ["tail", "-F", "-n", "0", str(log)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as tail, log.open("ab", buffering=0) as file:
        if tail.stdout is None:
            raise RuntimeError("tail has no output")
        time.sleep(0.2)
        for _ in range(count):
            time.sleep(0.05)
            start = time.perf_counter()
            file.write(b"x\n")
            tail.stdout.readline()
            spent.append((time.perf_counter() - start) * 1000)
        tail.terminate()
    return round(statistics.median(spent), 2)


async def stream(folder: Path, rate: int, seconds: float) -> dict[str, object]:
    """Follow what another process writes at a rate; count what is missing, and the processor's time."""
    log = folder / "stream.jsonl"
    log.touch()
    tail, news, seen = Tail([log]), FolderNews(), 0
    tail.poll()
    wanted = int(rate * seconds)
    argv = [sys.executable, "-c", WRITER, str(rate), str(seconds), str(log)]
    with subprocess.Popen(argv) as writer:
        start, cpu = time.perf_counter(), time.process_time()
        async with asyncio.timeout(seconds * 3 + 10):
            async for batch in follow(tail, news):
                for one in batch.lines:
                    if json.loads(one.line.text)["seq"] != seen:
                        sys.exit(f"line {seen} was lost or came twice")
                    seen += 1
                if seen >= wanted:
                    break
        lasted, spent = time.perf_counter() - start, time.process_time() - cpu
        writer.wait()
    news.close()
    tail.close()
    return {
        "records_per_s": rate,
        "seconds": round(lasted, 1),
        "written": wanted,
        "lost_or_twice": wanted - seen,
        "cpu_share_of_a_core": round(spent / lasted, 3),
        "goal_cpu_share_with_screen": 0.6,
    }


async def idle(folder: Path, seconds: float) -> dict[str, object]:
    """Follow a log in which nothing happens, the watch gone calm."""
    log = folder / "idle.jsonl"
    log.touch()
    tail, news = Tail([log]), FolderNews()
    tail.poll()
    batches = asyncio.ensure_future(anext(follow(tail, news)))
    await asyncio.sleep(32)  # until the watch has gone calm
    cpu = time.process_time()
    await asyncio.sleep(seconds)
    share = (time.process_time() - cpu) / seconds
    with log.open("ab", buffering=0) as file:
        start = time.perf_counter()
        file.write(b"first\n")
        await batches
    first = time.perf_counter() - start
    news.close()
    tail.close()
    return {
        "cpu_share_of_a_core": round(share, 4),
        "goal_cpu_share": 0.005,
        "first_line_after_ms": round(first * 1000, 1),
        "goal_first_line_ms": 1000,
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=2_500_000)
    parser.add_argument("--bytes", type=int, default=1_000_000_000)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--appends", type=int, default=200)
    parser.add_argument("--rate", type=int, default=2_000, help="records a second")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the stream")
    parser.add_argument("--idle-seconds", type=float, default=30.0, help="0 leaves that out")
    options = parser.parse_args()
    result: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_log(folder / "large.jsonl", options.lines, options.bytes)
        result["large log"] = large_log(folder / "large.jsonl", options.lines, options.rounds)
        (folder / "large.jsonl").unlink()
        result["latency"] = asyncio.run(latency(folder, options.appends))
        result["stream"] = asyncio.run(stream(folder, options.rate, options.seconds))
        if options.idle_seconds:
            result["idle"] = asyncio.run(idle(folder, options.idle_seconds))
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
