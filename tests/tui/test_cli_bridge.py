"""`meshtui bridge` between two machines, as a person uses it; and what a bridge afar costs a command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.world import Agent, only_one_line, wait_for

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPvKtvDWGsRz3pV0cZNnl2C1VUFJ0JtYJb0a9zWdJqzK ann@laptop"
NODE = "b" * 64
SSH = """\
#!/bin/sh
tr '\\0' ' ' < /proc/$PPID/cmdline >> {log}
echo >> {log}
echo "hub: No route to host" >&2
exit 255
"""


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """Make an ssh that reaches nobody; give the file in which it notes who has called it."""
    log, program = tmp_path / "calls", tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(SSH.format(log=log))
    program.chmod(0o755)
    log.write_text("")
    return log


def afar(calls: Path) -> dict[str, str]:
    return {"MESHTUI_BRIDGE": "ssh://hub", "PATH": f"{calls.parent}/bin:{os.environ['PATH']}"}


def test_a_node_introduces_itself_by_the_command_that_authorizes_it(a: Agent, tmp_path: Path) -> None:
    (tmp_path / "id.pub").write_text(KEY + "\n")
    said = a.call("bridge", "introduce", "--key", str(tmp_path / "id.pub"))
    assert said.stdout.startswith(f"meshtui bridge authorize '{KEY}' --node ")
    assert "MESHTUI_BRIDGE" in said.stderr


def test_without_a_key_that_is_one_line(a: Agent) -> None:
    done = a.call("bridge", "introduce")
    assert done.returncode == 2
    assert "ssh-keygen" in only_one_line(done)


def test_the_line_for_a_key_fixes_what_it_may_run(a: Agent) -> None:
    done = a.call("bridge", "authorize", KEY, "--node", NODE)
    assert done.stdout.startswith('restrict,command="/')
    assert f'bridge serve --stdio --node {NODE}" ssh-ed25519 AAAA' in done.stdout
    assert str(a.world.bridge) in done.stdout
    assert done.stdout.endswith("ann@laptop\n")


@pytest.mark.parametrize(
    ("key", "node"),
    [
        (KEY, "b" * 63),
        (KEY, f'{NODE}" ssh'),
        ("ssh-rsa " + KEY.split()[1], NODE),
        (f'no-pty,command="sh" {KEY}', NODE),
        (KEY + "\nssh-ed25519 AAAA", NODE),
        ("", NODE),
        ("x" * 100_000, NODE),
    ],
)
def test_what_is_no_key_or_no_node_is_refused_in_one_line(a: Agent, key: str, node: str) -> None:
    done = a.call("bridge", "authorize", key, "--node", node)
    assert (done.returncode, done.stdout) == (2, "")
    only_one_line(done)


def test_a_comment_cannot_become_an_option(a: Agent) -> None:
    done = a.call("bridge", "authorize", KEY.replace("ann@laptop", 'x" command="sh'), "--node", NODE)
    assert done.stdout.endswith(" x__command__sh\n")


def test_the_bridge_of_another_host_is_not_served_on(a: Agent) -> None:
    done = a.call("bridge", "serve", "--stdio", env={"MESHTUI_BRIDGE": "ssh://hub"})
    assert done.returncode == 2
    assert "no bridge of this host" in only_one_line(done)


def test_a_success_waits_for_no_bridge_afar_and_what_it_says_is_told_later(a: Agent, calls: Path) -> None:
    a.world.starts_anew = True  # ssh sees who called it
    folder = a.world.root / "there"
    a.call("run", "--", "ls", str(folder), env=afar(calls))
    assert "run --" in calls.read_text("utf-8"), "a failure asks what others know"
    wait_for(
        lambda: "bridge exchange --within 2" in calls.read_text("utf-8"), "the outbox to be told in the background"
    )
    calls.write_text("")
    folder.mkdir()
    assert a.call("run", "--", "ls", str(folder), env=afar(calls)).returncode == 0
    wait_for(
        lambda: "bridge exchange --within 2" in calls.read_text("utf-8"), "the outbox to be told in the background"
    )
    assert "run --" not in calls.read_text("utf-8")


def test_an_exchange_that_cannot_be_made_says_why(a: Agent, calls: Path) -> None:
    a.world.starts_anew = True
    done = a.call("bridge", "exchange", env=afar(calls))
    assert done.returncode == 69
    assert only_one_line(done) == "meshtui: ssh://hub: hub: No route to host"


def test_what_is_not_there_is_not_copied_and_nothing_is_made(a: Agent, tmp_path: Path) -> None:
    done = a.call("bridge", "copy", str(tmp_path / "none.db"), str(tmp_path / "new.db"))
    assert done.returncode == 2
    assert "there is no bridge to copy" in only_one_line(done)
    assert not list(tmp_path.glob("*.db*"))


def test_a_bridge_without_logins_says_who_reads_it_instead(a: Agent) -> None:
    done = a.call("bridge", "status")
    assert done.returncode == 78
    assert "meshtui nodes" in only_one_line(done)
