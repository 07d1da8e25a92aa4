"""Commands that had no effect when they failed, told from those that may have had one: each is run for real."""

from __future__ import annotations

import os
import shlex
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from meshcore.healing.capture import make_incident
from meshcore.healing.rerun_ruling import rule_rerun
from meshcore.model import AgentInfo, Decision
from meshcore.policy.policy import Policy
from meshcore.process.find_program import CannotStartError, find_program

POLICY = Policy.load(None)
GIT = "git init -q && git -c user.name=x -c user.email=x@x.org commit -q --allow-empty -m a"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with a few files and a program that is not executable."""
    folder = tmp_path / "shop"
    (folder / "bin").mkdir(parents=True)
    for name, text in {"Makefile": "", "a.conf": "a\n", "build.sh": "#!/bin/sh\necho built\n"}.items():
        (folder / name).write_text(text)
    return folder


def program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def ruled(folder: Path, typed: str, *, path: str = "", said: str | None = None) -> Decision:
    """Run what was typed, let it fail, and return whether it is run again."""
    environment = {"PATH": path or "/usr/bin:/bin", "HOME": str(folder), "LC_ALL": "C"}
    argv = shlex.split(typed)
    try:
        find_program(argv[0], environment, str(folder))
        done = subprocess.run(argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        code, output = done.returncode, done.stdout
    except CannotStartError as error:
        code, output = error.exit_code, f"sh: {error.message}\n".encode()
    assert code != 0
    incident = make_incident(
        output if said is None else said.encode(),
        argv,
        cwd=str(folder),
        env=environment,
        agent=AgentInfo("a"),
        exit_code=code,
        opened=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    )
    return rule_rerun(POLICY, incident, environment).decision


@pytest.mark.parametrize(
    "typed",
    [
        "./build.sh", "./gone.sh --all", "bash -c ./build.sh", "timeout 9 bash -c 'cd . && ./build.sh'",
        "cp a.conf etc/a.conf", "cp -p a.conf etc/deep/a.conf", "mv a.conf etc/a.conf", "ln -s ../a.conf etc/a.conf",
        "install -m 644 a.conf etc/a.conf", "mkfifo run/a", "mktemp -d -p tmp", "split -l 1 a.conf parts/p",
        "tar czf out/a.tgz a.conf", "sh -c 'cd bin && cp ../Makefile x/y'",
        "bash -c 'date > out/a.txt'", "bash -c 'cd bin && cat ../a.conf >> log/a.txt'",
        "bash -c './bin/send > out/a.txt 2>&1'", "cp a.conf Makefile etc/", "mv a.conf b.conf etc",
    ],
)  # fmt: skip
def test_what_was_never_started_or_made_nothing_runs_for_the_first_time(project: Path, typed: str) -> None:
    program(project / "bin" / "send", "echo sent >> ../sent.log")
    assert ruled(project, typed) == "run"
    assert not (project.parent / "sent.log").exists()


@pytest.mark.parametrize(
    "typed",
    [
        # it made something, or may have
        "cp a.conf etc/", "cp -t etc a.conf", "cp --backup a.conf etc/a", "cp gone b.conf",
        "tar czf out/a.tgz a.conf --checkpoint-action=exec=bin/send", "tar -I bin/send -cf out/a.tgz a.conf",
        "tar xzf a.conf", "install -D a.conf gone/../Makefile/x", "tee out/a.txt",
        "curl -sS -o out/a.html http://127.0.0.1:9/",
        # more than one command, or another one's file
        "bash -c 'bin/send; date > out/a.txt'", "bash -c 'bin/send && date > out/a.txt'",
        "bash -c 'date > out/a.txt; bin/send; exit 1'", "bash -c 'bin/send | cat > out/a.txt; exit 1'",
        "bash -c 'date > b.txt > out/a.txt'", "bash -c 'bin/send 2> out/a.txt'", "bash -c 'date > out/$(bin/send)'",
        "bash -c 'bin/send; cp a.conf etc/a.conf'", "bash -c 'cp a.conf etc/a.conf; bin/send; exit 3'",
        # harm, also the first time
        "bash -c 'rm -rf bin > out/a.txt'", "sqlite3 var/a.db 'delete from a'", "bash -c 'python3 -c 1 > out/a'",
        # a shell or a program may do something of the environment's own before
        "bash -lc 'date > out/a.txt'", "env BASH_ENV=bin/send bash -c 'date > out/a.txt'",
        "env TAR_OPTIONS=--checkpoint=1 tar cf out/a.tar a.conf",
        # something started and says that it did not
        "bin/claims", "bash -c bin/claims", "./cp a.conf etc/a.conf", "bin/tar czf out/a.tgz a.conf",
        "bash -c 'bin/claims > b.txt'",
    ],
)  # fmt: skip
def test_what_may_have_had_an_effect_waits(project: Path, typed: str) -> None:
    program(project / "bin" / "send", "echo sent >> sent.log; exit 1")
    program(project / "bin" / "claims", "echo sent >> sent.log; echo 'sh: bin/claims: Permission denied'; exit 126")
    for name in ("cp", "bin/tar"):
        program(project / name, "echo sent >> sent.log; exit 1")
    assert ruled(project, typed) != "run"


@pytest.mark.parametrize("typed", ["env A=1 ./build.sh", "timeout 5 ./build.sh x", "nice -n 5 ./build.sh"])
def test_what_a_wrapper_could_not_start_runs_for_the_first_time(project: Path, typed: str) -> None:
    assert ruled(project, typed) == "run"
    program(project / "build.sh", "exit 126")
    for said in (
        "env: './build.sh': Permission denied",
        "timeout: failed to run command './build.sh': Permission denied",
    ):
        assert ruled(project, typed, said=f"{said}\n") == "approve"


def test_git_that_follows_no_branch_has_pulled_nothing(project: Path) -> None:
    hub = "git init -q --bare ../hub && git remote add origin ../hub && git push -q origin HEAD"
    subprocess.run(["sh", "-ec", f"{GIT} && {hub}"], cwd=project, check=True, capture_output=True)
    assert ruled(project, "git pull -q") == ruled(project, "git pull --ff-only") == "run"
    said = "There is no tracking information for the current branch.\n"
    assert ruled(project, "git pull gone main", said=said) == "approve"
    hook = project / ".git" / "hooks" / "post-merge"
    hook.parent.mkdir(exist_ok=True)
    program(hook, "send")
    assert ruled(project, "git pull -q") == "approve"
    hook.unlink()
    subprocess.run(["git", "config", "branch.other.merge", "x"], cwd=project, check=True)
    assert ruled(project, "git pull -q") == "run"
    subprocess.run(["git", "remote", "add", "fork", "../fork"], cwd=project, check=True)
    assert ruled(project, "git pull -q") == "approve"


def test_a_program_of_the_project_that_comes_first_on_the_path_may_have_done_anything(project: Path) -> None:
    program(project / "bin" / "cp", "echo sent >> sent.log; exit 1")
    assert ruled(project, "cp a.conf etc/a.conf", path=f"{project}/bin:/usr/bin:/bin") != "run"


def test_what_a_shell_says_counts_and_not_that_a_folder_is_gone(project: Path) -> None:
    typed = "bash -c 'rmdir out > out/a.txt; exit 1'"
    assert ruled(project, typed, said="something else\n") != "run"
    assert ruled(project, "bash -c 'date > out/a.txt'", said="x out/a.txt: No such file or directory\nmore\n") != "run"


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("git switch -q topic", "run"), ("git checkout -q topic", "run"), ("git worktree add ../wt topic", "run"),
        ("git commit -q --allow-empty -m b", "approve"), ("git tag -a v1 -m a", "approve"),
        ("git branch -m topic done", "approve"), ("git merge topic", "approve"), ("git push", "approve"),
    ],
)  # fmt: skip
def test_git_had_done_nothing_where_it_found_nothing_to_go_to(project: Path, typed: str, decision: Decision) -> None:
    subprocess.run(f"{GIT} && git config user.useConfigOnly true", shell=True, cwd=project, check=True)
    assert ruled(project, typed) == decision
    hook = project / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    program(hook, "echo sent >> sent.log")
    assert ruled(project, typed) == "approve"


@pytest.mark.parametrize("typed", ["git add a.conf", "git commit -q -m b", "git mv Makefile M", "git rm -q a.conf"])
def test_git_that_did_not_get_its_lock_had_done_nothing(project: Path, typed: str) -> None:
    subprocess.run(f"{GIT} && git config user.email x@x.org && git add Makefile", shell=True, cwd=project, check=True)
    lock = project / ".git" / "index.lock"
    lock.touch()
    assert ruled(project, typed) == "run"
    said = f"fatal: Unable to create '{lock}': File exists.\n"
    assert ruled(project, "git push", said=said) != "run", "a verb that does other things first"
    assert ruled(project, typed, said=f"[main 12] b\n{said}") != "run", "it had said something before"
    hook = project / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    program(hook, "echo sent >> sent.log")
    assert ruled(project, typed) != "run"
    hook.unlink()
    lock.unlink()
    assert ruled(project, "git rm -q gone", said=said) != "run", "there is no lock"


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("source .venv/bin/activate && ./build.sh", "run"),
        (". .venv/bin/activate && python3 -c 1 && ls", "run"),
        ("cd bin && source ../.venv/bin/activate && cd .. && bin/send", "run"),
        ("bin/send && source .venv/bin/activate && ls", "approve"),
        ("bin/send; source .venv/bin/activate && ls", "approve"),
        ("ls gone || source .venv/bin/activate && ls", "approve"),
        ("source .venv/bin/activate || bin/send && false", "approve"),
        ("source .venv/bin/activate; bin/send; false", "approve"),
        ("source .venv/bin/activate && curl -sS http://127.0.0.1:9/ | sh", "approve"),
        ("source .venv/bin/activate && printenv", "refuse"),
        ("source bin/other && ls", "approve"),
    ],
)
def test_what_hangs_on_an_environment_that_is_not_there_has_not_run(
    project: Path, typed: str, decision: Decision
) -> None:
    program(project / "bin" / "send", "echo sent >> sent.log")
    done = ruled(project, f"bash -c '{typed}'")
    assert done == decision or (decision != "run" and done != "run")
    if decision == "run":
        assert not (project / "sent.log").exists()
        assert (
            ruled(project, f"bash -c '{typed}'", said="bash: line 1: .venv/bin/activate: Permission denied\nx") != "run"
        )


@pytest.mark.parametrize(
    ("typed", "decision"),
    [
        ("jq .a gone.json", "run"), ("wc -l gone.txt", "run"), ("sed -n 1p gone.txt", "run"), ("du -s gone", "run"),
        ("find gone -name '*.py'", "run"), ("find gone -name '*.py' -delete", "refuse"),
        ("sed -i s/a/b/ gone.txt", "approve"), ("sort -o a.conf gone.txt", "approve"),
        ("find gone -exec ./build.sh {} +", "approve"), ("sed 1e./build.sh gone.txt", "approve"),
    ],
)  # fmt: skip
def test_what_only_looks_may_look_again(project: Path, typed: str, decision: Decision) -> None:
    done = ruled(project, typed)
    assert done == decision or (decision != "run" and done != "run")
    name = shlex.split(typed)[0]
    program(project / "bin" / name, "exit 1")
    assert ruled(project, typed, path=f"{project}/bin:/usr/bin:/bin") != "run", "another program of that name"


def test_the_other_commands_of_a_list_may_be_repeated_or_it_waits(project: Path) -> None:
    _environment(project)
    program(project / "bin" / "send", "echo sent >> sent.log")
    (project / "app.py").write_text("import gone\n")
    app = ".venv/bin/python app.py"
    assert ruled(project, f"bash -c 'test -f app.py && {app} && echo done'") == "run"
    assert ruled(project, f"bash -c 'ls && {app} && ls -l'") == "run"
    for typed in (
        f"bin/send && {app}",
        f"test -f app.py && bin/send && {app}",
        f"{app} && bin/send",
        f"ls; {app}; ls gone",
    ):
        assert ruled(project, f"bash -c '{typed}'") != "run", typed


def test_python_that_does_not_find_what_it_was_told_to_run_has_run_nothing(project: Path) -> None:
    python = _environment(project)
    assert ruled(project, ".venv/bin/python -m flask routes") == "run"
    (project / "flask.py").write_text("print('sent')\nraise SystemExit(1)\n")
    assert ruled(project, ".venv/bin/python -m flask routes") != "run"
    (project / "flask.py").unlink()
    (python.parents[1] / "lib" / "python3.11" / "site-packages" / "flask").mkdir(parents=True)
    assert ruled(project, ".venv/bin/python -m flask routes") != "run"
    assert ruled(project, "python3 -m flask_of_another_world") != "run"
    assert ruled(project, ".venv/bin/python -m gone") == "run"
    (project / "sitecustomize.py").write_text("print('sent')\n")
    assert ruled(project, ".venv/bin/python -m gone") != "run"


def _environment(folder: Path) -> Path:
    (folder / ".venv" / "bin").mkdir(parents=True)
    base = Path(os.path.realpath("/usr/bin/python3"))
    (folder / ".venv" / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    (folder / ".venv" / "bin" / "python").symlink_to(base)
    return folder / ".venv" / "bin" / "python"
