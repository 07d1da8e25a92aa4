"""What is read because a person names it is a plain file with an end: nothing waits for a pipe or reads a hole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.world import Agent, only_one_line

ENDLESS = 300 << 30  # bytes; reading these would take minutes


def pipe(path: Path) -> None:
    os.mkfifo(path)


def hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(ENDLESS)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, hole, device])
@pytest.mark.parametrize("command", [("skills", "import"), ("report",)])
def test_a_named_file_that_is_none_is_one_line(
    a: Agent, tmp_path: Path, make: object, command: tuple[str, ...]
) -> None:
    assert callable(make)
    make(tmp_path / "odd.jsonl")
    done = a.call(*command, str(tmp_path / "odd.jsonl"))
    assert done.returncode != 0
    assert only_one_line(done).startswith("meshtui: ")


@pytest.mark.parametrize("make", [pipe, hole, device])
def test_an_export_with_such_a_file_is_not_verified(a: Agent, tmp_path: Path, make: object) -> None:
    assert callable(make)
    assert a.call("evidence", "export", str(tmp_path / "ev")).returncode == 0
    for name in (
        "monitor_log.jsonl",
        "report.html",
        "slice/slice.json",
        "SHA256SUMS",
        "SHA256SUMS.sig",
        "manifest.json",
    ):
        path = tmp_path / "ev" / name
        if not path.exists():
            continue
        kept = path.read_bytes()
        path.unlink()
        make(path)
        done = a.call("evidence", "verify", str(tmp_path / "ev"))
        assert done.returncode == 1, name
        assert "Traceback" not in done.stderr
        path.unlink()
        path.write_bytes(kept)
