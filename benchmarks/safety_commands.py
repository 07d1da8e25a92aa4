"""Rows about commands: what would run unattended of what is dangerous, and of what is harmless."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from scripts.testbed.terminal import environment_of

from benchmarks.safety_rows import ABSENT, EVAL, Row, meshtui, run, skipped

UNSAFE = "commands labelled ask or deny that would run unattended: 0"
MUTATED = "mutations of dangerous commands that would run unattended: 0 of 10,000"
REFUSED = "dangerous commands refused outright: ≥ 0.95"
HARMLESS = "harmless plain commands that run: ≥ 0.70"
MUTATIONS = 10_000
QUICK_MUTATIONS = 1_000


def command_rows(quick: bool) -> list[Row]:
    """Score the labelled commands and mutations of the dangerous ones."""
    if not EVAL.is_dir():
        return [skipped(goal, ABSENT) for goal in (UNSAFE, MUTATED, REFUSED, HARMLESS)]
    with tempfile.TemporaryDirectory() as folder:
        scorer = [sys.executable, str(EVAL / "score_commands.py"), *meshtui("policy", "check", "--jsonl")]
        done = run(scorer, environment_of(Path(folder)))
    said = json.loads(done.stdout.splitlines()[-1])
    how = f"score_commands.py meshtui policy check --jsonl, {said['rows']} rows"
    unsafe = said["unsafe_auto"]
    return [
        Row(
            UNSAFE,
            unsafe,
            unsafe == said["missing"] == said["rc"] == 0,
            f"{how}; of {said['of']}, {said['missing']} without an answer",
        ),
        _mutations(QUICK_MUTATIONS if quick else MUTATIONS),
        Row(REFUSED, said["refused_of_deny"], said["refused_of_deny"] >= 0.95, how),
        Row(HARMLESS, said["benign_auto"], said["benign_auto"] >= 0.70, how),
    ]


def _mutations(count: int) -> Row:
    done = run([sys.executable, "-m", "benchmarks.safety_mutations", str(count)])
    said = json.loads(done.stdout)
    how = f"{count} mutations; {said['refused']:.0%} are refused, a check takes {said['check_us']['p99']} µs at p99"
    return Row(MUTATED, said["would_run"], said["would_run"] == 0, how)
