"""The doorbell: wakes, never blocks, cleans up after the dead."""

from __future__ import annotations

import os
import socket
import stat
import threading
from pathlib import Path

import pytest
from tests.core.bridge.helpers import BOB, member, open_bridge, publication, take

from meshcore.bridge.sqlite.doorbell import Doorbell, Ringer, sweep
from meshcore.testing import FakeClock


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "bells"


def dead_bell(folder: Path, name: str) -> None:
    """Leave the socket of a listener that died."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        before = Path.cwd()
        os.chdir(folder)  # the path may be too long for a socket
        dead.bind(name)
        os.chdir(before)


def test_a_ring_wakes_the_listener(folder: Path) -> None:
    bell, ringer = Doorbell(folder), Ringer(folder)
    assert not bell.wait(0)
    assert ringer.ring([bell.name]) == []
    assert bell.wait(10)
    assert not bell.wait(0)
    bell.close()
    ringer.close()


def test_more_rings_than_the_queue_holds_block_nobody_and_count_as_one(folder: Path) -> None:
    bell, ringer = Doorbell(folder), Ringer(folder)
    assert ringer.ring([bell.name] * 1000) == []
    assert bell.wait(0)
    assert not bell.wait(0)
    bell.close()
    ringer.close()


def test_a_bell_is_taken_down_when_closed(folder: Path) -> None:
    bell, ringer = Doorbell(folder), Ringer(folder)
    bell.close()
    assert list(folder.iterdir()) == []
    assert ringer.ring([bell.name]) == [bell.name]


def test_the_socket_of_a_dead_listener_is_reported_and_removed(folder: Path) -> None:
    folder.mkdir()
    dead_bell(folder, "00000000.bell")
    assert Ringer(folder).ring(["00000000.bell"]) == ["00000000.bell"]
    assert list(folder.iterdir()) == []


def test_a_sweep_removes_only_what_nobody_listens_to_and_nobody_registered(folder: Path) -> None:
    living = Doorbell(folder)
    for name in ("dead0000.bell", "0000dead.bell"):
        dead_bell(folder, name)
    sweep(folder, ["0000dead.bell"])
    assert sorted(path.name for path in folder.iterdir()) == sorted([living.name, "0000dead.bell"])
    living.close()


def test_a_bell_far_down_in_the_tree_hangs_there_too(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60) / "bells"
    deep.parent.mkdir(parents=True)
    bell, ringer = Doorbell(deep), Ringer(deep)
    assert [path.name for path in deep.iterdir()] == [bell.name]
    assert ringer.ring([bell.name]) == []
    assert bell.wait(10)
    bell.close()
    ringer.close()


@pytest.mark.parametrize(("mode", "socket_mode", "folder_mode"), [(0o700, 0o600, 0o700), (0o770, 0o660, 0o770)])
def test_a_bell_is_for_the_group_only_where_the_bridges_folder_is(
    folder: Path, mode: int, socket_mode: int, folder_mode: int
) -> None:
    folder.parent.chmod(mode)
    bell = Doorbell(folder)
    assert stat.S_IMODE((folder / bell.name).stat().st_mode) == socket_mode
    assert folder.stat().st_mode & 0o777 == folder_mode
    bell.close()


def test_the_files_of_the_log_are_private_in_a_private_folder_and_the_groups_in_a_shared_one(tmp_path: Path) -> None:
    for name, mode, expected in (("private", 0o755, 0o600), ("shared", 0o770, 0o660)):
        place = tmp_path / name
        place.mkdir()
        place.chmod(mode)
        bridge = open_bridge(place / "b.db")
        bridge.join(member(BOB))
        modes = {stat.S_IMODE(path.stat().st_mode) for path in place.glob("b.db.mesh.db*")}
        bridge.close()
        assert modes == {expected}


def test_a_lost_ring_is_found_by_the_poll(tmp_path: Path) -> None:
    sender, reader = open_bridge(tmp_path / "b.db"), open_bridge(tmp_path / "b.db")
    reader.join(member(BOB))
    reader.wait(0)
    for bell in (tmp_path / "b.db.mesh.bells").glob("*.bell"):
        bell.unlink()
    sender.publish([publication()])
    assert reader.wait(10)
    assert len(take(reader, BOB)) == 1
    sender.close()
    reader.close()


def test_a_listener_whose_bell_was_struck_off_registers_it_again(tmp_path: Path) -> None:
    sender, reader = open_bridge(tmp_path / "b.db"), open_bridge(tmp_path / "b.db")
    reader.join(member(BOB))
    reader.wait(0)
    with sender.log.writing() as connection:
        connection.execute("DELETE FROM doorbells")
    reader.wait(0)
    with sender.log.reading() as connection:
        assert connection.execute("SELECT count(*) FROM doorbells").fetchone() == (1,)
    sender.close()
    reader.close()


def test_the_bell_of_a_dead_listener_is_struck_off_by_the_next_sender(tmp_path: Path) -> None:
    sender = open_bridge(tmp_path / "b.db")
    with sender.log.writing() as connection:
        connection.execute("INSERT INTO doorbells VALUES ('0000dead.bell', '')")
    sender.publish([publication()])
    with sender.log.reading() as connection:
        assert connection.execute("SELECT count(*) FROM doorbells").fetchone() == (0,)
    sender.close()


def test_a_bridge_without_a_place_for_sockets_still_polls(tmp_path: Path) -> None:
    (tmp_path / "b.db.mesh.bells").write_text("in the way")
    sender, reader = open_bridge(tmp_path / "b.db"), open_bridge(tmp_path / "b.db", FakeClock())
    reader.join(member(BOB))
    assert reader.fileno() == -1
    assert not reader.wait(0)
    sender.publish([publication()])
    assert reader.wait(10)
    sender.close()
    reader.close()


def test_a_closed_bridge_leaves_no_bell_behind(tmp_path: Path) -> None:
    reader, other = open_bridge(tmp_path / "b.db"), open_bridge(tmp_path / "b.db")
    assert reader.fileno() >= 0
    reader.close()
    assert list((tmp_path / "b.db.mesh.bells").glob("*")) == []
    with other.log.reading() as connection:
        assert connection.execute("SELECT count(*) FROM doorbells").fetchone() == (0,)
    other.close()


def test_a_sweep_waits_for_no_listener_who_does_not_read(folder: Path) -> None:
    bell, ringer = Doorbell(folder), Ringer(folder)
    for _ in range(300):  # more than any queue of datagrams holds
        assert ringer.ring([bell.name]) == []
    sweeper = threading.Thread(target=sweep, args=(folder, []), daemon=True)
    sweeper.start()
    sweeper.join(10)
    assert not sweeper.is_alive()
    assert (folder / bell.name).exists()
    bell.close()
    ringer.close()
