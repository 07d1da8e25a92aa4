"""The rows of a log as they are gone through."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from meshcore.bridge.sqlite import rows


@pytest.fixture
def log() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE log (seq INTEGER PRIMARY KEY, key TEXT)")
    connection.executemany("INSERT INTO log VALUES (?, ?)", [(seq, f"key{seq}") for seq in range(1, 601)])
    yield connection
    connection.close()


@pytest.mark.parametrize("most", [1, 250, 251, 500, 599, 600, 1000])
def test_heads_are_each_given_once_and_no_more_than_one_look_goes_past(
    log: sqlite3.Connection, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_SCANNED", most)
    given = [(seq, f"key{seq}") for seq in range(1, 601)]
    assert list(rows.heads(log, 0, 600)) == given[:most]
    assert list(rows.heads(log, 590, 595)) == given[590:595][:most]


def test_whoever_stops_early_has_read_no_more_than_a_part(log: sqlite3.Connection) -> None:
    asked: list[str] = []
    log.set_trace_callback(asked.append)
    heads = rows.heads(log, 0, 600)
    assert [next(heads)[0] for _ in range(100)] == list(range(1, 101))
    assert len(asked) == 1
    assert "LIMIT 250" in asked[0]


def test_a_key_too_large_to_be_read_is_empty_and_those_beside_it_are_not(log: sqlite3.Connection) -> None:
    log.execute("UPDATE log SET key = ? WHERE seq = 300", ("x" * 10_000,))
    log.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 5_000)
    found = dict(rows.heads(log, 0, 600))
    assert (len(found), found[299], found[300], found[301]) == (600, "key299", "", "key301")
