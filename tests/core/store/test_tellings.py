"""Calls of hooks, counted beside the store and folded into it; payloads that could not be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from meshcore.store import known_marks
from meshcore.store.known_marks import CALL, MAX_CALLS, calls_in, note_call, root_mark, took_byte, took_ms
from meshcore.store.read import Read
from meshcore.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.db")


def counted(store: Store) -> list[tuple[str, bytes, int, int]]:
    sql = "SELECT via, root, ended, sum(calls) FROM hook_calls GROUP BY 1,2,3 ORDER BY 1,2,3"
    return store.answers(Read(sql, lambda row: (str(row[0]), bytes(row[1]), int(row[2]), int(row[3]))))


@pytest.mark.parametrize("ms", [0.3, 0.511, 3.0, 12.0, 99.0, 1_000.0, 9_000.0, 16_000.0])
def test_a_byte_stands_for_a_time_within_three_percent(ms: float) -> None:
    assert took_ms(took_byte(ms / 1000)) == pytest.approx(ms, rel=0.035)


def test_no_time_is_too_short_or_too_long_for_a_byte() -> None:
    assert (took_byte(-1.0), took_byte(0.0), took_byte(1e9)) == (0, 0, 255)


def test_calls_are_folded_once_and_leave_the_time_of_the_last_call(store: Store, tmp_path: Path) -> None:
    mark = tmp_path / "hook.claude-code"
    assert not note_call(str(mark), "/w", 0.0, ended=True), "without a sign of life before, nothing is written"
    mark.touch()
    for ended in (True, True, False):
        assert note_call(str(mark), "/w", 0.0, ended=ended)
    note_call(str(mark), "", 0.0, ended=True)
    before = mark.stat().st_mtime_ns
    for _ in range(2):
        store.tellings.fold_calls(tmp_path)
    w = root_mark("/w")
    expected = sorted([("claude-code", b"\0\0\0\0", 1, 1), ("claude-code", w, 0, 1), ("claude-code", w, 1, 2)])
    assert counted(store) == expected
    assert mark.stat().st_mtime_ns == before and mark.stat().st_size == 0


def test_a_flood_of_calls_fills_no_disk_and_half_a_row_is_passed_over(tmp_path: Path) -> None:
    mark = tmp_path / "hook.codex"
    mark.write_bytes(b"\0" * MAX_CALLS)
    assert note_call(str(mark), "/w", 0.0, ended=True) and mark.stat().st_size == MAX_CALLS
    assert len(list(calls_in(b"\0" * (CALL + 3)))) == 1


def test_a_clock_before_1970_breaks_no_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_marks, "time", lambda: -1e9)
    mark = tmp_path / "hook.codex"
    mark.touch()
    assert note_call(str(mark), "/w", 0.0, ended=True) and mark.stat().st_size == CALL


def test_a_link_in_place_of_the_file_is_not_followed(store: Store, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "hook.codex").symlink_to(victim)
    assert not note_call(str(tmp_path / "hook.codex"), "/w", 0.0, ended=True)
    store.tellings.fold_calls(tmp_path)
    assert victim.read_text() == "mine" and counted(store) == []


def test_unread_payloads_are_counted_by_version(store: Store) -> None:
    for version in ("1", "1", "2"):
        store.tellings.note_unread("codex", version)
    sql = "SELECT version, calls FROM unread_payloads ORDER BY 1"
    assert store.answers(Read(sql, lambda row: (str(row[0]), int(row[1])))) == [("1", 2), ("2", 1)]


def test_the_text_of_what_was_offered_is_kept_no_longer_than_it_is_followed(store: Store) -> None:
    store.tellings.add(("correction",), via="codex", session="s", project=1, command=b"c", arm=0, offered="x y")
    texts = Read("SELECT offered FROM tellings", lambda row: str(row[0]))
    for _ in range(6):
        [one] = store.tellings.followed("s")
        assert store.answers(texts) == ["x y"]
        store.tellings.note(one.seq, again=False, changed=False, result="")
    assert store.tellings.followed("s") == [] and store.answers(texts) == [""]


def test_what_is_old_is_forgotten(store: Store) -> None:
    store.tellings.note_unread("codex", "1")
    store.tellings.add(("hidden",), via="codex", session="s", project=1, command=b"c", arm=0, offered="")
    now = int(store.clock.now().timestamp())
    assert store.tellings.forget(now - 10) == 0
    assert store.tellings.forget(now + 86_401) == 1
    assert store.answers(Read("SELECT count(*) FROM unread_payloads", lambda row: int(row[0]))) == [0]
