"""What `meshtui run` costs a command that needs no help: `python -m benchmarks.run_start` prints JSON beside the goals.

Whole processes, in turn with a bare interpreter of the same environment: the time until the command begins (its own
clock against ours), and all processor time. The home has lived: 10,000 skills, and failures open in other folders.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks.match_speed import fill

SKILLS = 10_000
GOALS = {"until the command starts": 2.5, "processor": 4.0}
CLOCK = "import time; print(time.clock_gettime_ns(time.CLOCK_MONOTONIC))"


def timed(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float, bytes, float]:
    """Run a command; return wall and processor time in ms, what it printed, and when it was started (ns)."""
    began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    with subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall = (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - began) / 1e6
    return wall, (used.ru_utime + used.ru_stime) * 1000, said, began


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work, broken, home = Path(folder, "work"), Path(folder, "broken"), Path(folder, "home")
        for made in (work, broken, home):
            made.mkdir(0o700)
        fill(home / "store.db", SKILLS).close()
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": folder,
            "MESHTUI_HOME": str(home),
            "MESHTUI_OPERATOR_DIR": f"{folder}/operator",
            "MESHTUI_BRIDGE": f"{folder}/bridge.db",
        }
        meshtui = str(Path(sys.executable).with_name("meshtui"))
        timed([meshtui, "run", "--", "false"], environment, broken)
        timed([meshtui, "run", "--", "true"], environment, work)
        bare = [sys.executable, "-c", "pass"]
        clock = [sys.executable, "-I", "-S", "-c", CLOCK]
        walls: list[float] = []
        cpus: list[float] = []
        starts: list[float] = []
        own: list[float] = []
        whole: list[float] = []
        for _ in range(options.rounds):
            wall, cpu, _, _ = timed(bare, environment, work)
            walls.append(wall)
            cpus.append(cpu)
            _, _, said, began = timed(clock, environment, work)
            own.append((int(said) - began) / 1e6)
            _, _, said, began = timed([meshtui, "run", "--", *clock], environment, work)
            starts.append((int(said) - began) / 1e6)
            whole.append(timed([meshtui, "run", "--", "true"], environment, work)[1])
        before = median(starts) - median(own)
        print(
            json.dumps(
                {
                    "bare python": {"wall_ms": round(median(walls), 1), "cpu_ms": round(median(cpus), 1)},
                    "until the command starts": {
                        "ms": round(before, 1),
                        "ratio": round(before / median(walls), 2),
                        "goal_ratio": GOALS["until the command starts"],
                    },
                    "processor": {
                        "ms": round(median(whole), 1),
                        "ratio": round(median(whole) / median(cpus), 2),
                        "goal_ratio": GOALS["processor"],
                    },
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
