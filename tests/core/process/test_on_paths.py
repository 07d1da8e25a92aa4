"""What acts on paths without containment follows no link, whoever puts one there and whenever."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest

from meshcore.policy.question import PlannedStep
from meshcore.process.sandbox import Containment

MOVED = "s/from collections import/from collections.abc import/"


def done(project: Path, *argv: str, folder: str = ".") -> int:
    """Carry out a step that was decided for a folder of the project, not shut in; return the exit code."""
    step = PlannedStep((f"/usr/bin/{argv[0]}", *argv[1:]), place=(str(project), folder))
    words = Containment().wrap(step, cwd=str(project), env={})
    return subprocess.run(words, cwd=project, capture_output=True, timeout=20).returncode


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "file").write_text("from collections import Mapping\n")
    (tmp_path / "outside" / "file").chmod(0o600)
    (tmp_path / "outside" / "empty").mkdir()
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    return root


def test_it_does_what_the_programs_do(project: Path) -> None:
    assert done(project, "mkdir", "-pv", "a/b/c", "d") == 0
    assert done(project, "mkdir", "a/x", folder="sub") == 1
    assert done(project, "mkdir", "a") == 1
    assert done(project, "mkdir", "--parents", "a/./x/", folder="sub") == 0
    assert (project / "a/b/c").is_dir() and (project / "d").is_dir() and (project / "sub/a/x").is_dir()
    assert done(project, "touch", "a/new") == 0 and done(project, "touch", "-c", "a/none") == 0
    assert [path.name for path in (project / "a").iterdir() if path.is_file()] == ["new"]
    for mode, now in (("+x", 0o755), ("600", 0o600), ("u+x", 0o700), ("u=rw,go=", 0o600), ("0700", 0o700)):
        (project / "a/new").chmod(0o644 if mode == "+x" else stat.S_IMODE((project / "a/new").stat().st_mode))
        assert done(project, "chmod", mode, "a/new") == 0
        assert stat.S_IMODE((project / "a/new").stat().st_mode) == now
    assert done(project, "rmdir", "a/b/c") == 0 and not (project / "a/b/c").exists()
    assert done(project, "rmdir", "a") == 1
    (project / "a/new").write_text("from collections import Mapping\nx = 1\n")
    assert done(project, "sed", "-i", MOVED, "a/new") == 0
    assert (project / "a/new").read_text() == "from collections.abc import Mapping\nx = 1\n"
    assert [path.name for path in (project / "a").iterdir() if path.is_file()] == ["new"]


@pytest.mark.parametrize(
    "argv",
    [
        ("mkdir", "link/new"),
        ("mkdir", "-p", "link/new/er"),
        ("mkdir", "-p", "link"),
        ("touch", "link/new"),
        ("touch", "link/file"),
        ("touch", "filelink"),
        ("touch", "dangling"),
        ("chmod", "+x", "link/file"),
        ("chmod", "+x", "filelink"),
        ("chmod", "700", "hardlink"),
        ("rmdir", "link/empty"),
        ("rmdir", "link"),
        ("sed", "-i", MOVED, "link/file"),
        ("sed", "-i", MOVED, "filelink"),
        ("sed", "-i", MOVED, "hardlink"),
        ("sed", "-i", "1e./build.sh", "own"),
        ("mkdir", "../outside/new"),
        ("mkdir", "a/../../outside/new"),
    ],
    ids=" ".join,
)
def test_no_link_is_followed_and_nothing_outside_changes(project: Path, argv: tuple[str, ...]) -> None:
    outside = project.parent / "outside"
    (project / "own").write_text("x\n")
    (project / "link").symlink_to(outside)
    (project / "filelink").symlink_to(outside / "file")
    (project / "dangling").symlink_to(outside / "dangling")
    (project / "hardlink").hardlink_to(outside / "file")
    before = [(path, path.stat().st_mode, path.stat().st_mtime_ns) for path in sorted(outside.rglob("*"))]
    assert done(project, *argv) != 0
    assert [(path, path.stat().st_mode, path.stat().st_mtime_ns) for path in sorted(outside.rglob("*"))] == before


@pytest.mark.parametrize("swapped", ["sub", "."])
def test_a_folder_that_became_a_link_after_the_decision_is_not_entered(project: Path, swapped: str) -> None:
    outside = project.parent / "outside"
    (project / swapped).resolve().rename(project.parent / "moved")
    (project / swapped if swapped == "sub" else project).symlink_to(outside)
    assert done(project, "mkdir", "-p", "new", folder=swapped) != 0
    assert not (outside / "new").exists()


def test_a_pipe_is_no_file_to_touch(project: Path) -> None:
    subprocess.run(["mkfifo", str(project / "pipe")], check=True)
    assert done(project, "touch", "pipe") != 0
