"""How fast, and in how much memory, histories are read: `python -m benchmarks.history` prints JSON beside goals.

The history is made here: sessions of Claude Code with failures, fixes, successes and long file contents between them.
The peer in the same run reads every line of the same files as JSON and does nothing with it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from meshcore.agents.table import session_files_of
from meshcore.healing.past_habits import PastHabits
from meshcore.knowledge.history import preview

GOAL_MEMORY_MIB = 100  # of the process that reads, the interpreter included
GOAL_SECONDS_PER_GIB = 30  # one failure with its fix in every 36 KiB: far more than real sessions hold
STARTED = 1_795_000_000


def call(folder: Path, number: int, text: str, code: int, output: str) -> list[str]:
    """Return the two lines of one command in a folder."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(STARTED + 10 * number))
    head = {"cwd": str(folder), "sessionId": "s", "timestamp": at, "version": "2.1.330"}
    use = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {"command": text}}
    said = f"Exit code {code}\n{output}" if code else output
    end = {"type": "tool_result", "tool_use_id": f"t{number}", "content": said, "is_error": bool(code)}
    return [
        json.dumps({**head, "type": "assistant", "message": {"content": [use]}}),
        json.dumps({**head, "type": "user", "message": {"content": [end]}, "toolUseResult": {"stdout": output}}),
    ]


def fill(home: Path, size: int) -> None:
    """Write sessions of about `size` bytes in all below a home."""
    folder = home / ".claude" / "projects" / "-home-dev-project"
    folder.mkdir(parents=True)
    work = home / "project"
    work.mkdir()
    talk = json.dumps({"type": "assistant", "message": {"content": [{"type": "text", "text": "word " * 400}]}})
    number = written = session = 0
    while written < size:
        with (folder / f"s{session}.jsonl").open("w") as file:
            for _ in range(200):
                missing = f"ModuleNotFoundError: No module named 'module{number % 997}'"
                lines = [
                    *call(work, number, "python app.py", 1, "Traceback (most recent call last):\n" + missing),
                    *call(work, number + 1, "cat notes.txt", 0, "a line of a file\n" * 1500),
                    *call(work, number + 2, f"pip install module{number % 997}", 0, "Successfully installed"),
                    *call(work, number + 3, "python app.py", 0, "it works"),
                    *([talk] * 10),
                ]
                number += 4
                written += file.write("\n".join(lines) + "\n")
        session += 1


def read_ours(home: Path) -> dict[str, float]:
    """Read the history in this process; return what it took."""
    before = time.process_time()
    past = PastHabits("claude-code")
    found = preview("claude-code", {"HOME": str(home)}, listener=past.take)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": time.process_time() - before,
        "peak_mib": peak,
        "fixes": len(found.fixes),
        "size": found.size,
        "habits": past.count()[0],
    }


def read_plainly(home: Path) -> float:
    """Return the seconds of reading each line as JSON and no more."""
    before = time.process_time()
    files = session_files_of("claude-code", {"HOME": str(home)})
    assert files is not None
    for path, _ in files.found():
        with path.open("rb") as file:
            for line in file:
                json.loads(line)
    return time.process_time() - before


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--reader", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.reader:
        print(json.dumps(read_ours(options.reader)))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        fill(home, options.mib << 20)
        command = [sys.executable, "-m", "benchmarks.history", "--reader", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "HOME": folder})
        ours, peer = json.loads(done.stdout), read_plainly(home)
    mib = ours["size"] / (1 << 20)
    result = {
        f"{mib:.0f} MiB of session files": {
            "cpu_seconds": round(ours["seconds"], 2),
            "mib_per_second": round(mib / ours["seconds"], 1),
            "seconds_per_gib": round(ours["seconds"] * 1024 / mib, 1),
            "goal_seconds_per_gib": GOAL_SECONDS_PER_GIB,
            "every_line_as_json_seconds_per_gib": round(peer * 1024 / mib, 1),
            "peak_memory_mib": round(ours["peak_mib"], 1),
            "goal_peak_memory_mib": GOAL_MEMORY_MIB,
            "fixes_found": ours["fixes"],
            "commands_that_fail": ours["habits"],
        }
    }
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
