"""The agents pane, the lanes of the timeline, and one agent: what it fails at, what it was told, since when silent."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.busy import CASES, CLAUDE, build
from tests.tui.pilot import Shown, settings_in, shown
from tests.world import Agent

from meshcore.config import Settings
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.screens.agent import AgentScreen
from meshtui.screens.agents import AgentsPane
from meshtui.screens.ask import Ask
from meshtui.screens.chain import ChainScreen
from meshtui.screens.overview import OverviewPane


@pytest.fixture
def busy(tmp_path: Path, clock: FakeClock) -> Settings:
    settings = settings_in(tmp_path)
    with closing(build(settings, clock)) as store:
        tell(store)
    return settings


def tell(store: Store) -> None:
    """Let Claude have been told a fix twice, which it once ran."""
    for number, state in ((2, "verified"), (5, "needs_approval")):
        kinds = ("hook.answered", "hook.taken") if state == "verified" else ("hook.answered",)
        for kind in kinds:
            data = {"via": CLAUDE.via, "command": f"pip install {CASES[number - 1].name}"}
            store.events.add(kind, incident_id=f"{number:016x}", agent=CLAUDE.name, data=data)  # type: ignore[arg-type]


async def until(it: Shown, true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


async def at_agents(it: Shown) -> AgentsPane:
    await it.press("9")
    pane = it.app.pane
    assert isinstance(pane, AgentsPane)
    await until(it, lambda: "of this node" in it.text() and "fails at" in it.text())
    return pane


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_each_agent_is_listed_and_the_selected_one_is_told_of(
    busy: Settings, clock: FakeClock, size: tuple[int, int]
) -> None:
    async with shown(busy, clock, size=size) as it:
        pane = await at_agents(it)
        assert "4 agents, 4 of this node · 9 failures known" in it.text()
        pane.rows.select(CLAUDE.name)
        await until(it, lambda: "claude-code@dev1, claude-code on dev1" in it.text())
        said = pane.detail.text()
        assert "silent for" in said and "since 2026-11-22" in said
        assert "3 × ModuleNotFoundError" in said and "and 2 more like it; 2 verified" in said
        assert "pip install flask → ignored" in said and "pip install requests → right" in said


async def test_enter_opens_the_agent_and_its_error_and_escape_goes_back(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = await at_agents(it)
        pane.rows.select(CLAUDE.name)
        await it.press("enter")
        await until(it, lambda: isinstance(it.app.screen, AgentScreen) and "fails at" in it.text())
        await until(it, lambda: "silent for" in it.text() and "ignored" in it.text())
        await it.press("enter")
        await until(it, lambda: isinstance(it.app.screen, ChainScreen))
        await it.press("escape")
        assert isinstance(it.app.screen, AgentScreen)
        await it.press("t")
        await until(it, lambda: isinstance(it.app.screen, Ask))
        await it.press("escape", "escape")
        assert it.app.current == "agents" and len(it.app.screen_stack) == 1


async def test_enter_on_a_lane_of_the_timeline_opens_that_agent(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        pane = it.app.pane
        assert isinstance(pane, OverviewPane)
        lanes = pane.view.timeline.lanes()
        pane.view.focus()
        await it.pilot.pause()
        assert pane.view.chosen == lanes[0] and f"▸{lanes[0]}" in it.text()
        await it.press("down")
        assert f"▸{lanes[1]}" in it.text()
        await it.press("up", "up", "down", "enter")
        await until(it, lambda: isinstance(it.app.screen, AgentScreen) and f" {lanes[1]} " in it.text())
        await it.press("escape")
        pane.rows.focus()
        await it.pilot.pause()
        assert f"▸{lanes[1]}" not in it.text()
        await it.press("enter")
        await until(it, lambda: isinstance(it.app.screen, ChainScreen))


async def test_the_palette_knows_agents(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        assert "Agents  (9)" in {command.title for command in it.app.get_system_commands(it.app.screen)}


async def test_an_agent_that_nobody_knows_says_so(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        it.app.push_screen(AgentScreen("nobody"))
        await until(it, lambda: "nobody   nothing is known of it" in it.text())


async def test_what_fails_while_it_is_looked_at_is_counted(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        it.app.push_screen(AgentScreen(CLAUDE.name))
        await until(it, lambda: "3 failures" in it.text())
        with closing(Store(it.app.home.store, clock)) as store:
            found = store.incidents.find(f"{2:016x}")
            assert found is not None
            store.incidents.open(replace(found, incident_id="f" * 16, state="open"), "a" * 64)
        await until(it, lambda: "4 failures" in it.text())


def test_the_command_line_says_the_same_of_one_agent(a: Agent) -> None:
    a.learn()
    assert a.run(*a.app).returncode == 0
    [row] = a.ask("agents")
    assert (row["failures"], row["verified"], row["own"]) == (1, 1, True)
    found = a.ask("agents", row["name"])
    assert [(one["times"], one["verified"]) for one in found["fails_at"]] == [(1, 1)]
    assert found["effect"]["verified"] == 1
    text = a.call("agents", row["name"]).stdout
    assert "fails at" in text and "silent since" in text and "No module named" in text
    assert a.call("agents", "nobody").returncode == 2
