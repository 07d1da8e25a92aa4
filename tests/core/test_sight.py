"""Whether anything is new in some files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from meshcore import sight
from meshcore.sight import Sight


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every file for one that was written long ago."""
    monkeypatch.setattr(sight, "STEP_NS", 0)


def test_the_first_look_finds_something_new_and_the_next_nothing(tmp_path: Path) -> None:
    seen = Sight([tmp_path, tmp_path / "none"])
    assert seen.is_new()
    assert not seen.is_new()
    seen.forget()
    assert seen.is_new()


def test_a_file_that_comes_grows_is_replaced_or_goes_is_new_each_time(tmp_path: Path) -> None:
    file = tmp_path / "file"
    seen = Sight([file])
    seen.is_new()
    for change in (
        lambda: file.write_text("1"),
        lambda: file.write_text("12"),
        lambda: (tmp_path / "other").write_text("12"),
        lambda: (tmp_path / "other").replace(file),
        file.unlink,
        lambda: file.symlink_to("nothing"),
    ):
        change()
        assert seen.is_new() is (not (tmp_path / "other").exists())
        assert not seen.is_new()


def test_a_change_that_keeps_size_and_time_of_the_content_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("one")
    before = file.stat()
    seen = Sight([file])
    seen.is_new()
    while file.stat().st_ctime_ns == before.st_ctime_ns:
        file.write_text("two")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert seen.is_new()


def test_what_was_written_just_now_is_looked_at_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sight, "STEP_NS", 10**15)  # whatever is written is written just now
    file = tmp_path / "file"
    file.write_text("one")
    seen = Sight([file])
    assert seen.is_new()
    assert seen.is_new()


def test_another_value_beside_the_files_is_new_too(tmp_path: Path) -> None:
    seen = Sight([tmp_path])
    seen.is_new("one")
    assert not seen.is_new("one")
    assert seen.is_new("two")
