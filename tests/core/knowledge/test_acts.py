"""Only an act can be a fix: looking, writing files, building, testing, sharing and trying again are none."""

from __future__ import annotations

import shlex

import pytest

from meshcore.knowledge.acts import acts, edits, is_act, writes
from meshcore.knowledge.shell_words import changes, words_and_operators
from meshcore.model import Action


def argv(command: str) -> tuple[str, ...]:
    plain = not any(mark in command for mark in "&|;<>\n")
    return tuple(shlex.split(command)) if plain else ("bash", "-c", command)


@pytest.mark.parametrize(
    "command",
    [
        "pip install flask", "npm install", "npm uninstall webpack", "apt-get install -y jq", "make clean",
        "git pull", "docker compose up -d", "npm run lint:fix", "prettier --write .", "cargo fmt",
        "ruff check --fix .", "cd web && npm ci", "rm -rf node_modules && npm install", "python -m pip install x",
        "mkdir -p build", "systemctl start nginx", "git push --set-upstream origin x", "chmod +x run.sh",
        "export A=1 && uv sync",
    ],
)  # fmt: skip
def test_what_changes_the_world_beyond_the_agents_own_files_is_an_act(command: str) -> None:
    assert acts(argv(command))


@pytest.mark.parametrize(
    "command",
    [
        "cargo search left", "brew info jq", "cargo tree -p a", "terraform show",
        "ls -la", "cat a | head", "git status", "git log --oneline", "which python", "pip show x", "echo hello",
        "cd web", "pytest -q", "npm test", "npm run build", "go build ./...", "cargo test", "make",
        "python -m pytest", "tsc", "python3 fix.py", "python3 -c 'print(1)'", "node a.js", "./run_tests.py",
        "bash check.sh", "sed -i s/a/b/ x.py", "sed -n 1,3p x", "cat > a.py <<EOF\nx\nEOF", "echo x > a.py",
        "tee a.py", "printf x >> a", "vim a.py", "git add . && git commit -m x", "git push", "git stash",
        "rm /tmp/x.py", "rm test_repro.py", "sleep 5", "cd web && npm test", "python3 - <<'E'\nopen('a','w')\nE",
        "export A=1", "source .venv/bin/activate", "flask --version", "touch shop/__init__.py",
        "mkdir shop && touch shop/__init__.py",
    ],
)  # fmt: skip
def test_looking_writing_checking_and_sharing_fix_nothing(command: str) -> None:
    assert not acts(argv(command))


def test_a_chain_that_makes_an_empty_module_is_writing_and_no_fix() -> None:
    assert is_act(Action("argv", (("mkdir", "logs"), ("touch", "logs/app.log"))))
    assert not is_act(Action("argv", (("mkdir", "shop"), ("touch", "shop/__init__.py"))))


@pytest.mark.parametrize(
    "command",
    ["sed -i s/a/b/ x.py", "cat > a.ts <<E\nx\nE", "git apply a.diff", "patch a.c a.patch", "cd a && touch b.go"],
)
def test_what_changes_source_is_an_edit(command: str) -> None:
    assert edits(argv(command))


@pytest.mark.parametrize(
    "command",
    ["echo flask >> requirements.txt", "sed -n 1p a.py", "sed -i s/a/b/ .env", "touch db.sqlite3", "pip install x"],
)
def test_what_notes_a_dependency_or_makes_data_is_no_edit(command: str) -> None:
    assert not edits(argv(command))


@pytest.mark.parametrize(
    "command", ["sed -i s/a/b/ x", "echo x > a", "make >> log", "git checkout x", "perl -pi -e s x"]
)
def test_what_writes_files_is_seen(command: str) -> None:
    assert writes(words_and_operators(command))


@pytest.mark.parametrize("command", ["make 2>&1", "ls > /dev/null", "grep -i x a", "git status", "sed -n 1p a"])
def test_what_only_joins_streams_or_reads_writes_nothing(command: str) -> None:
    assert not writes(words_and_operators(command))


@pytest.mark.parametrize(
    "command", ["npm install", "docker login", "source v/bin/activate", "brew x", "a && make setup"]
)
def test_what_installs_activates_starts_or_logs_in_changes_what_others_depend_on(command: str) -> None:
    assert changes(words_and_operators(command))
    assert not changes(words_and_operators("npm test && git status"))
