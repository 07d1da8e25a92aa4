"""The kill switch: whatever stands there halts, and only an empty place does not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from meshcore.errors import ConfigurationError
from meshcore.safety.halt import REASON_LIMIT, halt, halt_file, halted, resume


def test_halting_says_why_until_it_is_resumed(tmp_path: Path) -> None:
    folder = tmp_path / "operator"
    assert halted(folder) == ""
    halt(folder, "  the build is red ")
    assert halted(folder) == "the build is red"
    assert resume(folder) is True
    assert halted(folder) == ""
    assert resume(folder) is False


def test_a_touch_is_enough(tmp_path: Path) -> None:
    halt_file(tmp_path).touch()
    assert str(halt_file(tmp_path)) in halted(tmp_path)


def test_halting_twice_keeps_the_newer_reason(tmp_path: Path) -> None:
    halt(tmp_path, "one")
    halt(tmp_path, "two")
    assert halted(tmp_path) == "two"


def test_halting_without_a_reason_halts(tmp_path: Path) -> None:
    halt(tmp_path, " ")
    assert halted(tmp_path) == "halted"


def test_a_reason_of_any_text_comes_back_visible_and_short(tmp_path: Path) -> None:
    halt(tmp_path, "\x1b[2J\udcff" + "é" * 1000)
    reason = halted(tmp_path)
    assert "\x1b" not in reason
    assert len(reason) <= REASON_LIMIT
    assert "\ufffd" not in reason


def make_folder(path: Path) -> None:
    path.mkdir()


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_huge(path: Path) -> None:
    path.write_bytes(b"x" * 10_000_000)


def make_binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


@pytest.mark.parametrize("make", [make_folder, make_pipe, make_dangling_link, make_loop, make_huge, make_binary])
def test_whatever_has_that_name_halts_without_waiting(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(halt_file(tmp_path))
    assert halted(tmp_path) != ""


def test_an_operators_folder_that_is_a_file_halts(tmp_path: Path) -> None:
    (tmp_path / "operator").write_text("")
    assert halted(tmp_path / "operator") != ""


def test_what_cannot_be_removed_stays_halted_and_says_so(tmp_path: Path) -> None:
    halt_file(tmp_path).mkdir()
    with pytest.raises(ConfigurationError, match="still halted"):
        resume(tmp_path)


def test_a_dangling_link_can_be_resumed_from(tmp_path: Path) -> None:
    halt_file(tmp_path).symlink_to("nowhere")
    assert resume(tmp_path) is True
    assert halted(tmp_path) == ""


def test_a_full_disk_cannot_keep_the_mesh_running(small_disk: Path) -> None:
    folder = small_disk / "operator"
    folder.mkdir()
    with (small_disk / "ballast").open("ab", buffering=0) as file, pytest.raises(OSError, match="No space"):
        while file.write(b"x" * 4096) == 4096:
            pass
    halt(folder, "stop")
    assert halted(folder) != ""


def test_a_switch_that_cannot_be_set_says_loudly_that_nothing_is_halted(tmp_path: Path) -> None:
    (tmp_path / "operator").write_text("")
    with pytest.raises(ConfigurationError):
        halt(tmp_path / "operator", "stop")
    long = tmp_path / ("x" * 200) / ("y" * 250)
    long.parent.mkdir()
    with pytest.raises(ConfigurationError):
        halt(long / ("z" * 300), "stop")


def test_a_reason_never_writes_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "operator").mkdir()
    halt_file(tmp_path / "operator").symlink_to(victim)
    halt(tmp_path / "operator", "stop")
    assert victim.read_text() == "precious"
    assert halted(tmp_path / "operator") == "stop"
