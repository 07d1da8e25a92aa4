"""Several errors of one command, as a person meets them: one run and one story, from any folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.tui.test_cli_run import in_a_terminal
from tests.world import PROGRAM, Agent, lines_of_ours

MODULES = ("django", "flask", "requests", "click")


@pytest.fixture
def many(a: Agent) -> Agent:
    """An agent whose program misses four modules, with a fix taught for each."""
    imports = "".join(f"import {name}\n" for name in MODULES)
    (a.work / "app.py").write_text(PROGRAM.replace("import django\n", imports))
    for name in MODULES:
        a.learn(f"ModuleNotFoundError: No module named '{name}'", f"pip install {name}")
    return a


def test_four_errors_are_healed_in_one_run_and_shown_as_one_story(many: Agent) -> None:
    done = many.run(*many.app)
    assert (done.returncode, done.stdout) == (0, "it works\n")
    notes = lines_of_ours(done.stderr)
    assert [note.split(":")[1].strip() for note in notes[:3]] == ["fixed"] * 3
    assert "the last of 4 fixes" in notes[3]
    shown = many.call("incidents", "show", "last").stdout
    assert [
        line.split("→")[1].split()[-1] for line in shown.splitlines() if " error " in f" {line}" and "→" in line
    ] == [*MODULES]
    told = many.ask("incidents", "show", "last")
    assert [(one["state"], one["fix"].split()[-1]) for one in told["series"]] == [("verified", one) for one in MODULES]


def test_heal_goes_on_with_what_follows_from_any_folder(many: Agent, tmp_path: Path) -> None:
    assert many.run(*many.app, mode="hint").returncode == 1
    done = many.call("heal", "last", cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count("✓ verified") == 1
    assert [incident["state"] for incident in many.ask("incidents", "list")] == ["verified"] * 4
    assert all(skill["failed"] == 0 for skill in many.ask("skills", "list"))


def test_a_person_at_a_terminal_is_asked_for_each_with_its_rerun(many: Agent) -> None:
    code, shown = in_a_terminal(many, "run", "--mode", "approve", "--", *many.app, answer=b"y\n", times=4, columns=200)
    assert code == 0
    asked = re.findall(r"known fix: pip install (\w+); then again: [^\n]*\bapp\.py", shown)
    assert list(dict.fromkeys(asked)) == [*MODULES]
    assert shown.count("[y/N]") == 4
    assert "it works" in shown
    assert many.ask("approvals", "list") == []


def test_a_no_in_the_middle_leaves_the_rest_and_holds_nothing_against_what_was_right(many: Agent) -> None:
    code, shown = in_a_terminal(many, "run", "--mode", "approve", "--", *many.app, answer=b"y\n", times=2, last=b"n\n")
    assert code == 1
    assert shown.count("[y/N]") == 3
    states = [incident["state"] for incident in many.ask("incidents", "list")]
    assert states == ["needs_approval", "progress", "progress"]


def test_a_fix_that_could_not_be_applied_is_applied_once_it_can_be(a: Agent) -> None:
    a.learn()
    (a.venv / "pip-fails").touch()
    done = a.call("run", "--", *a.app, env={"PIP_NO_INDEX": "1"})
    assert done.returncode == 1
    assert any("could not be applied" in note for note in lines_of_ours(done.stderr)), done.stderr
    (a.venv / "pip-fails").unlink()
    done = a.call("heal", "last", cwd=Path("/"))
    assert (done.returncode, "✓ verified" in done.stdout) == (0, True), done.stdout + done.stderr
    [skill] = a.ask("skills", "list")
    assert skill["failed"] == 0


@pytest.mark.parametrize(("choice", "code", "times"), [("auto", 1, 1), ("always", 0, 2)])
def test_output_that_somebody_keeps_is_sent_twice_only_where_that_was_asked_for(
    a: Agent, choice: str, code: int, times: int
) -> None:
    a.learn()
    (a.work / "app.py").write_text(f"print('started', flush=True)\n{PROGRAM}")
    lines = a.call("policy", "rerun", "--file", "app.py", "--", *a.app).stdout
    a.operator.mkdir(exist_ok=True)
    (a.operator / "policy.toml").write_text(lines)
    done = a.call("run", "--rerun", choice, "--", *a.app)
    assert (done.returncode, done.stdout.count("started")) == (code, times)
    assert ("--rerun always" in done.stderr) is (choice == "auto")


def test_heal_asks_at_a_terminal_and_says_elsewhere_how_to_say_yes(a: Agent) -> None:
    a.learn()
    a.run(*a.app, mode="hint")
    done = a.call("heal", "last", "--mode", "approve")
    assert done.returncode == 1
    [approval] = a.ask("approvals", "list")
    assert f"meshtui approvals approve {approval['approval_id'][:8]}" in done.stdout
    code, shown = in_a_terminal(a, "heal", "last", "--mode", "approve", answer=b"y\n")
    assert (code, "then again" in shown, len(a.pip_log)) == (0, True, 1)
    assert a.ask("approvals", "list") == []
