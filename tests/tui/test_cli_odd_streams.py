"""Standard streams that take nothing or are closed: what `meshtui` says of it, and what it leaves of the command."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError
from meshcore.home import refuse_another_users

MESHTUI = f"{sys.executable} -m meshtui"
CALLS = {
    "a list, its output full": ("MESHTUI skills list --all >/dev/full", 1),
    "a list, its output closed": ("MESHTUI skills list >&-", 0),
    "a command that writes, its output full": ("MESHTUI run -- echo hi >/dev/full", 1),
    "a command that fails, its errors full": ("MESHTUI run -- sh -c 'exit 5' 2>/dev/full", 5),
    "a command that fails, everything full": ("MESHTUI run -- sh -c 'echo x; echo y >&2; exit 5' >/dev/full 2>&1", 5),
    "a command that fails, everything closed": ("MESHTUI run -- sh -c 'exit 5' <&- >&- 2>&-", 5),
    "a command in a folder that is gone": ("mkdir x; cd x; rmdir ../x; MESHTUI run -- /bin/sh -c 'exit 5'", 5),
}


@pytest.mark.parametrize(("text", "code"), CALLS.values(), ids=CALLS.keys())
def test_a_stream_that_takes_nothing_ends_in_a_line_at_most_and_the_right_exit_code(
    tmp_path: Path, text: str, code: int
) -> None:
    own = {name: str(tmp_path / name) for name in ("HOME", "MESHTUI_HOME", "MESHTUI_OPERATOR_DIR")}
    env = {**os.environ, **own, "MESHTUI_BRIDGE": str(tmp_path / "bridge" / "b.db")}
    done = subprocess.run(
        ["sh", "-c", text.replace("MESHTUI", MESHTUI)],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "a fault of" not in done.stderr
    assert len([line for line in done.stderr.splitlines() if "meshtui" in line]) <= 1


def test_a_loop_that_reads_lines_from_a_file_reads_on(tmp_path: Path) -> None:
    env = {**os.environ, "HOME": str(tmp_path), "MESHTUI_HOME": str(tmp_path / "m")}
    env |= {"MESHTUI_OPERATOR_DIR": str(tmp_path / "o"), "MESHTUI_BRIDGE": str(tmp_path / "b" / "b.db")}
    text = f"printf '1\\n2\\n' >rows; while read -r n; do {MESHTUI} run -- true; echo $n; done <rows"
    done = subprocess.run(["sh", "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert done.stdout == "1\n2\n"


def test_root_writes_nothing_into_the_home_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    kim = pwd.struct_passwd(("kim", "x", 1001, 1001, "", str(tmp_path), "/bin/sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda uid: kim)
    with pytest.raises(ConfigurationError, match="kim"):
        refuse_another_users(tmp_path / ".local" / "share" / "meshtui", {"HOME": str(tmp_path)})
    refuse_another_users(Path("/var/lib/meshtui"), {"HOME": str(tmp_path)})
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    refuse_another_users(tmp_path / ".local", {"HOME": str(tmp_path)})
