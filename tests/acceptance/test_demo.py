"""`meshtui demo --offline`: the whole story, for real, contained and not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.healing.containment import detect

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
    page = Path(str(story["report"])).read_text()
    assert "2 of 2 failures are verified" in page
    assert "1 repeat was avoided with a whole chain of evidence." in page
    assert '<th scope="row">demo</th>' in page
    assert story["skills"] == {"agent_a_test": 1, "agent_b_test": 1}
    assert story["why"]
    assert story["allowed"]


def test_the_second_agent_heals_by_itself_without_containment(tmp_path: Path) -> None:
    check(play(tmp_path, "off"))


def test_the_second_agent_heals_by_itself_with_bubblewrap(tmp_path: Path) -> None:
    found = detect({**os.environ, "MESHTUI_CONTAINMENT": "auto"}, tmp_path)
    if not found.program:
        pytest.skip(f"fixes cannot be contained here: {found.detail}")
    check(play(tmp_path, "bwrap"))
