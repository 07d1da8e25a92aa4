"""Lines of a file by number, from its end: the same lines as a plain reader finds, however large and whatever in it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshcore.journal.index import LineIndex
from meshcore.journal.line import BLANKS, Splitter

PIECES = st.lists(
    st.one_of(
        st.sampled_from([b"\n", b"\r\n", b"\n\n", b" \n", b"\t", b"\r", b"\0\0\0\0\0", b"\xff\xfe", "🩹".encode()]),
        st.binary(max_size=12),
        st.integers(min_value=1, max_value=60).map(lambda n: b"x" * n),
    ),
    max_size=60,
)


def opened(path: Path, **options: int) -> LineIndex:
    return LineIndex(os.open(path, os.O_RDONLY), **options)


def plain(data: bytes) -> list[bytes]:
    """Return the lines that are not blank, the way anybody would."""
    return [line for line in data.split(b"\n")[:-1] if line.strip(BLANKS)]


def texts(lines: LineIndex) -> list[str]:
    while lines.index_back():
        pass
    return [line.text for line in lines.lines(lines.first, lines.end - lines.first)]


@pytest.mark.usefixtures("small_blocks")
@given(pieces=PIECES, later=PIECES)
def test_every_line_is_found_as_a_reader_from_the_start_finds_it(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], later: list[bytes]
) -> None:
    log = tmp_path_factory.getbasetemp() / "any.jsonl"
    log.write_bytes(b"".join(pieces))
    found = opened(log)
    reader = Splitter()
    expected = reader.feed(b"".join(pieces))
    assert [found.lines(number, 1)[0] for number in range(-3, 0) if number >= found.first] == []
    while found.index_back():
        pass
    assert found.lines(found.first, len(expected) + 5) == expected
    assert len(expected) == len(plain(b"".join(pieces))) == found.end - found.first
    assert found.unfinished() == reader.unfinished()
    first = found.first
    for piece in later:
        with log.open("ab") as file:
            file.write(piece)
        expected += reader.feed(piece)
        found.grow(log.stat().st_size)
        assert found.lines(first, len(expected) + 5) == expected
    assert (found.first, found.blank, found.unfinished()) == (first, reader.blank, reader.unfinished())
    for number, line in enumerate(expected, first):
        assert found.lines(number, 1) == [line]
    os.close(found._descriptor)


def test_the_last_screen_needs_the_end_of_the_file_only(log: Path) -> None:
    with log.open("wb") as file:
        file.truncate(10 << 30)  # ten gigabytes that take no room
        file.seek(0, os.SEEK_END)
        file.writelines(b'{"n": %d, "what": "%s"}\n' % (number, b"x" * 200) for number in range(1000))
    found = opened(log)
    found.index_for(60)
    assert [f'"n": {number},' in line.text for number, line in enumerate(found.lines(found.end - 60, 60), 940)] == [
        True
    ] * 60
    assert not found.complete
    assert found.progress < 0.01


def test_numbers_stay_what_they_are_while_the_beginning_is_counted_and_the_end_grows(log: Path) -> None:
    log.write_text("".join(f"{number:08d} {'x' * 90}\n" for number in range(10_000)))
    found = opened(log)
    found.index_for(50)
    number = found.end - 50
    text = found.lines(number, 1)[0].text
    assert text.startswith("00009950")
    stop = threading.Event()
    counting = threading.Thread(target=lambda: all(found.index_back() for _ in iter(stop.is_set, True)))
    counting.start()
    for more in range(100):
        with log.open("a") as file:
            file.write(f"more {more}\n")
        found.grow(log.stat().st_size)
        assert found.lines(number, 1)[0].text == text
        assert found.lines(found.end - 1, 1)[0].text == f"more {more}"
    counting.join()
    assert found.complete
    assert found.end - found.first == 10_100
    assert found.lines(found.first, 1)[0].text.startswith("00000000")
    assert found.progress == 1.0


def test_a_line_of_ten_megabytes_is_one_line_and_shown_cut(log: Path) -> None:
    log.write_bytes(b"before\n" + b"x" * 10_000_000 + b"\nafter\n")
    found = opened(log, max_line=65_536)
    assert [text[:6] for text in texts(found)] == ["before", "xxxxxx", "after"]
    long = found.lines(found.end - 2, 1)[0]
    assert (long.size, long.cut, len(long.text)) == (10_000_000, True, 65_536)


def test_what_is_no_text_is_shown_as_far_as_it_goes(log: Path) -> None:
    log.write_bytes(b"caf\xe9\n\xff\xfe\na\0b\na\0\0\0\0\0b\n\0\0\n\r\n  \t\nend\r\n")
    found = opened(log)
    assert texts(found) == ["caf\ufffd", "\ufffd\ufffd", "a\0b", "a⟨5 NUL⟩b", "", "end"]
    assert found.lines(found.end - 2, 1)[0].nul == 2
    assert found.blank == 2


def test_a_file_that_was_truncated_gives_what_is_left_and_no_error(log: Path) -> None:
    log.write_text("".join(f"{number} {'x' * 100}\n" for number in range(5000)))
    found = opened(log)
    while found.index_back():
        pass
    os.truncate(log, 0)
    assert found.lines(found.first, 100) == []
    assert found.unfinished() is None or found.unfinished()


def test_an_empty_file_has_no_lines(log: Path) -> None:
    log.touch()
    found = opened(log)
    assert (found.first, found.end, found.complete, found.unfinished(), found.lines(0, 10)) == (0, 0, True, None, [])
    assert not found.index_back()


def test_blocks_are_read_backwards_with_the_numbers_of_their_lines(log: Path) -> None:
    log.write_text("".join(f"{number:08d} {'x' * 90}\n" for number in range(10_000)))
    found = opened(log)
    numbers: list[int] = []
    at = found.last_block
    while not found.complete or at >= -len(found._back):
        first, count, data = found.block(at)
        numbers = [*range(first, first + count), *numbers]
        assert data.count(b"\n") == count
        at -= 1
    assert numbers == list(range(found.first, found.end))
    assert len(numbers) == 10_000
