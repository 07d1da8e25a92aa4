"""What the rows of `benchmarks.safety` are made of: a figure beside its goal, and how it was come by."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meshcore.model import Json

ROOT = Path(__file__).parents[1]
EVAL = ROOT / "../shared/eval"
ABSENT = "the labelled data, ../shared/eval, is not here"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `met` is None where it could not be measured; `how` then says why."""

    goal: str
    figure: Json
    met: bool | None
    how: str

    def to_json(self) -> dict[str, Json]:
        return {"goal": self.goal, "figure": self.figure, "met": self.met, "how": self.how}


def skipped(goal: str, reason: str) -> Row:
    """Return the row of what cannot be measured here."""
    return Row(goal, None, None, f"skipped: {reason}")


def share(part: int, whole: int) -> float:
    """Return a part of a whole, three digits; 0 of nothing."""
    return round(part / whole, 3) if whole else 0.0


def meshtui(*arguments: str) -> list[str]:
    """Return the argv of a `meshtui` command."""
    return [sys.executable, "-m", "meshtui", *arguments]


def run(argv: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program of the project to its end, its output read."""
    return subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=environment, timeout=600)
