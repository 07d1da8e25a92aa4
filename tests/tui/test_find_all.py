"""The list of incidents is found, sorted, counted, exported and gone through in the store, not in what is loaded."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.pilot import WAIT_SECONDS, Shown, settings_in, shown

from meshcore.config import Settings
from meshcore.store.store import Store
from meshcore.testing import incident
from meshtui import window
from meshtui.screens.overview import OverviewPane
from meshtui.widgets.stored_rows import StoredRows

COUNT = 300


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(StoredRows, "PAGE", 50)
    monkeypatch.setattr(StoredRows, "COUNT_AFTER_SECONDS", 0.001)
    (tmp_path / "home").mkdir(mode=0o700)
    with closing(Store(tmp_path / "home/store.db")) as store, store.transaction():
        for number in range(COUNT):
            name = f"needle{number // 2}" if number < 4 else f"module{number}"
            store.incidents.open(incident(number + 1, name), "a" * 64)
            store.database.execute(
                "UPDATE incidents SET agent=?, opened=? WHERE seq=?",
                (f"agent{number % 3}", f"2026-11-2{number % 9}T10:00:00.000000Z", number + 1),
            )
    return settings_in(tmp_path)


def pane(it: Shown) -> OverviewPane:
    assert isinstance(it.app.pane, OverviewPane)
    return it.app.pane


async def settled(it: Shown) -> None:
    """Return once nothing is asked of the store any more."""
    await it.pilot.pause()
    while working := [
        one for one in it.app.workers if one.group.startswith(("rows.", "export")) and not one.is_finished
    ]:
        for worker in working:
            await worker.wait()
        await it.pilot.pause()


@pytest.mark.parametrize("typed", ["needle0", "NEEDLE0"])
async def test_an_old_incident_is_found_among_all_that_are_kept(settings: Settings, typed: str) -> None:
    async with shown(settings) as it:
        assert len(pane(it).rows.shown) < COUNT, "a page"
        assert f"{COUNT} in all" in it.text()
        await it.press("slash", *typed)
        await settled(it)
        assert len(pane(it).rows.shown) == 2
        assert "needle0" in it.text()
        assert "2 found" in it.text()
        await it.press("enter", "escape")
        await settled(it)
        assert len(pane(it).rows.shown) >= 50


async def test_the_end_is_that_of_the_store_and_the_way_back_is_whole(settings: Settings) -> None:
    async with shown(settings) as it:
        rows = pane(it).rows
        await it.press("G")
        await settled(it)
        assert rows.selected == f"{1:016x}"
        assert "needle0" in it.text().splitlines()[-2]
        while rows.selected != f"{COUNT:016x}":
            await it.press("pageup")
            await settled(it)
        assert list(rows.shown) == [f"{number:016x}" for number in range(COUNT, 0, -1)]
        await it.press("G")
        await settled(it)
        await it.press("g")
        await settled(it)
        assert rows.selected == f"{COUNT:016x}"


async def test_going_far_down_keeps_no_more_than_some_pages(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(window, "MOST_PAGES", 3)
    async with shown(settings) as it:
        rows = pane(it).rows
        while rows.selected != f"{1:016x}":
            before = rows.index, rows.selected
            await it.press("pagedown")
            await settled(it)
            assert before != (rows.index, rows.selected)
            assert len(rows.shown) <= 150
        assert "needle0" in it.text().splitlines()[-2]


async def test_what_fails_meanwhile_is_listed_where_it_belongs_and_counted(settings: Settings) -> None:
    async with shown(settings) as it:
        rows = pane(it).rows
        await it.press("G")
        await settled(it)
        with closing(Store(it.app.home.store)) as store, store.transaction():
            store.incidents.open(incident(900, "pandas"), "a" * 64)
        it.app._sources.wake()
        async with asyncio.timeout(WAIT_SECONDS):
            while rows.window.total != COUNT + 1:
                await it.pilot.pause()
        assert rows.selected == f"{1:016x}"
        await it.press("g")
        await settled(it)
        assert rows.selected == f"{900:016x}"
        assert f"{COUNT + 1} in all" in it.text()


async def test_a_key_and_a_click_sort_by_a_column_of_the_whole_store(settings: Settings) -> None:
    async with shown(settings) as it:
        rows = pane(it).rows
        await it.press("s")
        await settled(it)
        assert rows.sorted_by == ("time UTC", True)
        assert rows.selected == f"{297:016x}"
        await it.press("S")
        await settled(it)
        assert "time UTC↑" in it.text()
        assert rows.selected == f"{1:016x}"
        heading = next(line for line in it.text().splitlines() if "time UTC" in line)
        at = (heading.index("agent") + 1, 0)
        await it.pilot.click("#incidents", offset=at)
        await settled(it)
        assert "agent ↑" in it.text()
        assert rows.window.rows[rows.selected].agent == "agent0"
        await it.pilot.click("#incidents", offset=at)
        await settled(it)
        assert "agent ↓" in it.text()
        assert rows.window.rows[rows.selected].agent == "agent2"
        await it.press("G")
        await settled(it)
        assert rows.selected == f"{1:016x}"
        it.app.leave()
    async with shown(settings) as it:
        assert pane(it).rows.sorted_by == ("agent", True)


async def test_a_column_that_no_index_serves_is_not_sorted_by(settings: Settings) -> None:
    async with shown(settings) as it:
        heading = next(line for line in it.text().splitlines() if "time UTC" in line)
        await it.pilot.click("#incidents", offset=(heading.index("error"), 0))
        await settled(it)
        assert pane(it).rows.sorted_by == ("", True)


async def test_all_of_the_store_is_exported_in_the_order_that_is_shown(settings: Settings, tmp_path: Path) -> None:
    async with shown(settings) as it:
        await it.press("S", "ctrl+e")
        await settled(it)
        [file] = tmp_path.glob("meshtui-overview-*.txt")
        lines = file.read_text().splitlines()
        assert len(lines) == COUNT
        assert "needle0" in lines[0]
        assert "module299" in lines[-1]
