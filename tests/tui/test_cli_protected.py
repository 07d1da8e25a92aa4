"""The protected operator key from the command line: what asks for the passphrase, and what goes on without."""

from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest
from tests.world import FIX, Agent, only_one_line

from meshcore.config import load
from meshcore.control.key_protection import protect
from meshcore.node import Node

WORDS = "correct horse battery"


@pytest.fixture
def passphrase(tmp_path: Path) -> str:
    path = tmp_path / "passphrase"
    path.write_text(f"{WORDS}\n")
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def locked(a: Agent) -> Agent:
    """An agent with a skill whose operator has put a passphrase on the key, as cheaply as can be."""
    a.learn()
    with Node(load(environment=a.environment)) as node:
        protect(node, WORDS, cost=2)
    return a


def test_protect_reads_the_passphrase_twice_from_a_terminal(a: Agent) -> None:
    process, terminal = pty.fork()
    if process == 0:
        os.execve(a.command()[0], a.command("trust", "protect"), a.environment)
    said = b""
    while b"protected" not in said and b"error" not in said:
        said += os.read(terminal, 1000)
        if said.endswith((b"new passphrase: ", b"again: ")):
            os.write(terminal, f"{WORDS}\n".encode())
            said += b"."
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert WORDS.encode() not in said
    assert b"ENCRYPTED" in (a.operator / "operator.key").read_bytes()


def test_what_was_confirmed_heals_on_and_nothing_new_is_run_without_the_operator(locked: Agent) -> None:
    assert locked.run(*locked.app).returncode == 0
    locked.learn("ModuleNotFoundError: No module named 'x'", "pip install x")
    text = locked.call("doctor").stdout
    assert "confirmed skills that nobody signed for: 1" in text


def test_approving_asks_for_the_passphrase(locked: Agent, passphrase: str) -> None:
    locked.run(*locked.app, mode="approve")
    [waiting] = locked.ask("approvals", "list")
    refused = locked.call("approvals", "approve", waiting["approval_id"])
    assert refused.returncode == 2
    assert "passphrase" in only_one_line(refused)
    wrong = locked.call("approvals", "approve", waiting["approval_id"], "--passphrase-file", "-", stdin="wrong words\n")
    assert wrong.returncode == 2
    assert "passphrase is wrong" in only_one_line(wrong)
    assert locked.pip_log == []
    done = locked.call("approvals", "approve", waiting["approval_id"], env={"MESHTUI_PASSPHRASE_FILE": passphrase})
    assert done.returncode == 0
    assert FIX in done.stdout


def test_a_passphrase_that_others_can_read_is_refused(locked: Agent, passphrase: str) -> None:
    Path(passphrase).chmod(0o644)
    done = locked.call("skills", "confirm", "1", "--passphrase-file", passphrase)
    assert done.returncode == 2
    assert "chmod 600" in only_one_line(done)


def test_modes_and_halts_are_widened_with_it_and_narrowed_without(locked: Agent, passphrase: str) -> None:
    assert locked.call("mode", "hint").returncode == 0
    assert locked.call("mode", "auto").returncode == 2
    assert locked.call("mode", "auto", "--passphrase-file", passphrase).returncode == 0
    assert locked.call("halt", "a drill").returncode == 0
    assert locked.call("resume").returncode == 2
    assert locked.call("resume", "--passphrase-file", passphrase).returncode == 0
    assert locked.call("mode").stdout.splitlines()[0] == "auto"


def test_a_policy_file_is_signed_to_count(locked: Agent, passphrase: str) -> None:
    (locked.operator / "policy.toml").write_text("schema_version = 1\n[declared]\nservices = ['nginx']\n")
    assert "is not signed" in locked.call("policy", "check", "ls").stderr
    assert locked.call("policy", "sign", "--passphrase-file", passphrase).returncode == 0
    assert locked.call("policy", "check", "ls").stderr == ""
    assert "✓ policy" in locked.call("doctor").stdout


def test_another_node_of_the_operator_is_enrolled_by_hand(locked: Agent, b: Agent, passphrase: str) -> None:
    b.learn("ModuleNotFoundError: No module named 'x'", "pip install x")
    assert "meshtui trust sign" in b.call("doctor").stdout
    locked.ask("skills", "list")
    [row] = [row for row in locked.ask("trust", "list") if row["name"] == "b"]
    assert row["state"] == "unknown"
    done = b.call("trust", "sign", "--passphrase-file", passphrase)
    assert "enrolled now" in done.stdout
    assert "not signed, so it does not count: skill" in done.stdout
    [row] = [row for row in locked.ask("trust", "list") if row["name"] == "b"]
    assert row["state"] == "own"


def test_the_passphrase_is_taken_off_again(locked: Agent, passphrase: str) -> None:
    assert locked.call("trust", "unprotect", "--passphrase-file", passphrase).returncode == 0
    assert b"ENCRYPTED" not in (locked.operator / "operator.key").read_bytes()
    assert locked.call("mode", "hint").returncode == 0
    assert locked.call("mode", "auto").returncode == 0
