"""A bridge that cannot be used says so in one line, stores nothing by halves, and works again afterwards."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from scripts.testbed.old_system import make_database
from tests.core.bridge.helpers import (
    ALICE,
    BOB,
    member,
    open_bridge,
    publication,
    receive,
    record,
    take,
)

from meshcore.bridge.base import Publication
from meshcore.bridge.sqlite import filesystem
from meshcore.bridge.sqlite.bridge import SqliteBridge
from meshcore.bridge.sqlite.wal import CHECKPOINT_BYTES
from meshcore.errors import BridgeUnavailableError, ConfigurationError, MeshError, UsageError
from meshcore.model import Record
from meshcore.testing import FakeClock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bridge.db"


@pytest.fixture
def bridge(path: Path) -> Iterator[SqliteBridge]:
    opened = open_bridge(path)
    yield opened
    opened.close()


def fails(kind: type[MeshError], part: str, call: Callable[[], object]) -> None:
    """Check that a call fails with one line that names what is wrong."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert part in message
    assert "\n" not in message
    assert type(caught.value) is kind


def log_of(path: Path) -> Path:
    return path.with_name(path.name + ".mesh.db")


def test_making_a_bridge_touches_nothing(tmp_path: Path) -> None:
    SqliteBridge(tmp_path / "deep" / "bridge.db", clock=FakeClock()).close()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    bridge = open_bridge(tmp_path / "a" / "b" / "bridge.db")
    bridge.join(member(BOB))
    bridge.close()
    assert (tmp_path / "a" / "b" / "bridge.db").exists()


def test_a_file_that_is_no_database_is_named_and_left_as_it_is(bridge: SqliteBridge, path: Path) -> None:
    path.write_text("these are my notes, not a database\n" * 100)
    before = path.read_bytes()
    fails(ConfigurationError, "not an SQLite database", lambda: bridge.publish([publication()]))
    fails(ConfigurationError, str(path), bridge.statistics)
    assert path.read_bytes() == before
    assert not log_of(path).exists()
    path.unlink()
    assert bridge.publish([publication()]) == [1]


def test_a_log_that_is_no_database_is_named(bridge: SqliteBridge, path: Path) -> None:
    make_database(path)
    log_of(path).write_text("no log " * 1000)
    fails(ConfigurationError, ".mesh.db is not an SQLite database", lambda: bridge.publish([publication()]))
    log_of(path).unlink()
    assert bridge.publish([publication()]) == [1]


def test_another_programs_database_is_refused_and_left_alone(bridge: SqliteBridge, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    fails(ConfigurationError, "another program's database", lambda: bridge.join(member(BOB)))
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("bookmarks",)]


def test_another_programs_database_in_the_place_of_the_log_is_refused(bridge: SqliteBridge, path: Path) -> None:
    with closing(sqlite3.connect(log_of(path))) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    fails(ConfigurationError, "another program's tables", lambda: bridge.join(member(BOB)))


def test_an_old_table_without_its_columns_is_refused(bridge: SqliteBridge, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE enhanced_messages (message_id TEXT, content TEXT, status TEXT)")
    fails(ConfigurationError, "without created_time, delivered_time, from_app", lambda: bridge.join(member(BOB)))


def test_a_bridge_with_the_old_table_only_gets_its_log(bridge: SqliteBridge, path: Path) -> None:
    make_database(path)
    bridge.join(member(BOB))
    assert bridge.publish([publication()]) == [1]
    assert len(take(bridge, BOB)) == 1


def test_a_newer_schema_is_a_matter_of_configuration_and_nothing_is_written(bridge: SqliteBridge, path: Path) -> None:
    bridge.join(member(BOB))
    bridge.close()
    with closing(sqlite3.connect(log_of(path))) as connection:
        connection.execute("PRAGMA user_version=99")
    newer = open_bridge(path)
    fails(ConfigurationError, "newer version (schema 99", lambda: newer.publish([publication()]))
    with pytest.raises(ConfigurationError) as caught:
        receive(newer, BOB)
    assert caught.value.exit_code == 78
    newer.close()


def test_a_log_locked_by_another_program_is_unavailable_until_it_lets_go(bridge: SqliteBridge, path: Path) -> None:
    bridge.join(member(BOB))
    with closing(sqlite3.connect(log_of(path), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        fails(BridgeUnavailableError, "locked by another program", lambda: bridge.publish([publication()]))
        assert receive(bridge, BOB).deliveries == ()
    assert bridge.publish([publication()]) == [1]
    assert len(take(bridge, BOB)) == 1


def test_an_old_database_locked_when_the_bridge_is_first_opened_is_unavailable(
    bridge: SqliteBridge, path: Path
) -> None:
    make_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        fails(BridgeUnavailableError, "locked by another program", lambda: bridge.join(member(BOB)))
        assert not log_of(path).exists()
    bridge.join(member(BOB))


def test_a_folder_in_place_of_the_file_is_refused(bridge: SqliteBridge, path: Path) -> None:
    path.mkdir()
    fails(ConfigurationError, "is a folder, no plain file", lambda: bridge.join(member(BOB)))


def test_a_file_in_place_of_the_folder_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bridge = open_bridge(tmp_path / "file" / "bridge.db")
    fails(BridgeUnavailableError, "cannot be made", lambda: bridge.join(member(BOB)))


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Give a folder that an ordinary user reaches, and work as that user where the tests run as root."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    user = os.geteuid()
    if user == 0:
        os.chown(place, 65534, -1)
        os.seteuid(65534)
    yield place
    os.seteuid(user)
    shutil.rmtree(place)


def test_a_read_only_folder_is_unavailable_until_it_can_be_written(open_place: Path) -> None:
    place = open_place / "own"
    place.mkdir()
    place.chmod(0o555)
    bridge = open_bridge(place / "bridge.db")
    fails(BridgeUnavailableError, "cannot be opened", lambda: bridge.join(member(BOB)))
    assert list(place.iterdir()) == []
    place.chmod(0o755)
    bridge.join(member(BOB))
    bridge.close()


def test_a_read_only_log_is_unavailable_until_it_can_be_written(open_place: Path) -> None:
    path = open_place / "bridge.db"
    bridge = open_bridge(path)
    bridge.join(member(BOB))
    bridge.close()
    log_of(path).chmod(0o444)
    fails(BridgeUnavailableError, "cannot be written", lambda: bridge.publish([publication()]))
    log_of(path).chmod(0o644)
    assert bridge.publish([publication()]) == [1]
    bridge.close()


def test_a_full_log_takes_nothing_and_works_again_when_there_is_room(bridge: SqliteBridge) -> None:
    bridge.join(member(BOB))
    with bridge.log.reading() as connection:
        connection.execute("PRAGMA max_page_count=1")
    large = [Publication(record(ALICE, n, pad="x" * 100_000), "skill") for n in range(10)]
    fails(BridgeUnavailableError, "the disk is full", lambda: bridge.publish([publication(), *large]))
    assert bridge.statistics().records == 0
    with bridge.log.reading() as connection:
        connection.execute("PRAGMA max_page_count=1000000")
    assert len(bridge.publish([publication(), *large])) == 11


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k,mode=0700", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk needs root and mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_takes_nothing_and_works_again_when_there_is_room(small_disk: Path) -> None:
    bridge = open_bridge(small_disk / "bridge.db")
    bridge.join(member(BOB))
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 20_000))
    large = [Publication(record(ALICE, n, pad="x" * 10_000), "skill") for n in range(10)]
    fails(BridgeUnavailableError, "disk", lambda: bridge.publish(large))
    assert receive(bridge, BOB).deliveries == ()
    ballast.unlink()
    assert len(bridge.publish(large)) == 10
    assert len(take(bridge, BOB)) == 10
    bridge.close()


def test_a_network_file_system_is_refused_before_anything_is_made(
    bridge: SqliteBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / {tmp_path} rw shared:1 - nfs4 server:/x rw\n")
    monkeypatch.setattr(filesystem, "MOUNTINFO", mountinfo)
    fails(ConfigurationError, "network file system (nfs4)", lambda: bridge.join(member(BOB)))
    assert list(tmp_path.iterdir()) == [mountinfo]


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("/home/a", "ext4"),
        ("/mnt/share", "cifs"),
        ("/mnt/share/x", "cifs"),
        ("/mnt/share2", "ext4"),
        ("/mnt/my dir/x", "tmpfs"),
    ],
)
def test_the_file_system_of_a_folder_is_that_of_the_nearest_mount(folder: str, kind: str) -> None:
    mountinfo = (
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        "40 22 0:40 / /mnt/share rw - ext4 /dev/hidden rw\n"
        "41 22 0:41 / /mnt/share rw - cifs //server/share rw\n"
        "42 22 0:42 / /mnt/my\\040dir rw - tmpfs tmpfs rw\n"
        "half a line\n"
    )
    assert filesystem.filesystem_of(Path(folder), mountinfo) == kind


def test_a_log_that_was_removed_while_open_is_made_anew_under_another_identity(
    bridge: SqliteBridge, path: Path
) -> None:
    bridge.join(member(BOB))
    bridge.publish([publication()])
    before = bridge.bridge_id
    bridge.wait(0)
    for file in path.parent.glob("bridge.db.mesh.db*"):
        file.unlink()
    assert bridge.bridge_id != before
    fails(UsageError, "has not joined", lambda: receive(bridge, BOB))
    bridge.join(member(BOB))
    bridge.publish([publication()])
    assert bridge.wait(10)
    assert len(take(bridge, BOB)) == 1


def test_what_a_broken_writer_put_into_the_log_is_delivered_and_stops_nothing(bridge: SqliteBridge) -> None:
    bridge.join(member(BOB))
    bridge.publish([publication(number=n) for n in range(3)])
    with bridge.log.writing() as connection:
        connection.execute("UPDATE log SET text = CAST(x'ff00fe' AS TEXT) WHERE seq = 1")
        connection.execute("UPDATE log SET text = x'ff00', sig = 7 WHERE seq = 2")
    texts = take(bridge, BOB)
    assert len(texts) == 3
    assert texts[0] == "\ufffd\x00\ufffd"
    assert texts[2] == publication(number=2).record.text


def test_a_transaction_that_is_interrupted_leaves_nothing(bridge: SqliteBridge) -> None:
    bridge.join(member(BOB))

    def broken() -> None:
        with bridge.log.writing() as connection:
            connection.execute("DELETE FROM members")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken()
    assert [m.node for m in bridge.members()] == [BOB]


def test_the_write_ahead_log_stays_bounded(bridge: SqliteBridge, path: Path) -> None:
    bridge.join(member(BOB))
    sizes = []
    for n in range(40):
        bridge.publish([Publication(Record(f"{n}" + "x" * 500_000, ALICE, "00"), "skill")])
        sizes.append(log_of(path).with_name(log_of(path).name + "-wal").stat().st_size)
    assert max(sizes) < CHECKPOINT_BYTES + 2_000_000


def test_a_reader_that_stays_in_the_middle_delays_the_checkpoint_and_loses_nothing(
    bridge: SqliteBridge, path: Path
) -> None:
    bridge.join(member(BOB))
    with closing(sqlite3.connect(log_of(path), isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM log").fetchone()
        for n in range(12):
            bridge.publish([Publication(Record(f"{n}" + "x" * 500_000, ALICE, "00"), "skill")])
    assert len(take(bridge, BOB)) == 12


def test_a_checkpoint_that_another_process_holds_is_left_to_it(bridge: SqliteBridge, path: Path) -> None:
    bridge.join(member(BOB))
    holder = open_bridge(path)
    with holder.log.lock().held() as is_free:
        assert is_free
        for n in range(12):
            bridge.publish([Publication(Record(f"{n}" + "x" * 500_000, ALICE, "00"), "skill")])
        assert log_of(path).with_name(log_of(path).name + "-wal").stat().st_size > CHECKPOINT_BYTES
    holder.close()
