"""A key press is not a decision: what is approved was in view, and one press decides one thing."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.tui.busy import build
from tests.tui.pilot import Shown, settings_in, shown

from meshcore.config import Settings
from meshcore.safety import halt as switch
from meshcore.store.rows import Approval
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.deliberate import REPEAT_SECONDS, Presses
from meshtui.screens.approvals import ApprovalsPane
from meshtui.screens.ask import Confirm
from meshtui.screens.chain import ChainScreen
from meshtui.screens.leaving import Leaving

MORE: dict[str, Any] = {"runs": "/srv/app/.venv/bin/python -m pip install it", "rerun": "pytest -q tests"}
COMMANDS = [f"pip install package-{number}" for number in range(6)]


@pytest.fixture
def busy(tmp_path: Path, clock: FakeClock) -> Settings:
    """A home in which six fixes wait, each for an incident of its own."""
    settings = settings_in(tmp_path)
    with closing(build(settings, clock)) as store:
        skill = store.skills.all()[0].skill_id
        for approval in store.approvals.all():
            store.approvals.resolve(approval.approval_id, "rejected", "dev")
        for number, command in enumerate(COMMANDS):
            approval_id, incident = f"{number:x}" * 11 + "a", f"{number + 1:016x}"
            asked = Approval(
                approval_id, incident, skill, f"h{number}", command, ("why",), store.now(), "waiting", **MORE
            )
            assert store.approvals.ask(asked)
    return settings


def is_asking(it: Shown) -> bool:
    return isinstance(it.app.screen, Confirm)


def is_leaving(it: Shown) -> bool:
    return isinstance(it.app.screen, Leaving)


def states(it: Shown) -> list[str]:
    with closing(Store(it.app.home.store)) as store:
        found = {one.command: one.state for one in store.approvals.all(waiting_only=False)}
    return [found[command] for command in COMMANDS]


async def at_approvals(it: Shown) -> ApprovalsPane:
    await it.press("4")
    pane = it.app.pane
    assert isinstance(pane, ApprovalsPane)
    await until(it, lambda: COMMANDS[0] in it.text() and "then again" in it.text())
    return pane


async def until(it: Shown, true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


async def test_a_second_press_never_reaches_the_next_row(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await at_approvals(it)
        selected = pane.rows.selected
        await it.press("a", "y")
        await until(it, lambda: states(it)[0] == "approved" and "… approved" in it.text())
        assert pane.rows.selected == selected, "the cursor stays on what was settled"
        clock.advance(1)
        await it.press("a", "y")
        await it.press("r")
        await it.pilot.pause()
        assert states(it) == ["approved"] + ["waiting"] * 5


async def test_all_that_a_yes_lets_run_is_in_view(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(80, 24)) as it:
        await at_approvals(it)
        await it.press("a")
        for said in (COMMANDS[0], MORE["runs"], MORE["rerun"], "in    /srv/app"):
            assert said in it.text()


async def test_a_held_key_decides_nothing_more(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await at_approvals(it)
        for _ in range(30):
            await it.press("a")
            clock.advance(0.05)
        assert is_asking(it) and len(it.app.screen_stack) == 2
        assert states(it) == ["waiting"] * 6
        await it.press("escape")
        assert pane.rows.selected
        clock.advance(1)
        for _ in range(30):
            await it.press("r", "down")
            clock.advance(0.02)
        await until(it, lambda: "rejected" in states(it))
        assert states(it).count("rejected") == 1 and "approved" not in states(it)


async def test_rejecting_stays_on_its_row_too(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await at_approvals(it)
        selected = pane.rows.selected
        for _ in range(4):
            await it.press("r")
            clock.advance(2)
            await until(it, lambda: states(it)[0] == "rejected")
            await it.pilot.pause()
        assert pane.rows.selected == selected
        assert states(it) == ["rejected"] + ["waiting"] * 5


async def test_what_comes_in_meanwhile_is_not_what_is_approved(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await at_approvals(it)
        await it.press("a")
        assert COMMANDS[0] in it.text()
        with closing(Store(it.app.home.store, clock)) as store:
            store.approvals.resolve("0" * 11 + "a", "rejected", "somebody@else")
        await it.press("y")
        await until(it, lambda: any("somebody else" in str(n.message) for n in it.app._notifications))
        assert states(it) == ["rejected"] + ["waiting"] * 5


# --- several at once --------------------------------------------------------------------------------------------------


async def test_marked_ones_are_asked_about_once_in_full_and_approved_each_by_itself(
    busy: Settings, clock: FakeClock
) -> None:
    async with shown(busy, clock, size=(120, 60)) as it:
        pane = await at_approvals(it)
        await it.press("space", "space", "down", "space")
        assert "3 marked" in it.text()
        await it.press("a")
        await until(it, lambda: is_asking(it))
        assert "Run these 3, once each?" in it.text()
        for number in (0, 1, 3):
            assert COMMANDS[number] in it.text()
        assert states(it) == ["waiting"] * 6
        await it.press("end", "y")
        await until(it, lambda: states(it).count("approved") == 3)
        assert [state == "approved" for state in states(it)] == [True, True, False, True, False, False]
        await until(it, lambda: not pane.rows.marked)


async def test_a_yes_to_several_is_taken_only_with_the_end_of_the_last_in_view(
    busy: Settings, clock: FakeClock
) -> None:
    async with shown(busy, clock, size=(80, 24)) as it:
        pane = await at_approvals(it)
        await it.press(*["space"] * 6)
        assert len(pane.rows.marked) == 6
        await it.press("a")
        await until(it, lambda: is_asking(it))
        await it.press("y")
        assert is_asking(it) and "there is more" in it.text()
        await it.press("n")
        await it.pilot.pause()
        assert states(it) == ["waiting"] * 6
        assert len(pane.rows.marked) == 6, "a no leaves the marks"


async def test_of_several_what_differs_from_what_was_shown_is_refused_and_the_others_are_not(
    busy: Settings, clock: FakeClock
) -> None:
    async with shown(busy, clock, size=(120, 60)) as it:
        await at_approvals(it)
        await it.press("space", "space", "space", "a")
        await until(it, lambda: is_asking(it))
        with closing(Store(it.app.home.store, clock)) as store:
            store.approvals.resolve("0" * 11 + "a", "rejected", "somebody@else")
            store.database.execute("UPDATE approvals SET runs='rm -rf /' WHERE approval_id=?", ("1" * 11 + "a",))
        await it.press("end", "y")
        await until(it, lambda: states(it)[2] == "approved")
        assert states(it) == ["rejected", "waiting", "approved", *["waiting"] * 3]
        said = " ".join(str(note.message) for note in it.app._notifications)
        assert f"{COMMANDS[0]}: somebody else" in said and f"{COMMANDS[1]}: not what was shown any more" in said


async def test_marked_ones_are_rejected_after_one_question(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await at_approvals(it)
        await it.press("space", "space", "r")
        await until(it, lambda: is_asking(it))
        assert "Reject these 2?" in it.text()
        await it.press("y")
        await until(it, lambda: states(it) == ["rejected", "rejected", *["waiting"] * 4])


async def test_for_good_is_decided_one_by_one_and_escape_takes_the_marks_back(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await at_approvals(it)
        await it.press("space", "space", "A")
        await it.pilot.pause()
        assert not is_asking(it)
        await it.press("escape")
        assert not pane.rows.marked and "marked" not in it.text().splitlines()[2]


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_command_is_confirmed_only_with_its_end_in_view(
    busy: Settings, clock: FakeClock, size: tuple[int, int]
) -> None:
    long = "pip install " + " ".join(f"a-package-with-a-long-name-{number}" for number in range(200)) + " THE-END"
    with closing(sqlite3.connect(busy.home / "store.db", isolation_level=None)) as database:
        database.execute("UPDATE approvals SET command=? WHERE approval_id=?", (long, "0" * 11 + "a"))
    async with shown(busy, clock, size=size) as it:
        await it.press("4")
        await until(it, lambda: "a-package-with" in it.text())
        await it.press("a")
        assert is_asking(it) and "THE-END" not in it.text()
        await it.press("y")
        assert is_asking(it) and "read on to its end" in it.text()
        await it.press("end")
        await until(it, lambda: "THE-END" in it.text())
        await it.press("y")
        await until(it, lambda: states_of(it)["0" * 11 + "a"] == "approved")


def states_of(it: Shown) -> dict[str, str]:
    with closing(Store(it.app.home.store)) as store:
        return {one.approval_id: one.state for one in store.approvals.all(waiting_only=False)}


def test_a_repeat_is_told_from_a_press(clock: FakeClock) -> None:
    presses = Presses(clock)
    assert presses.is_new("once")
    for _ in range(100):  # held: the first repeat comes after the longest delay of a keyboard
        clock.advance(REPEAT_SECONDS - 0.01)
        assert not presses.is_new("once")
    assert presses.is_new("always") and presses.is_new("once")
    clock.advance(REPEAT_SECONDS)
    assert presses.is_new("once")


# --- HALTED is everywhere ---------------------------------------------------------------------------------------------

ON_TOP = {
    "a pane": ("1",),
    "approvals": ("4",),
    "frozen": ("F",),
    "maximised": ("1", "z"),
    "maximised and frozen": ("1", "z", "F"),
    "a question": ("4", "a"),
    "a chain": ("1", "enter"),
    "help": ("question_mark",),
    "the palette": ("ctrl+p",),
    "the kill switch": ("K",),
    "find": ("slash",),
}


@pytest.mark.parametrize("place", ON_TOP)
async def test_a_halt_is_seen_wherever_one_is_at_every_size(busy: Settings, clock: FakeClock, place: str) -> None:
    async with shown(busy, clock) as it:
        for key in ON_TOP[place]:
            await it.press(key)
        await it.pilot.pause()
        assert "HALTED" not in it.text()
        switch.halt(busy.operator, "a drill")
        await until(it, lambda: "HALTED: a drill" in it.text())
        for size in ((120, 36), (50, 12), (80, 24)):
            await it.pilot.resize_terminal(*size)
            await until(it, lambda: "HALTED: a drill" in it.text())
        (busy.operator / "HALT").unlink()
        await until(it, lambda: "HALTED" not in it.text())


@pytest.mark.parametrize("place", ON_TOP)
async def test_what_is_opened_while_it_is_halted_says_so(busy: Settings, clock: FakeClock, place: str) -> None:
    switch.halt(busy.operator, "a drill")
    async with shown(busy, clock) as it:
        for key in ON_TOP[place]:
            await it.press(key)
        await until(it, lambda: "HALTED: a drill" in it.text())


async def test_what_is_approved_while_halted_runs_after_resume_and_says_so(busy: Settings, clock: FakeClock) -> None:
    switch.halt(busy.operator, "a drill")
    async with shown(busy, clock) as it:
        await at_approvals(it)
        await it.press("a")
        assert "it runs after resume" in it.text()
        await it.press("y")
        await until(it, lambda: "… after resume" in it.text())
        assert any("after resume" in str(note.message) for note in it.app._notifications)
        (busy.operator / "HALT").unlink()
        await until(it, lambda: "… approved" in it.text())


# --- leaving ----------------------------------------------------------------------------------------------------------


class Carrying:
    """What works behind the screen, while it carries out a fix."""

    def __init__(self) -> None:
        self.carrying: tuple[str, ...] = ("pip install django",)
        self.begins = True
        self.handed = 0

    def begin_nothing(self) -> None:
        self.begins = False

    async def hand_over(self) -> None:
        self.handed += 1


def code_of(it: Shown) -> int | None:
    return it.app.return_code


def carry(it: Shown) -> Carrying:
    """Let an app believe that it carries out a fix."""
    worker, sources = Carrying(), it.app._sources
    for name in ("begin_nothing", "hand_over"):
        setattr(sources, name, getattr(worker, name))
    type(sources).carrying = property(lambda _: worker.carrying)  # type: ignore[assignment]
    return worker


@pytest.fixture
def sources_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    from meshtui.sources import Sources

    monkeypatch.setattr(Sources, "carrying", Sources.carrying)


async def test_what_was_handed_over_is_taken_up_only_once_it_is_taken_back(
    busy: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []
    async with shown(busy, clock) as it:
        assert it.app.snapshot is not None
        sources, nobody = it.app._sources, replace(it.app.snapshot, runtime="none")
        await sources.hand_over()
        monkeypatch.setattr(sources, "_embed", True)
        monkeypatch.setattr(sources, "_start_runtime", lambda: started.append(True))
        sources.look(nobody)
        assert not started
        sources.take_back()
        sources.look(nobody)
        assert started


@pytest.mark.usefixtures("sources_stay")
async def test_leaving_during_a_fix_asks_and_waits_for_its_end(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(80, 24)) as it:
        worker = carry(it)
        await it.press("q")
        assert is_leaving(it) and "pip install django" in it.text()
        await it.press("escape")
        assert (code_of(it), worker.begins) == (None, True)
        await it.press("q", "w")
        assert (code_of(it), worker.begins) == (None, False)
        worker.carrying = ()
        await until(it, lambda: code_of(it) == 0)


@pytest.mark.usefixtures("sources_stay")
async def test_leaving_during_a_fix_ends_it_only_where_the_person_says_so(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        carry(it)
        await it.press("q")
        assert code_of(it) is None
        await it.press("e")
        assert code_of(it) == 0


@pytest.mark.usefixtures("sources_stay")
async def test_ctrl_z_waits_for_a_fix_and_hands_the_runtime_over(
    busy: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    from textual.app import App

    stopped: list[str] = []
    monkeypatch.setattr(App, "action_suspend_process", lambda _: stopped.append("stopped"))
    async with shown(busy, clock) as it:
        worker = carry(it)
        await it.press("ctrl+z")
        await until(it, lambda: any("not suspended" in str(note.message) for note in it.app._notifications))
        assert stopped == [] and worker.handed == 0
        worker.carrying = ()
        await it.press("ctrl+z")
        await until(it, lambda: bool(stopped))
        assert worker.handed == 1


# --- from the chain ---------------------------------------------------------------------------------------------------


async def in_the_chain(it: Shown, number: int) -> None:
    it.app.push_screen(ChainScreen(f"{number + 1:016x}"))
    await until(it, lambda: isinstance(it.app.screen, ChainScreen) and "error" in it.text())


async def test_a_fix_is_approved_from_the_chain_with_all_of_it_in_view(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(80, 24)) as it:
        await in_the_chain(it, 2)
        await until(it, lambda: "it waits for you: a approves it once" in it.text())
        await it.press("a")
        await until(it, lambda: is_asking(it))
        for said in (COMMANDS[2], MORE["runs"], MORE["rerun"], "in    /srv/app"):
            assert said in it.text()
        assert states(it) == ["waiting"] * 6
        await it.press("y")
        await until(it, lambda: states(it)[2] == "approved")
        assert states(it).count("waiting") == 5


async def test_a_held_key_decides_nothing_more_in_the_chain(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await in_the_chain(it, 1)
        for _ in range(10):
            await it.press("a")
            clock.advance(0.05)
        await until(it, lambda: is_asking(it))
        assert sum(isinstance(screen, Confirm) for screen in it.app.screen_stack) == 1
        await it.press("n")
        assert states(it) == ["waiting"] * 6


async def test_a_fix_is_rejected_from_the_chain_and_only_while_it_waits(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await in_the_chain(it, 3)
        await it.press("r")
        await until(it, lambda: states(it)[3] == "rejected")
        clock.advance(2)
        await it.press("a")
        await until(it, lambda: any("nothing of this waits" in str(n.message) for n in it.app._notifications))
        assert not is_asking(it) and states(it).count("waiting") == 5


async def test_the_chain_of_an_incident_that_shares_an_answer_gives_it(busy: Settings, clock: FakeClock) -> None:
    with closing(sqlite3.connect(busy.home / "store.db", isolation_level=None)) as database:
        database.execute("UPDATE approvals SET state='rejected' WHERE command=?", (COMMANDS[5],))
        database.execute("UPDATE incidents SET approval=? WHERE incident_id=?", ("0" * 11 + "a", f"{6:016x}"))
    async with shown(busy, clock) as it:
        await in_the_chain(it, 5)
        await it.press("r")
        await until(it, lambda: states(it)[0] == "rejected")
