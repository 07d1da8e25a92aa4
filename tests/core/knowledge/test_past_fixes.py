"""Fixes of the past: only what surely fixed a failure counts, each once, without secrets."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.agents.made_sessions import MISSING, PROJECT, Ran, claude_session, codex_session, story

from meshcore.knowledge.history import Preview, plain_commands, preview
from meshcore.knowledge.interchange import resolution

SECRET = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"


def look(home: Path, agent: str = "claude-code") -> Preview:
    return preview(agent, {"HOME": str(home)})


def fixes(found: Preview) -> dict[str, int]:
    return {resolution(fix.skill): fix.times for fix in found.fixes}


def test_no_session_files_are_no_error(tmp_path: Path) -> None:
    assert look(tmp_path) == Preview("claude-code")


def test_the_past_is_summed_up_in_one_line(tmp_path: Path) -> None:
    claude_session(tmp_path, [*story(), *story(at=100), *story("yaml", at=200)])
    claude_session(tmp_path, [Ran("make", 2, "Error: no luck", 5), Ran("make", 2, "Error: no luck", 9)], "s2")
    found = look(tmp_path)
    assert found.sentence() == "2 sessions: 2 failures seen twice or more, 1 with a proven fix"
    assert fixes(found) == {"pip install django": 2, "pip install yaml": 1}
    assert found.seconds == (40.0, 40.0, 40.0)


def test_both_agents_teach_the_same_skill(tmp_path: Path) -> None:
    claude_session(tmp_path, story())
    codex_session(tmp_path, story())
    one, other = look(tmp_path), look(tmp_path, "codex")
    assert [fix.skill for fix in one.fixes] == [fix.skill for fix in other.fixes]


def test_a_resumed_session_that_repeats_its_lines_counts_once(tmp_path: Path) -> None:
    claude_session(tmp_path, story(), "s1")
    claude_session(tmp_path, [*story(), *story("yaml", at=500)], "s2")
    found = look(tmp_path)
    assert [fix.times for fix in found.fixes] == [1, 1]
    assert (found.failures, len(found.seconds)) == (2, 2)


@pytest.mark.parametrize(
    "between",
    [
        [],
        [Ran("sed -i s/a/b/ app.py", 0, "", 20)],
        [Ran("pip install django | tail -1", 0, "", 20)],
        [Ran("pip install django || true", 0, "", 20)],
        [Ran("pip install django; echo done", 0, "", 20)],
        [Ran("pip install django", 1, "no network", 20)],
        [Ran("pip install $NAME", 0, "", 20)],
        [Ran("pip show django", 0, "", 20)],
    ],
    ids=["nothing", "edit", "pipe", "or true", "echo", "failed", "variable", "looking"],
)
def test_what_nothing_plain_fixed_teaches_nothing(tmp_path: Path, between: list[Ran]) -> None:
    claude_session(tmp_path, [story()[0], *between, story()[-1]])
    found = look(tmp_path)
    assert found.fixes == ()
    assert (found.seconds, found.seconds_any) == ((), (40.0,))


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("for p in django; do pip install $p; done", ""),
        ("PIP_NO_INPUT=1 pip install django", "PIP_NO_INPUT=1 pip install django"),
        ("pip install 'django' --log $HOME/pip.log", "pip install 'django' --log $HOME/pip.log"),
        ("pip install django --log {a}.log", "pip install django --log {a}.log"),
        (f"TOKEN={SECRET} pip install django", ""),
    ],
    ids=["a loop may hide a failure", "assignment", "variable", "braces", "secret"],
)
def test_what_needs_a_shell_and_surely_passed_is_advice_with_its_text(tmp_path: Path, text: str, advice: str) -> None:
    claude_session(tmp_path, [story()[0], Ran(text, 0, "", 20), story()[-1]])
    found = [fix.skill.action for fix in look(tmp_path).fixes]
    assert [(one.kind, one.text, one.steps) for one in found] == ([("advice", advice, ())] if advice else [])


def test_what_needs_a_shell_is_left_out_where_a_plain_command_helped(tmp_path: Path) -> None:
    claude_session(tmp_path, [story()[0], Ran("X=1 pip install django", 0, "", 15), *story()[1:]])
    assert fixes(look(tmp_path)) == {"pip install django": 1}


@pytest.mark.parametrize(
    "last", ["python app.py | tail", "python app.py || true", "python app.py; true", "python x.py"]
)
def test_only_the_same_command_proves_a_fix(tmp_path: Path, last: str) -> None:
    claude_session(tmp_path, [*story()[:-1], Ran(last, 0, "", 40)])
    assert look(tmp_path).fixes == ()


def test_the_same_command_in_another_folder_proves_nothing(tmp_path: Path) -> None:
    claude_session(tmp_path, [*story()[:-1], Ran("cd /elsewhere && python app.py", 0, "", 40)])
    assert look(tmp_path).fixes == ()


@pytest.mark.parametrize(
    "commands",
    [
        [story()[0], Ran("pip install django && python app.py", 0, "", 9)],
        [Ran(f"cd {PROJECT} && python app.py 2>&1", 1, MISSING.format("django")), *story()[1:]],
        [
            Ran("make build && python app.py", 1, MISSING.format("django")),
            Ran("pip install django", 0, "", 5),
            Ran("make build && python app.py", 0, "", 9),
        ],
    ],
    ids=["fix and rerun in one", "cd and errors too", "two commands as one"],
)
def test_what_agents_write_around_a_command_does_not_hide_it(tmp_path: Path, commands: list[Ran]) -> None:
    claude_session(tmp_path, commands)
    [fix] = look(tmp_path).fixes
    assert fix.skill.action.steps[0][:2] == ("pip", "install")


def test_secrets_of_the_past_stay_there(tmp_path: Path) -> None:
    commands = [
        Ran(f"deploy --token {SECRET} app", 1, MISSING.format("django") + f"\ntoken={SECRET}"),
        Ran("pip install django", 0, "", 5),
        Ran(f"deploy --token {SECRET} app", 0, "", 9),
        Ran("python b.py", 1, MISSING.format("yaml"), 20),
        Ran(f"pip install yaml --token {SECRET}", 0, "", 25),
        Ran("python b.py", 0, "", 29),
    ]
    claude_session(tmp_path, commands)
    found = look(tmp_path)
    assert len(found.fixes) == 1
    assert SECRET not in repr(found)
    assert found.left_out == {"the fix holds a secret": 1}


def test_broken_lines_and_unreadable_files_are_counted(tmp_path: Path) -> None:
    path = claude_session(tmp_path, story())
    path.write_text('{"tool_use"\n' + path.read_text())
    found = look(tmp_path)
    assert (found.broken, found.named) == (1, (f"{path}:1: no JSON, passed over",))
    assert len(found.fixes) == 1


def test_progress_ends_at_the_whole(tmp_path: Path) -> None:
    claude_session(tmp_path, story())
    told: list[tuple[int, int]] = []
    found = preview("claude-code", {"HOME": str(tmp_path)}, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1] == (found.size, found.size)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("make", (("make",),)),
        ("cd sub && make && make 'a b'", (("make",), ("make", "a b"))),
        ("make > log", None),
        ("A=1 make", None),
        ("make &", None),
        ("", None),
        ("make " + "x" * 5000, None),
    ],
)
def test_only_plain_commands_are_read(text: str, steps: tuple[tuple[str, ...], ...] | None) -> None:
    found = plain_commands(text, "/p")
    assert (found and found[0]) == steps
    if text.startswith("cd"):
        assert found is not None
        assert found[1] == "/p/sub"
