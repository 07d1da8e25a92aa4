"""From 160 columns on the selected row is shown in full beside its list, and follows the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.busy import build
from tests.tui.pilot import WAIT_SECONDS, Shown, settings_in, shown

from meshcore.config import Settings
from meshcore.testing import FakeClock
from meshtui.screens.overview import OverviewPane
from meshtui.widgets.detail import Detail


@pytest.fixture
def busy(tmp_path: Path, clock: FakeClock) -> Settings:
    settings = settings_in(tmp_path)
    with closing(build(settings, clock)):
        pass
    return settings


async def until(it: Shown, true: Callable[[], bool]) -> None:
    async with asyncio.timeout(WAIT_SECONDS):
        while not true():
            await it.pilot.pause()


def beside(it: Shown) -> str:
    """Return what stands at the right of the list."""
    preview = it.app.query_one("#preview").region
    return "\n".join(line[preview.x :] for line in it.text().splitlines()[preview.y : preview.bottom])


async def test_the_selected_incident_stands_beside_the_list_and_follows_the_cursor(
    busy: Settings, clock: FakeClock
) -> None:
    async with shown(busy, clock, size=(200, 60)) as it:
        pane = it.app.pane
        assert isinstance(pane, OverviewPane)
        for _ in range(3):
            await until(it, lambda: f"incident {pane.rows.selected[:8]}" in beside(it))
            line = pane.rows.window.rows[pane.rows.selected].line
            await until(it, lambda line=line: line[:40] in beside(it))  # type: ignore[misc]
            await it.press("down")
        assert pane.rows.has_focus


async def test_the_preview_is_closed_by_a_key_and_stays_so(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(200, 60)) as it:
        await it.press("p")
        assert not it.app.query_one("#preview").display
        it.app.leave()
    async with shown(busy, clock, size=(200, 60)) as it:
        assert not it.app.query("#preview")
        await it.press("p")
        assert it.app.query_one("#preview").display


async def test_a_narrower_terminal_has_none_and_reads_nothing_for_it(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(159, 40)) as it:
        assert not it.app.query("#preview")
        await it.press("p")
        assert "from 160 columns" in " ".join(str(note.message) for note in it.app._notifications)
        await it.pilot.resize_terminal(170, 40)
        await until(it, lambda: bool(it.app.query("#preview")) and it.app.query_one("#preview").display)
        await it.pilot.resize_terminal(120, 36)
        await until(it, lambda: not it.app.query_one("#preview").display)


@pytest.mark.parametrize("key", ["2", "4"])
async def test_skills_and_approvals_have_theirs_beside_the_list_too(busy: Settings, clock: FakeClock, key: str) -> None:
    async with shown(busy, clock, size=(200, 60)) as it:
        await it.press(key)
        assert it.app.pane is not None
        detail, rows = it.app.pane.query_one("Detail").region, it.app.pane.query_one("Rows, StoredRows").region
        assert detail.x >= rows.right and detail.height > 40
        await it.pilot.resize_terminal(120, 36)
        await it.pilot.pause()
        detail, rows = it.app.pane.query_one("Detail").region, it.app.pane.query_one("Rows, StoredRows").region
        assert detail.y >= rows.bottom and detail.width == 120


def detail_of(it: Shown) -> Detail:
    assert it.app.pane is not None
    return it.app.pane.query_one(Detail)


@pytest.mark.parametrize("key", ["2", "4"])
async def test_the_same_key_closes_it_in_every_pane_that_has_it(busy: Settings, clock: FakeClock, key: str) -> None:
    async with shown(busy, clock, size=(200, 60)) as it:
        await it.press(key, "p")
        assert it.app.pane is not None
        rows = it.app.pane.query_one("Rows, StoredRows")
        assert not detail_of(it).display and rows.region.width == 200
        await it.pilot.resize_terminal(120, 36)
        await it.pilot.pause()
        assert detail_of(it).region.y >= rows.region.bottom, "below the list it always stands"
        it.app.leave()
    async with shown(busy, clock, size=(200, 60)) as it:
        await it.press(key)
        assert not detail_of(it).display, "it stays as it was left"
        await it.press("p")
        await it.pilot.pause()
        assert detail_of(it).region.height > 40


async def test_no_line_of_a_chain_beside_the_list_goes_past_its_edge(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(160, 36)) as it:
        await until(it, lambda: "outcome" in beside(it) or "decision" in beside(it))
        labels = {"error", "why", "decision", "ran", "rerun", "outcome", "told"}
        for line in beside(it).splitlines()[1:]:
            assert not line[2:9].strip(" │▇▆▅▄▃▂▁") or line[2:].split()[0] in labels, line
