"""The branch that the current one would follow is read from git's files; where any of it is open, there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.policy.upstream import own_upstream

CONFIG = '[core]\n\tbare = false\n[remote "origin"]\n\turl = ../hub\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
SHA = f"{'a' * 40}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    (folder / ".git" / "refs" / "remotes" / "origin" / "fix").mkdir(parents=True)
    (folder / ".git" / "refs" / "remotes" / "origin" / "fix" / "a").write_text(SHA)
    (folder / ".git" / "HEAD").write_text("ref: refs/heads/fix/a\n")
    (folder / ".git" / "config").write_text(CONFIG)
    (folder / "src").mkdir()
    return folder


def test_it_is_the_branch_of_the_same_name_at_the_only_remote(repository: Path) -> None:
    assert own_upstream(repository) == own_upstream(repository / "src") == "origin/fix/a"
    (repository / ".git" / "refs" / "remotes" / "origin" / "fix" / "a").unlink()
    assert own_upstream(repository) == ""
    (repository / ".git" / "packed-refs").write_text(f"# pack-refs\n{SHA.strip()} refs/remotes/origin/fix/a\n")
    assert own_upstream(repository) == "origin/fix/a"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("HEAD", SHA),
        ("HEAD", "ref: refs/heads/other\n"),
        ("HEAD", "ref: refs/heads/fix/../fix/a\n"),
        ("config", CONFIG.replace('[remote "origin"]', "[remote]")),
        ("config", CONFIG + '[remote "fork"]\n\turl = ../fork\n'),
        ("config", CONFIG + '[branch "fix/a"]\n\tmerge = refs/heads/main\n'),
        ("config", CONFIG + "[include]\n\tpath = ../other\n"),
        ("config", CONFIG + '[includeIf "onbranch:fix/a"]\n\tpath = ../other\n'),
    ],
)
def test_where_any_of_it_is_open_there_is_none(repository: Path, file: str, text: str) -> None:
    (repository / ".git" / file).write_text(text)
    assert own_upstream(repository) == ""


def test_outside_of_a_repository_there_is_none(tmp_path: Path) -> None:
    assert own_upstream(tmp_path) == ""
