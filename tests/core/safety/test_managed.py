"""What the host forbids: no file, variable or mode of a user allows it, and every refusal names the file."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.core.healing.small_mesh import Fix, SmallMesh, taught

from meshcore import home
from meshcore.config import BridgeAddress, load
from meshcore.model import MODES
from meshcore.policy.policy import Policy
from meshcore.safety import managed as module
from meshcore.safety.managed import Managed, managed
from meshcore.service.doctor import examine
from meshcore.trust.modes import ACTION, MODE, VIA, ceiling

HEAD = "schema_version = 1\n"
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return what puts a file in the place of /etc/meshtui/managed.toml."""
    path = tmp_path / "etc" / "managed.toml"
    path.parent.mkdir(mode=0o755)
    monkeypatch.setattr(home, "MANAGED_FILE", path)
    monkeypatch.setattr(module, "OWNER", os.geteuid())

    def write(text: str) -> Path:
        path.write_text(HEAD + text)
        path.chmod(0o644)
        return path

    return write


def test_without_the_file_nothing_is_held_back(write: Write) -> None:
    found = managed()
    assert (found.there, found.problem, list(found.ceilings("codex", "install_package"))) == (False, "", [])
    assert found.why_not_bridge(BridgeAddress.parse("/a/b.db")) == ""


@pytest.mark.parametrize("mode", MODES)
def test_its_mode_is_never_exceeded_whatever_a_user_sets(write: Write, mode: str) -> None:
    path = write(f'mode = "{mode}"\n')
    rows = {MODE: "auto", f"{VIA}codex": "auto", f"{ACTION}install_package": "auto"}
    found = ceiling("auto", "auto", rows, via="codex", action_type="install_package")
    assert found.mode == mode
    assert mode == "auto" or str(path) in found.why
    assert ceiling("off", "auto", rows).mode == "off", "a user may narrow further"


def test_what_it_forbids_is_refused_and_the_file_is_named(write: Write) -> None:
    path = write('[actions]\nforbidden = ["install_package"]\n[agents]\nallowed = ["claude-*"]\n')
    of_action = ceiling("auto", None, {MODE: "auto"}, via="claude-code", action_type="install_package")
    of_agent = ceiling("auto", None, {MODE: "auto"}, via="codex", action_type="make_folder")
    assert (of_action.mode, of_agent.mode) == ("off", "off")
    assert str(path) in of_action.why
    assert str(path) in of_agent.why
    assert ceiling("auto", None, {}, via="claude-code", action_type="make_folder").mode == "auto"


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("/srv/mesh/bridge.db", True),
        ("/srv/team/x.db", True),
        ("/srv/team/../../home/x/b.db", False),
        ("/home/x/b.db", False),
    ],
)
def test_bridges_are_allowed_by_name(write: Write, address: str, allowed: bool) -> None:
    write('[bridges]\nallowed = ["/srv/mesh/bridge.db", "/srv/team/*", "postgresql://db.example/*"]\n')
    assert (managed().why_not_bridge(BridgeAddress.parse(address)) == "") is allowed


DAMAGED = ["no toml", "mode = 5", 'mode = "all"', "wider = 1", "[actions]\nallowed = []", "[agents]\nallowed = [1]"]


@pytest.mark.parametrize("text", [*DAMAGED, "x = [" * 5_000, 'x = "' + "a" * 70_000 + '"'])
def test_damage_lets_nothing_run_unattended_and_is_said(write: Write, text: str) -> None:
    path = write(text)
    found = ceiling("auto", "auto", {MODE: "auto"})
    assert found.mode == "approve"
    assert found.why.startswith(f"nothing runs unattended: {path}")


@pytest.mark.parametrize("change", ["owner", "file writable", "folder writable", "link", "pipe", "folder"])
def test_a_file_that_is_not_roots_alone_lets_nothing_run_unattended(
    write: Write, change: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = write('mode = "auto"\n')
    if change == "owner":
        monkeypatch.setattr(module, "OWNER", os.geteuid() + 1)
    elif change == "file writable":
        path.chmod(0o666)
    elif change == "folder writable":
        path.parent.chmod(0o775)
    else:
        path.unlink()
        other = tmp_path / "other.toml"
        other.write_text(HEAD)
        if change == "link":
            path.symlink_to(other)
        elif change == "pipe":
            os.mkfifo(path)
        else:
            path.mkdir()
    assert managed().problem
    assert ceiling("auto", "auto", {MODE: "auto"}).mode == "approve"


def test_a_place_that_cannot_be_looked_at_lets_nothing_run_unattended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "MANAGED_FILE", Path("/" + "x" * 5_000))
    found = ceiling("auto", "auto", {MODE: "auto"})
    assert (found.mode, "nothing runs unattended" in found.why) == ("approve", True)


def test_no_setting_of_a_user_names_another_file(write: Write, tmp_path: Path) -> None:
    write('mode = "hint"\n')
    for name in ("MESHTUI_MANAGED", "MESHTUI_MANAGED_FILE", "MESHTUI_ETC"):
        os.environ[name] = str(tmp_path / "none")
        try:
            assert managed().mode == "hint"
        finally:
            del os.environ[name]


def test_a_ruling_is_held_and_says_by_what(write: Write, mesh: SmallMesh) -> None:
    path = write('mode = "approve"\n')
    node = mesh.node("a")
    taught(node)
    considered = Fix(node, mesh.clock).fail()
    assert considered.ruling is not None
    assert considered.ruling.decision == "approve"
    assert any(str(path) in reason for reason in considered.ruling.reasons)


def test_a_bridge_that_is_not_allowed_is_not_opened(write: Write, mesh: SmallMesh) -> None:
    path = write("[bridges]\nallowed = []\n")
    node = mesh.node("a")
    node.disconnect()
    assert node.bridge is None
    assert str(path) in node.bridge_fault


def test_a_check_of_a_command_names_it(write: Write) -> None:
    path = write('[actions]\nforbidden = ["make_folder"]\n')
    ruling = Policy.load(None).check("mkdir -p logs", "own")
    assert (ruling.decision, str(path) in ruling.reasons[0]) == ("refuse", True)


def test_the_doctor_shows_it(write: Write, tmp_path: Path) -> None:
    settings = load(
        home=str(tmp_path / "home"),
        environment={"MESHTUI_OPERATOR_DIR": str(tmp_path / "op"), "MESHTUI_BRIDGE": str(tmp_path / "b.db")},
    )
    assert [check for check in examine(settings, {}) if check.name == "host"] == []
    path = write('mode = "hint"\n[packs]\nallowed = []\n')
    [check] = [check for check in examine(settings, {}) if check.name == "host"]
    assert (check.level, check.text) == ("note", f"{path}: mode at most hint; packs: none")
    path.chmod(0o666)
    [check] = [check for check in examine(settings, {}) if check.name == "host"]
    assert check.level == "bad"


def test_packs_are_allowed_by_name() -> None:
    assert Managed(packs=("python-*",)).why_not_pack("python-basics") == ""
    assert "does not allow" in Managed(packs=("python-*",)).why_not_pack("shell")
    assert Managed().why_not_pack("shell") == ""
