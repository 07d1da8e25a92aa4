"""The systemd unit, read by systemd itself where it is here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.errors import UsageError
from meshcore.service.unit import ServiceUnit

COMMAND = (sys.executable, "-P", "-m", "meshtui", "--no-ui")


def verify(unit: ServiceUnit, folder: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here")
    file = folder / unit.file_name
    file.write_text(unit.text())
    words = ["systemd-analyze", "verify", *([] if unit.user else ["--user"]), str(file)]
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    return subprocess.run(words, capture_output=True, text=True, env=environment, check=False)


@pytest.mark.parametrize("user", ["", "daemon"])
@pytest.mark.parametrize("value", ["/srv/mesh", '/tmp/a "b" 50% $X \\x', "/home/é ü"])
def test_systemd_accepts_it_without_a_word(tmp_path: Path, user: str, value: str) -> None:
    done = verify(ServiceUnit(COMMAND, {"MESHTUI_HOME": value}, user), tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_says_what_it_does_not_accept(tmp_path: Path) -> None:
    done = verify(ServiceUnit(("/nowhere/meshtui", "--no-ui")), tmp_path)
    assert done.returncode != 0
    assert "/nowhere/meshtui" in done.stderr


def test_what_systemd_would_replace_in_a_value_is_escaped() -> None:
    text = ServiceUnit(("/opt/50%/a b$c/meshtui", "--no-ui"), {"MESHTUI_HOME": 'a"b\\%h'}).text()
    assert 'ExecStart="/opt/50%%/a b$$c/meshtui" --no-ui\n' in text
    assert 'Environment="MESHTUI_HOME=a\\"b\\\\%%h"\n' in text


def test_a_unit_of_the_host_has_an_account_and_no_capabilities() -> None:
    text = ServiceUnit(COMMAND, user="ci").text()
    assert "\nUser=ci\n" in text
    assert "\nCapabilityBoundingSet=\n" in text
    assert "\nWantedBy=multi-user.target\n" in text
    assert "User=" not in ServiceUnit(COMMAND).text()


def test_it_lies_where_systemd_looks(tmp_path: Path) -> None:
    assert ServiceUnit(COMMAND, name="mesh-b").path(tmp_path) == tmp_path / "systemd/user/mesh-b.service"
    assert ServiceUnit(COMMAND, user="ci").path(tmp_path) == Path("/etc/systemd/system/meshtui.service")


@pytest.mark.parametrize(
    "bad", [{"name": "../x"}, {"name": ""}, {"user": "a b"}, {"environment": {"MESHTUI_HOME": "a\nExecStart=/bin/sh"}}]
)
def test_what_no_unit_can_hold_is_refused(bad: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        ServiceUnit(COMMAND, **bad)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "setting", ["ProtectKernelTunables", "ProtectKernelLogs", "RestrictNamespaces", "PrivateTmp", "ProtectHome"]
)
def test_what_would_keep_healing_from_working_is_not_set(setting: str) -> None:
    assert f"\n{setting}=" not in ServiceUnit(COMMAND, user="ci").text()
