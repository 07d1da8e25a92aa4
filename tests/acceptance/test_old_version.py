"""Homes of version 0.1: opened, migrated and shown by this version as that one showed them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tests.fixtures.old_version import (
    FIXTURE,
    PLACES,
    Command,
    copy_fixture,
    differences,
    load_commands,
    load_rules,
    normalise,
    open_in,
    run,
    store_differences,
)

COMMANDS = load_commands(FIXTURE)
FIRST = {command.argv[0]: command.name for command in reversed(COMMANDS)}
"""By its word, the command that opens a home as version 0.1 left it: to migrate one takes longer than most commands."""
SHOWN_AS_PROCESSES = ("status --json", "skills list --all", "trust list", "incidents list")


@pytest.fixture(scope="session")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Each home, opened once by this version and by no command."""

    @cache
    def of(home: str) -> Path:
        return open_in(copy_fixture(FIXTURE, tmp_path_factory.mktemp("old") / home, home), home)

    return of


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_prints_what_version_0_1_printed(
    command: Command, tmp_path: Path, opened: Callable[[str], Path]
) -> None:
    whole = FIRST[command.argv[0]] == command.name or "exports/" in " ".join(command.argv)
    assert differences(FIXTURE, command, tmp_path, opened=None if whole else opened(command.home)) == []


@pytest.mark.parametrize("home", PLACES)
def test_each_store_says_through_the_library_what_it_said_to_version_0_1(home: str, tmp_path: Path) -> None:
    assert store_differences(FIXTURE, home, tmp_path) == []


@pytest.mark.parametrize(
    "command",
    [one for one in COMMANDS if one.home == "a" and " ".join(one.argv) in SHOWN_AS_PROCESSES],
    ids=lambda command: command.name,
)
def test_a_process_prints_what_the_same_call_in_this_process_prints(command: Command, tmp_path: Path) -> None:
    assert differences(FIXTURE, command, tmp_path, (sys.executable, "-m", "meshtui")) == []


@pytest.mark.parametrize("home", PLACES)
def test_a_home_that_was_opened_once_is_shown_the_same_when_it_is_opened_again(home: str, tmp_path: Path) -> None:
    root = copy_fixture(FIXTURE, tmp_path / "copy", home)
    for argv in (("skills", "list", "--all"), ("incidents", "list"), ("trust", "list")):
        first, second = (normalise(run(root, home, argv)[1], load_rules(FIXTURE), root) for _ in range(2))
        assert first == second


def test_every_copy_starts_from_data_that_no_command_has_changed(tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in FIXTURE.rglob("*") if path.is_file()}
    for home in PLACES:
        run(copy_fixture(FIXTURE, tmp_path / home, home), home, ("status",))
    shutil.rmtree(tmp_path)
    assert {path: path.read_bytes() for path in FIXTURE.rglob("*") if path.is_file()} == before
