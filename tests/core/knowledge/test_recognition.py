"""Which commands were the fix? Sequences of commands with exit codes and outputs, and what they show."""

from __future__ import annotations

import shlex

import pytest

from meshcore.knowledge.fixes import spell
from meshcore.knowledge.recognition import CommandRun, recognise

MISSING = "ModuleNotFoundError: No module named 'flask'"


def runs(*lines: str) -> list[CommandRun]:
    """Read `0 pip install x` or `1 python a.py | output` as runs, one second apart."""
    found = []
    for at, line in enumerate(lines):
        code, _, rest = line.partition(" ")
        command, _, output = rest.partition(" | ")
        found.append(CommandRun(tuple(shlex.split(command)), "/srv", int(code), output, float(at)))
    return found


def fix(*lines: str) -> str | None:
    found = recognise(runs(*lines))
    return spell(found.fix) if found else None


def test_a_command_that_names_what_the_error_names_is_the_fix() -> None:
    found = recognise(runs(f"1 python a.py | {MISSING}", "0 pip install flask", "0 python a.py"))
    assert found is not None
    assert spell(found.fix) == "pip install flask"
    assert found.failed.argv == ("python", "a.py")
    assert found.evidence == (
        "`python a.py` failed and then succeeded; between the two `pip install flask` names 'flask', as the error does"
    )


def test_nothing_is_recognised_before_the_failed_command_succeeds() -> None:
    assert fix(f"1 python a.py | {MISSING}", "0 pip install flask") is None
    assert fix(f"1 python a.py | {MISSING}", "0 pip install flask", f"1 python a.py | {MISSING}") is None
    assert fix() is None
    assert fix("0 python a.py", "0 pip install flask", "0 python a.py") is None


def test_a_success_of_another_command_or_in_another_folder_is_none() -> None:
    assert fix(f"1 python a.py | {MISSING}", "0 pip install flask", "0 python b.py") is None
    history = runs(f"1 python a.py | {MISSING}", "0 pip install flask")
    assert recognise([*history, CommandRun(("python", "a.py"), "/other", 0)]) is None


def test_looking_around_and_retrying_are_no_fixes() -> None:
    looking = ("0 cd flask", "0 ls flask", "0 cat flask.py", "0 grep -r flask .", "0 pip show flask", "0 git log flask")
    assert fix(f"1 python a.py | {MISSING}", *looking, "0 which flask", "0 flask --version", "0 python a.py") is None


def test_a_failure_that_an_edit_fixed_has_no_command() -> None:
    assert fix("1 pytest t.py | E   AssertionError: assert 1 == 2", "0 vim t.py", "0 pytest t.py") is None
    assert (
        fix("1 python a.py | NameError: name 'fooo' is not defined", "0 sed -i s/fooo/foo/ a.py", "0 python a.py")
        is None
    )
    assert fix("1 python a.py | NameError: name 'fooo' is not defined", "0 git checkout fooo", "0 python a.py") is None
    assert fix("1 pytest t.py | E   AssertionError: assert 1 == 2", "0 pytest t.py") is None


def test_an_edit_in_between_takes_the_credit_away() -> None:
    assert fix(f"1 python a.py | {MISSING}", "0 pip install flask", "0 sed -i s/a/b/ a.py", "0 python a.py") is None
    assert fix(f"1 python a.py | {MISSING}", "0 mkdir flask", "0 touch flask/__init__.py", "0 python a.py") is None
    noted = "0 sh -c 'echo flask >> requirements.txt'"
    assert fix(f"1 python a.py | {MISSING}", "0 pip install flask", noted, "0 python a.py") == "pip install flask"


def test_an_unrelated_command_is_no_fix_unless_it_helped_before() -> None:
    once = ("1 make test | E   RuntimeError: cache is stale", "0 make clean", "0 make test")
    assert fix(*once) is None
    assert fix(*once, *once) == "make clean"
    found = recognise(runs(*once, *once))
    assert found is not None
    assert "helped against the same error before" in found.evidence


def test_a_command_that_failed_itself_is_no_fix() -> None:
    tries = ("1 pip install flask==99", "0 pip install flask", "0 python a.py")
    assert fix(f"1 python a.py | {MISSING}", *tries) == "pip install flask"


def test_several_commands_can_be_the_fix_in_their_order() -> None:
    text = "1 npm run build | Error: Cannot find module 'webpack'"
    steps = ("0 npm uninstall webpack", "0 npm install webpack@5", "0 npm run build")
    assert fix(text, *steps) == "npm uninstall webpack && npm install webpack@5"


def test_only_what_followed_the_last_failure_counts() -> None:
    history = (
        "1 python a.py | ModuleNotFoundError: No module named 'flask'",
        "0 pip install flask",
        "1 python a.py | ModuleNotFoundError: No module named 'redis'",
        "0 pip install redis",
        "0 python a.py",
    )
    assert fix(*history) == "pip install redis"


def test_what_the_tool_suggested_is_the_fix() -> None:
    text = "1 git push | fatal: The current branch x has no upstream branch. Use: git push --set-upstream origin x"
    assert fix(text, "0 git push --set-upstream origin x", "0 git push") == "git push --set-upstream origin x"


def test_parts_of_words_are_no_relation() -> None:
    assert fix("1 python a.py | KeyError: 'cat'", "0 pip install concatenate", "0 python a.py") is None


def test_git_makes_branches_and_remotes_and_lists_them() -> None:
    missing = "128 git switch release | fatal: invalid reference: release"
    assert fix(missing, "0 git branch release", "0 git switch release") == "git branch release"
    assert fix(missing, "0 git branch --list release", "0 git switch release") is None
    remote = "128 git fetch hub | fatal: 'hub' does not appear to be a git repository"
    assert fix(remote, "0 git remote add hub ../hub.git", "0 git fetch hub") == "git remote add hub ../hub.git"
    assert fix(remote, "0 git remote show hub", "0 git remote -v", "0 git fetch hub") is None


def test_a_name_of_two_letters_is_one_where_it_is_all_of_a_word() -> None:
    folder = "1 cp a db/a | cp: cannot create regular file 'db/a': No such file or directory"
    assert fix(folder, "0 mkdir -p db", "0 cp a db/a") == "mkdir -p db"
    assert fix(folder, "0 systemctl start my-db", "0 cp a db/a") is None
    assert (
        fix("127 jq . a | sh: jq: command not found", "0 apt-get install -y jq", "0 jq . a") == "apt-get install -y jq"
    )


def test_a_program_that_could_not_be_started_is_what_the_error_is_about() -> None:
    assert fix("126 ./tool --x | sh: ./tool: Permission denied", "0 chmod +x tool", "0 ./tool --x") == "chmod +x tool"
    assert fix("1 ./tool --x | it is closed", "0 chmod +x tool", "0 ./tool --x") is None


def test_a_projects_own_configure_makes_a_missing_file_of_its_build() -> None:
    missing = "2 make | Makefile:1: config.mk: No such file or directory"
    assert fix(missing, "0 ./configure", "0 make") == "./configure"
    assert fix(missing, "0 ./configure", "0 apt-get install gcc", "0 make") is None
    assert fix(missing, "0 ./run-me", "0 make") is None
    assert fix("2 make | error: expected ';'", "0 ./configure", "0 make") is None


def test_braces_of_a_fix_are_kept() -> None:
    found = recognise(runs(f"1 python a.py | {MISSING}", "0 pip install flask{{x}}", "0 python a.py"))
    assert found is not None
    assert spell(found.fix.fill([])) == "pip install 'flask{{x}}'"


NODE = "Error: Cannot find module '{}'"
PYTHON = "ModuleNotFoundError: No module named '{}'"


@pytest.mark.parametrize(
    ("failed", "error", "fixed"),
    [
        ("python a.py", PYTHON.format("yaml"), "pip install pyyaml"),
        ("python a.py", PYTHON.format("yaml"), "pip install PyYAML==6.0"),
        ("python a.py", PYTHON.format("sklearn.svm"), "python -m pip install -q scikit-learn"),
        ("python a.py", PYTHON.format("PIL"), ".venv/bin/pip install Pillow"),
        ("python a.py", PYTHON.format("PIL"), "./.venv/bin/pip3 install Pillow"),
        ("python a.py", PYTHON.format("jwt"), "uv pip install PyJWT"),
        ("python a.py", PYTHON.format("flask"), "pip install -r requirements.txt"),
        ("python a.py", PYTHON.format("shop"), "pip install -e ."),
        ("python a.py", PYTHON.format("flask"), "uv sync --frozen"),
        ("python a.py", PYTHON.format("flask"), "poetry install"),
        ("node a.js", NODE.format("ms"), "npm install ms"),
        ("node a.js", NODE.format("ms"), "npm i ms@2.1.3"),
        ("node a.js", NODE.format("@babel/core"), "npm ci"),
        ("node a.js", NODE.format("lodash/fp"), "npm install lodash"),
        ("node a.js", NODE.format("@a/bc/d"), "pnpm add @a/bc@1"),
        ("node a.js", NODE.format("express"), "npm install"),
        ("node a.js", NODE.format("express"), "yarn --immutable"),
        ("node a.js", NODE.format("express"), "pnpm i --frozen-lockfile"),
    ],
)
def test_what_brings_the_missing_module_is_the_fix(failed: str, error: str, fixed: str) -> None:
    assert fix(f"1 {failed} | {error}", f"0 {fixed}", f"0 {failed}") == fixed


@pytest.mark.parametrize(
    ("failed", "error", "other"),
    [
        ("python a.py", PYTHON.format("yaml"), "pip install requests"),
        ("python a.py", PYTHON.format("yaml"), "npm ci"),
        ("python a.py", PYTHON.format("yaml"), "pip install --upgrade pip"),
        ("python a.py", "ValueError: bad", "pip install -r requirements.txt"),
        ("node a.js", NODE.format("./rows"), "npm install ."),
        ("node a.js", NODE.format("express"), "pip install -r requirements.txt"),
        ("node a.js", NODE.format("express"), "npm run build"),
        ("node a.js", NODE.format("ms"), "npm install msgpack"),
        ("node a.js", NODE.format("ms"), "npm install rooms"),
        ("make x", "RuntimeError: stale", "npm ci"),
    ],
)
def test_what_brings_something_else_is_none(failed: str, error: str, other: str) -> None:
    assert fix(f"1 {failed} | {error}", f"0 {other}", f"0 {failed}") is None


@pytest.mark.parametrize(
    ("failed", "made", "found"),
    [
        (".venv/bin/python a.py", "python3 -m venv .venv", True),
        ("./.venv/bin/pytest", "python3.11 -m venv .venv/", True),
        ("venv/bin/python a.py", "virtualenv venv", True),
        (".venv/bin/python a.py", "uv venv .venv", True),
        (".venv/bin/python a.py", "python3 -m venv other", False),
        ("python a.py", "python3 -m venv .venv", False),
    ],
)
def test_making_the_environment_whose_program_was_called_is_the_fix(failed: str, made: str, *, found: bool) -> None:
    name = failed.split()[0]
    assert (fix(f"127 {failed} | bash: {name}: No such file or directory", f"0 {made}", f"0 {failed}") == made) is found


def test_a_missing_command_of_npm_is_brought_by_what_the_project_asks_for() -> None:
    assert fix("127 npm test | sh: 1: jest: not found", "0 npm ci", "0 npm test") == "npm ci"
