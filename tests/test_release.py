"""What a release needs: a dated section of the changelog, and workflows whose targets are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from scripts.release import NotReadyError, section

ROOT = Path(__file__).parents[1]
CHANGELOG = (
    "# Changelog\n\n## 0.3.0 - unreleased\n\n- New.\n\n"
    "## 0.2.0 - 2026-01-31\n\n- Old.\n- Older.\n\n## 0.1.0 - 2026-01-01\n\n- First.\n"
)
WORKFLOWS = sorted((ROOT / ".github" / "workflows").iterdir())
TARGETS = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8")))


def test_the_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    assert section(CHANGELOG, "0.2.0") == "- Old.\n- Older.\n"
    assert section(CHANGELOG, "0.1.0") == "- First.\n"


@pytest.mark.parametrize(
    ("version", "why"), [("0.3.0", "day of the release"), ("0.2", "no section"), ("1.0.0", "no section")]
)
def test_without_a_dated_section_there_is_no_release(version: str, why: str) -> None:
    with pytest.raises(NotReadyError, match=why):
        section(CHANGELOG, version)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_calls_targets_that_are_there(path: Path) -> None:
    jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"]
    calls = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    called = {word for call in calls for word in re.findall(r"\bmake ([a-z-]+)", call)}
    assert called
    assert called <= TARGETS


def test_every_python_that_is_named_is_tested() -> None:
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    [job] = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text("utf-8"))["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == named
