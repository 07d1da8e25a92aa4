"""`meshtui service`, and the runtime under a manager that listens."""

from __future__ import annotations

import os
import pty
import signal
import socket
import stat
import subprocess
from pathlib import Path

from tests.world import TIMEOUT_S, Agent, only_one_line


def unit_of(agent: Agent) -> Path:
    return Path(agent.environment["HOME"]) / ".config/systemd/user/meshtui.service"


def test_the_runtime_tells_its_manager_that_it_is_ready_lives_and_leaves(a: Agent, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(TIMEOUT_S)
        a.environment |= {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"}
        process = a.start("--no-ui")
        assert [manager.recv(100), manager.recv(100)] == [b"READY=1", b"WATCHDOG=1"]
        process.send_signal(signal.SIGTERM)
        assert manager.recv(100) == b"STOPPING=1"
        process.communicate(timeout=TIMEOUT_S)
        assert process.returncode == 0


def test_print_holds_the_settings_that_were_given(a: Agent) -> None:
    printed = a.call("service", "print").stdout
    assert f'Environment="MESHTUI_HOME={a.home}"' in printed
    assert f'Environment="MESHTUI_OPERATOR_DIR={a.operator}"' in printed
    assert "Type=notify" in printed
    [command] = [line for line in printed.splitlines() if line.startswith("ExecStart=")]
    assert command.endswith(" --no-ui")
    words = command.removeprefix("ExecStart=").split()
    help_text = subprocess.run([*words, "--help"], capture_output=True, text=True, timeout=TIMEOUT_S).stdout
    assert "A terminal for a mesh" in help_text


def test_install_writes_nothing_unasked(a: Agent) -> None:
    done = a.call("service", "install")
    assert done.returncode == 2
    assert "--yes" in only_one_line(done)
    assert "+Type=notify" in done.stdout
    assert not unit_of(a).exists()


def test_install_says_what_to_run_next_and_is_repeatable(a: Agent) -> None:
    done = a.call("service", "install", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "systemctl --user enable meshtui.service" in done.stdout
    assert "loginctl enable-linger" in done.stdout
    assert unit_of(a).read_text() == a.call("service", "print").stdout
    assert stat.S_IMODE(unit_of(a).stat().st_mode) == 0o644
    again = a.call("service", "install")
    assert (again.returncode, again.stdout.splitlines()[0]) == (0, f"{unit_of(a)} is up to date")


def test_a_change_is_shown_as_a_difference(a: Agent) -> None:
    a.call("service", "install", "--yes")
    shown = a.call("--home", "/srv/other", "service", "install", "--yes").stdout.splitlines()
    assert '+Environment="MESHTUI_HOME=/srv/other"' in shown
    assert f'-Environment="MESHTUI_HOME={a.home}"' in shown
    assert "+Type=notify" not in shown


def test_on_a_terminal_it_asks_and_no_means_no(a: Agent) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        a.command("service", "install"), stdin=theirs, stdout=theirs, stderr=theirs, cwd=a.work, env=a.environment
    )
    os.close(theirs)
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(ours, 4096)
    os.write(ours, b"n\n")
    assert process.wait(TIMEOUT_S) == 1
    os.close(ours)
    assert not unit_of(a).exists()


def test_now_calls_systemctl_and_says_where_that_failed(a: Agent, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "systemctl").write_text(
        '#!/bin/sh\necho "$@" >> "$0.log"\n[ "$2" != restart ] || { echo no bus; exit 1; }\n'
    )
    (tools / "systemctl").chmod(0o755)
    done = a.call("service", "install", "--yes", "--now", env={"PATH": f"{tools}:/usr/bin:/bin"})
    assert done.returncode == 1
    assert "no bus" in only_one_line(done)
    called = (tools / "systemctl.log").read_text().splitlines()
    assert called == [
        f"--user {verb}" for verb in ("daemon-reload", "enable meshtui.service", "restart meshtui.service")
    ]


def test_a_folder_that_cannot_be_written_is_one_line(a: Agent) -> None:
    (Path(a.environment["HOME"]) / ".config").write_text("a file")
    done = a.call("service", "install", "--yes")
    assert done.returncode == 2
    assert "cannot be" in only_one_line(done)
