"""What stands for a project is asked of git without letting the repository run anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from meshcore.healing.checkout import identity_of, is_shared

GIT = shutil.which("git") or "/usr/bin/git"
ME = ("-c", "user.name=a", "-c", "user.email=a@example.org")


@pytest.fixture
def partial(tmp_path: Path) -> Path:
    """Return a clone that says its first commit is to be fetched, through a program of its own."""
    root = tmp_path / "clone"
    root.mkdir()

    def git(*words: str) -> str:
        return subprocess.run((GIT, *ME, *words), cwd=root, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    first = git("rev-parse", "HEAD")
    git("commit", "-q", "--allow-empty", "-m", "second")
    (root / ".git/objects" / first[:2] / first[2:]).unlink()
    for name, value in (
        ("core.repositoryFormatVersion", "1"), ("extensions.partialClone", "origin"),
        ("remote.origin.url", "ssh://x.example/y"), ("remote.origin.promisor", "true"), ("protocol.allow", "always"),
        ("core.sshCommand", f"touch {tmp_path / 'ran'}; false"), ("core.fsmonitor", f"touch {tmp_path / 'ran'}"),
    ):  # fmt: skip
        git("config", name, value)
    return root


@pytest.mark.parametrize("unset", ["", "unset GIT_NO_LAZY_FETCH; "], ids=["this git", "a git before 2.39.4"])
def test_a_repository_that_wants_something_fetched_runs_nothing(
    partial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unset: str
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(f'#!/bin/sh\n{unset}exec {GIT} "$@"\n')
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert not is_shared(identity_of(str(partial)))
    assert not (tmp_path / "ran").exists()
