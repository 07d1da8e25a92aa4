"""Commands as a project remembers them: what only moves, joins or shortens makes no other command."""

from __future__ import annotations

import pytest

from meshcore.knowledge.shell_words import MAX_TEXT, parts_of, words_and_operators
from meshcore.knowledge.typed import read_typed, verb_of


@pytest.mark.parametrize(
    "command",
    [
        "npm test",
        "cd /w/web && npm test",
        "cd web && npm   test 2>&1",
        "cd 'web' ; npm test 2>&1 | tail -20",
        "cd /w/web\nnpm test | grep -i fail | head -5",
        "cd web && npm test > /dev/null 2>&1 || true",
        "cd x && cd ../web && npm test; echo $?",
    ],
)
def test_what_only_moves_joins_or_shortens_makes_no_other_command(command: str) -> None:
    cwd = "/w/web" if command == "npm test" else "/w"
    typed = read_typed(command, cwd)
    assert (typed.text, typed.folder) == ("npm test", "/w/web")
    assert typed.key("/w") == read_typed("npm test", "/other/web").key("/other")


@pytest.mark.parametrize("other", ["npm test -- --watch", "npm  run test", "X=1 npm test", "npm test && npm run lint"])
def test_what_does_something_else_is_another_command(other: str) -> None:
    assert read_typed(other, "/w").key("/w") != read_typed("npm test", "/w").key("/w")


def test_the_same_command_in_two_folders_is_two() -> None:
    assert read_typed("make", "/w/a").key("/w") != read_typed("make", "/w/b").key("/w")


def test_what_stands_in_quotes_is_one_word_whatever_it_holds() -> None:
    text = """rg "a|b; c" 'x && y' $(git log | head -1) "q\\"|r" """
    assert words_and_operators(text) == ["rg", '"a|b; c"', "'x && y'", "$(git log | head -1)", '"q\\"|r"']


def test_a_pipe_is_remembered_and_a_document_is_left_whole() -> None:
    assert read_typed("go test ./... | tail -3", "/w").piped
    assert not read_typed("go test ./... 2>&1", "/w").piped
    document = read_typed("cat <<EOF | tail -1\nx\nEOF", "/w")
    assert document.document and not document.piped


@pytest.mark.parametrize(
    "command", ["", "   ", "\0", "x" * (MAX_TEXT + 1), ";;", "&&", "'", '"', "\\", "cd x &&", "| tail"]
)
def test_nothing_that_is_typed_is_an_error(command: str) -> None:
    typed = read_typed(command, "/w")
    assert len(typed.key("/w")) == 8 and isinstance(typed.parts, list)


def test_a_command_of_a_megabyte_is_nobodys_habit() -> None:
    assert read_typed("echo " + "x " * 500_000, "/w").words == ()


def test_words_of_scripts_without_spaces_are_words() -> None:
    assert read_typed("git commit -m 修正しました", "/w").words == ("git", "commit", "-m", "修正しました")


@pytest.mark.parametrize(
    ("command", "verb"),
    [
        ("npm run lint", ("lint",)),
        ("git -c x=y status", ("x=y",)),
        ("FOO=1 go test -run X ./a", ("test",)),
        ("python -m pytest -q", ("pytest",)),
        ("ls", ()),
    ],
)
def test_the_verb_of_a_command_is_its_subcommand_or_task(command: str, verb: tuple[str, ...]) -> None:
    assert verb_of(tuple(command.split())) == verb


def test_parts_are_what_stands_between_operators() -> None:
    assert parts_of(words_and_operators("a b && c || d | e; f")) == [("a", "b"), ("c",), ("d",), ("e",), ("f",)]
