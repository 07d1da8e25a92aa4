"""`meshtui policy rerun`: what an operator pastes into policy.toml binds a project's command to a folder and a file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.world import Agent, only_one_line

from meshcore.policy.policy import Policy

MAKEFILE = "test:\n\ttrue\n"


def decided(policy: Path, argv: tuple[str, ...], folder: Path) -> str:
    rules = Policy.load(policy)
    assert not rules.problem
    return rules.decide_rerun(argv, str(folder), environment=os.environ).decision


def test_what_it_prints_lets_the_command_run_again_until_its_file_changes(a: Agent) -> None:
    (a.work / "check.sh").write_text('echo "it\'s fine"\n')
    (a.work / "Makefile").write_text(MAKEFILE)
    policy = a.operator / "policy.toml"
    policy.parent.mkdir(exist_ok=True)
    assert decided(policy, ("bash", "check.sh", "--all"), a.work) == "approve"
    first = a.call("policy", "rerun", "--", "bash", "check.sh", "--all")
    assert first.returncode == 0 and str(policy) in first.stderr
    policy.write_text(first.stdout)
    second = a.call("policy", "rerun", "--", "make", "-k", "test")
    assert "schema_version" not in second.stdout, "a file that is there has one"
    policy.write_text(f"{first.stdout}\n{second.stdout}")
    assert decided(policy, ("bash", "check.sh", "--all"), a.work) == "run"
    assert decided(policy, ("bash", "check.sh"), a.work) == "approve", "other words are another command"
    assert decided(policy, ("bash", "check.sh", "--all"), a.work.parent) == "approve"
    (a.work / "check.sh").write_text("./send_invoices\n")
    assert decided(policy, ("bash", "check.sh", "--all"), a.work) == "approve"


def test_words_with_quotes_stay_words(a: Agent) -> None:
    (a.work / "check.sh").touch()
    argv = ("bash", "check.sh", 'a "b" \\c', "ü", "[x]", "'''")
    policy = a.operator / "policy.toml"
    policy.parent.mkdir(exist_ok=True)
    policy.write_text(a.call("policy", "rerun", "--", *argv).stdout)
    assert decided(policy, argv, a.work) == "run"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--", "make", "test"), "--file"),
        (("--file", "../Makefile", "--", "make"), "of this folder"),
        (("--file", "/etc/hostname", "--", "make"), "of this folder"),
        (("--file", "pipe", "--", "make"), "cannot be read"),
        (("--file", "missing", "--", "make"), "missing"),
        (("--", "rm", "-rf", "/"), "no policy lets that run again"),
        (("--", "sh", "-c", "id"), "--file"),
        (("--file", "app.py", "--", "make", "a\nb"), "cannot be printed"),
    ],
)
def test_what_cannot_be_bound_to_a_file_is_said_in_one_line(a: Agent, arguments: tuple[str, ...], said: str) -> None:
    os.mkfifo(a.work / "pipe")
    done = a.call("policy", "rerun", *arguments)
    assert done.returncode != 0 and done.stdout == ""
    assert said in only_one_line(done)
