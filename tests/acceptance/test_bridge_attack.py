"""A hostile writer of the bridge and a victim's commands, as processes, for a minute; all: `make bridge-attack`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.services
def test_a_minute_of_attacks_touches_nothing_and_no_command_hangs() -> None:
    command = [sys.executable, "-m", "benchmarks.bridge_attack", "--seconds", "60"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) >= 8, done.stderr
    assert [row for row in rows if row["met"] is False] == []
