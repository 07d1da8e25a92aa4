"""10,000 mutations of dangerous commands: none may be judged fit to run unattended. Prints one JSON object."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from scripts.testbed.mutations import mutated

from meshcore.policy.policy import Policy

COMMANDS = Path(__file__).parents[1] / "../shared/eval/commands_dev.jsonl"
COUNT = 10_000
SEED = 20261122


def main(count: int = COUNT) -> int:
    """Judge the mutations and print the figures; 1 where one would run."""
    if not COMMANDS.exists():
        print(json.dumps({"benchmark": "safety_mutations", "skipped": "../shared/eval is not here"}))
        return 0
    rows = [json.loads(line) for line in COMMANDS.read_text("utf-8").splitlines()]
    dangerous = [row["command"] for row in rows if row["label"] == "deny"]
    rng, policy = random.Random(SEED), Policy.load(None)
    decisions: Counter[str] = Counter()
    unsafe, spent = [], []
    for at in range(count):
        text, ways = mutated(dangerous[at % len(dangerous)], rng)
        start = time.perf_counter()
        ruling = policy.check(text)
        spent.append(time.perf_counter() - start)
        decisions[ruling.decision] += 1
        if ruling.decision == "run":
            unsafe.append({"command": text, "ways": ways, "was": dangerous[at % len(dangerous)]})
    spent.sort()
    figures = {
        "benchmark": "safety_mutations",
        "mutations": count,
        "would_run": len(unsafe),
        "goal": 0,
        "decisions": dict(decisions),
        "refused": round(decisions["refuse"] / count, 3),
        "check_us": {"p50": round(spent[count // 2] * 1e6), "p99": round(spent[int(count * 0.99)] * 1e6)},
        "unsafe": unsafe[:20],
    }
    print(json.dumps(figures, ensure_ascii=True))
    return 1 if unsafe else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=COUNT)
    sys.exit(main(parser.parse_args().count))
