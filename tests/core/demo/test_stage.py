"""The stage of the demo: environments that are made quickly, and whole."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

from meshcore.demo.stage import DemoError, agents_in, whole_pip


def test_an_environment_gets_the_pip_that_is_beside_the_program(tmp_path: Path) -> None:
    pip = whole_pip()
    assert [folder.name for folder in pip] == ["pip", f"pip-{version('pip')}.dist-info"]
    agent, _ = agents_in(tmp_path)
    agent.finish_environment(agent.start_environment(pip), pip)
    said = subprocess.run([agent.python, "-m", "pip", "--version"], capture_output=True, text=True, check=True).stdout
    assert said.startswith(f"pip {version('pip')} from {agent.venv}")


def test_an_environment_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    agent, _ = agents_in(tmp_path)
    agent.venv.parent.mkdir()
    agent.venv.write_text("in its place\n")
    with pytest.raises(DemoError, match="agent_a_test: no virtual environment"):
        agent.finish_environment(agent.start_environment(whole_pip()), whole_pip())


def test_a_pip_of_the_system_or_none_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(name: str) -> None:
        raise PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(sys, "prefix", sys.base_prefix)
        assert whole_pip() == ()
    monkeypatch.setattr("meshcore.demo.stage.distribution", none)
    assert whole_pip() == ()
