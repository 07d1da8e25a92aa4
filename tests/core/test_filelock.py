"""The lock between processes: its file is for whom it was meant, whatever the umask."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from meshcore.filelock import FileLock, holder


@pytest.mark.parametrize("mode", [0o600, 0o660])
def test_its_file_has_the_permissions_that_were_asked_for(tmp_path: Path, mode: int) -> None:
    before = os.umask(0o077)
    try:
        lock = FileLock(tmp_path / "lock", mode)
        assert lock.acquire()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == mode
    lock.release()


def test_a_file_that_an_earlier_version_left_too_narrow_is_widened(tmp_path: Path) -> None:
    (tmp_path / "lock").touch(0o640)
    with FileLock(tmp_path / "lock", 0o660).held() as taken:
        assert taken
    assert stat.S_IMODE((tmp_path / "lock").stat().st_mode) == 0o660


def test_who_holds_a_lock_is_read_from_its_file_while_it_is_held(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert holder(path) is None
    path.write_text("who held it before")
    lock = FileLock(path)
    assert holder(path) is None
    assert lock.acquire()
    lock.note("us")
    assert holder(path) == "us"
    lock.release()
    assert holder(path) is None
