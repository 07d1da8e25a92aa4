"""What to type instead: what a failure and a similar success show, what is never told, and how it is filled in."""

from __future__ import annotations

import pytest

from meshcore.knowledge.corrections import corrected, correction_between, from_text, holds, to_text, way_of
from meshcore.knowledge.typed import Typed, read_typed


def typed(command: str) -> Typed:
    return read_typed(command, "/w")


def told(failed: str, passed: str, line: str, later: str = "") -> str:
    """Return what the correction that two commands show makes of a later one, "" where they show none."""
    seen = correction_between(typed(failed), typed(passed), line)
    return corrected(typed(later or failed), seen.correction) if seen else ""


@pytest.mark.parametrize(
    ("failed", "passed", "line", "later", "said"),
    [
        ("wrap jest run", "jest run", "error: unrecognized subcommand 'jest'", "wrap jest run -t x", "jest run -t x"),
        ("npm test", "pnpm test", "npm: command not found", "npm test && npm run a", "pnpm test && pnpm run a"),
        ("gh pr diff 4 --stat", "gh pr diff 4 --name-only", "unknown flag: --stat", "gh pr diff 9 --stat",
         "gh pr diff 9 --name-only"),
        ("git show --no-stat A", "git show A", "fatal: unrecognized argument: --no-stat",
         "git show B --no-stat", "git show B"),
        ("git stauts", "git status", "git: 'stauts' is not a git command.", "git stauts -s", "git status -s"),
        ("pytest -q", "source .venv/bin/activate && pytest -q", "pytest: command not found", "",
         "source .venv/bin/activate && pytest -q"),
        ("go vet ./x", "PATH=/opt/go/bin:$PATH go vet ./x", "go: command not found", "",
         "PATH=/opt/go/bin:$PATH go vet ./x"),
        ("sudo apt update && sudo apt install x", "apt update && apt install x", "sudo: not found",
         "sudo apt show y", "apt show y"),
    ],
)  # fmt: skip
def test_a_similar_command_that_passed_is_told_filled_in(
    failed: str, passed: str, line: str, later: str, said: str
) -> None:
    assert told(failed, passed, line, later) == said


@pytest.mark.parametrize(
    ("failed", "passed", "line"),
    [
        ("npm run lint", "npm run test", "npm error Missing script: lint"),
        ("npm run lint", "npm run lint:fix", "error: script not found lint"),
        ("pytest tests", "pytest tests -k fast", "1 failed"),
        ("pytest tests/a tests/b", "pytest tests/a", "tests/b failed"),
        ("go test ./...", "go test ./cmd/...", "FAIL x"),
        ("eslint .", "eslint . || true", "error: x"),
        ("git commit -m x", "git commit -m x --no-verify", "hook failed"),
        ("git push", "git push --force", "rejected"),
        ("git push origin a", "git push origin b", "rejected a"),
        ("git checkout a", "git checkout b", "pathspec 'a' did not match"),
        ("apt install x", "sudo apt install x", "permission denied"),
        ("psql -h db1 -c x", "psql -h db2 -c x", "could not connect to db1"),
        ("kubectl --context prod get x", "kubectl --context dev get x", "context prod not found"),
        ("curl https://a/x", "curl https://b/x", "a: not found"),
        ("ssh dev@one ls", "ssh dev@two ls", "one: no route"),
        ("tool --token=[redacted] x", "tool --token=[redacted] y", "x: unknown"),
        ("cd web && make x", "pwd && make x", "cd: web: no such file"),
        ("rmdir x", "rm x", "rmdir: x: not a directory"),
        ("cat a.txt", "cat b.txt", "a.txt: not there"),
        ("python a.py", "ruby b.rb", "python: command not found"),
        ("tool remov x", "tool remove x", "unknown command remov"),
        ("cargo test -p core", "cargo test -p all-core --lib parses", "package ID `core` did not match any packages"),
        ("tool nextest run", "tool test run", "no such command: `nextest`"),
        ("npm run relint", "npm run lint", "Missing script: relint"),
        ("tool go --dry", "tool go --delete-all", "unknown option --dry"),
        ("tool go --dry", "tool go --purge", "unknown option --dry"),
        ("tool go", "export A=$(curl x) && tool go", "A is not set"),
        ("tool go --a", "tool go --b=`id`", "unknown option --a"),
    ],
)
def test_what_asks_for_something_else_is_never_told(failed: str, passed: str, line: str) -> None:
    said = told(failed, passed, line)
    assert said in ("", failed)


def test_what_the_program_says_of_its_own_command_line_is_known_from_what_it_does_not() -> None:
    named = correction_between(typed("gh x --stat"), typed("gh x --name"), "unknown flag: --stat")
    other = correction_between(typed("gh x --stat"), typed("gh x --name"), "HTTP 500")
    assert named is not None and named.named
    assert other is None or not other.named


def test_the_commands_own_words_are_slots_of_the_way_in_which_it_failed() -> None:
    one = way_of(typed("wrap jest run"), "error: unrecognized subcommand 'jest'")
    two = way_of(typed("wrap mocha x"), "error: unrecognized subcommand 'mocha'")
    assert one == two != way_of(typed("wrap jest run"), "error: no network")
    assert one != way_of(typed("other jest run"), "error: unrecognized subcommand 'jest'")


def test_a_correction_comes_back_as_it_was_stored() -> None:
    seen = correction_between(typed("pytest -q"), typed("cd web && source v/bin/activate && pytest -q"), "x")
    for found in (seen, correction_between(typed("git stauts"), typed("git status"), "'stauts'")):
        assert found is not None
        assert from_text(to_text(found.correction)) == found.correction


def test_what_was_told_is_recognised_inside_what_was_run() -> None:
    assert holds("cd x && bun run a && ls", "bun run a")
    assert not holds("bun run ab", "bun run a")


def test_documents_long_lines_and_twins_show_nothing() -> None:
    assert correction_between(typed("cat <<E\nx\nE"), typed("cat <<E\ny\nE"), "x") is None
    assert correction_between(typed("a " * 100), typed("b " * 100), "x") is None
    assert correction_between(typed("a b"), typed("a  b"), "x") is None
