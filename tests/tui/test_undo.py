"""A rejection is taken back in the terminal: nothing runs by it, and what waits again is asked about as ever."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.waiting import let_wait

from meshcore.config import Settings
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.screens.approvals import ApprovalsPane
from meshtui.screens.ask import Confirm
from meshtui.screens.chain import ChainScreen

TAKEN_BACK = ["rejected", "waiting"]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def waits(settings: Settings, clock: FakeClock, tmp_path: Path) -> Approval:
    (tmp_path / "work").mkdir()
    return let_wait(settings, clock, tmp_path / "work")


def stored(it: Shown) -> list[Approval]:
    with closing(Store(it.app.home.store)) as store:
        return store.approvals.all(waiting_only=False)


def states(it: Shown) -> list[str]:
    return [one.state for one in stored(it)]


async def until(it: Shown, true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


async def said(it: Shown, text: str) -> None:
    await until(it, lambda: any(text in str(note.message) for note in it.app._notifications))


async def test_a_rejection_just_made_is_taken_back_and_asked_about_again(
    settings: Settings, clock: FakeClock, waits: Approval
) -> None:
    async with shown(settings, clock, size=(80, 24)) as it:
        await it.press("4")
        pane = it.app.pane
        assert isinstance(pane, ApprovalsPane)
        await until(it, lambda: waits.command in it.text())
        assert "u undo" in it.text()
        await it.press("r")
        await until(it, lambda: "⊘ rejected" in it.text())
        await it.press("u")
        await said(it, "taken back: it was judged anew, and waits for you")
        again = stored(it)[-1]
        await until(it, lambda: pane.rows.selected == again.approval_id)
        assert states(it) == TAKEN_BACK and "↶ taken back" in it.text()
        await it.press("a")
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        assert waits.command in it.text()
        await it.press("n")
        assert states(it) == TAKEN_BACK


async def test_one_in_the_list_of_settled_ones_is_taken_back_once(
    settings: Settings, clock: FakeClock, waits: Approval
) -> None:
    async with shown(settings, clock) as it:
        await it.press("4")
        await until(it, lambda: waits.command in it.text())
        await it.press("r")
        await until(it, lambda: states(it) == ["rejected"])
    async with shown(settings, clock) as it:
        await it.press("4")
        await until(it, lambda: "⊘ rejected" in it.text())
        for _ in range(20):  # held
            await it.press("u")
            clock.advance(0.05)
        await until(it, lambda: states(it) == TAKEN_BACK)
        clock.advance(2)
        await it.press("end", "u")
        await said(it, "taken back already")
        assert states(it) == TAKEN_BACK


async def test_what_waits_has_nothing_to_take_back(settings: Settings, clock: FakeClock, waits: Approval) -> None:
    async with shown(settings, clock) as it:
        await it.press("4")
        await until(it, lambda: waits.command in it.text())
        await it.press("u")
        await said(it, "it waits for you: nothing to take back")


async def test_the_chain_takes_it_back_too(settings: Settings, clock: FakeClock, waits: Approval) -> None:
    async with shown(settings, clock, size=(120, 60)) as it:
        it.app.push_screen(ChainScreen(waits.incident_id))
        await until(it, lambda: "it waits for you" in it.text())
        await it.press("u")
        await said(it, "nothing of this was rejected")
        await it.press("r")
        await until(it, lambda: "u takes that back" in it.text())
        clock.advance(2)
        await it.press("u")
        await until(it, lambda: "it waits for you: a approves it once" in it.text())
        assert states(it) == TAKEN_BACK
