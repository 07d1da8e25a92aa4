"""The first start of meshtui in an empty home: one question, and nothing is written unasked."""

from __future__ import annotations

import io
from pathlib import Path

import click
import pytest

from meshtui.cli.context import Session
from meshtui.cli.first_start import ask
from meshtui.cli.main import meshtui
from meshtui.cli.start import is_first_start


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a person who has Claude Code and bash, and has never used meshtui."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "claude").write_text("#!/bin/sh\n")
    (programs / "claude").chmod(0o755)
    for name in ("MESHTUI_HOME", "MESHTUI_BRIDGE", "MESHTUI_OPERATOR_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("SHELL", "/bin/bash")
    return tmp_path


def asked(monkeypatch: pytest.MonkeyPatch, answers: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answers))
    ask(click.Context(meshtui, info_name="meshtui", obj=Session()))


def files(home: Path) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and path.name != "claude"]


def test_what_is_installed_is_named_and_enter_leaves_all_as_it_is(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch, "\n")
    said = capsys.readouterr().out
    assert f"1  claude-code: let it ask the mesh ({home}/bin/claude)" in said
    assert "2  bash" in said
    assert "3  nothing yet: play the demo" in said
    assert files(home) == []


def test_an_agent_is_connected_only_after_its_own_question(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch, "1\n")
    said = capsys.readouterr()
    assert "PostToolUse" in said.out
    assert "nobody is there to be asked" in said.err
    assert files(home) == []


def test_a_shell_is_told_its_line_and_a_wrong_number_is_named(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(monkeypatch, "2 7 x\n\n")
    said = capsys.readouterr()
    assert 'eval "$(meshtui shell-init bash 2>/dev/null)"' in said.out
    assert "7: not one of the numbers" in said.err
    assert "x: not one of the numbers" in said.err
    assert files(home) == []


def test_who_names_a_home_or_has_one_is_asked_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_first_start(Session())
    assert not is_first_start(Session(home=str(home / "elsewhere")))
    Session().settings.home.mkdir(parents=True)
    assert not is_first_start(Session())
    monkeypatch.setenv("MESHTUI_HOME", str(home / "named"))
    assert not is_first_start(Session())
