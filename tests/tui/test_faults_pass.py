"""Real faults while the terminal is open: a pane says what it does not know, and the figures come back after them."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.test_not_readable import bridge_files, furnish

from meshcore.errors import MeshError
from meshcore.store.store import Store
from meshtui.__main__ import run
from meshtui.feed import Feed

FALSE = ("no skills yet", "nothing waits for you", "no run was validated", "nothing fails again", "no agents yet",
         "no bridge yet", "verified 0 of")  # fmt: skip
"""What a pane says of a home, or a bridge, that was read."""

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Let another process hold a database, until the end of the block."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdout.readline() == b"held\n"
        yield
        child.communicate()


@contextmanager
def overwritten(database: Path) -> Iterator[None]:
    """Write over a database in place, as a failing disk does; put its bytes back at the end of the block."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = database.read_bytes()
    descriptor = os.open(database, os.O_RDWR)  # closed last of all: that drops the locks of this process
    try:
        os.pwrite(descriptor, os.urandom(len(whole)), 0)
        yield
        os.pwrite(descriptor, whole, 0)
    finally:
        os.close(descriptor)


async def all_panes(it: Shown) -> dict[str, str]:
    """Return what each pane shows, by its key, once it has asked what it asks."""
    found = {}
    for key in "123456789":
        await it.press(key)
        for worker in [worker for worker in it.app.workers if worker.group.endswith(".load")]:
            await worker.wait()
        await it.pilot.pause()
        found[key] = it.text()
    return found


def feed_of(it: Shown) -> Feed:
    assert it.app.feed is not None
    return it.app.feed


async def test_a_damaged_store_is_unknown_in_every_pane_and_comes_back_when_it_is_mended(tmp_path: Path) -> None:
    furnish(tmp_path)
    async with shown(settings_in(tmp_path)) as it:
        feed = feed_of(it)
        with overwritten(tmp_path / "home/store.db"):
            await it.until(lambda: "is not an SQLite database" in feed.snapshot.fault, "the fault")
            for key, text in (await all_panes(it)).items():
                assert "cannot be read" in text and "verified –" in text, key
                assert not [words for words in FALSE if words in text], key
        await it.until(lambda: not feed.snapshot.fault, "it is mended")
        after = await all_panes(it)
        assert all("verified 0 of 1" in text and "cannot be read" not in text for text in after.values())
        for key, words in {
            "1": "django",
            "2": "no skills yet",
            "4": "nothing waits for you",
            "9": "agent_a_test",
        }.items():
            assert words in after[key], key
        assert it.app.failure is None


async def test_what_was_read_before_a_fault_is_read_anew_after_it(tmp_path: Path) -> None:
    furnish(tmp_path)
    async with shown(settings_in(tmp_path)) as it:
        feed = feed_of(it)
        await all_panes(it)
        with overwritten(tmp_path / "home/store.db"):
            await it.until(lambda: bool(feed.snapshot.fault), "the fault")
            for key in "24579":
                await it.press(key)
                assert not [words for words in FALSE if words in it.text()], key
        await it.until(lambda: not feed.snapshot.fault, "it is mended")
        assert "nothing waits for you" in (await all_panes(it))["4"]


@pytest.mark.parametrize("embed", [False, True], ids=["another-runs-it", "runs-it"])
async def test_a_bridge_that_is_gone_is_unknown_in_every_pane_and_comes_back(embed: bool, tmp_path: Path) -> None:
    furnish(tmp_path)
    async with shown(settings_in(tmp_path), embed=embed) as it:
        feed, kept = feed_of(it), tmp_path / "kept"
        kept.mkdir()
        for path in bridge_files(tmp_path):
            path.rename(kept / path.name)
        await it.until(lambda: bool(feed.snapshot.bridge.fault), "the fault")
        for key, text in (await all_panes(it)).items():
            assert "✗ no bridge   nodes –" in text and "undelivered –" in text and "put it back" in text, key
            false = ("no bridge yet", "has been received", "is expected to receive", "nothing wrong")
            assert not [words for words in false if words in text], key
        for path in kept.iterdir():
            path.rename(tmp_path / path.name)
        await it.until(lambda: not feed.snapshot.bridge.fault, "it is back")
        after = await all_panes(it)
        assert all("● bridge   nodes 1/1" in text for text in after.values())
        assert "no other node is expected to receive anything" in after["3"] and "1 host, 1 node" in after["8"]


async def test_a_bridge_that_another_process_holds_is_read_and_nothing_is_lost(tmp_path: Path) -> None:
    furnish(tmp_path)
    settings = settings_in(tmp_path)
    async with shown(settings, embed=True) as it:
        feed = feed_of(it)
        with held(tmp_path / "bridge.db.mesh.db"):
            await it.app.decide(lambda node: node.store.outbox.add("fault", {"what": "told while it is held"}))
            for key, text in (await all_panes(it)).items():
                assert "nodes 1/1" in text, key
            assert not feed.snapshot.fault and it.app.failure is None
        await it.until(lambda: feed.snapshot.bridge.records >= 1, "it was told once the bridge was free")


async def test_a_store_that_another_process_holds_is_read_and_what_is_decided_says_why_it_was_not(
    tmp_path: Path,
) -> None:
    furnish(tmp_path)
    async with shown(settings_in(tmp_path)) as it:
        with held(tmp_path / "home/store.db"):
            for key, text in (await all_panes(it)).items():
                assert "verified 0 of 1" in text, key
            with (
                closing(Store(tmp_path / "home/store.db", busy_timeout=0.05)) as store,
                pytest.raises(MeshError) as said,
            ):
                store.meta.set("learning_rules", "x")
            assert "locked by another program" in str(said.value)
        assert await it.app.decide(lambda node: node.store.meta.get("node")) != ""
        assert it.app.failure is None


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder that a user without rights can enter, and this process as that user; skipped where it cannot be."""
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


async def test_a_home_that_is_made_read_only_is_still_read_and_decides_nothing(elsewhere: Path) -> None:
    furnish(elsewhere)
    settings, home = settings_in(elsewhere), elsewhere / "home"
    async with shown(settings) as it:
        files = [path for path in home.rglob("*") if path.is_file()]
        for path in files:
            path.chmod(0o400)
        home.chmod(0o500)
        for key, text in (await all_panes(it)).items():
            assert "verified 0 of 1" in text, key
        with pytest.raises(MeshError) as said:
            await it.app.decide(lambda node: node.store.meta.set("learning_rules", "x"))
        assert "cannot be written" in str(said.value) and "\n" not in str(said.value)
        home.chmod(0o700)
        for path in files:
            path.chmod(0o600)
        await it.app.decide(lambda node: node.store.meta.set("learning_rules", "x"))
        assert it.app.failure is None


def test_a_command_on_a_home_that_is_read_only_ends_with_78_and_one_line(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    furnish(elsewhere)
    settings, home = settings_in(elsewhere), elsewhere / "home"
    for path in home.rglob("*"):
        if path.is_file():
            path.chmod(0o400)
    home.chmod(0o500)
    monkeypatch.setenv("MESHTUI_OPERATOR_DIR", str(settings.operator))
    monkeypatch.setenv("HOME", str(elsewhere))
    try:
        code = run(["--home", str(home), "--bridge", str(settings.bridge), "mode", "hint"])
    finally:
        home.chmod(0o700)
    said = capfd.readouterr().err.splitlines()
    assert code == 78, said
    assert len(said) == 1 and "cannot be written" in said[0] and str(home) in said[0]
