"""What cannot be read is said in one line, shown as no figure, and nothing is made or written in its place."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.tui.pilot import Shown, settings_in, shown

from meshcore.errors import MeshError
from meshcore.node import Node
from meshcore.testing import incident
from meshtui.snapshot import NOT_YET, BridgeView, Snapshot
from meshtui.widgets.header import fitted, header_parts

PANES = "2345781"


def furnish(root: Path) -> None:
    """Let a home fail once, and join its bridge."""
    with Node(settings_in(root)) as node:
        node.require_bridge()
        node.store.incidents.open(incident(1, "django", opened=node.store.now()), node.identity.node.public)


def bridge_files(root: Path) -> list[Path]:
    return [path for path in root.iterdir() if path.name.startswith("bridge")]


def remove(paths: list[Path]) -> None:
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def overwrite(path: Path) -> None:
    """Write over a database that is open, as a failing disk does: what is remembered of it is told from the file."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with path.open("r+b") as file:
        file.write(os.urandom(path.stat().st_size))


def bridge_is_removed(root: Path) -> None:
    remove(bridge_files(root))


def bridge_is_a_folder(root: Path) -> None:
    remove(bridge_files(root))
    (root / "bridge.db.mesh.db").mkdir()


def bridge_is_damaged(root: Path) -> None:
    overwrite(root / "bridge.db.mesh.db")


def bridge_may_not_be_read(root: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    for path in (root / "bridge.db.mesh.db", root / "bridge.db.mesh.db-wal"):
        path.chmod(0)
    # A file that is open stays readable; as with a backup put in its place, it is another one.
    (root / "bridge.db.mesh.db").rename(root / "kept")
    (root / "bridge.db.mesh.db").touch(mode=0)


def home_is_gone(root: Path) -> None:
    shutil.rmtree(root / "home")


def store_is_gone(root: Path) -> None:
    remove([path for path in (root / "home").iterdir() if path.name.startswith("store.db")])


def store_is_another(root: Path) -> None:
    shutil.copy(root / "home/store.db", root / "copy.db")
    (root / "copy.db").replace(root / "home/store.db")


def store_is_damaged(root: Path) -> None:
    overwrite(root / "home/store.db")


def store_is_cut(root: Path) -> None:
    with closing(sqlite3.connect(root / "home/store.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(root / "home/store.db", 5000)


async def until_said(it: Shown, fault: Callable[[], str]) -> str:
    await it.until(lambda: bool(fault()), "a fault")
    await it.pilot.pause()
    return fault()


@pytest.mark.parametrize("embed", [False, True], ids=["another-runs-it", "runs-it"])
@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (bridge_is_removed, "gone"),
        (bridge_is_a_folder, "a folder"),
        (bridge_is_damaged, "not an SQLite database"),
        (bridge_may_not_be_read, "kept"),
    ],
)
async def test_a_bridge_that_cannot_be_read_has_no_figures_and_is_not_made_anew(
    happens: Callable[[Path], None], said: str, embed: bool, tmp_path: Path
) -> None:
    furnish(tmp_path)
    async with shown(settings_in(tmp_path), embed=embed) as it:
        feed = it.app.feed
        assert feed is not None and "● bridge   nodes 1/1" in it.text()
        happens(tmp_path)
        left = {path: path.read_bytes() for path in bridge_files(tmp_path) if path.is_file()}
        assert said in await until_said(it, lambda: feed.snapshot.bridge.fault)
        assert "✗ no bridge   nodes –" in it.text() and "undelivered –" in it.text()
        await it.press("3")
        assert "has been received" not in it.text()
        assert {path for path in bridge_files(tmp_path) if path.is_file() and path.suffix == ".db"} <= set(left)
        damaged = tmp_path / "bridge.db.mesh.db"
        assert not damaged.is_file() or damaged.read_bytes() == left[damaged]


@pytest.mark.parametrize("embed", [False, True], ids=["another-runs-it", "runs-it"])
@pytest.mark.parametrize(
    ("happens", "said"),
    [
        (home_is_gone, "gone while it was open"),
        (store_is_gone, "gone while it was open"),
        (store_is_another, "another file took its place"),
        (store_is_damaged, "is not an SQLite database"),
        (store_is_cut, "is damaged"),
    ],
)
async def test_a_home_that_cannot_be_read_has_no_figures_and_nothing_is_written_there(
    happens: Callable[[Path], None], said: str, embed: bool, tmp_path: Path
) -> None:
    furnish(tmp_path)
    async with shown(settings_in(tmp_path), embed=embed) as it:
        feed = it.app.feed
        assert feed is not None and "verified 0 of 1" in it.text()
        happens(tmp_path)
        store = tmp_path / "home/store.db"
        left = store.read_bytes() if store.exists() else None
        assert said in await until_said(it, lambda: feed.snapshot.fault)
        assert "skills –" in it.text() and "verified –" in it.text() and "cannot be read" in it.text()
        await it.press(*PANES)  # each of them reads
        with pytest.raises(MeshError, match=said):
            await it.app.decide(lambda node: node.store.now())
        assert it.app.is_running and it.app.failure is None
    assert (store.read_bytes() if store.exists() else None) == left
    assert (tmp_path / "home").exists() == (happens is not home_is_gone)


def line(snapshot: Snapshot) -> str:
    return "".join(text for text, _ in fitted(header_parts(snapshot, datetime.now(UTC)), 160))


def test_what_is_not_yet_known_is_told_from_what_cannot_be_known() -> None:
    asked = Snapshot(bridge=BridgeView("ssh://hub", fault=NOT_YET))
    assert "nodes …   skills 0   undelivered …" in line(asked)
    assert "nodes –" in line(replace(asked, bridge=BridgeView("b", fault="gone")))


def test_a_bridge_that_is_put_back_is_used_again(tmp_path: Path) -> None:
    furnish(tmp_path)
    with Node(settings_in(tmp_path)) as node:
        before = node.require_bridge().bridge_id
        kept = tmp_path / "kept"
        kept.mkdir()
        node.disconnect()
        for path in bridge_files(tmp_path):
            path.rename(kept / path.name)
        with pytest.raises(MeshError, match="is gone; put it back"):
            node.require_bridge()
        for path in kept.iterdir():
            path.rename(tmp_path / path.name)
        node.disconnect()
        assert node.require_bridge().bridge_id == before
