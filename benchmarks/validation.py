"""How long validation takes: `python -m benchmarks.validation` prints JSON, the figure beside its goal.

The runs are copies of a real one (`--run DIR`) or, without it, of one that is made here; each has ids of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from meshcore.clock import SystemClock
from meshcore.runs.validate import ARTIFACTS, append_log, list_runs, stamp, validate_run

REAL = Path(__file__).parents[1] / "../shared/seed-data/runs/run-20251013-001"
GOAL_SECONDS = 2.0


def fill(root: Path, source: Path, count: int) -> None:
    """Make so many runs below a root, each the source with a run id of its own."""
    texts = {name: (source / name).read_text() for name in ARTIFACTS}
    for number in range(count):
        folder = root / f"run-{number:05}"
        folder.mkdir(parents=True)
        for name, text in texts.items():
            (folder / name).write_text(text.replace(source.name, folder.name))


def in_process(root: Path, log: Path) -> float:
    """Return the seconds of one pass: list, read, validate, log."""
    start = time.perf_counter()
    timestamp = stamp(SystemClock())
    verdicts = [validate_run(root, run, timestamp) for run in list_runs(root).runs]
    append_log(log, verdicts)
    seconds = time.perf_counter() - start
    assert all(verdict.status == "passed" and not verdict.warnings for verdict in verdicts)
    return seconds


def as_command(root: Path) -> float:
    """Return the seconds of `meshtui validate` from start to exit, output included."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "meshtui", "validate", "--runs-root", str(root)], stdout=subprocess.DEVNULL, check=True
    )
    return time.perf_counter() - start


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--run", type=Path, default=REAL, help="a real run to copy")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if not options.run.is_dir():
        sys.exit(f"{options.run}: there is no run to copy; name one with --run")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve() / "runs"
        fill(root, options.run, options.runs)
        passes = [in_process(root, Path(folder) / "log.jsonl") for _ in range(options.rounds)]
        commands = [as_command(root) for _ in range(options.rounds)]
    result = {
        f"{options.runs} runs": {
            "command_seconds_median": round(statistics.median(commands), 3),
            "command_seconds_max": round(max(commands), 3),
            "goal_seconds": GOAL_SECONDS,
            "pass_seconds_median": round(statistics.median(passes), 3),
            "ms_per_run": round(statistics.median(passes) * 1000 / options.runs, 3),
        }
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
