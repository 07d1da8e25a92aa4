"""A log as a person pages through it: rows keep their numbers, filters find what a plain search finds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.core.journal.logs import append, numbered, open_descriptors

from meshcore.journal import document as module
from meshcore.journal.document import MOST_FILES, QUIET_SECONDS, Document
from meshcore.journal.filtering import FilterError, parse_filter
from meshcore.journal.generations import QUIET_SECONDS as CLOSED_AFTER
from meshcore.testing import FakeClock


def opened(path: Path, filter_text: str = "") -> Document:
    found = Document(path, FakeClock())
    found.set_filter(parse_filter(filter_text))
    found.refresh()
    work(found)
    return found


def work(document: Document) -> None:
    while document.search() or document.count():
        pass


def all_texts(document: Document) -> list[str]:
    rows = document.rows
    return [line.text for line in rows.lines(rows.first, len(rows))]


def matched_texts(document: Document) -> list[str]:
    rows = document.matched
    return [line.text for line in rows.lines(rows.first, len(rows))]


@pytest.mark.usefixtures("small_blocks")
@given(
    pieces=st.lists(st.lists(st.sampled_from(["ab", "ba", "abc", "c" * 90, "x", "é ab"]), max_size=12), max_size=6),
    wanted=st.sampled_from(["ab", "abc", "!ab", "/^a/", "ccc", "x !é", "nothing"]),
    rotate_at=st.integers(min_value=0, max_value=6),
)
def test_a_filter_finds_what_a_plain_search_finds_while_the_log_grows_and_is_rotated(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[str]], wanted: str, rotate_at: int
) -> None:
    folder = tmp_path_factory.mktemp("any")
    log = folder / "a.log"
    append(log, *(pieces[0] if pieces else []))
    document = opened(log, wanted)
    expected = list(pieces[0] if pieces else [])
    for number, lines in enumerate(pieces[1:], 1):
        if number == rotate_at:
            log.rename(folder / "a.log.1")
        append(log, *lines)
        expected += lines
        document.refresh()
        work(document)
    accepts = parse_filter(wanted)
    assert all_texts(document) == expected
    assert matched_texts(document) == [text for text in expected if accepts.matches(text)]
    matched, rows = document.matched, document.rows
    for row in range(matched.first, matched.end):
        back = document.row_of_match(row)
        assert back is not None
        assert rows.lines(back, 1) == matched.lines(row, 1)
        assert document.matching_row(back) == row
    for row in range(rows.first, rows.end):
        found = document.matching_row(row)
        later = [text for text in (line.text for line in rows.lines(row, rows.end - row)) if accepts.matches(text)]
        assert [line.text for line in matched.lines(found, 1)] == later[:1]
    document.close()


def test_a_row_keeps_its_number_while_the_log_is_counted_and_grows(log: Path) -> None:
    append(log, *numbered(0, 20_000))
    document = Document(log, FakeClock())
    document.refresh()
    document.know(50)
    row = document.rows.end - 10
    [line] = document.rows.lines(row, 1)
    place = document.rows.place(row)
    while document.count():
        append(log, "more")
        assert document.refresh().changed
        assert document.rows.lines(row, 1) == [line]
    assert document.is_counted
    assert place is not None
    assert document.rows.row(place) == row
    document.close()


def test_a_truncated_log_begins_anew_and_says_so(log: Path) -> None:
    append(log, *numbered(0, 100))
    document = opened(log, "line")
    os.truncate(log, 0)
    append(log, *numbered(100, 3))
    assert document.refresh().said == ("it was truncated, and begins anew",)
    work(document)
    assert all_texts(document) == matched_texts(document) == numbered(100, 3)
    document.close()


def test_few_files_are_kept_of_a_log_that_is_rotated_often(log: Path) -> None:
    before = open_descriptors()
    clock = FakeClock()
    document = Document(log, clock)
    for number in range(12):
        append(log, f"line {number}")
        document.refresh()
        log.rename(log.with_name(f"a.jsonl.{number}"))
    append(log, "line 12")
    document.refresh()
    work(document)
    assert all_texts(document) == [f"line {number}" for number in range(13 - MOST_FILES, 13)]
    clock.advance(CLOSED_AFTER)
    document.refresh()
    assert open_descriptors() <= before + MOST_FILES + 1
    assert all_texts(document)[0] == f"line {13 - MOST_FILES}"  # still to be paged through, though nobody follows it
    document.close()
    assert open_descriptors() == before


def test_a_last_line_without_an_end_is_a_row_once_it_was_quiet(log: Path) -> None:
    clock = FakeClock()
    log.write_text("whole\nhalf")
    document = Document(log, clock)
    document.set_filter(parse_filter("half"))
    document.refresh()
    assert all_texts(document) == ["whole"]
    clock.advance(QUIET_SECONDS)
    assert document.refresh().changed
    assert all_texts(document) == ["whole", "half"]
    assert matched_texts(document) == ["half"]
    append(log, "")
    assert document.refresh().changed
    assert all_texts(document) == ["whole", "half"]
    document.close()


def test_a_log_that_is_gone_or_may_not_be_read_says_so_and_keeps_what_was_there(log: Path) -> None:
    append(log, "a")
    document = opened(log)
    log.unlink()
    assert document.refresh().said == ("it is gone; it is waited for",)
    assert not document.is_there
    assert all_texts(document) == ["a"]
    os.mkfifo(log)
    assert document.refresh().said == ("it cannot be read (not a plain file)",)
    log.unlink()
    append(log, "b")
    assert "taken its place" in document.refresh().said[0]
    assert all_texts(document) == ["a", "b"]
    document.close()


def test_a_slow_expression_ends_the_search_with_an_error(log: Path) -> None:
    append(log, *("a" * 5000 + "x" for _ in range(10)))
    document = Document(log, FakeClock())
    document.set_filter(parse_filter("/(.*a){20}$/"))
    document.refresh()
    with pytest.raises(FilterError, match="simplify"):
        work(document)
    document.set_filter(None)
    work(document)
    assert len(document.rows) == 10
    document.close()


def test_a_step_of_the_search_is_short(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    append(log, *numbered(0, 20_000))
    clock = FakeClock()

    def ticking() -> float:
        clock.advance(module.STEP_SECONDS / 4)
        return clock.seconds

    document = Document(log, clock)
    document.set_filter(parse_filter("!nothing"))
    document.refresh()
    monkeypatch.setattr(clock, "monotonic", ticking)
    steps = 0
    while document.search():
        steps += 1
    assert steps >= 1
    assert len(document.matched) == 20_000
    document.close()


@pytest.mark.usefixtures("small_blocks")
def test_rows_stay_those_that_were_known_while_more_is_counted(log: Path) -> None:
    append(log, *numbered(0, 100))
    document = Document(log, FakeClock())
    document.refresh()
    document.know(10)
    rows = document.rows
    first, end, shown = rows.first, rows.end, [line.text for line in rows.lines(rows.end - 5, 5)]
    work(document)
    assert (rows.first, rows.end, len(rows)) == (first, end, end - first)
    assert [line.text for line in rows.lines(rows.end - 5, 5)] == shown == numbered(95, 5)
    assert document.rows.first < first
    document.close()
