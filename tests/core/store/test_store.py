"""The file under the store: how it is opened, what a transaction promises, what a fault says."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from meshcore.errors import EXIT_CONFIGURATION, ConfigurationError, MeshError, StoreTooNewError
from meshcore.filelock import FileLock
from meshcore.store import database as store_file
from meshcore.store.database import SCHEMA_VERSION
from meshcore.store.store import Store
from meshcore.testing import FakeClock, incident, known_skill, outcome

ME = "a" * 64


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def fill(folder: Path) -> None:
    """Leave no byte free on a small disk."""
    with (folder / "ballast").open("ab", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


# --- opening ----------------------------------------------------------------------------------------------------------


def test_a_new_store_is_in_wal_mode_and_is_checkpointed_by_hand_only(store: Store, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "store.db") as other:
        assert other.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert other.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION
    assert store.database._connection.execute("PRAGMA wal_autocheckpoint").fetchone()[0] == 0


def test_the_files_of_a_store_are_private_whatever_the_umask(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store = Store(tmp_path / "store.db")
        store.verdicts.put("a", "b")
        modes = {path.name: mode(path) for path in tmp_path.iterdir()}
    finally:
        os.umask(old)
    store.close()
    assert {"store.db", "store.db-wal", "store.db-shm"} <= modes.keys()
    assert set(modes.values()) == {0o600}


def test_a_store_of_a_newer_version_ends_with_78_and_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    Store(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
    newer.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNewError, match="upgrade meshtui") as caught:
        Store(path)
    assert caught.value.exit_code == EXIT_CONFIGURATION
    assert path.read_bytes() == before


def test_a_store_of_the_first_version_is_brought_up_to_date_with_all_that_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute("PRAGMA journal_mode=WAL")
        script = Path(store_file.__file__).parent / "sql" / "store_001.sql"
        old.executescript(script.read_text("utf-8") + "PRAGMA user_version=1;")
        for number, state in enumerate(("waiting", "approved", "rejected"), 1):
            row = (f"{number:012x}", "i" * 8, "s" * 8, "h", "pip install x", "[]", "2026-11-22T09:00:00Z", state)
            columns = "approval_id, incident_id, skill_id, action_hash, command, reasons, asked, state"
            old.execute(f"INSERT INTO approvals ({columns}) VALUES (?,?,?,?,?,?,?,?)", row)
        old.execute("INSERT INTO control VALUES ('mode', 'hint', '', 'anna')")
        for number in range(1, 5):
            values = (number, f"{number:08x}", "5" * 64, "fix_failed" if number != 2 else "verified")
            columns = "seq, outcome_id, skill_id, result, incident_id, node, host, own_operator, at, body"
            old.execute(f"INSERT INTO outcomes ({columns}) VALUES (?,?,?,?,'','','',1,'','')", values)
        old.execute("INSERT INTO meta VALUES (?, '3')", ("lifted:" + "5" * 64,))
        old.commit()
    with closing(Store(path)) as store:
        found = [(one.state, one.result) for one in store.approvals.all(waiting_only=False)]
        assert found == [("waiting", ""), ("approved", "unknown"), ("rejected", "")]
        assert store.approvals.approved() == []
        assert store.controls.get("mode") == "hint"
        assert store.signed_decisions.get("rule", "mode") is None
        assert store.quarantine.forgiven("5" * 64) == ["00000001", "00000003"]


def make_text(path: Path) -> None:
    path.write_text("no database, but a letter to somebody\n" * 100)


def make_folder(path: Path) -> None:
    path.mkdir()


def make_link(path: Path) -> None:
    path.with_name("elsewhere.db").touch()
    path.symlink_to("elsewhere.db")


def make_dangling_link(path: Path) -> None:
    path.symlink_to("nowhere.db")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_other_program(path: Path) -> None:
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    other.close()


@pytest.mark.parametrize("make", [make_text, make_folder, make_link, make_dangling_link, make_pipe, make_other_program])
def test_what_is_no_store_is_refused_in_one_line_and_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "store.db"
    make(path)
    before = sorted((entry.name, entry.lstat().st_size) for entry in tmp_path.iterdir())
    with pytest.raises(ConfigurationError) as caught:
        Store(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted((entry.name, entry.lstat().st_size) for entry in tmp_path.iterdir()) == before


def test_a_store_in_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be made"):
        Store(tmp_path / "missing" / "store.db")


def test_a_damaged_page_is_named_not_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(path)
    for number in range(200):
        store.incidents.open(incident(number), ME)
    store.checkpoint()
    store.close()
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="damaged"):
        Store(path).incidents.all()


def test_a_file_of_a_store_cut_short_is_an_error_of_the_mesh_or_an_empty_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(path)
    store.incidents.open(incident(), ME)
    store.checkpoint()
    store.close()
    whole = path.read_bytes()
    for size in (0, 1, 511, 4095, len(whole) // 2):
        path.write_bytes(whole[:size])
        try:
            with_less = Store(path)
            assert with_less.incidents.all() == []
            with_less.close()
        except MeshError as error:
            assert str(path) in str(error)


def test_many_processes_may_make_one_store_at_once(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from meshcore.store.store import Store; sys.stdin.read(1);"
        "s = Store(pathlib.Path(sys.argv[1])); s.verdicts.put(sys.argv[2], 'here'); s.close()"
    )
    path = tmp_path / "store.db"
    makers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(n)], stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for n in range(4)
    ]
    for maker in makers:
        assert maker.stdin is not None
        maker.stdin.write(b"g")
        maker.stdin.flush()
    for maker in makers:
        assert maker.communicate()[1].decode() == ""
        assert maker.returncode == 0
    store = Store(path)
    assert [store.verdicts.get(str(n)) for n in range(4)] == ["here"] * 4
    store.close()


def test_a_store_that_another_process_is_making_is_left_to_it(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with FileLock(path.with_name("store.db.lock")).held(), pytest.raises(MeshError, match="being set up"):
        Store(path, busy_timeout=0.01)
    Store(path).close()


# --- transactions -----------------------------------------------------------------------------------------------------


def test_an_error_undoes_the_whole_transaction_with_its_events(store: Store) -> None:
    with pytest.raises(RuntimeError), store.transaction():
        store.incidents.open(incident(), ME)
        raise RuntimeError
    assert store.incidents.all() == []
    assert store.events.last() == 0


def test_an_error_in_an_inner_transaction_undoes_only_what_it_wrote(store: Store) -> None:
    with store.transaction():
        store.verdicts.put("outer", "1")
        with pytest.raises(RuntimeError), store.transaction():
            store.verdicts.put("inner", "1")
            with store.transaction():
                store.verdicts.put("innermost", "1")
            raise RuntimeError
        store.verdicts.put("after", "1")
    assert [store.verdicts.get(key) for key in ("outer", "inner", "innermost", "after")] == ["1", "", "", "1"]


def test_an_inner_transaction_does_not_commit(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "store.db")
    with store.transaction():
        with store.transaction(durable=True):
            store.verdicts.put("a", "1")
        assert other.verdicts.get("a") == ""
    assert other.verdicts.get("a") == "1"
    other.close()


def test_a_durable_write_inside_an_ordinary_transaction_is_flushed_with_it(store: Store) -> None:
    seen: list[str] = []
    store.database._connection.set_trace_callback(seen.append)
    with store.transaction():
        store.skills.set_state("f" * 64, "quarantined", "policy")
    store.database._connection.set_trace_callback(None)
    last_full = max(number for number, sql in enumerate(seen) if sql == "PRAGMA synchronous=FULL")
    assert "COMMIT" in seen[last_full:]


def test_an_ordinary_transaction_waits_for_no_disk(store: Store) -> None:
    seen: list[str] = []
    store.tries.intend("t", "i", "s", "policy", {}, "", "1")
    store.database._connection.set_trace_callback(seen.append)
    store.verdicts.put("a", "1")
    store.database._connection.set_trace_callback(None)
    assert "PRAGMA synchronous=NORMAL" in seen
    assert "PRAGMA synchronous=FULL" not in seen


def test_a_number_that_sqlite_cannot_hold_is_a_value_error_and_undoes_its_block(store: Store) -> None:
    with store.transaction():
        with pytest.raises(ValueError, match="63 bits"):
            store.incidents.open(incident(exit_code=10**30), ME)
        assert store.incidents.open(incident(2), ME)
    assert [found.incident_id for found in store.incidents.all()] == [f"{2:016x}"]


def test_a_store_that_stays_locked_is_named_and_usable_again(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(path, busy_timeout=0.05)
    hog = sqlite3.connect(path, isolation_level=None)
    hog.execute("BEGIN EXCLUSIVE")
    with pytest.raises(MeshError, match="locked by another program") as caught:
        store.verdicts.put("a", "1")
    assert not isinstance(caught.value, ConfigurationError)
    assert store.verdicts.get("a") == ""
    hog.execute("ROLLBACK")
    hog.close()
    store.verdicts.put("a", "1")
    assert store.verdicts.get("a") == "1"
    store.close()


def test_a_new_home_that_stays_locked_is_no_broken_home(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    hog = sqlite3.connect(path, isolation_level=None)
    hog.execute("BEGIN EXCLUSIVE")
    with pytest.raises(MeshError, match="locked by another program") as caught:
        Store(path, busy_timeout=0.05)
    assert not isinstance(caught.value, ConfigurationError)
    hog.close()


def test_a_full_disk_stores_nothing_half_and_works_again_once_there_is_room(small_disk: Path) -> None:
    store = Store(small_disk / "store.db")
    store.incidents.open(incident(1), ME)
    fill(small_disk)
    stored = 1
    with pytest.raises(MeshError, match="disk"):
        for number in range(2, 2000):
            store.incidents.open(incident(number, excerpt="x" * 500), ME)
            stored = number
    assert len(store.incidents.all(limit=5000)) == stored
    assert len(store.events.after(0, 5000)) == stored
    (small_disk / "ballast").unlink()
    assert store.incidents.open(incident(5000), ME)
    assert store.database._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    store.close()


def test_a_transaction_that_sqlite_ended_by_itself_takes_nothing_more(store: Store) -> None:
    with pytest.raises(MeshError, match="undone"), store.transaction():
        store.verdicts.put("before", "1")
        store.database._connection.execute("ROLLBACK")  # as SQLite does by itself on some full disks and disk errors
        store.verdicts.put("after", "1")
    assert (store.verdicts.get("before"), store.verdicts.get("after")) == ("", "")
    store.verdicts.put("later", "1")
    assert store.verdicts.get("later") == "1"


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from meshcore.store.store import Store\n"
        "s = Store(pathlib.Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        "    n += 1; s.tries.intend(f'{sys.argv[2]}-{n}', 'i', 's', 'policy', {}, '', '1')\n"
        "    print(f'{sys.argv[2]}-{n}', flush=True)"
    )
    acknowledged: set[str] = set()
    for number in range(4):
        command = [sys.executable, "-c", code, str(tmp_path / "store.db"), str(number)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            acknowledged |= {writer.stdout.readline().strip() for _ in range(number * 7 + 1)}
            writer.kill()
            acknowledged |= {line.strip() for line in writer.stdout if line.endswith("\n")}
    store = Store(tmp_path / "store.db")
    assert acknowledged <= {row[0] for row in store.tries.unfinished()}
    assert len(acknowledged) >= 46
    assert store.database._connection.execute("PRAGMA quick_check").fetchone()[0] == "ok"
    store.close()


# --- the write-ahead log ----------------------------------------------------------------------------------------------


def wal_size(path: Path) -> int:
    return path.with_name(path.name + "-wal").stat().st_size


def test_the_write_ahead_log_of_a_long_run_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store, reader = Store(path), Store(path)
    for number in range(700):
        store.incidents.open(incident(number, excerpt="x" * 20_000), ME)
        if number % 50 == 0:
            assert reader.events.last() == number + 1
    assert wal_size(path) < 8 * 1024 * 1024
    assert path.stat().st_size > 8 * 1024 * 1024
    store.close()
    reader.close()


def test_a_checkpoint_waits_for_no_reader_and_no_other_process(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store = Store(path, busy_timeout=3600)
    store.verdicts.put("a", "1")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM meta").fetchall()
    store.verdicts.put("a", "2")
    assert store.checkpoint() is False
    reader.close()
    with FileLock(path.with_name("store.db.lock")).held():
        assert store.checkpoint() is False
    assert store.checkpoint() is True
    assert store.checkpoint(at_least=1) is False
    assert store.database._connection.execute("PRAGMA busy_timeout").fetchone()[0] == 3_600_000
    store.close()


# --- clocks -----------------------------------------------------------------------------------------------------------


def test_a_clock_that_steps_back_changes_no_order(store: Store, clock: FakeClock) -> None:
    store.incidents.open(incident(1, opened=store.now()), ME)
    clock.set_wall(clock.now().replace(year=1999))
    store.incidents.open(incident(2, opened=store.now()), ME)
    store.incidents.open(incident(3, opened="9999-12-31T00:00:00.000000Z"), "b" * 64, remote=True)
    assert [int(found.incident_id, 16) for found in store.incidents.all()] == [3, 2, 1]
    last = store.incidents.find("last")
    assert last is not None
    assert int(last.incident_id, 16) == 2
    assert [event.seq for event in store.events.after(0)] == [1, 2, 3]
    store.outcomes.add(outcome(1, at="2026"), own_operator=True)
    store.outcomes.add(outcome(2, at="1999"), own_operator=True)
    assert [found.at for found in store.outcomes.of(skill_id=outcome().skill_id)] == ["2026", "1999"]


def test_known_skill_builder_is_what_the_store_takes(store: Store) -> None:
    stored = store.skills.put(known_skill(), "b", "s", ["k"])
    assert store.skills.find(stored.skill.skill_id) == stored
