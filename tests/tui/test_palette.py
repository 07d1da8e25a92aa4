"""`:` and the keys at the bottom: what is named is what works on the screen that a person looks at."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.tui.busy import build
from tests.tui.pilot import Shown, settings_in, shown

from meshcore.config import Settings
from meshcore.testing import FakeClock
from meshtui.screens.chain import ChainScreen
from meshtui.screens.help import HelpScreen
from meshtui.widgets.bars import Hints


@pytest.fixture
def busy(tmp_path: Path, clock: FakeClock) -> Settings:
    settings = settings_in(tmp_path)
    build(settings, clock).close()
    return settings


async def until(it: Shown, text: str) -> None:
    async with asyncio.timeout(20):
        while text not in it.text():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


def hints(it: Shown) -> str:
    return it.text().splitlines()[-1]


def titles(it: Shown) -> set[str]:
    return {command.title for command in it.app.get_system_commands(it.app.screen)}


async def waiting(it: Shown) -> ChainScreen:
    """Open the chain of the incident that waits for a person."""
    await it.press("slash", *"flask", "enter", "enter")
    await until(it, "it waits for you")
    assert isinstance(it.app.screen, ChainScreen)
    return it.app.screen


async def test_what_nobody_knows_says_what_there_is_and_enter_shows_every_key(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(80, 24)) as it:
        await it.press("colon", *"pods[b]")
        await until(it, "nothing here is called “pods[b]”")
        assert "There are Overview (1), Skills (2)" in it.text()
        await it.press("enter")
        await until(it, "Open the chain of the selected")
        assert isinstance(it.app.screen, HelpScreen)


async def test_on_a_page_palette_and_help_are_the_pages_not_those_of_the_pane_behind(
    busy: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shown(busy, clock) as it:
        page = await waiting(it)
        assert "Whole output  (o)" in titles(it) and not {"Sort  (s)", "Find  (/)", "Longer range  (-)"} & titles(it)
        asked: list[ChainScreen] = []
        monkeypatch.setattr(ChainScreen, "action_approve", lambda self: asked.append(self))
        await it.press("colon", *"approve once")
        await until(it, "Approve once  (a)")
        await it.press("enter")
        assert asked == [page]
        await it.press("question_mark")
        await until(it, "whole output")
        assert it.text().index("chain") < it.text().index("everywhere")


async def test_a_chain_names_the_keys_that_its_incident_calls_for(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await waiting(it)
        assert "a approve once   r reject   o output" in hints(it) and "teach" not in hints(it)
        await it.press("escape", "slash", *"lxml", "enter", "enter")
        await until(it, "no known skill answers this")
        assert "t teach   o output" in hints(it) and "approve" not in hints(it)


async def test_while_a_person_types_the_keys_of_the_field_are_named(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        before = hints(it)
        await it.press("slash", "q")
        assert hints(it).split() == ["enter", "to", "what", "is", "found", "esc", "show", "all"]
        await it.press("enter")
        assert hints(it) == before and it.app.query_one(Hints).display
