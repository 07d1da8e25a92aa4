"""Files of one JSON object a line: nobody's line is mixed with another's, and a bad line costs itself only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.errors import MeshError
from meshcore.evidence.monitor.jsonl import Line, append_line, read_lines

WRITER = """
import sys
from pathlib import Path
from meshcore.evidence.monitor.jsonl import append_line
for number in range(60):
    append_line(Path(sys.argv[1]), {"writer": sys.argv[2], "number": number, "filler": "x" * 9000})
"""


def test_two_writers_never_mix_their_lines(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(log), name]) for name in ("a", "b")]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    lines = [line.value for line in read_lines(log)]
    assert None not in lines
    for name in ("a", "b"):
        assert [value["number"] for value in lines if value and value["writer"] == name] == list(range(60))


def test_a_line_that_a_crash_cut_off_does_not_swallow_the_next(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_text('{"whole": 1}\n{"cut": ')
    append_line(log, {"next": 2})
    assert [line.value for line in read_lines(log)] == [{"whole": 1}, None, {"next": 2}]


def test_a_new_log_is_private(tmp_path: Path) -> None:
    append_line(tmp_path / "log.jsonl", {})
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_log_that_others_rotate_truncate_or_remove_is_written_on(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    changes: tuple[Callable[[], object], ...] = (
        lambda: path.rename(tmp_path / "log.jsonl.1"),
        lambda: os.truncate(path, 0),
        path.unlink,
    )
    for number, change in enumerate(changes):
        append_line(path, {"before": number})
        change()
        append_line(path, {"after": number})
        assert [line.value for line in read_lines(path)] == [{"after": number}]
        path.unlink()
    assert [line.value for line in read_lines(tmp_path / "log.jsonl.1")] == [{"before": 0}]


def test_a_log_that_cannot_be_written_is_one_line_of_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(MeshError, match="name another file with --log-file"):
        append_line(tmp_path / "missing" / "log.jsonl", {})
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MeshError):
        append_line(tmp_path / "pipe", {})


def test_a_full_disk_leaves_no_part_of_a_line(small_disk: Path) -> None:
    log = small_disk / "log.jsonl"
    append_line(log, {"number": 1})
    before = log.read_bytes()
    with pytest.raises(MeshError, match="space"):
        append_line(log, {"filler": "x" * (2 << 20)})
    assert log.read_bytes() == before


def test_bad_lines_are_skipped_and_named_with_their_number_and_reason(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    bad = [b"", b"   ", b"{broken", b"[1]", b'"text"', b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"\xef\xbb\xbf{}"]
    log.write_bytes(b"\n".join([b'{"n": 1}', *bad, b'{"n": 2}']))
    lines = list(read_lines(log))
    assert [line.number for line in lines if line.value is None] == list(range(2, 2 + len(bad)))
    assert [line.value for line in lines if line.value is not None] == [{"n": 1}, {"n": 2}]
    reasons = [line.reason for line in lines if line.value is None]
    assert all(reasons)
    assert reasons[:4] == ["blank", "blank", reasons[2], "not an object"]
    assert "column" in reasons[2]


def test_a_line_of_10_megabytes_is_skipped_unread_and_the_next_is_found(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    log.write_bytes(b'{"long": "' + b"x" * 10_000_000 + b'"}\n{"n": 2}\n' + b"y" * 10_000_000)
    assert list(read_lines(log)) == [
        Line(1, None, "too long (10,000,013 bytes)"),
        Line(2, {"n": 2}),
        Line(3, None, "too long (10,000,000 bytes)"),
    ]


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe"])
def test_what_is_no_log_is_one_line_of_what_to_do(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    if kind == "pipe":
        os.mkfifo(path)
    with pytest.raises(MeshError, match="no such file"):
        list(read_lines(path))


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.integers() | st.none(), max_size=3)))
def test_what_is_appended_is_read_back(values: list[dict[str, object]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        for value in values:
            append_line(log, value)
        expected = [json.loads(json.dumps(value)) for value in values]
        assert [line.value for line in read_lines(log)] == expected if values else not log.exists()
