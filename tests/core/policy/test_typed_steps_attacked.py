"""What is executed means for its program what it meant for us, whatever a folder holds: each attack was run before."""

from __future__ import annotations

import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.core.policy.test_policy import INSTALL, POLICY, question

from meshcore.clock import SystemClock
from meshcore.healing.executor import ApplyResult, Executor
from meshcore.model import Slot
from meshcore.policy.question import PolicyVerdict
from meshcore.process.sandbox import Containment, detect

WORKING = detect({})
BRANCH = ("git", "branch", "next")
WHO = ("git", "config", "user.email", "a@example.com")
NAMED = (Slot("name", "next"),)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def repository(project: Path) -> Path:
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@example.com")
    for words in (("init", "-q", "-b", "main"), ("commit", "-q", "--allow-empty", "-m", "x")):
        subprocess.run((*git, *words), cwd=project, check=True)
    return project


def ruled(project: Path, argv: tuple[str, ...] = BRANCH, *, contained: bool = True) -> PolicyVerdict:
    return POLICY.decide(question(project, argv, slots=NAMED), contained=contained)


def executed(project: Path, argv: tuple[str, ...]) -> ApplyResult:
    """Carry out, contained, what is ruled on a step."""
    executor = Executor(SystemClock(), project.parent / "state", WORKING)
    environment = {"HOME": str(project.parent), "PATH": "/usr/bin:/bin"}
    return executor.apply(ruled(project, argv).plan, cwd=str(project), environment=environment)


class TestInstalls:
    def test_an_archive_in_the_folder_is_not_taken_for_the_package_of_its_name(self, project: Path) -> None:
        mark, name = project / "built", "django.tar.gz"
        (project / "setup.py").write_text(f"open({str(mark)!r}, 'w')\n")
        with tarfile.open(project / name, "w:gz") as archive:
            archive.add(project / "setup.py", "django/setup.py")
        asked = question(project, ("pip", "install", name), slots=(Slot("name", name),), python=sys.executable)
        (step,) = POLICY.decide(asked).plan
        index = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1", "HOME": str(project)}
        done = Executor(SystemClock(), project / "state", Containment()).apply(
            [step], cwd=str(project), environment=index
        )
        assert done.steps[0].exit_code != 0
        assert not mark.exists()

    def test_pip_is_started_where_nothing_of_the_folder_can_set_it_up(self, project: Path) -> None:
        (step,) = POLICY.decide(question(project, INSTALL, python=sys.executable)).plan
        assert step.folder == "/"


class TestGit:
    def test_it_runs_contained_only(self, repository: Path) -> None:
        assert ruled(repository).decision == "run"
        assert ruled(repository, contained=False).reasons == ("make_branch needs bubblewrap to be contained",)

    @pytest.mark.skipif(not WORKING.program, reason="no containment here")
    @pytest.mark.parametrize("name", ["config", "HEAD", "refs", "refs/heads", "logs/refs/heads", "objects"])
    @pytest.mark.parametrize(
        "argv", [BRANCH, ("git", "config", "user.email", "a@example.com")], ids=["branch", "config"]
    )
    def test_a_repository_changes_nothing_to_which_its_links_lead(
        self, repository: Path, name: str, argv: tuple[str, ...]
    ) -> None:
        outside = repository.parent / "outside"
        (repository / ".git" / name).rename(outside)
        (repository / ".git" / name).symlink_to(outside)
        before = [(path, path.stat().st_mtime_ns) for path in sorted([outside, *outside.rglob("*")])]
        executed(repository, argv)
        assert [(path, path.stat().st_mtime_ns) for path in sorted([outside, *outside.rglob("*")])] == before

    def test_a_repository_that_is_a_link_waits(self, repository: Path) -> None:
        (repository / ".git").rename(repository.parent / "elsewhere")
        (repository / ".git").symlink_to(repository.parent / "elsewhere")
        assert ruled(repository).decision == "approve"

    def test_a_repository_that_a_file_names_waits(self, repository: Path) -> None:
        (repository / ".git").rename(repository.parent / "elsewhere")
        (repository / ".git").write_text(f"gitdir: {repository.parent / 'elsewhere'}\n")
        assert ruled(repository).decision == "approve"

    def test_a_bare_repository_among_the_files_of_a_project_is_none(self, repository: Path) -> None:
        bare = repository / "vendor"
        subprocess.run(["git", "init", "-q", "--bare", str(bare)], check=True)
        (step,) = POLICY.decide(replace(question(repository, BRANCH, slots=NAMED), inner_cwd=str(bare))).plan
        done = subprocess.run(step.argv, cwd=bare, capture_output=True, text=True)
        assert done.returncode != 0 and "bareRepository" in done.stderr

    @pytest.mark.skipif(not WORKING.program, reason="no containment here")
    def test_contained_it_does_what_it_is_for(self, repository: Path) -> None:
        assert executed(repository, BRANCH).steps[0].exit_code == 0
        assert (repository / ".git/refs/heads/next").exists()


@pytest.mark.parametrize(
    "text",
    [
        "lsof -i @x.example",
        "lsof -i tcp@x.example:80",
        "ss -tr",
        "hostname -f",
        "hostname -i",
        "grep -R key .",
        "diff -r a b",
        "file -z x.gz",
        "rg -L key",
        "du -L .",
    ],
)
def test_no_look_asks_a_name_server_or_follows_links_out_of_the_project(text: str) -> None:
    assert POLICY.check(text, "own").decision != "run"


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("lsof", "-i", ":8080"), ("-n", "-i", ":8080")),
        (("netstat", "-tlp"), ("-n", "-tlp")),
        (("docker", "ps", "-a"), ("--context", "default", "ps", "-a")),
    ],
)
def test_looks_at_sockets_and_containers_stay_on_this_host(
    project: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...], words: tuple[str, ...]
) -> None:
    monkeypatch.setattr("meshcore.policy.renderers.trusted_program", lambda name: f"/usr/bin/{name}")
    ruling = POLICY.decide(question(project, argv))
    assert (ruling.decision, ruling.plan[0].argv[1:]) == ("run", words)
