"""A home's files: private whatever the umask, replaced whole or not at all, never written through a link."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError
from meshcore.home import (
    MOST_HOLE,
    Home,
    create_once,
    make_private_folder,
    open_plain_file,
    read_plain_file,
    write_atomically,
)


def mode(path: Path) -> int:
    return path.lstat().st_mode & 0o777


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    old = os.umask(request.param)
    yield
    os.umask(old)


@pytest.mark.usefixtures("umask")
def test_a_new_home_and_the_folders_above_it_are_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "share" / "deep" / "meshtui").create()
    assert {mode(folder) for folder in (home.root, home.state, home.root.parent, home.root.parent.parent)} == {0o700}


@pytest.mark.usefixtures("umask")
def test_written_files_are_private(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"1")
    assert create_once(tmp_path / "b", b"1")
    assert mode(tmp_path / "a") == mode(tmp_path / "b") == 0o600


def test_a_folder_that_is_there_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    make_private_folder(tmp_path)
    assert mode(tmp_path) == 0o750


def test_a_home_that_is_a_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    for path in (tmp_path / "home", tmp_path / "home" / "deeper"):
        with pytest.raises(ConfigurationError, match="choose another"):
            Home(path).create()


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    write_atomically(tmp_path / "a", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a", b"new")]


def test_a_link_is_replaced_never_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / "a").symlink_to(victim)
    write_atomically(tmp_path / "a", b"new")
    (tmp_path / "b").symlink_to(victim)
    assert create_once(tmp_path / "b", b"new") is False
    assert victim.read_bytes() == b"precious"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_of_two_who_create_a_file_the_first_wins_whole(tmp_path: Path) -> None:
    assert create_once(tmp_path / "key", b"first")
    assert not create_once(tmp_path / "key", b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("key", b"first")]


def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(small_disk: Path) -> None:
    write_atomically(small_disk / "a", b"old")
    with pytest.raises(OSError, match="No space"):
        write_atomically(small_disk / "a", b"x" * (2 << 20))
    with pytest.raises(OSError, match="No space"):
        create_once(small_disk / "b", b"x" * (2 << 20))
    assert [(path.name, path.read_bytes()) for path in small_disk.iterdir()] == [("a", b"old")]


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_kill_9_before_the_rename_leaves_the_old_file(tmp_path: Path, step: str) -> None:
    path = tmp_path / "a"
    write_atomically(path, b"old")
    code = (
        "import os, pathlib, signal, sys; from meshcore.home import write_atomically\n"
        f"def die(*_): os.kill(os.getpid(), signal.SIGKILL)\n{step} = die\n"
        "write_atomically(pathlib.Path(sys.argv[1]), b'new')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_atomically(path, b"newer")
    assert path.read_bytes() == b"newer"


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_pipe, make_folder, make_device])
def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a")
    with pytest.raises(OSError, match=r"plain file|directory"):
        read_plain_file(tmp_path / "a", 10)


def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert read_plain_file(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="larger than 4 bytes"):
        read_plain_file(tmp_path / "a", 4)


@pytest.mark.parametrize("permissions", [0o640, 0o604, 0o602, 0o660])
def test_a_private_file_that_others_can_use_is_refused(tmp_path: Path, permissions: int) -> None:
    (tmp_path / "a").write_bytes(b"1")
    (tmp_path / "a").chmod(permissions)
    assert read_plain_file(tmp_path / "a", 5) == b"1"
    with pytest.raises(OSError, match="chmod 600"):
        read_plain_file(tmp_path / "a", 5, private=True)


def test_a_private_file_behind_a_link_is_refused(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"1")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    with pytest.raises(OSError, match="symbolic links"):
        read_plain_file(tmp_path / "link", 5, private=True)


def test_a_file_of_nothing_but_a_hole_is_refused_without_reading_it(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.truncate(MOST_HOLE + 65_536)
    with pytest.raises(OSError, match="a hole"):
        open_plain_file(tmp_path / "a", 1 << 40)
    with (tmp_path / "a").open("r+b") as file:
        file.write(b"x" * 4096)
    with pytest.raises(OSError, match="a hole"):
        open_plain_file(tmp_path / "a", 1 << 40)


def test_a_small_hole_of_a_crash_is_read(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb") as file:
        file.seek(1 << 20)
        file.write(b"end")
    with open_plain_file(tmp_path / "a", 1 << 40) as file:
        assert file.read().endswith(b"\0end")
