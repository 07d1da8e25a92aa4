"""What the doctor says: each fault named once, with what to do about it."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import SmallMesh, taught

from meshcore import __version__
from meshcore.agents.hook_settings import hook_command
from meshcore.agents.table import program
from meshcore.config import BridgeAddress, Settings
from meshcore.node import Node
from meshcore.safety.keys import load_or_create
from meshcore.service import doctor
from meshcore.service.doctor import Check, examine
from meshcore.testing import FakeClock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "home", tmp_path / "operator", BridgeAddress.of(tmp_path / "bridge.db"), "a", "host1")


def said(settings: Settings, name: str, environment: Mapping[str, str] | None = None) -> list[Check]:
    return [check for check in examine(settings, environment or {}) if check.name == name]


@pytest.mark.parametrize(
    ("version", "level"),
    [((3, 6, 23), "ok"), ((3, 7, 0), "note"), ((3, 40, 1), "note"), ((3, 51, 2), "note"), ((3, 51, 3), "ok")],
)
def test_an_sqlite_that_can_corrupt_a_database_is_named_with_its_version(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], level: str
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    monkeypatch.setattr(sqlite3, "sqlite_version", ".".join(map(str, version)))
    [check] = said(settings, "sqlite")
    assert check.level == level
    assert ".".join(map(str, version)) in check.text


def test_a_key_without_a_passphrase_is_said_to_be_one(settings: Settings) -> None:
    load_or_create(settings.operator / "operator.key")
    [check] = said(settings, "operator key")
    assert check.level == "note"
    assert "can approve in your name" in check.text
    assert "meshtui trust protect" in check.remedy
    assert said(settings, "signatures") == []


def test_payloads_that_hooks_could_not_read_are_named_by_program_and_version(settings: Settings) -> None:
    assert said(settings, "payloads") == []
    with Node(settings) as node:
        for version in ("9.0", "9.0", ""):
            node.store.tellings.note_unread("codex", version)
    first, second = said(settings, "payloads")
    assert (first.level, first.text) == ("note", "2 of codex 9.0 could not be read lately")
    assert second.text == "1 of codex (no version told) could not be read lately"


def test_a_key_that_others_can_read_is_mended(settings: Settings) -> None:
    key = settings.operator / "operator.key"
    load_or_create(key)
    key.chmod(0o644)
    [check] = [check for check in said(settings, "permissions") if check.level == "bad"]
    assert check.mend is not None
    check.mend()
    assert key.stat().st_mode & 0o777 == 0o600


def test_a_clock_ten_years_behind_a_peers_is_one_notice(tmp_path: Path) -> None:
    mesh = SmallMesh(tmp_path)
    a, b = mesh.node("a"), mesh.node("b")
    mesh.clock.advance(10 * 365 * 86400)
    taught(b)
    mesh.meet()
    a.clock = FakeClock()
    check = doctor._clock(a)
    mesh.close()
    assert check.level == "bad"
    assert "in the future" in check.text
    assert check.remedy


def test_connected_agent_programs_are_named_and_a_hook_whose_command_is_gone_is_bad(
    settings: Settings, tmp_path: Path
) -> None:
    home = {"HOME": str(tmp_path)}

    def hooks() -> tuple[str, str]:
        [check] = said(settings, "hooks", home)
        return check.level, check.text

    assert hooks() == ("note", "no agent program is connected")
    claude = program("claude-code").hooks(home)
    file = claude.path("user", tmp_path)
    file.parent.mkdir()
    claude.change(file, hook_command("claude-code")).write()
    assert hooks() == ("ok", "claude-code connected")
    file.write_text(file.read_text().replace(sys.executable, "/nowhere/python"))
    assert hooks() == ("bad", "claude-code: /nowhere/python is gone: connect again")


def test_nodes_of_another_version_are_named(tmp_path: Path) -> None:
    with SmallMesh(tmp_path).node("b") as other:
        assert other.bridge is not None
        older = {"name": "b", "host": "host1", "version": "0.0.9", "author_seq": 1}
        other.bridge.beat(other.identity.node.public, other.state("beat", older))
        checks = {check.name: check for check in doctor._bridge(other)}
    assert checks["versions"].text == f"nodes of another version than {__version__}: b 0.0.9"
    assert checks["versions"].level == "note"
