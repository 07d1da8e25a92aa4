"""`a`, `r`, `u` and `t` work wherever an incident is under the cursor, and what cannot be done says why."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.waiting import let_wait

from meshcore.config import Settings
from meshcore.node import Node
from meshcore.safety.halt import halted
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.app import MeshApp
from meshtui.host import READ_ONLY
from meshtui.screens.agent import AgentScreen
from meshtui.screens.ask import Ask, Confirm
from meshtui.screens.chain import ChainScreen
from meshtui.screens.deciding import incident_in
from meshtui.screens.host import HostScreen
from meshtui.screens.record import RecordScreen
from meshtui.state import Opening

Place = Callable[[Shown, Approval], Awaitable[None]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def waits(settings: Settings, clock: FakeClock, tmp_path: Path) -> Approval:
    (tmp_path / "work").mkdir()
    found = let_wait(settings, clock, tmp_path / "work")
    with Node(settings, clock) as node:
        node.project()
    return found


async def until(it: Shown, true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


async def said(it: Shown, text: str) -> None:
    await until(it, lambda: any(text in str(note.message) for note in it.app._notifications))


def state(it: Shown) -> list[str]:
    with closing(Store(it.app.home.store)) as store:
        return [one.state for one in store.approvals.all(waiting_only=False)]


async def in_overview(it: Shown, waits: Approval) -> None:
    await it.press("1")
    await until(it, lambda: "needs you" in it.text() and it.app.pane is not None and "make_settings" in it.text())


async def in_the_chain(it: Shown, waits: Approval) -> None:
    it.app.push_screen(ChainScreen(waits.incident_id))
    await until(it, lambda: "it waits for you" in it.text())


async def at_the_agent(it: Shown, waits: Approval) -> None:
    it.app.push_screen(AgentScreen("dev@dev1"))
    await until(it, lambda: "KeyError" in it.text())


async def at_the_host(it: Shown, waits: Approval) -> None:
    with Node(it.app.settings) as node:
        key = node.identity.node.public
    page = HostScreen("dev1", [])
    page._of_host = [type("One", (), {"node": key, "name": "dev"})()]
    it.app.push_screen(page)
    await until(it, lambda: "KeyError" in it.text())


async def in_the_log(it: Shown, waits: Approval) -> None:
    await it.press("6")
    await until(it, lambda: "approval.waiting" in it.text())
    pane = it.app.pane
    await it.press("end")
    for _ in range(40):
        if incident_in(pane.view.selected) == waits.incident_id:  # type: ignore[union-attr]
            return
        await it.press("up")
    raise AssertionError("no line of the log is of the incident")


PLACES: dict[str, Place] = {
    "overview": in_overview,
    "chain": in_the_chain,
    "agent": at_the_agent,
    "host": at_the_host,
    "log": in_the_log,
}


@pytest.mark.parametrize("place", PLACES)
async def test_what_waits_is_approved_there_with_all_of_it_in_view(
    settings: Settings, clock: FakeClock, waits: Approval, place: str
) -> None:
    async with shown(settings, clock) as it:
        await PLACES[place](it, waits)
        for _ in range(10):  # held
            await it.press("a")
            clock.advance(0.05)
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        assert waits.command in it.text() and waits.rerun.rpartition("/")[2] in it.text()
        assert sum(isinstance(one, Confirm) for one in it.app.screen_stack) == 1
        assert state(it) == ["waiting"]
        await it.press("y")
        await until(it, lambda: state(it) == ["approved"])


@pytest.mark.parametrize("place", PLACES)
async def test_what_waits_is_rejected_there_and_taken_back(
    settings: Settings, clock: FakeClock, waits: Approval, place: str
) -> None:
    async with shown(settings, clock) as it:
        await PLACES[place](it, waits)
        await it.press("r")
        await said(it, f"rejected: {waits.command}; u takes it back")
        clock.advance(2)
        await it.press("a")
        await said(it, "nothing of this waits for you on this home: it was refused or rejected; u takes")
        assert not isinstance(it.app.screen, Confirm)
        await it.press("u")
        await until(it, lambda: state(it) == ["rejected", "waiting"])


@pytest.mark.parametrize("place", PLACES)
async def test_it_is_taught_there(settings: Settings, clock: FakeClock, waits: Approval, place: str) -> None:
    async with shown(settings, clock) as it:
        await PLACES[place](it, waits)
        await it.press("t")
        await until(it, lambda: isinstance(it.app.screen, Ask))
        assert "KeyError" in it.text()


async def test_a_record_is_decided_on_too_where_r_shows_it_raw(
    settings: Settings, clock: FakeClock, waits: Approval
) -> None:
    async with shown(settings, clock) as it:
        await in_the_log(it, waits)
        await it.press("enter")
        await until(it, lambda: isinstance(it.app.screen, RecordScreen))
        await it.press("r")
        assert state(it) == ["waiting"]
        await it.press("a")
        await until(it, lambda: isinstance(it.app.screen, Confirm))


async def test_marked_rows_are_not_decided_one_for_all(settings: Settings, clock: FakeClock, waits: Approval) -> None:
    async with shown(settings, clock) as it:
        await in_overview(it, waits)
        await it.press("space", "r")
        await said(it, "several are decided in Approvals")
        assert state(it) == ["waiting"]


async def test_what_cannot_be_decided_says_why(settings: Settings, clock: FakeClock, waits: Approval) -> None:
    async with shown(settings, clock) as it:
        await it.press("6")
        await until(it, lambda: "approval.waiting" in it.text())
        await it.press("home")
        for _ in range(40):
            if not incident_in(it.app.pane.view.selected):  # type: ignore[union-attr]
                break
            await it.press("down")
        await it.press("a")
        await said(it, "this line is of no incident")
        await it.press("7", "t")
        await said(it, "nothing is selected")


@pytest.mark.parametrize(
    ("to", "why"),
    [("verified", "it is verified already"), ("fixing", "it is being fixed now"), ("matched", "told and not run")],
)
async def test_why_nothing_waits_is_told_by_the_incidents_state(
    settings: Settings, clock: FakeClock, waits: Approval, to: str, why: str
) -> None:
    with closing(Store(settings.home / "store.db", clock)) as store:
        store.approvals.resolve(waits.approval_id, "not needed", "dev")
        store.incidents.set_state(waits.incident_id, to)  # type: ignore[arg-type]
    async with shown(settings, clock) as it:
        it.app.push_screen(ChainScreen(waits.incident_id))
        await until(it, lambda: "error" in it.text())
        await it.press("a")
        await said(it, why)


async def test_a_command_whose_fix_was_applied_elsewhere_is_run_again_after_a_question(
    settings: Settings, clock: FakeClock, waits: Approval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(Store(settings.home / "store.db", clock)) as store:
        store.approvals.resolve(waits.approval_id, "not needed", "dev", applied=True)
        store.incidents.set_state(waits.incident_id, "applied_not_rerun")
    ran: list[tuple[list[str], str]] = []
    async with shown(settings, clock) as it:
        monkeypatch.setattr(it.app, "run_outside", lambda arguments, folder: ran.append((list(arguments), folder)))
        it.app.push_screen(ChainScreen(waits.incident_id))
        await until(it, lambda: "error" in it.text())
        for answer in ("n", "y"):
            clock.advance(2)
            await it.press("R")
            await until(it, lambda: isinstance(it.app.screen, Confirm))
            assert "app.py" in it.text() and "Run the failed command again?" in it.text() and ran == []
            await it.press(answer)
        await until(it, lambda: len(ran) == 1)
    [(arguments, folder)] = ran
    assert folder == str(tmp_path / "work") and arguments[-2:] == [sys.executable, "app.py"]
    assert arguments[:2] == ["--home", str(settings.home)] and arguments[-6:-2] == ["run", "--mode", "hint", "--"]


# --- read only --------------------------------------------------------------------------------------------------------


READ_ONLY_APP: Any = partial(MeshApp, opening=Opening(readonly=True))  # as `--readonly` starts it


@pytest.mark.parametrize("place", ["overview", "chain"])
async def test_a_home_that_is_only_looked_at_refuses_at_once(
    settings: Settings, clock: FakeClock, waits: Approval, place: str
) -> None:
    async with shown(settings, clock, app_class=READ_ONLY_APP) as it:
        await PLACES[place](it, waits)
        for number, key in enumerate("arut", 1):
            await it.press(key)
            await until(it, lambda number=number: count(it, READ_ONLY) == number)
            assert not isinstance(it.app.screen, Confirm | Ask) and state(it) == ["waiting"]


def count(it: Shown, text: str) -> int:
    return sum(text in str(note.message) for note in it.app._notifications)


@pytest.mark.parametrize("key", ["a", "A", "r", "R", "u", "K", "M"])
async def test_approvals_refuse_at_once_too(settings: Settings, clock: FakeClock, waits: Approval, key: str) -> None:
    async with shown(settings, clock, app_class=READ_ONLY_APP) as it:
        await it.press("4")
        await until(it, lambda: "then again" in it.text())
        await it.press(key)
        await said(it, READ_ONLY if key != "u" else "nothing to take back")
        assert not isinstance(it.app.screen, Confirm | Ask) and state(it) == ["waiting"]
        assert not halted(settings.operator)
