"""What was ruled for whole projects is seen in the terminal and on the command line, and withdrawn after a question."""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.waiting import let_wait
from tests.world import FIX, Agent

from meshcore.config import Settings
from meshcore.healing.approvals import approve, reject
from meshcore.node import Node
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.screens.ask import Confirm
from meshtui.screens.rules import RulesScreen


@pytest.fixture
def ruled(tmp_path: Path, clock: FakeClock) -> Settings:
    """A home with a fix that may always run in one folder, and one that is not offered in another."""
    settings = settings_in(tmp_path)
    for name in ("shop", "yard"):
        (tmp_path / name).mkdir()
    always = let_wait(settings, clock, tmp_path / "shop")
    clock.advance(60)
    never = let_wait(settings, clock, tmp_path / "yard", "KeyError: 'colour'", "python make_colours.py")
    with Node(settings, clock) as node:
        assert approve(node, always.approval_id, always=True)
        clock.advance(60)
        assert reject(node, never.approval_id, not_here=True)
    return settings


async def until(it: Shown, true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


def kept(settings: Settings) -> tuple[int, int]:
    with closing(Store(settings.home / "store.db")) as store:
        return len(store.standing_approvals.all()), len(store.refusals.all())


async def at_rules(it: Shown) -> None:
    await it.press("4", "S")
    await until(it, lambda: isinstance(it.app.screen, RulesScreen) and "make_colours" in it.text())


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_each_is_shown_with_what_where_by_whom_since_when_and_how_often(
    ruled: Settings, clock: FakeClock, size: tuple[int, int]
) -> None:
    async with shown(ruled, clock, size=size) as it:
        await at_rules(it)
        assert "⊘ not here" in it.text() and "not counted" in it.text()
        await it.press("down")
        assert isinstance(it.app.screen, RulesScreen)
        assert str(ruled.home.parent / "shop") in it.app.screen.copied()
        for said in ("✓ always", "python make_settings.py", "dev@dev1", "2026-11-22 08:01:00 UTC", "no try"):
            assert said in it.text(), said
        await it.press("escape")
        assert not isinstance(it.app.screen, RulesScreen)


async def test_one_is_withdrawn_after_a_question_and_the_other_stays(ruled: Settings, clock: FakeClock) -> None:
    async with shown(ruled, clock) as it:
        await at_rules(it)
        await it.press("down", "x")
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        assert "Ask me again before this runs there?" in it.text() and "python make_settings.py" in it.text()
        await it.press("n")
        assert kept(ruled) == (1, 1)
        clock.advance(1)
        await it.press("x")
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        await it.press("y")
        await until(it, lambda: kept(ruled) == (0, 1) and "make_settings" not in it.text())
        clock.advance(1)
        await it.press("x")
        await until(it, lambda: "Offer this there again?" in it.text())
        await it.press("y")
        await until(it, lambda: kept(ruled) == (0, 0) and "nothing was ruled" in it.text())


async def test_a_held_key_asks_once(ruled: Settings, clock: FakeClock) -> None:
    async with shown(ruled, clock) as it:
        await at_rules(it)
        for _ in range(20):
            await it.press("x")
            clock.advance(0.05)
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        assert len(it.app.screen_stack) == 3 and kept(ruled) == (1, 1)


def test_the_command_line_lists_and_withdraws_them(a: Agent) -> None:
    a.learn()
    assert a.run(*a.app, mode="approve").returncode == 1
    [approval] = a.ask("approvals", "list")
    assert a.call("approvals", "approve", "--always", approval["approval_id"]).returncode == 0
    [rule] = a.ask("approvals", "rules")
    assert (rule["kind"], rule["command"], rule["folder"], rule["actor"]) == ("always", FIX, str(a.work), "a")
    assert rule["used"] == 0
    asked = a.call("approvals", "withdraw", rule["rule_id"])
    assert asked.returncode == 2 and "--yes" in asked.stderr
    assert len(a.ask("approvals", "rules")) == 1
    done = a.call("approvals", "withdraw", "--yes", rule["rule_id"][:8])
    assert done.returncode == 0 and FIX in done.stdout
    assert a.ask("approvals", "rules") == []
    assert a.call("approvals", "withdraw", "--yes", rule["rule_id"]).returncode == 2
