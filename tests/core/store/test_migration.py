"""Bringing a store of version 0.1 up to date: whole or not at all, and back again."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from tests.fixtures.old_version import FIXTURE

from meshcore.errors import MeshError, UsageError
from meshcore.store import migration
from meshcore.store.database import SCHEMA_VERSION
from meshcore.store.migration import go_back, kept
from meshcore.store.store import Store

KILLED_AT_STATEMENT = """
import os, signal, sqlite3, sys
from pathlib import Path
from meshcore.store import migration
left, whole = int(sys.argv[2]), migration._statements
def some(script):
    global left
    for statement in whole(script):
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        yield statement
migration._statements = some
from meshcore.store.store import Store
Store(Path(sys.argv[1]))
"""


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "store.db"
    path.write_bytes((FIXTURE / "homes/a/store.db").read_bytes())
    return path


def schema_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as database:
        return int(database.execute("PRAGMA user_version").fetchone()[0])


def rows_of(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


def test_the_store_is_kept_as_it_was(old: Path) -> None:
    before = rows_of(old, "meta"), rows_of(old, "control"), rows_of(old, "incidents")
    Store(old).close()
    assert schema_of(old) == SCHEMA_VERSION
    copy = kept(old, 2)
    assert schema_of(copy) == 2
    assert (rows_of(copy, "meta"), rows_of(copy, "control"), rows_of(copy, "incidents")) == before
    assert copy.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("statement", [0, 1, 5, 12, 20, 30, 34])
def test_a_migration_that_was_killed_is_none_and_the_next_one_is_whole(old: Path, statement: int) -> None:
    before = rows_of(old, "meta")
    command = [sys.executable, "-c", KILLED_AT_STATEMENT, str(old), str(statement)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert schema_of(old) == 2
    assert rows_of(old, "meta") == before
    store = Store(old)
    assert store.meta.get("node")
    assert store.quarantine.forgiven(next(iter(forgiven_before(before))))
    store.close()
    assert schema_of(old) == SCHEMA_VERSION


def forgiven_before(meta: list[tuple[object, ...]]) -> list[str]:
    return [str(key).partition(":")[2] for key, value in meta if str(key).startswith("forgiven:") and value]


def test_where_the_copy_cannot_be_kept_nothing_is_migrated(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(migration, "_flush", full)
    with pytest.raises(MeshError, match="free some space"):
        Store(old)
    assert schema_of(old) == 2
    assert sorted(path.name for path in old.parent.iterdir() if "schema" in path.name) == []


def test_on_a_full_disk_nothing_is_migrated_until_there_is_room(small_disk: Path) -> None:
    path, ballast = small_disk / "store.db", small_disk / "ballast"
    path.write_bytes((FIXTURE / "homes/halted/store.db").read_bytes())
    ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 100_000))
    with pytest.raises(MeshError, match="free some space"):
        Store(path)
    assert [one.name for one in small_disk.iterdir() if "schema" in one.name] == []
    ballast.unlink()
    assert schema_of(path) == 2
    Store(path).close()
    assert (schema_of(path), schema_of(kept(path, 2))) == (SCHEMA_VERSION, 2)


def test_what_lies_only_in_the_write_ahead_log_is_kept_and_migrated(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as open_elsewhere:
        open_elsewhere.execute("PRAGMA wal_autocheckpoint=0")
        open_elsewhere.execute("INSERT OR REPLACE INTO meta VALUES ('bad_action:late', 'skill')")
        store = Store(old)
        assert store.quarantine.skill_of("late") == "skill"
        store.close()
    assert ("bad_action:late", "skill") in rows_of(kept(old, 2), "meta")


def test_an_older_program_that_has_the_store_open_is_stopped_at_its_next_statement(old: Path) -> None:
    with closing(sqlite3.connect(old, isolation_level=None)) as older:
        older.execute("PRAGMA wal_autocheckpoint=0")
        assert older.execute("SELECT value FROM meta WHERE key=?", ("node",)).fetchone()
        store = Store(old)
        for sql, values in (
            ("SELECT value FROM meta WHERE key=?", ("bad_action:x",)),
            ("INSERT OR REPLACE INTO meta VALUES (?,?)", ("author_seq", "1")),
            ("DELETE FROM meta WHERE key=?", ("node",)),
        ):
            with pytest.raises(sqlite3.OperationalError):
                older.execute(sql, values)
        assert store.meta.get("node")
        assert store.database.integrity() == ""
        store.close()


def test_one_of_several_programs_migrates_and_all_go_on(old: Path) -> None:
    code = (
        "import sys, pathlib; from meshcore.store.store import Store; sys.stdin.read(1)\n"
        "s = Store(pathlib.Path(sys.argv[1])); print(s.meta.get('node')); s.close()"
    )
    openers = [
        subprocess.Popen([sys.executable, "-c", code, str(old)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write(b"g")
        opener.stdin.flush()
    assert len({opener.communicate()[0] for opener in openers}) == 1
    assert [opener.returncode for opener in openers] == [0] * 4
    assert (schema_of(old), schema_of(kept(old, 2))) == (SCHEMA_VERSION, 2)


def test_going_back_gives_the_store_as_it_was_and_keeps_the_newer_one(old: Path) -> None:
    before = rows_of(old, "meta")
    store = Store(old)
    store.events.add("fault", data={"what": "since"})
    newest = store.events.last()
    store.close()
    ahead = go_back(old, 2)
    assert (schema_of(old), rows_of(old, "meta")) == (2, before)
    assert schema_of(ahead) == SCHEMA_VERSION
    with closing(sqlite3.connect(ahead)) as database:
        assert database.execute("SELECT max(seq) FROM events").fetchone() == (newest,)


def test_going_back_twice_loses_neither_of_the_newer_stores(old: Path) -> None:
    for what in ("first", "second"):
        store = Store(old)
        store.events.add("fault", data={"what": what})
        store.close()
        go_back(old, 2)
    found = []
    for path in sorted(old.parent.glob("*before-going-back*")):
        with closing(sqlite3.connect(path)) as database:
            found += database.execute("SELECT data FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    assert ["first" in found[0], "second" in found[1]] == [True, True]


def test_nobody_goes_back_while_the_store_is_in_use_or_without_a_copy(old: Path) -> None:
    store = Store(old)
    list(store.events.after(0, 1))
    with store.transaction(), pytest.raises(MeshError, match="in use"):
        go_back(old, 2)
    store.close()
    kept(old, 2).write_bytes(kept(old, 2).read_bytes()[:5000])
    with pytest.raises(UsageError, match="not a whole store"):
        go_back(old, 2)
    kept(old, 2).unlink()
    with pytest.raises(UsageError, match="no store was kept"):
        go_back(old, 2)
    assert schema_of(old) == SCHEMA_VERSION
