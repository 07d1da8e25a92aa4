"""The chain of one incident as lines."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.core.healing.small_mesh import SmallMesh, failure, taught

from meshtui.chain import Chain
from meshtui.screens.chain import lines


def test_the_errors_of_one_run_are_one_story(tmp_path: Path) -> None:
    mesh = SmallMesh(tmp_path)
    node = mesh.node("a")
    known = taught(node)
    first = replace(failure(node), incident_id="1" * 16, state="verified", skill_id=known.skill_id)
    second = replace(first, incident_id="2" * 16, state="open", skill_id="", follows=first.incident_id)
    alone = Chain(second, None, (), (), None, None, ())
    assert not [line for line in lines(alone, whole=False) if line.label == "its run"]
    assert any("meshtui learn --incident 22222222 --fix" in line.text for line in lines(alone, whole=False))
    both = replace(alone, series=((first, known), (second, None)))
    shown = [line for line in lines(both, whole=False) if line.text[:3].strip("▸ ") in ("1", "2")]
    assert [line.label for line in shown] == ["its run", ""]
    assert "verified" in shown[0].text and shown[0].text.endswith("→ pip install django")
    assert shown[1].text.startswith("▸ 2") and "→" not in shown[1].text
    mesh.close()
