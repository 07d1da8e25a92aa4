"""What waits in other homes: read without a trace whatever they hold, and decided in them and nowhere else."""

from __future__ import annotations

import json
import os
import resource
import shlex
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.pilot import settings_in
from tests.tui.waiting import let_wait

from meshcore.clock import SystemClock
from meshcore.config import Settings
from meshcore.control import other_homes
from meshcore.control.other_homes import OtherHome
from meshcore.errors import MeshError, UsageError
from meshcore.node import Node
from meshcore.store import peek
from meshcore.store.store import Store

ERROR, FIX = "No module named 'yaml'", "mkdir -p build"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home, and another one on a bridge of its own in which something waits; made once, as that takes a while."""
    root = tmp_path_factory.mktemp("homes")
    there = other_settings(root)
    (root / "work").mkdir()
    with Node(settings_in(root)) as node:
        node.require_bridge()
    let_wait(there, SystemClock(), root / "work", ERROR, FIX)
    with Node(there) as node:
        node.require_bridge()
    return root


@pytest.fixture
def here(template: Path, tmp_path: Path) -> Settings:
    """The home, which names the other one."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return replace(settings_in(tmp_path), homes=(tmp_path / "other",))


@pytest.fixture
def there(here: Settings, tmp_path: Path) -> Settings:
    """The other home, by its own settings."""
    return other_settings(tmp_path)


def other_settings(root: Path) -> Settings:
    settings = settings_in(root, MESHTUI_BRIDGE=str(root / "theirs.db"))
    return replace(settings, home=root / "other", agent="ci@dev1")


def files(home: Path) -> dict[str, tuple[int, int, int]]:
    """Return what would be another value after any write into a folder or its files."""
    return {str(p): (p.lstat().st_ino, p.lstat().st_size, p.lstat().st_mtime_ns) for p in [home, *home.rglob("*")]}


def look(settings: Settings) -> OtherHome:
    return other_homes.look(settings)[0]


def states(home: Settings) -> list[tuple[str, str]]:
    with closing(Store(home.home / "store.db")) as store:
        return [(one.state, one.actor) for one in store.approvals.all(waiting_only=False)]


def test_what_waits_in_a_home_of_another_bridge_is_seen_and_no_file_there_changes(
    here: Settings, there: Settings, template: Path
) -> None:
    before = files(there.home)
    found = look(here)
    assert (found.fault, found.held, found.more) == ("", "", False)
    assert [(one.command, one.cwd, one.author.trust) for one in found.waiting] == [(FIX, str(template / "work"), "own")]
    assert files(there.home) == before, "closed in order: nothing is made beside the store"
    with closing(Store(there.home / "store.db")) as store:  # as its runtime has it open
        store.events.add("runtime.started")
        before = files(there.home)
        assert look(here).waiting == found.waiting
        assert files(there.home) == before


def test_a_yes_is_written_into_the_home_that_asks_and_nothing_of_it_into_this_one(
    here: Settings, there: Settings, template: Path
) -> None:
    found = look(here)
    mine = files(here.home)
    assert other_homes.settle(found, found.waiting[0], here, SystemClock(), yes=True, signer=None)
    assert states(there) == [("approved", here.agent)]
    assert files(here.home) == mine
    assert not (template / "work" / "build").exists(), "whoever approves carries nothing out"
    with Node(here) as node:
        joined = {one.node for one in node.require_bridge().members()}
        assert joined == {node.identity.node.public}, "the other home has not come onto this one's bridge"
    assert look(here).waiting == ()
    assert not other_homes.settle(found, found.waiting[0], here, SystemClock(), yes=False, signer=None)


def test_a_no_is_written_there_too(here: Settings, there: Settings, tmp_path: Path) -> None:
    found = look(here)
    assert other_homes.settle(found, found.waiting[0], here, SystemClock(), yes=False, signer=None)
    assert states(there) == [("rejected", here.agent)]


def test_what_is_not_any_more_what_was_shown_is_not_approved(here: Settings, there: Settings, tmp_path: Path) -> None:
    found = look(here)
    with closing(sqlite3.connect(there.home / "store.db")) as connection, connection:
        connection.execute("UPDATE approvals SET runs='mkdir -p elsewhere'")
    with pytest.raises(UsageError, match="not what was shown any more"):
        other_homes.settle(found, found.waiting[0], here, SystemClock(), yes=True, signer=None)
    assert states(there) == [("waiting", "")]


def test_a_home_of_another_operator_is_only_read(here: Settings, there: Settings, tmp_path: Path) -> None:
    theirs = replace(there, operator=tmp_path / "another-operator")
    with Node(theirs) as node:
        assert node.identity.operator
    found = look(here)
    assert "another operator" in found.held and len(found.waiting) == 1
    with pytest.raises(UsageError, match="another operator"):
        other_homes.settle(found, found.waiting[0], here, SystemClock(), yes=True, signer=None)
    assert states(there) == [("waiting", "")]


def test_a_home_of_which_nobody_knows_the_operator_is_only_read(
    here: Settings, there: Settings, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(there.home / "store.db")) as connection, connection:
        connection.execute("DELETE FROM meta WHERE name='operator'")
    assert "whose it is is not known" in look(here).held


def test_a_home_that_may_not_be_written_is_only_read(
    here: Settings, there: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:  # root may write everything: the question is asked as another would be answered
        monkeypatch.setattr(os, "access", lambda path, mode: path != there.home / "store.db")
    else:
        (there.home / "store.db").chmod(0o400)
    found = look(here)
    assert "cannot be written by you" in found.held and len(found.waiting) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file to somebody else")
def test_a_home_of_somebody_else_is_only_read_by_root_too(here: Settings, there: Settings, tmp_path: Path) -> None:
    for path in [there.home, *there.home.rglob("*")]:
        os.chown(path, 65534, 65534)
    found = look(here)
    assert "it belongs to" in found.held and found.waiting[0].user.startswith(other_homes.user_of(there.home))
    with pytest.raises(UsageError, match="who decides there"):
        other_homes.settle(found, found.waiting[0], here, SystemClock(), yes=True, signer=None)


def test_text_that_hides_something_is_shown_as_marks_and_not_decided_from_here(
    here: Settings, there: Settings, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(there.home / "store.db")) as connection, connection:
        connection.execute("UPDATE approvals SET command=?, reasons=?", ("rm\x1b[8m -r x\u202e", '["\\u001b]52;c;x"]'))
    found = look(here)
    shown = found.waiting[0]
    assert "\x1b" not in shown.command + shown.reasons[0] and "\u202e" not in shown.command
    assert "cannot be shown whole" in found.why_not(shown.approval_id)
    with pytest.raises(UsageError, match="cannot be shown whole"):
        other_homes.settle(found, shown, here, SystemClock(), yes=True, signer=None)


def test_a_long_list_is_cut_and_that_is_said(here: Settings, there: Settings, tmp_path: Path) -> None:
    with closing(sqlite3.connect(there.home / "store.db")) as connection, connection:
        row = "incident_id, skill_id, action_hash, command, reasons, asked, state"
        connection.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<300)"
            f" INSERT INTO approvals (approval_id, {row}) SELECT 'x'||i, {row} FROM approvals, n"
        )
    found = look(here)
    assert len(found.waiting) == 200 and found.more


def a_pipe(store: Path) -> None:
    store.unlink()
    os.mkfifo(store)


def a_link(store: Path) -> None:
    store.rename(store.with_name("elsewhere.db"))
    store.symlink_to("elsewhere.db")


def a_log_that_is_a_pipe(store: Path) -> None:
    os.mkfifo(store.with_name("store.db-wal"))


def a_log_that_is_a_link(store: Path) -> None:
    store.with_name("kept").write_bytes(b"x")
    store.with_name("store.db-wal").symlink_to("kept")


def damaged(store: Path) -> None:
    store.write_bytes(os.urandom(store.stat().st_size))


def cut(store: Path) -> None:
    os.truncate(store, 5000)


def newer(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("PRAGMA user_version=999")


def another_programs(store: Path) -> None:
    store.unlink()
    with closing(sqlite3.connect(store)) as connection:
        connection.execute("CREATE TABLE t (a)")


def gone(store: Path) -> None:
    shutil.rmtree(store.parent)


def huge_value(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE approvals SET command=hex(zeroblob(5000000))")


def endless(store: Path) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DROP TABLE approvals")
        connection.execute(
            "CREATE VIEW approvals AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n)"
            " SELECT i AS seq, '' AS approval_id, '' AS incident_id, '' AS skill_id, '' AS command, '' AS runs,"
            " '' AS rerun, '' AS asked, '[]' AS reasons, substr('', i) AS state FROM n"
        )


@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (a_pipe, "not a plain file"),
        (a_link, "not a plain file"),
        (a_log_that_is_a_pipe, "not a plain file"),
        (a_log_that_is_a_link, "not a plain file"),
        (damaged, "not an SQLite database"),
        (cut, "damaged"),
        (newer, "written by a newer meshtui"),
        (another_programs, "another program's tables"),
        (gone, "no store here"),
        (huge_value, "cannot be used"),
        (endless, "did not answer within 3 s"),
    ],
)
def test_a_home_that_cannot_be_read_says_why_and_the_others_are_read(
    happens: Callable[[Path], None],
    said: str,
    here: Settings,
    there: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    copy = tmp_path / "whole"
    shutil.copytree(there.home, copy)
    monkeypatch.setattr(other_homes, "LOOK_SECONDS", 3.0)
    happens(there.home / "store.db")
    before = files(there.home) if there.home.exists() else {}
    bad, good = other_homes.look(replace(here, homes=(there.home, copy)))
    assert said in bad.fault and bad.waiting == () and "\n" not in bad.fault
    assert good.fault == "" and len(good.waiting) == 1
    assert (files(there.home) if there.home.exists() else {}) == before
    with pytest.raises(MeshError):
        other_homes.settle(replace(bad, fault=""), good.waiting[0], here, SystemClock(), yes=True, signer=None)


def test_the_process_that_reads_prints_one_document_whatever_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resource, "setrlimit", lambda *_: None)  # this process goes on
    assert peek.main([str(tmp_path / "nowhere")]) == 0
    assert "no store here" in json.loads(capsys.readouterr().out)["fault"]


def test_the_command_that_helps_can_be_pasted_whatever_the_home_is_called(tmp_path: Path) -> None:
    home = tmp_path / "a home; of bob"
    home.mkdir()
    (home / "store.db").write_bytes(b"")
    with pytest.raises(MeshError, match="older store") as older:
        peek.waiting_in(home)
    (home / "store.db-wal").write_text("a log")
    with pytest.raises(MeshError, match="not left in order") as log:
        peek.waiting_in(home)
    for caught in (older, log):
        command = str(caught.value).partition("`")[2].partition("`")[0]
        assert shlex.split(command) == ["meshtui", "--home", str(home), "status"]
