"""A program of the repository that is asked for help does nothing else."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = [
    path
    for folder in ("scripts", "benchmarks", "benchmarks/scenarios")
    for path in sorted((ROOT / folder).glob("*.py"))
    if re.search(r'(?m)^if __name__ == "__main__":$', path.read_text("utf-8"))
]


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_help_is_all_that_is_done(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    monkeypatch.setattr("subprocess.Popen", None)  # nothing is started
    monkeypatch.setattr(Path, "write_text", None)
    monkeypatch.syspath_prepend(path.parent)
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(path), run_name="__main__")
    assert left.value.code == 0
    assert re.match("usage:", capsys.readouterr().out, re.IGNORECASE)
