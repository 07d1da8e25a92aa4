"""What is tracked, unchanged or ignored is what git itself says, and a repository runs nothing when it is asked."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from meshcore.policy.renderers import trusted_program
from meshcore.policy.tracked import as_tracked, is_ignored, repository

GIT = trusted_program("git") or "git"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = tmp_path / "project"
    (root / "sub").mkdir(parents=True)
    (root / "top.txt").write_text("top\n")
    (root / "sub/below.txt").write_text("below\n")
    (root / ".gitignore").write_text("ignored*\n")
    for words in (("init", "-q"), ("add", ".")):
        subprocess.run(("git", *words), cwd=root, check=True)
    return root


def test_a_tracked_file_is_known_also_below(project: Path) -> None:
    assert as_tracked(project / "top.txt") == b"top\n"
    assert as_tracked(project / "sub/below.txt") == b"below\n"


def test_what_is_changed_new_linked_or_elsewhere_is_not_as_git_tracks_it(project: Path) -> None:
    (project / "top.txt").write_text("other\n")
    (project / "new.txt").write_text("below\n")
    (project / "sub/link.txt").symlink_to("below.txt")
    (project / "sub/top.txt").write_text("top\n")
    for name in ("top.txt", "new.txt", "sub/link.txt", "sub/top.txt", "sub/../sub/below.txt", "none", "sub"):
        assert as_tracked(project / name) is None, name
    assert as_tracked(project.parent / "outside.txt") is None


def test_a_repository_that_is_a_link_or_a_file_is_none(project: Path) -> None:
    (project / ".git").rename(project.parent / "elsewhere")
    (project / ".git").symlink_to(project.parent / "elsewhere")
    assert repository(project / "top.txt") is None and as_tracked(project / "top.txt") is None
    (project / ".git").unlink()
    (project / ".git").write_text("gitdir: ../elsewhere\n")
    assert repository(project / "top.txt") is None and as_tracked(project / "top.txt") is None


def test_git_says_what_it_ignores(project: Path) -> None:
    assert is_ignored(project / "ignored.json", GIT) and is_ignored(project / "sub/ignored", GIT)
    assert not is_ignored(project / "top.txt", GIT) and not is_ignored(project / "new", GIT)
    assert not is_ignored(project.parent / "ignored", GIT)
    assert not is_ignored(project / "ignored", "/usr/bin/no-such-git")


@pytest.mark.parametrize(
    "name", ["core.fsmonitor", "core.hooksPath", "core.pager", "core.sshCommand", "alias.check-ignore"]
)
def test_a_repository_runs_nothing_when_it_is_asked(project: Path, name: str) -> None:
    mark = project / "pwned"
    script = project / "evil.sh"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    value = f"!{script}" if name.startswith("alias") else str(script)
    subprocess.run(("git", "config", name, value), cwd=project, check=True)
    assert is_ignored(project / "ignored", GIT)
    assert not mark.exists()
