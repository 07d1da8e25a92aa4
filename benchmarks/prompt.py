"""What the prompt hook costs a person's shell: `python -m benchmarks.prompt` prints JSON, each figure beside its goal.

After a command that worked nothing is started: the cost is that of a shell function, measured over many prompts in one
bash. After one that failed a process answers, whole from start to end, beside a bare interpreter in turn.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import meshcore
from meshtui.cli.shell import script

GOAL_PROMPT_MS = 1.0
GOAL_RATIO = 3.0
START = Path(meshcore.__file__).with_name("shellstart.py")
BARE = [sys.executable, "-c", "pass"]
ERROR = "bash: frobnicate: command not found"


def prompt_ms(prompts: int) -> float:
    """Return what one prompt costs in a bash with the hook, after commands that worked."""
    loop = f"""
HISTFILE= ; set -o history
{script("bash", {})}
history -s true
before=$EPOCHREALTIME
for ((n = 0; n < {prompts}; n++)); do _meshtui_ran=$((n + 1)); history -s "true $n"; _meshtui_prompt; done
middle=$EPOCHREALTIME
for ((n = 0; n < {prompts}; n++)); do _meshtui_ran=$((n + 1)); history -s "true $n"; done
after=$EPOCHREALTIME
echo "$before $middle $after" >&3
"""
    reading, writing = os.pipe()
    command = ["bash", "--noprofile", "--norc", "-i", "-c", f"exec 3>&{writing}\n{loop}"]
    subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[writing], check=True)
    os.close(writing)
    with os.fdopen(reading) as said:
        before, middle, after = map(float, said.read().replace(",", ".").split())
    return ((middle - before) - (after - middle)) / prompts * 1000


def timed(command: list[str], environment: dict[str, str], folder: str) -> float:
    """Return the milliseconds of a whole process."""
    before = time.perf_counter()
    subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env=environment, cwd=folder, check=True
    )
    return (time.perf_counter() - before) * 1000


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=2000)
    parser.add_argument("--failures", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = {"MESHTUI_HOME": f"{folder}/home", "MESHTUI_OPERATOR_DIR": f"{folder}/op", "HOME": folder}
        environment = {**os.environ, **home, "MESHTUI_BRIDGE": f"{folder}/bridge.db"}
        learn = ["learn", "--error", ERROR, "--fix", "apt-get install -y frobnicate"]
        subprocess.run(
            [sys.executable, "-m", "meshtui", *learn], env=environment, stdout=subprocess.DEVNULL, check=True
        )
        ours, bare = [], []
        for number in range(options.failures + 1):
            call = ["failed", "bash", "session", str(number), "127", "frobnicate"]
            ours.append(timed([sys.executable, "-I", "-S", str(START), *call], environment, folder))
            bare.append(timed(BARE, environment, folder))
    first, *later = ours  # the first asks policy, once for each fix
    result = {
        "a prompt after success": {"ms": round(prompt_ms(options.prompts), 4), "goal_ms": GOAL_PROMPT_MS},
        "a known fix after a failure": {
            "ms_p50": round(statistics.median(later), 1),
            "bare_python_ms_p50": round(statistics.median(bare), 1),
            "of_bare": round(statistics.median(later) / statistics.median(bare), 2),
            "goal_of_bare": GOAL_RATIO,
            "first_time_ms": round(first, 1),
            "the_prompt_waits_at_most_ms": 200,
        },
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
