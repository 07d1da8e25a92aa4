"""`meshtui demo --offline`: the whole story, for real, contained and not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.evidence.bundle import verify_bundle
from meshcore.process.sandbox import detect

pytestmark = pytest.mark.slow


def play(tmp_path: Path, containment: str) -> dict[str, object]:
    """Play the demo with an empty home; return what it printed."""
    home = tmp_path / "user"
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG", "PYTHONPATH")}
    done = subprocess.run(
        [sys.executable, "-m", "meshtui", "demo", "--offline", "--json", "--keep", str(tmp_path / "demo")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**kept, "HOME": str(home), "MESHTUI_CONTAINMENT": containment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    ours = [path for path in home.rglob("*") if "meshtui" in path.name or ".claude" in path.parts]
    assert ours == [], "something of the user's own was touched"
    story: dict[str, object] = json.loads(done.stdout)["demo"]
    return story


def check(story: dict[str, object]) -> None:
    assert story["verified"] is True
    assert story["offline"] is True
    assert "No module named 'django'" in str(story["error_line"])
    assert "Django" in str(story["program_output"])
    for split in (story["first"], story["again"]):
        assert isinstance(split, dict)
        assert split["seconds"] >= split["mesh"] + split["commands"] > 0
    assert isinstance(story["received_after"], float)
    assert story["broadcast"] == 1
    report = Path(str(story["report"]))
    page = report.read_text()
    assert "2 of 2 failures are verified" in page
    assert "1 repeat was avoided with a whole chain of evidence." in page
    assert story["skills"] == {"agent_a_test": 1, "agent_b_test": 1}
    assert [seen["skill_count"] for seen in story["passes"]] == [1, 1]  # type: ignore[attr-defined]
    assert str(story["run_verdict"]).endswith(" -> PASSED")
    root = Path(str(story["folder"]))
    [line] = (root / "agent_b_test" / "work" / "workflow_results/runs/validation_log.jsonl").read_text().splitlines()
    assert json.loads(line)["warnings"] == []
    assert [verify_bundle(root / name / "export").faults for name in ("agent_a_test", "agent_b_test")] == [(), ()]
    assert report == root / "report.html"
    assert "No module named" in page
    assert story["why"]
    assert story["allowed"]


def contained() -> bool:
    return detect({**os.environ, "MESHTUI_CONTAINMENT": "auto"}).program != ""


def test_the_second_agent_heals_by_itself(tmp_path: Path) -> None:
    check(play(tmp_path, "bwrap" if contained() else "off"))


@pytest.mark.services
def test_the_second_agent_heals_by_itself_without_containment(tmp_path: Path) -> None:
    if not contained():
        pytest.skip("no fix can be contained here: the test above did the same")
    check(play(tmp_path, "off"))
