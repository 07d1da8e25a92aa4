"""Several homes of one person on one machine: one inbox, and each approval is carried out under its own home."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.waiting import let_wait

from meshcore.clock import SystemClock
from meshcore.config import Settings
from meshcore.control import other_homes
from meshcore.control.needs_you import asked_of
from meshcore.control.other_homes import OtherHome, Watched
from meshcore.exchange.receive import exchange
from meshcore.node import Node
from meshcore.store.store import Store
from meshtui.cli import mesh
from meshtui.screens.ask import Confirm
from meshtui.screens.outside import rows


async def until(it: Shown, true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
            await it.pilot.pause()


def meet(*homes: Settings) -> None:
    """Let the homes tell each other, twice: what is answered is told too."""
    for _ in range(2):
        for one in homes:
            with Node(one) as node:
                node.require_bridge()
                exchange(node)


def states(home: Settings) -> list[tuple[str, bool]]:
    with closing(Store(home.home / "store.db")) as store:
        return [(one.state, one.afar) for one in store.approvals.all(waiting_only=False)]


async def test_what_waits_on_another_home_here_is_decided_in_one_inbox(tmp_path: Path) -> None:
    here = settings_in(tmp_path)
    there = replace(here, home=tmp_path / "other-home", agent="ci@dev1")
    (tmp_path / "work").mkdir()
    meet(here, there)
    found = let_wait(there, SystemClock(), tmp_path / "work", "No module named 'yaml'", "mkdir -p build")
    assert found.runs, "only what is known to run as shown is told to other homes"
    meet(there, here)
    async with shown(here) as it:
        await it.press("4")
        await until(it, lambda: "for ci@dev1" in it.text())
        await it.press("a")
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        assert "Let ci@dev1 run this, once?" in it.text() and found.command in it.text()
        await it.press("y")
        await until(it, lambda: any("told, signed" in str(note.message) for note in it.app._notifications))
    assert states(here) == [] and states(there) == [("waiting", False)]
    meet(here, there)
    assert states(there) == [("approved", True)]


def another_mesh(root: Path) -> tuple[Settings, Settings]:
    """Return a home that names another one, which is on a bridge of its own and asks something."""
    here = settings_in(root)
    there = replace(settings_in(root, MESHTUI_BRIDGE=str(root / "theirs.db")), home=root / "other", agent="ci@dev1")
    (root / "work").mkdir()
    with Node(here) as node:
        node.require_bridge()
    let_wait(there, SystemClock(), root / "work", "No module named 'yaml'", "mkdir -p build")
    with Node(there) as node:
        node.require_bridge()
    return replace(here, homes=(root / "gone", there.home)), there


async def test_what_waits_in_a_home_of_another_mesh_is_decided_in_that_home(tmp_path: Path) -> None:
    here, there = another_mesh(tmp_path)
    async with shown(here) as it:
        await it.press("4")
        await until(it, lambda: "in other" in it.text() and "– not read" in it.text())
        await it.press("a")
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        assert "run this, once?" in it.text() and "mkdir -p build" in it.text()
        await it.press("y")
        await until(it, lambda: states(there) == [("approved", False)])
        await until(
            it, lambda: any("as soon as a runtime of that home" in str(n.message) for n in it.app._notifications)
        )
        await until(it, lambda: "! waits" not in it.text())
    assert states(here) == []


async def test_what_needs_you_is_the_same_in_header_list_and_status_and_rings_from_any_home(tmp_path: Path) -> None:
    here, there = another_mesh(tmp_path)
    here = replace(here, homes=(there.home,))
    let_wait(here, SystemClock(), tmp_path / "work")
    async with shown(here) as it:
        await until(it, lambda: "needs you 2" in it.text())
        await it.press("4")
        await until(it, lambda: it.text().count("! waits") == 2)
        assert not [note for note in it.app._notifications if "needs you" in str(note.message)], "it waited before"
        (tmp_path / "more").mkdir()
        let_wait(there, SystemClock(), tmp_path / "more", "No module named 'toml'", "mkdir -p dist")
        await until(it, lambda: "needs you 3" in it.text() and it.text().count("! waits") == 3)
        assert any("needs you: mkdir -p dist" in str(note.message) for note in it.app._notifications)
    with Node(here) as node:
        asked = asked_of(node)
        assert asked.sentence == "3 (1 here, 2 in other homes)"
        assert mesh.figures(node, asked)["needs_you"] == 3


async def test_what_is_marked_and_left_out_is_said_with_each_reason(tmp_path: Path) -> None:
    here, there = another_mesh(tmp_path)
    mine = let_wait(here, SystemClock(), tmp_path / "work")
    async with shown(here) as it:
        await it.press("4")
        await until(it, lambda: "– not read" in it.text() and "mkdir -p build" in it.text())
        await it.press("g", "space", "space", "space")
        await it.press("r")
        await until(it, lambda: isinstance(it.app.screen, Confirm))
        said = [str(note.message) for note in it.app._notifications]
        assert any(
            one.startswith("2 of the 3 marked left out: ") and "1 in another home" in one and "1 not read" in one
            for one in said
        ), said
        await it.press("y")
        await until(it, lambda: states(here) == [("rejected", False)])
    assert states(there) == [("waiting", False)] and mine.command


def test_a_home_is_looked_at_when_it_changes_and_one_that_cannot_be_read_now_and_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = another_mesh(tmp_path)
    looked: list[list[Path]] = []
    look = other_homes.look

    def noted(settings: Settings, homes: list[Path]) -> list[OtherHome]:
        looked.append(homes)
        return look(settings, homes)

    monkeypatch.setattr(other_homes, "look", noted)
    homes = Watched(here)
    gone = tmp_path / "gone"
    assert homes.look()
    assert not homes.look()
    with Node(there) as node:
        node.store.events.add("fault", data={"what": "something new"})
        assert not homes.look(), "what waits is the same"
    homes._again = 0.0
    assert not homes.look()
    assert looked[0] == sorted([gone, there.home]) and [there.home] in looked[1:3] and gone in looked[-1]
    assert len(rows(homes.homes)) == 2


async def test_a_terminal_that_only_looks_decides_nothing_in_another_home(tmp_path: Path) -> None:
    here, there = another_mesh(tmp_path)
    async with shown(here) as it:
        it.app.readonly = True
        await it.press("4")
        await until(it, lambda: "mkdir -p build" in it.text())
        await it.press("r")
        await until(it, lambda: any("read only" in str(note.message) for note in it.app._notifications))
    assert states(there) == [("waiting", False)]
