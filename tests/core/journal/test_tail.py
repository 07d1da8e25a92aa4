"""Following files through everything that is done to logs: each line once, none lost."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.core.journal.logs import Reader, append, numbered, open_descriptors

from meshcore.journal import generations
from meshcore.journal.generations import QUIET_SECONDS
from meshcore.journal.tail import BACKSTOP_SECONDS, BATCH, Batch, Tail, follow
from meshcore.testing import FakeClock

ROOT = Path(__file__).parents[3]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


def rotated(path: Path, number: int = 1) -> Path:
    return path.with_name(f"{path.name}.{number}")


# --- growing files ----------------------------------------------------------------------------------------------------


def test_lines_of_two_growing_files_come_once_and_each_file_in_order(tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    for path in (one, two):
        path.touch()
    reader = Reader(one, two)
    reader.read()
    for number in range(5):
        append(one, f"one {number}")
        append(two, f"two {number}")
        reader.read()
    assert reader.by_path == {path: [f"{path.stem} {n}" for n in range(5)] for path in (one, two)}


def test_what_a_file_holds_already_comes_only_when_asked_for(log: Path) -> None:
    append(log, "old")
    fresh, whole = Reader(log), Reader(log, from_start=True)
    append(log, "new")
    # A reader that begins at the end begins where the file ends at its first look.
    assert (fresh.read(), whole.read()) == ([], ["old", "new"])
    append(log, "newer")
    assert (fresh.read(), whole.read()) == (["newer"], ["newer"])


def test_blank_lines_are_passed_over_and_counted(log: Path) -> None:
    log.touch()
    reader = Reader(log)
    reader.read()
    with log.open("ab") as file:
        for piece in (b'{"n": 1}\n', b"", b"\n", b"\r\n", b" \t\n", b'{"n": 2}\r\n', b"\n"):
            file.write(piece)
            file.flush()
            reader.read()
    assert reader.texts == ['{"n": 1}', '{"n": 2}']
    assert reader.tail.blank == 4


def test_half_a_line_is_held_until_the_rest_has_come(log: Path) -> None:
    log.touch()
    reader = Reader(log)
    reader.read()
    with log.open("ab", buffering=0) as file:
        file.write(b'{"half": ')
        for _ in range(3):
            assert reader.read() == []
            reader.clock.advance(600)
        file.write(b'"and half"}')
        assert reader.read() == []
        file.write(b"\n")
        assert reader.read() == ['{"half": "and half"}']


def test_a_character_that_comes_in_two_pieces_is_one_character(log: Path) -> None:
    log.touch()
    reader = Reader(log)
    reader.read()
    character = "🩹".encode()
    for cut in (1, 2, 3):
        with log.open("ab", buffering=0) as file:
            file.write(b"a" + character[:cut])
            assert reader.read() == []
            file.write(character[cut:] + b"b\n")
        assert reader.read() == ["a🩹b"]


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b"\r\r\n"])
def test_a_line_end_on_the_edge_of_what_is_read_at_once_loses_and_merges_nothing(log: Path, ending: bytes) -> None:
    for size in range(58, 68):
        body = b"".join(b"%04d" % number + b"x" * (size - 4) + ending for number in range(20))
        log.write_bytes(body)
        reader = Reader(log, from_start=True)
        assert reader.read(limit=64) == [f"{number:04d}" + "x" * (size - 4) for number in range(20)]
        assert reader.tail.blank == 0
        reader.tail.close()


def test_a_line_over_the_cap_is_shown_cut_and_its_neighbours_whole(log: Path) -> None:
    log.write_bytes(b"before\n" + b"x" * (4096 + 10_240) + b"\nafter\n")
    tail = Tail([log], from_start=True, max_line=4096)
    before, long, after = (one.line for one in tail.poll().lines)
    assert (before.text, after.text) == ("before", "after")
    assert (long.cut, long.size, len(long.text)) == (True, 14_336, 4096)
    tail.close()


def test_the_cut_of_a_long_line_falls_between_two_characters(log: Path) -> None:
    for character in ("é", "€", "🩹"):
        for shift in range(4):
            log.write_text("a" * shift + character * 100 + "\n", encoding="utf-8")
            tail = Tail([log], from_start=True, max_line=100)
            [one] = tail.poll().lines
            assert one.line.text == ("a" * shift + character * 100)[: len(one.line.text)]
            assert 97 <= len(one.line.text.encode()) <= 100
            tail.close()


def test_a_hole_of_nul_bytes_is_a_gap_and_the_record_behind_it_is_whole(log: Path) -> None:
    log.write_bytes(b'{"n": 1}\n' + b"\0" * 4096 + b'{"n": 2}\n{"n": 3}\n')
    reader = Tail([log], from_start=True)
    lines = [one.line for one in reader.poll().lines]
    assert [json.loads(line.text) for line in lines] == [{"n": 1}, {"n": 2}, {"n": 3}]
    assert [line.nul for line in lines] == [0, 4096, 0]
    reader.close()


# --- truncation -------------------------------------------------------------------------------------------------------


def test_truncation_of_a_live_file_is_noticed_and_only_the_new_lines_come(log: Path) -> None:
    append(log, *numbered(0, 200))
    reader = Reader(log, from_start=True)
    assert len(reader.read()) == 200
    os.truncate(log, 0)
    append(log, *numbered(200, 10))
    assert reader.read() == numbered(200, 10)
    assert reader.kinds()["truncated"] == 1
    [mark] = reader.tail._followed[log].marks()
    assert mark.offset == log.stat().st_size
    assert reader.read() == []


def test_a_file_that_has_grown_past_its_old_size_after_truncation_is_read_anew(log: Path) -> None:
    append(log, "short")
    reader = Reader(log, from_start=True)
    reader.read()
    os.truncate(log, 0)
    append(log, *numbered(0, 100))
    assert reader.read() == numbered(0, 100)


def test_a_file_truncated_while_nobody_looked_is_read_from_its_start(log: Path, tmp_path: Path) -> None:
    append(log, *numbered(0, 10))
    first = Reader(log, from_start=True, offsets=tmp_path / "offsets.json")
    assert len(first.read()) == 10
    first.stop()
    log.write_text("".join(f"{line}\n" for line in numbered(10, 5)))
    second = Reader(log, offsets=tmp_path / "offsets.json")
    assert second.read() == numbered(10, 5)
    second.stop()
    assert (
        json.loads((tmp_path / "offsets.json").read_text())["files"][str(log)]["marks"][0]["at"] == log.stat().st_size
    )


def test_a_writer_that_kept_its_place_in_a_truncated_file_shows_no_nul(log: Path) -> None:
    with log.open("wb", buffering=0) as writer:  # no O_APPEND
        writer.write(b"".join(b'{"old": %d}\n' % n for n in range(50)))
        reader = Reader(log, from_start=True)
        assert len(reader.read()) == 50
        shutil.copy(log, rotated(log))
        os.truncate(log, 0)
        writer.write(b'{"new": 1}\n')
        assert reader.read() == ['{"new": 1}']
        os.truncate(log, 0)
        assert reader.read() == []
        writer.write(b'{"new": 2}\n')
        assert reader.read() == ['{"new": 2}']


def test_copytruncate_while_nobody_looked_brings_only_what_is_new(log: Path, tmp_path: Path) -> None:
    append(log, *numbered(0, 20))
    first = Reader(log, from_start=True, offsets=tmp_path / "offsets.json")
    first.read()
    first.stop()
    shutil.copy(log, rotated(log))
    os.truncate(log, 0)
    append(log, *numbered(20, 50))
    second = Reader(log, offsets=tmp_path / "offsets.json")
    assert second.read() == numbered(20, 50)


def test_the_copy_of_copytruncate_is_not_read_after_a_later_rename(log: Path) -> None:
    append(log, *numbered(0, 20))
    reader = Reader(log, from_start=True)
    reader.read()
    shutil.copy(log, rotated(log, 2))
    os.truncate(log, 0)
    append(log, *numbered(20, 5))
    reader.read()
    log.rename(rotated(log))
    append(log, *numbered(25, 5))
    reader.read()
    assert reader.texts == numbered(0, 30)


# --- rotation by renaming ---------------------------------------------------------------------------------------------


def test_after_a_rename_lines_come_from_the_old_writer_and_the_new_file(log: Path) -> None:
    reader = Reader(log, from_start=True)
    with log.open("a") as old:
        print("old 0", file=old, flush=True)
        reader.read()
        log.rename(rotated(log))
        append(log, "new 0")
        print("old 1", file=old, flush=True)
        reader.read()
        append(log, "new 1")
        print("old 2", file=old, flush=True)
        reader.read()
    assert sorted(reader.texts) == ["new 0", "new 1", "old 0", "old 1", "old 2"]


def test_two_quick_rotations_lose_nothing_of_three_writers(log: Path) -> None:
    reader = Reader(log, from_start=True)
    with log.open("a") as first:
        print("first 0", file=first, flush=True)
        reader.read()
        log.rename(rotated(log))
        with log.open("a") as second:
            print("second 0", file=second, flush=True)
            rotated(log).rename(rotated(log, 2))
            log.rename(rotated(log))
            with log.open("a") as third:
                for name, file in (("first", first), ("second", second), ("third", third)):
                    print(f"{name} 1", file=file, flush=True)
                reader.read()  # the second file was never seen under its first name
                for name, file in (("first", first), ("second", second), ("third", third)):
                    print(f"{name} 2", file=file, flush=True)
                reader.read()
    assert sorted(reader.texts) == sorted(
        ["first 0", "second 0", *(f"{name} {n}" for name in ("first", "second", "third") for n in (1, 2))]
    )
    assert [text for text in reader.texts if text.startswith("second")] == ["second 0", "second 1", "second 2"]


def test_a_file_that_took_the_inode_of_a_deleted_one_is_not_taken_for_it(log: Path) -> None:
    append(rotated(log, 3), "history")
    append(log, "a")
    reader = Reader(log, from_start=True)
    reader.read()
    follows = reader.tail._followed[log]
    [(_, head_of_history)] = [
        one for one in follows.known().items() if one[0] != (log.stat().st_dev, log.stat().st_ino)
    ]
    # Both rotations between two looks; the file in the middle has the inode of what was deleted.
    rotated(log, 3).unlink()
    log.rename(rotated(log, 2))
    append(log, "b")
    log.rename(rotated(log, 1))
    append(log, "c")
    middle = rotated(log, 1).stat()
    follows._known[middle.st_dev, middle.st_ino] = head_of_history
    assert reader.read() == ["b", "c"]


def test_a_storm_of_rotations_loses_no_line_and_leaves_no_file_open(tmp_path: Path) -> None:
    before = open_descriptors()
    paths = [tmp_path / f"{name}.jsonl" for name in "abcde"]
    clock = FakeClock()
    reader = Reader(*paths, clock=clock, from_start=True)
    each, kept = 4_000, 4
    written = 0
    for path in paths:
        for start in range(0, each, 500):
            append(path, *(f"{path.stem} {number} {'x' * 40}" for number in range(start, start + 500)))
            written += 500
            if start % 1000:
                reader.read()
            for number in range(kept, 0, -1):
                if rotated(path, number).exists():
                    rotated(path, number).rename(rotated(path, number + 1))
            path.rename(rotated(path))
            rotated(path, kept + 1).unlink(missing_ok=True)
    reader.read()
    assert len(reader.texts) == written
    for path in paths:
        numbers = [int(text.split()[1]) for text in reader.by_path[path]]
        assert numbers == list(range(each))
    clock.advance(QUIET_SECONDS)
    reader.read()
    assert open_descriptors() == before
    reader.tail.close()


def test_a_large_file_renamed_before_it_was_read_is_read_to_its_end(log: Path) -> None:
    append(log, *(f"{number:06d} {'x' * 60}" for number in range(40_000)))
    reader = Reader(log, from_start=True)
    batch = reader.tail.poll()
    assert batch.more
    log.rename(rotated(log))
    append(log, "new")
    texts = [one.line.text for one in batch.lines] + reader.read()
    assert [int(text[:6]) for text in texts[:-1]] == list(range(40_000))
    assert texts[-1] == "new"


def test_a_file_deleted_and_made_again_is_read_from_its_start(log: Path) -> None:
    append(log, "old")
    reader = Reader(log, from_start=True)
    reader.read()
    log.unlink()
    assert reader.read() == []
    reader.clock.advance(3)
    append(log, "new 0", "new 1")
    assert reader.read() == ["new 0", "new 1"]
    assert reader.kinds() == {"opened": 2, "gone": 1}


def test_a_file_made_again_with_the_inode_of_the_old_one_is_read_from_its_start(log: Path, tmp_path: Path) -> None:
    append(log, "old, and quite a bit longer than what comes later")
    first = Reader(log, from_start=True, offsets=tmp_path / "offsets.json")
    first.read()
    first.stop()
    inode = log.stat().st_ino
    log.unlink()
    for attempt in range(100):  # file systems give a freed number out again
        append(log, "new 0, which is longer than what the file held before it was deleted", "new 1")
        if log.stat().st_ino == inode:
            break
        log.rename(tmp_path / f"spare {attempt}")
    else:
        pytest.skip("the file system gave no number again")
    second = Reader(log, offsets=tmp_path / "offsets.json")
    assert second.read() == ["new 0, which is longer than what the file held before it was deleted", "new 1"]


def test_a_file_replaced_by_another_is_read_from_its_start(log: Path, tmp_path: Path) -> None:
    append(log, "old")
    reader = Reader(log, from_start=True)
    reader.read()
    append(tmp_path / ".new", "new 0", "new 1")
    (tmp_path / ".new").replace(log)
    assert reader.read() == ["new 0", "new 1"]


def test_a_file_renamed_away_and_back_is_read_on(log: Path, tmp_path: Path) -> None:
    append(log, "a")
    reader = Reader(log, from_start=True)
    reader.read()
    log.rename(tmp_path / "away")
    reader.read()
    append(tmp_path / "away", "b")
    (tmp_path / "away").rename(log)
    assert reader.read() == ["b"]
    append(log, "c")
    assert reader.read() == ["c"]


def test_a_line_written_while_a_quiet_rotated_file_is_let_go_is_not_lost(log: Path) -> None:
    append(log, "old 0")
    reader = Reader(log, from_start=True)
    reader.read()
    with log.open("a") as old:
        log.rename(rotated(log))
        append(log, "new 0")
        reader.read()
        reader.clock.advance(QUIET_SECONDS)
        reader.read()
        assert len(reader.tail._followed[log].live) == 1
        print("old 1", file=old, flush=True)
        reader.clock.advance(generations.CLOSED_LOOK_SECONDS)
        assert reader.read() == ["old 1"]
        rotated(log).rename(rotated(log, 2))
        reader.clock.advance(QUIET_SECONDS)
        reader.read()
        print("old 2", file=old, flush=True)
        rotated(log, 2).rename(rotated(log, 3))
        reader.clock.advance(generations.CLOSED_LOOK_SECONDS)
        assert reader.read() == ["old 2"]


# --- coming and going -------------------------------------------------------------------------------------------------


def test_a_file_that_appears_later_is_read_from_its_head(log: Path) -> None:
    reader = Reader(log)
    assert reader.read() == []
    append(log, "first")
    assert reader.read() == ["first"]


def test_a_folder_that_does_not_exist_yet_is_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "later" / "deep" / "a.jsonl"
    reader = Reader(log)
    assert reader.tail.folders == {tmp_path}
    reader.read()
    log.parent.mkdir(parents=True)
    assert reader.tail.folders == {log.parent}
    append(log, "first")
    assert reader.read() == ["first"]


def test_a_pattern_follows_what_matches_now_and_later_but_no_packed_or_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = os.open

    def noting(path: os.PathLike[str] | str, *arguments: int, **options: int) -> int:
        opened.append(Path(path).name)
        return real(path, *arguments, **options)

    excluded = ["a.jsonl.gz", "b.jsonl.tmp", ".a.jsonl.swp", "a.jsonl~", "#a.jsonl#", "a.jsonl.lock"]
    for name in excluded:
        append(tmp_path / name, "not this")
    append(tmp_path / "a.jsonl", "a")
    append(tmp_path / "a.jsonl.1", "history of a")
    monkeypatch.setattr(os, "open", noting)
    reader = Reader(tmp_path / "*", from_start=True)
    assert reader.read() == ["a"]
    for name in ("c.jsonl", *(f"c{name}" for name in excluded)):
        append(tmp_path / name, name)
    (tmp_path / "a.jsonl").rename(tmp_path / "moved.jsonl")
    assert reader.read() == ["c.jsonl"]
    append(tmp_path / "moved.jsonl", "after the move")
    assert reader.read() == ["after the move"]
    reader.clock.advance(QUIET_SECONDS)
    assert reader.read() == []
    assert not [name for name in opened if name.endswith(tuple(excluded)) and name != "a.jsonl"]


@contextmanager
def another_user() -> Iterator[Path]:
    """Be nobody, in a folder that nobody owns."""
    if os.geteuid() != 0:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def test_a_file_that_may_not_be_read_warns_once_and_is_followed_when_it_may() -> None:
    with another_user() as folder:
        log = folder / "a.jsonl"
        append(log, "a")
        log.chmod(0)
        reader = Reader(log)
        for _ in range(3):
            assert reader.read() == []
        assert [(one.kind, one.detail) for one in reader.notices] == [("unreadable", "Permission denied")]
        log.chmod(0o644)
        assert reader.read() == ["a"]


def test_what_is_no_plain_file_is_said_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = Reader(tmp_path / "pipe")
    assert reader.read() == []
    assert [(one.kind, one.detail) for one in reader.notices] == [("unreadable", "not a plain file")]


# --- going on after a restart -----------------------------------------------------------------------------------------


def test_a_restart_in_the_middle_of_a_file_brings_the_rest_once(log: Path, tmp_path: Path) -> None:
    append(log, *numbered(0, 4000))
    first = Reader(log, from_start=True, offsets=tmp_path / "offsets.json")
    batch = first.tail.poll(limit=50_000)
    shown = [one.line.text for one in batch.lines]
    assert 0 < len(shown) < 4000
    first.stop()
    second = Reader(log, offsets=tmp_path / "offsets.json")
    assert shown + second.read() == numbered(0, 4000)


def test_a_restart_behind_one_or_more_rotations_brings_the_rest_of_the_old_and_all_of_the_new(
    log: Path, tmp_path: Path
) -> None:
    for rotations in (1, 2, 3):
        folder = tmp_path / str(rotations)
        folder.mkdir()
        log = folder / "a.jsonl"
        append(rotated(log, 9), "history")
        append(log, *numbered(0, 10))
        first = Reader(log, from_start=True, offsets=folder / "offsets.json")
        first.read()
        first.stop()
        append(log, *numbered(10, 5))
        for number in range(rotations):
            for older in range(number, 0, -1):
                rotated(log, older).rename(rotated(log, older + 1))
            log.rename(rotated(log))
            append(log, *numbered(15 + 5 * number, 5))
        second = Reader(log, offsets=folder / "offsets.json")
        assert second.read() == numbered(10, 5 + 5 * rotations)
        append(log, "and on")
        assert second.read() == ["and on"]
        second.stop()
        assert Reader(log, offsets=folder / "offsets.json").read() == []


def test_half_a_line_at_the_end_of_one_run_is_whole_in_the_next(log: Path, tmp_path: Path) -> None:
    log.write_bytes(b"whole\nhal")
    first = Reader(log, from_start=True, offsets=tmp_path / "offsets.json")
    assert first.read() == ["whole"]
    first.stop()
    with log.open("ab") as file:
        file.write(b"f\n")
    assert Reader(log, offsets=tmp_path / "offsets.json").read() == ["half"]


# --- much at once -----------------------------------------------------------------------------------------------------


def test_a_reader_that_was_stopped_catches_up_with_more_events_than_the_system_keeps(log: Path) -> None:
    # The default queue of the kernel holds 16,384 events; alternate files so that it cannot fold them into one.
    program = """
import asyncio, sys
from pathlib import Path
from meshcore.journal.news import FolderNews
from meshcore.journal.tail import Tail, follow
async def main():
    tail, wanted, got = Tail([Path(sys.argv[1])], from_start=True), int(sys.argv[2]), 0
    async for batch in follow(tail, FolderNews()):
        got += len(batch.lines)
        print(got, flush=True)
        if got >= wanted:
            return
asyncio.run(main())
"""
    events = 20_000
    append(log, "ready")
    argv = [sys.executable, "-c", program, str(log), str(events + 1)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=ROOT) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "1\n"
        reader.send_signal(signal.SIGSTOP)
        other = os.open(log.with_name("other"), os.O_WRONLY | os.O_CREAT)
        mine = os.open(log, os.O_WRONLY | os.O_APPEND)
        for _ in range(events):
            os.write(mine, b"x\n")
            os.write(other, b"y")
        os.close(mine)
        os.close(other)
        reader.send_signal(signal.SIGCONT)
        counts = [int(line) for line in reader.stdout]
        assert reader.wait() == 0
    assert counts[-1] == events + 1


class Beats:
    """No news: time passes, and something may be done meanwhile."""

    def __init__(self, clock: FakeClock, until: float) -> None:
        self.clock = clock
        self.until = clock.seconds + until
        self.waits = 0

    async def wait(self, folders: frozenset[Path], seconds: float) -> None:
        self.waits += 1
        self.clock.advance(seconds)
        if self.clock.seconds >= self.until:
            append(next(iter(folders)) / "a.jsonl", "at last")


async def test_ten_idle_minutes_cost_a_look_a_second_and_the_next_line_comes_within_one(log: Path) -> None:
    append(log, "old")
    clock = FakeClock()
    tail, beats = Tail([log], clock=clock), Beats(clock, 600)
    assert BACKSTOP_SECONDS == 1.0
    lines: list[str] = []
    async for batch in follow(tail, beats):
        lines += [one.line.text for one in batch.lines]
        if lines:
            break
    assert lines == ["at last"]
    assert beats.waits <= 600


def test_a_reader_that_was_held_up_keeps_memory_bounded_and_counts_what_it_passed_over(log: Path) -> None:
    log.touch()
    reader = Reader(log, max_backlog=BATCH)
    reader.read()
    count = 50_000
    append(log, *(f"{number:06d} {'x' * 50}" for number in range(count)))
    before = log.stat().st_size
    batch: Batch = reader.tail.poll()
    [notice] = [one for one in batch.notices if one.kind == "skipped"]
    texts = [one.line.text for one in batch.lines] + reader.read()
    assert int(notice.detail) + len(texts) == count
    assert [int(text[:6]) for text in texts] == list(range(int(notice.detail), count))
    assert len(texts) * 58 <= BATCH
    assert log.stat().st_size == before
