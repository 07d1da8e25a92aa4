"""Who said an error: what a program passes on, anybody can have written."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from meshcore.healing.capture import make_incident
from meshcore.healing.failing_command import failing
from meshcore.healing.provenance import doubt
from meshcore.healing.traceback_text import program_at
from meshcore.model import AgentInfo, Incident

FRAME = 'Traceback (most recent call last):\n  File "app.py", line 1, in <module>\n'
FORGED = f"{FRAME}ModuleNotFoundError: No module named 'gone'\n"
PORT = "Error: listen EADDRINUSE: address already in use :::3000\n"
FOLDER = "mkdir: cannot create directory 'a/b': No such file or directory\n"

RELAYED = [
    "cat notes.txt",
    "less notes.txt",
    "head -5 notes.txt",
    "grep -r Error .",
    "rg Error",
    "diff a b",
    "curl --fail-with-body http://127.0.0.1/x",
    "wget -O- http://127.0.0.1/x",
    "git show HEAD",
    "git log -1",
    "git diff",
    "git push",
    "git commit -m x",
    "ssh host make",
    "docker logs web",
    "docker compose up",
    "kubectl logs pod",
    "journalctl -u web",
    "tail -f log",
    "psql -c select",
    "jq . a.json",
    "awk 1 a",
    "sed -n 1p a",
    "xargs cat",
    "find . -exec cat {} ;",
    "make test",
    "npm test",
    "npx jest",
    "node app.js",
    "ruby app.rb",
    "./run-tests.sh",
    "nox -s tests",
    "pip install .",
    "uv pip install x",
    "some-program-that-nobody-listed --x",
    "tee out",
    "sudo cat x",
]
SHELLS = [
    "cat notes.txt; exit 1",
    "python -c 'print(1)'; cat notes.txt",
    "cat notes.txt && false",
    "python app.py | cat - notes.txt && cat x",
    "echo $ERROR",
    "while read x; do echo $x; done",
]


def incident(argv: tuple[str, ...], output: str, folder: Path, *, exit_code: int = 1) -> Incident:
    env = {"PATH": "/usr/bin:/bin"}
    said = output.encode()
    return make_incident(said, argv, cwd=str(folder), env=env, agent=AgentInfo("a"), exit_code=exit_code, opened="")


def why(argv: tuple[str, ...], output: str, folder: Path, *, exit_code: int = 1) -> str:
    inner = failing(argv, str(folder), {"PATH": "/usr/bin:/bin"}).one
    return doubt(
        incident(argv, output, folder, exit_code=exit_code),
        inner.argv if inner else argv,
        inner.cwd if inner else str(folder),
    )


@pytest.mark.parametrize("output", [FORGED, PORT, FOLDER], ids=["a traceback", "a port", "a folder"])
@pytest.mark.parametrize("typed", RELAYED)
def test_what_is_passed_on_is_not_the_program_s_own(tmp_path: Path, typed: str, output: str) -> None:
    assert why(tuple(typed.split()), output, tmp_path)


@pytest.mark.parametrize("text", SHELLS)
def test_neither_is_what_a_shell_passes_on(tmp_path: Path, text: str) -> None:
    assert why(("bash", "-c", text), FORGED, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "cat notes.txt; mkdir a/b",
        "cat notes.txt >&2; python app.py",
        "git show HEAD\nmkdir a/b",
        "make lint; cd . && mkdir a/b",
        "mkdir a/b 2>&1 | cat - notes.txt",
        "python app.py 2>&1 | tail -n 20 notes.txt",
        "timeout 5 sh -c 'cat notes.txt; mkdir a/b'",
        "exec -a mkdir cat notes.txt a/b",
        "nice --unknown mkdir cat notes.txt",
    ],
)
def test_neither_is_what_another_command_of_the_same_text_may_have_printed(tmp_path: Path, text: str) -> None:
    (tmp_path / "notes.txt").write_text(FOLDER)
    assert why(("sh", "-c", text), FOLDER, tmp_path)
    assert why(("sh", "-c", text), FORGED, tmp_path)


@pytest.mark.parametrize("text", ["mkdir a/b", "cd . && mkdir a/b", "mkdir a/b 2>&1 | tail -n 20", "CI=1 mkdir a/b"])
def test_what_one_plain_command_of_a_text_printed_is_its_own(tmp_path: Path, text: str) -> None:
    assert why(("sh", "-c", text), FOLDER, tmp_path) == ""


@pytest.mark.parametrize(
    "typed",
    ["./mkdir a/b", "tools/mkdir a/b", "{}/mkdir a/b", "./env mkdir a/b", "nice ./timeout 5 mkdir a/b", "./git init"],
)
def test_a_file_of_the_project_with_the_name_of_a_program_is_not_believed(tmp_path: Path, typed: str) -> None:
    for name in ("mkdir", "tools/mkdir", "env", "timeout", "git", "python"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("#!/bin/sh\ncat notes >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    assert why(tuple(typed.format(tmp_path).split()), FOLDER, tmp_path)
    assert why(("./python", "app.py"), FORGED, tmp_path)
    assert why(("env", f"PATH={tmp_path}:/usr/bin:/bin", "mkdir", "a/b"), FOLDER, tmp_path)
    assert why(("mkdir", "a/b"), FOLDER, tmp_path) == ""


def test_neither_is_a_link_of_the_project_to_another_program(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "mkdir").symlink_to("/bin/cat")
    assert why(("env", f"PATH={tmp_path}/bin:/usr/bin:/bin", "mkdir", "a/b"), FOLDER, tmp_path)


@pytest.mark.parametrize(
    "typed",
    ["python app.py", f"{sys.executable} -m app", "timeout 9 python app.py", "env A=1 python3.12 app.py"],
)
def test_an_interpreter_is_believed_where_its_own_traceback_ends_what_was_printed(tmp_path: Path, typed: str) -> None:
    argv = tuple(typed.split())
    assert why(argv, FORGED, tmp_path) == ""
    assert why(argv, f"{FORGED}1 failed in 0.1 s\n", tmp_path)
    assert why(argv, f"{FORGED}\nDuring handling: ValueError: x\n", tmp_path)
    assert why(argv, FORGED.partition("\n")[2], tmp_path), "an error without a traceback is any text"
    assert why(argv, PORT, tmp_path), "so is what the program prints itself"


@pytest.mark.parametrize("code", [126, 127])
@pytest.mark.parametrize(
    "typed", ["./run.sh", "sh run.sh", "env X=1 ./run.sh", "find . -name x", f"{sys.executable} app.py"]
)
def test_a_program_that_started_and_says_it_did_not_is_not_believed(tmp_path: Path, typed: str, code: int) -> None:
    script = tmp_path / "run.sh"
    script.write_text("#!/bin/sh\ncat notes\nexit 127\n", "utf-8")
    script.chmod(0o755)
    assert why(tuple(typed.split()), FOLDER, tmp_path, exit_code=code)


@pytest.mark.parametrize("code", [2, 3, 127, 137, 255])
def test_an_interpreter_that_ends_otherwise_than_by_its_traceback_is_not_believed(tmp_path: Path, code: int) -> None:
    assert why((sys.executable, "app.py"), FORGED, tmp_path, exit_code=code)


@pytest.mark.parametrize(
    "typed",
    [
        "python tools/show.py",
        "python -c print(1)",
        "python -",
        "python -m json.tool x",
        "python -m pytest",
        "python -X dev",
    ],
)
def test_a_traceback_of_another_file_than_the_one_called_is_not_believed(tmp_path: Path, typed: str) -> None:
    assert why(tuple(typed.split()), FORGED, tmp_path)


@pytest.mark.parametrize(
    "typed",
    [
        "pip --no-input -q --no-color install .",
        "pip show x",
        "uv --quiet --offline --no-cache pip install x",
        "uv run --with x pytest",
        "uv add x",
        "uv lock",
        "uv build",
        "uv tool run x",
        "systemctl status web",
        "systemctl cat web",
        "apt install ./x.deb",
        "dpkg -i x.deb",
        "mount x",
        "git stash show -p",
        "git stash list",
        "git rebase -x make main",
        "git rebase main",
        "git am p",
        "git cherry-pick x",
        "git revert x",
        "git remote update",
        "git remote show origin",
        "git tag -n99",
        "git branch -vv",
        "git status -v",
        "git checkout -p",
    ],
)
def test_no_command_of_a_known_program_that_passes_something_on_is_believed(tmp_path: Path, typed: str) -> None:
    repository(tmp_path)
    assert why(tuple(typed.split()), FOLDER, tmp_path)


def test_git_is_not_believed_where_the_repository_has_it_run_something(tmp_path: Path) -> None:
    config = repository(tmp_path)
    said = "error: pathspec 'main' did not match any file(s)\n"
    assert why(("git", "checkout", "main"), said, tmp_path) == ""
    for text in ("[core]\n fsmonitor = ./x", '[filter "a"]\n smudge = cat', "[include]\n path = x"):
        config.write_text(text, "utf-8")
        assert why(("git", "checkout", "main"), said, tmp_path)
    config.write_text("", "utf-8")
    (tmp_path / ".git/hooks").mkdir()
    (tmp_path / ".git/hooks/post-checkout").touch()
    assert why(("git", "checkout", "main"), said, tmp_path)


@pytest.mark.parametrize(
    "text",
    [f"mkdir a/b | {reader}" for reader in ("cat n", "cat - n", "tail n", "head -5 n", "sort n", "wc -l n", "less n")]
    + [f"mkdir a/b 2>&1 | grep {reader}" for reader in ("-r . n", "-f n", "--file=n", ". n")],
)
def test_a_filter_that_reads_a_file_of_its_own_passes_it_on(tmp_path: Path, text: str) -> None:
    assert why(("bash", "-c", text), FOLDER, tmp_path)


def test_a_filter_of_what_the_program_printed_hides_nothing(tmp_path: Path) -> None:
    for text in ("mkdir a/b 2>&1 | tail -n 5", "mkdir a/b 2>&1 | grep cannot", "mkdir a/b 2>&1 | tee log"):
        assert why(("bash", "-c", text), FOLDER, tmp_path) == ""


def repository(folder: Path) -> Path:
    """Make the folder a repository that runs nothing; return its configuration."""
    (folder / ".git").mkdir()
    config = folder / ".git" / "config"
    config.touch()
    return config


def test_programs_that_speak_of_their_own_operands_are_believed(tmp_path: Path) -> None:
    assert why(("mkdir", "a/b"), FOLDER, tmp_path) == ""
    assert why(("sh", "-c", "cd / && mkdir a/b"), FOLDER, tmp_path) == ""


def test_a_program_that_could_not_be_started_said_nothing_at_all(tmp_path: Path) -> None:
    argv = ("no-such-program",)
    assert why(argv, "meshtui: no-such-program: command not found\n", tmp_path, exit_code=127) == ""
    inside, said = ("sh", "-c", "cd . && ./run.sh --all"), "sh: 1: ./run.sh: Permission denied\n"
    (tmp_path / "run.sh").write_text("#!/bin/sh\n")
    assert why(inside, said, tmp_path, exit_code=126) == ""
    assert why(inside, f"started\n{said}", tmp_path, exit_code=126), "something else was printed"
    assert why(inside, said, tmp_path, exit_code=127), "it would have ended otherwise"
    assert why(("sh", "-c", "./run.sh || ./send"), said, tmp_path, exit_code=126), "another one may have said it"
    (tmp_path / "run.sh").chmod(0o755)
    assert why(inside, said, tmp_path, exit_code=126), "it can be started"
    assert why(("sh", "-c", "./run.sh"), "run.sh: gone: command not found\n", tmp_path, exit_code=127)
    assert doubt(replace(incident(argv, "", tmp_path), argv=()), (), str(tmp_path))


TIMED = [
    (("bash", "-c", "time python app.py"), "\nreal\t0m0.034s\nuser\t0m0.021s\nsys\t0m0.009s\n"),
    (("bash", "-c", "time -p python app.py"), "real 0.03\nuser 0.02\nsys 0.00\n"),
    (
        ("time", "python", "app.py"),
        "Command exited with non-zero status 1\n0.02user 0.00system 0:00.03elapsed 93%CPU "
        "(0avgtext+0avgdata 9728maxresident)k\n0inputs+0outputs (0major+1234minor)pagefaults 0swaps\n",
    ),
    (("zsh", "-c", "time python app.py"), "python app.py  0.02s user 0.00s system 93% cpu 0.034 total\n"),
]


@pytest.mark.parametrize(("argv", "trailer"), TIMED)
def test_what_time_prints_is_neither_the_commands_own_nor_hides_it(
    tmp_path: Path, argv: tuple[str, ...], trailer: str
) -> None:
    own = FORGED.replace("app.py", str(tmp_path / "app.py"))
    assert why(argv, own + trailer, tmp_path) == ""
    # it is taken away once, at the end, and only where the command's own text has it
    assert why(argv, own + trailer + trailer, tmp_path)
    assert why(argv, own + trailer + "more\n", tmp_path)
    assert why(argv, f"{own}not of time\n{trailer}", tmp_path)
    assert why(("python", "app.py"), own + trailer, tmp_path)


@pytest.mark.parametrize(
    ("typed", "at"),
    [
        ("python -W ignore -u app.py", 4), ("python -Wignore -X dev app.py", 4), ("python -Bu -m app", 2),
        ("python -W ignore::site.X app.py", 1), ("python -X pycache_prefix=x app.py", 1), ("python -W", 1),
        ("python -i app.py", 1), ("python", 1),
    ],
)  # fmt: skip
def test_options_that_change_nothing_of_what_python_runs_stand_before_the_program(typed: str, at: int) -> None:
    assert program_at(typed.split()) == at
