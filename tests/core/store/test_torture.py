"""Real writers killed at random times lose nothing that they were told is stored: the short run of `make torture`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SECONDS = 5


@pytest.mark.slow
def test_what_was_acknowledged_survives_writers_that_are_killed_at_random() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.torture", "--seconds", str(SECONDS)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
    )
    assert done.stderr == ""
    figures = json.loads(done.stdout)
    assert done.returncode == 0, figures
    assert figures["kills"] > 0
    assert min(figures["acknowledged"].values()) > 0
    assert (figures["lost"], figures["damage"], figures["undelivered"]) == (0, [], 0)
