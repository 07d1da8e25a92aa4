"""What sightings of a fix are worth together."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from pathlib import Path

import pytest
from tests.core.agents.desk import Desk

from meshcore.healing.sightings import stands
from meshcore.model import KnownSkill
from meshcore.store.sightings import Sighting

FIRST = Sighting("own", "/a", "s1", "one", 1.0)
FAILING, MAKES = "python3 app.py", "mkdir -p build"
NO_FOLDER = "Traceback:\nFileNotFoundError: [Errno 2] No such file or directory: 'build'"


def told(project: str, session: str) -> Sighting:
    return Sighting("told", project, session, "two", 2.0)


@pytest.mark.parametrize(
    ("others", "enough"),
    [
        ((), False),
        ((told("/b", "s2"),), False),
        ((told("/b", "s2"), told("/b", "s3")), True),
        ((told("/b", "s2"), told("/c", "s3")), True),
        ((told("/b", "s2"), told("/b", "s2")), False),
        ((told("/b", "s1"), told("/b", "s3")), False),
        ((told("/a", "s2"), told("/a", "s3"), told("/a", "s4")), False),
        ((told("", "s2"), told("", "s3")), False),
        ((replace(FIRST, project="/b", session="s2"),), True),
        ((replace(FIRST, kind="past", project="/b", session="s2"),), True),
        ((replace(FIRST, project="/b"),), False),
        ((replace(FIRST, session="s2"),), False),
        ((replace(FIRST, project="/b", session="", at=3000.0),), False),
        ((replace(FIRST, project="/b", session="", at=3602.0),), True),
    ],
)
def test_the_first_sighting_needs_one_more_from_elsewhere_or_two_that_were_told(
    others: tuple[Sighting, ...], enough: bool
) -> None:
    for order in permutations(others):
        assert stands((FIRST, *order)) is enough


def test_what_was_only_ever_told_needs_four_sessions() -> None:
    followed = [told("/a", "s0"), *(told("/b", f"s{number}") for number in range(1, 4))]
    assert not stands(followed[:3])
    assert stands(followed)
    assert not stands([told("/b", f"s{number}") for number in range(9)]), "one project is no other one"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def learn(desk: Desk, fix: str = MAKES, error: str = NO_FOLDER) -> None:
    desk.failed(command=FAILING, output=error, session_id="first")
    desk.succeeded(fix, session_id="first")
    desk.succeeded(FAILING, session_id="first")


def follow(
    desk: Desk, session: str, project: str, *between: str, fix: str = MAKES, error: str = NO_FOLDER, edit: bool = False
) -> KnownSkill:
    """Let a session in a project be told, take the fix and get the failed command to pass."""
    folder = desk.root / project
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").touch()
    where = {"session_id": session, "cwd": str(folder)}
    assert fix in desk.failed(command=FAILING, output=error, **where)
    if edit:
        edited = {"file_path": str(folder / "app.py")}
        report = {"hook_event_name": "PostToolUse", "tool_name": "Edit", "tool_input": edited, **where}
        desk.report("claude-code", report)
    for command in (*between, fix, FAILING):
        desk.succeeded(command, **where)
    with desk.node() as node:
        [known] = node.store.skills.all()
    return known


def test_a_told_fix_that_worked_in_two_sessions_elsewhere_confirms_it(desk: Desk) -> None:
    learn(desk)
    assert not follow(desk, "second", "b").confirmed
    assert not follow(desk, "second", "c").confirmed, "the same session"
    assert not follow(desk, "third", "work").confirmed, "the project in which it was learnt"
    assert follow(desk, "fourth", "d").confirmed


def test_no_number_of_followers_lets_a_name_in_from_the_network(desk: Desk) -> None:
    error, fix = "ModuleNotFoundError: No module named 'django'", "pip install django"
    learn(desk, fix, error)
    for number in range(5):
        known = follow(desk, f"s{number}", f"p{number}", fix=fix, error=error)
        assert (known.confirmed, known.state) == (False, "unconfirmed")


@pytest.mark.parametrize("between", [("npm ci",), ("ls -la", "chmod 644 app.cfg")])
def test_a_told_fix_counts_only_where_nothing_else_may_have_helped(desk: Desk, between: tuple[str, ...]) -> None:
    learn(desk)
    for number in range(4):
        assert not follow(desk, f"s{number}", f"p{number}", *between).confirmed


def test_looking_around_takes_nothing_from_a_told_fix(desk: Desk) -> None:
    learn(desk)
    follow(desk, "second", "b", "ls -la", "cat app.py")
    assert follow(desk, "third", "c").confirmed


def test_an_edit_between_takes_the_credit_from_a_told_fix(desk: Desk) -> None:
    learn(desk)
    for number in range(4):
        assert not follow(desk, f"s{number}", f"p{number}", edit=True).confirmed
