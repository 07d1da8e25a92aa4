"""The soak, a few beats long: everything but the slope of memory, which only many passes show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

PASSES = 7  # each kind of check twice, failures in both homes


@pytest.mark.slow
def test_a_few_beats_miss_no_pass_and_leave_nothing_open() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", "--passes", str(PASSES)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["soak"]
    goals = {name: met for name, met in found["goals"].items() if name != "memory"}
    assert goals == dict.fromkeys(goals, True), found
    assert found["passes"] == PASSES
    assert found["healed"] == [5, 5]
