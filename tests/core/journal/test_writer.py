"""The journal: every event once, whole lines only, whatever happens between the store and the file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from meshcore.filelock import FileLock
from meshcore.journal import writer
from meshcore.journal.writer import project
from meshcore.store.store import Store
from meshcore.testing import FakeClock

KILL = "import os, signal\ndef die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)\n"


def seqs(path: Path) -> list[int]:
    """Return the seq of every line; a line that is not whole JSON fails the test."""
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line)["seq"] for line in data.splitlines()]


def add(store: Store, count: int, text: str = "x") -> None:
    with store.transaction():
        for _ in range(count):
            store.events.add("fault", data={"what": text})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def test_every_event_is_a_line_in_order_once(store: Store, path: Path) -> None:
    add(store, 3)
    assert project(store, path) == 3
    assert project(store, path) == 0
    add(store, writer.BATCH + 5)
    assert project(store, path) == writer.BATCH + 5
    assert seqs(path) == list(range(1, writer.BATCH + 9))


def test_a_line_says_what_the_event_says(store: Store, path: Path) -> None:
    store.events.add(
        "skill.state", skill_id="s", agent="a", data={"state": "active", "reason": "naïve", "skill_id": "t"}
    )
    project(store, path)
    line = json.loads(path.read_text("utf-8"))
    assert line == {
        "seq": 1,
        "at": store.now(),
        "kind": "skill.state",
        "skill_id": "s",
        "agent": "a",
        "state": "active",
        "reason": "naïve",
    }


def test_the_journal_is_private_whatever_the_umask(store: Store, path: Path) -> None:
    add(store, 1)
    old = os.umask(0)
    try:
        project(store, path)
    finally:
        os.umask(old)
    assert {entry.stat().st_mode & 0o777 for entry in path.parent.glob("journal*")} == {0o600}


def test_text_that_is_not_utf8_makes_a_line_all_the_same(store: Store, path: Path) -> None:
    add(store, 1, "caf\udce9 \u2028 \x1b[2J\n")
    project(store, path)
    assert seqs(path) == [1]


@pytest.mark.parametrize("step", ["s.state.set", "writer.os.write"])
def test_kill_9_while_projecting_loses_nothing(tmp_path: Path, path: Path, step: str) -> None:
    code = (
        f"{KILL}import sys, pathlib; from meshcore.journal import writer; from meshcore.store.store import Store\n"
        "folder = pathlib.Path(sys.argv[1]); s = Store(folder / 'store.db')\n"
        "for n in range(5): s.events.add('fault', data={'n': n})\n"
        f"{step} = die\nwriter.project(s, folder / 'journal.jsonl')"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    store = Store(tmp_path / "store.db")
    project(store, path)
    assert seqs(path) == [1, 2, 3, 4, 5]
    store.close()


@pytest.mark.parametrize("tail", [b'{"seq": 4, "at": "20', b"{", b"\0\0\0\0", b'{"seq": 4}'])
def test_a_line_that_is_not_whole_is_cut_off_and_written_again(store: Store, path: Path, tail: bytes) -> None:
    add(store, 3)
    project(store, path)
    with path.open("ab") as file:
        file.write(tail)
    add(store, 1)
    project(store, path)
    assert seqs(path) == [1, 2, 3, 4]


def test_lines_that_a_power_cut_took_are_written_again(store: Store, path: Path) -> None:
    add(store, 5)
    project(store, path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + lines[2][:10])
    add(store, 1)
    project(store, path)
    assert seqs(path) == [1, 2, 3, 4, 5, 6]


def test_a_note_that_a_person_wrote_at_the_end_stays(store: Store, path: Path) -> None:
    add(store, 1)
    project(store, path)
    with path.open("a") as file:
        file.write("# looked at by Anna")
    add(store, 1)
    project(store, path)
    lines = path.read_text().splitlines()
    assert lines[1] == "# looked at by Anna"
    assert json.loads(lines[2])["seq"] == 2


def test_a_last_line_longer_than_the_first_look_is_found(store: Store, path: Path) -> None:
    add(store, 1, "x" * (3 * writer._TAIL))
    project(store, path)
    add(store, 1)
    project(store, path)
    assert seqs(path) == [1, 2]


def test_a_journal_that_was_rotated_goes_on_in_a_new_file(store: Store, path: Path) -> None:
    add(store, 2)
    project(store, path)
    path.rename(path.with_suffix(".1"))
    add(store, 1)
    project(store, path)
    assert seqs(path) == [3]


@pytest.mark.parametrize("take", ["truncate", "unlink"])
def test_a_journal_that_was_copied_and_truncated_or_removed_goes_on_where_it_ended(
    store: Store, path: Path, take: str
) -> None:
    add(store, 3)
    project(store, path)
    copied = path.read_bytes()
    if take == "truncate":
        os.truncate(path, 0)
    else:
        path.unlink()
    add(store, 2)
    project(store, path)
    assert seqs(path) == [4, 5]
    path.write_bytes(copied + path.read_bytes())
    assert seqs(path) == [1, 2, 3, 4, 5]


def test_a_store_that_was_lost_starts_a_new_journal_and_keeps_the_old_one(
    store: Store, tmp_path: Path, path: Path, clock: FakeClock
) -> None:
    add(store, 5)
    project(store, path)
    clock.advance(60)
    anew = Store(tmp_path / "other.db", clock)
    add(anew, 2)
    assert project(anew, path) == 3
    assert seqs(path) == [1, 2, 3]
    assert "lacks events" in str(anew.events.after(2)[0].data)
    (kept,) = tmp_path.glob("journal.jsonl.before-*")
    assert seqs(kept) == [1, 2, 3, 4, 5]
    anew.close()


def test_a_store_restored_from_a_backup_tells_its_whole_history_anew(
    store: Store, tmp_path: Path, path: Path, clock: FakeClock
) -> None:
    add(store, 3)
    project(store, path)
    store.checkpoint()
    (tmp_path / "backup.db").write_bytes((tmp_path / "store.db").read_bytes())
    add(store, 2)
    project(store, path)
    clock.advance(60)
    restored = Store(tmp_path / "backup.db", clock)
    add(restored, 3)
    project(restored, path)
    assert seqs(path) == [1, 2, 3, 4, 5, 6, 7]
    assert len(list(tmp_path.glob("journal.jsonl.before-*"))) == 1
    restored.close()


def test_a_write_ahead_log_that_was_deleted_is_noticed(tmp_path: Path, path: Path) -> None:
    code = (
        f"{KILL}import sys, pathlib\nfrom meshcore.journal.writer import project\n"
        "from meshcore.store.store import Store\n"
        "folder = pathlib.Path(sys.argv[1]); s = Store(folder / 'store.db'); s.events.add('fault'); s.checkpoint()\n"
        "for n in range(5): s.events.add('fault', data={'n': n})\n"
        "project(s, folder / 'journal.jsonl'); die()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    (tmp_path / "store.db-wal").unlink()
    store = Store(tmp_path / "store.db")
    assert store.events.last() == 1
    add(store, 1)
    project(store, path)
    assert [event.seq for event in store.events.after(0) if "lacks events" in str(event.data)] == [3]
    store.close()


def test_two_processes_projecting_at_once_write_each_event_once(tmp_path: Path, path: Path) -> None:
    code = (
        "import sys, pathlib; from meshcore.journal.writer import project; from meshcore.store.store import Store\n"
        "folder = pathlib.Path(sys.argv[1]); s = Store(folder / 'store.db'); sys.stdin.read(1)\n"
        "for n in range(40): s.events.add('fault', data={'n': n}); project(s, folder / 'journal.jsonl')\n"
    )
    Store(tmp_path / "store.db").close()
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    for process in writers:
        assert process.stdin is not None
        process.stdin.write(b"g")
        process.stdin.flush()
    for process in writers:
        assert process.communicate()[1].decode() == ""
    assert seqs(path) == list(range(1, 81))


def test_a_full_disk_leaves_whole_lines_and_is_caught_up_with(small_disk: Path, store: Store) -> None:
    path = small_disk / "journal.jsonl"
    add(store, 10, "y" * 1000)
    project(store, path)
    add(store, 2000, "y" * 1000)
    assert project(store, path) == 0
    before = seqs(path)
    assert before == list(range(1, len(before) + 1))
    faults = [event for event in store.events.after(2010) if "not written" in str(event.data)]
    assert len(faults) == 1
    assert project(store, path) == 0
    assert store.events.last() == faults[0].seq
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    project(store, path)
    assert seqs(path) == list(range(1, store.events.last() + 1))


def make_folder(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.with_name("victim").touch()
    path.symlink_to(path.with_name("victim"))


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [make_folder, make_link, make_pipe, make_device])
def test_what_is_no_plain_file_is_not_written_and_said_once(
    store: Store, path: Path, make: Callable[[Path], None]
) -> None:
    make(path)
    add(store, 1)
    assert [project(store, path) for _ in range(3)] == [0, 0, 0]
    assert [event.kind for event in store.events.after(1)] == ["fault"]
    if path.with_name("victim").exists():
        assert path.with_name("victim").read_bytes() == b""
    path.rmdir() if path.is_dir() else path.unlink()
    project(store, path)
    assert seqs(path) == [1, 2]


def test_a_journal_that_another_process_holds_is_left_for_the_next_call(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "LOCK_SECONDS", 0.0)
    add(store, 1)
    with FileLock(path.with_name(path.name + ".lock")).held():
        assert project(store, path) == 0
    assert project(store, path) == 1
    assert store.state.get()["journal_seq"] == 1
