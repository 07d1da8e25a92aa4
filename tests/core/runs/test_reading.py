"""Reading artifacts: JSON as the old validator read it, and files that are not what they should be."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.runs.reading import MAX_DEPTH, ReadError, parse_json, read_bytes

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_json_writes_is_read_without_a_warning(value: Any) -> None:
    read = parse_json(json.dumps(value).encode())
    assert (read.value, read.warnings) == (value, ())


@given(st.binary() | st.text(alphabet='{}[]",:0123456789eE+-.tfn\\u \n').map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        parse_json(data)
    except ReadError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON: Expecting value at line 1, column 1"),
        (b'{"a": 1,\n "b"', "no JSON: Expecting ':' delimiter at line 2"),
        (b"\xef\xbb\xbf{}", "a UTF-8 byte-order mark"),
        ("{}".encode("utf-16"), "a UTF-16 byte-order mark"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b"[Infinity]", "Infinity is not a JSON number"),
        (b"[-Infinity]", "-Infinity is not a JSON number"),
        (b'["\x01"]', "Invalid control character"),
        (b"[01]", "no JSON"),
        (b"[1] x", "Extra data"),
        (b"[" * 100_000, f"nested deeper than {MAX_DEPTH} levels"),
        (b'{"a":' * 100_000, f"nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(data: bytes, words: str) -> None:
    with pytest.raises(ReadError, match=words.replace("[", r"\[")):
        parse_json(data)


def test_a_text_may_nest_to_the_limit_and_no_further() -> None:
    parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(ReadError):
        parse_json(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


def test_brackets_in_texts_do_not_nest() -> None:
    assert parse_json(json.dumps("[" * 5000 + '"').encode()).value == "[" * 5000 + '"'


def test_a_key_twice_is_a_warning_and_the_last_one_counts() -> None:
    read = parse_json(b'{"a": 1, "b": {"c": 1, "c": 2}, "a": 3, "a": 4}')
    assert read.value == {"a": 4, "b": {"c": 2}}
    assert [warning.split(" ")[2] for warning in read.warnings] == ["'c'", "'a'"]


def test_numbers_beyond_a_double_are_read() -> None:
    assert parse_json(b"[1e999, -1e999]").value == [float("inf"), float("-inf")]
    assert parse_json(b"[" + b"9" * 10_000 + b"]").value == [float("inf")]


def test_bytes_that_are_not_utf_8_are_replaced_with_a_warning() -> None:
    read = parse_json(b'{"a": "x\xff"}')
    assert read.value == {"a": "x\ufffd"}
    assert read.warnings == ("not UTF-8 at byte 8: what could not be read counts as U+FFFD",)


def test_a_lone_surrogate_is_replaced_with_a_warning_and_a_pair_is_not() -> None:
    assert parse_json(rb'["\ud83d\ude00"]').warnings == ()
    read = parse_json(rb'{"\ud800": ["\udfff", 1]}')
    assert read.value == {"\ufffd": ["\ufffd", 1]}
    assert len(read.warnings) == 1


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_bytes(tmp_path / "x", tmp_path, 10) is None
    (tmp_path / "x").symlink_to("nowhere")
    assert read_bytes(tmp_path / "x", tmp_path, 10) is None


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"1234567890")
    assert read_bytes(path, tmp_path, 10) == b"1234567890"
    with pytest.raises(ReadError, match="10 bytes, more than 9: not read"):
        read_bytes(path, tmp_path, 9)


def test_a_file_of_200_mb_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.touch()
    os.truncate(path, 200 << 20)
    with pytest.raises(ReadError, match="209715200 bytes"):
        read_bytes(path, tmp_path, 32 << 20)


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(ReadError, match="not a plain file"):
            read_bytes(tmp_path / name, tmp_path, 10)


def test_a_link_is_followed_below_the_root_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "real").write_text("real")
    (root / "inside").symlink_to("real")
    (root / "outside").symlink_to("../secret")
    (root / "circle").symlink_to("circle")
    assert read_bytes(root / "inside", root, 10) == b"real"
    with pytest.raises(ReadError, match="leads out of the runs root"):
        read_bytes(root / "outside", root, 10)
    with pytest.raises(ReadError, match="in a circle"):
        read_bytes(root / "circle", root, 10)
