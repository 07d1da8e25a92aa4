"""Pane 8: every host of the mesh, what is wrong with it, and what lies behind `enter`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.tui.fleet_mesh import fleet_of
from tests.tui.pictures import SIZES, Pictures, picture_of
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.test_lists import open_pane

from meshcore import node as node_module
from meshcore.config import Settings
from meshcore.node import Node
from meshcore.service import fleet as fleet_module
from meshcore.testing import FakeClock
from meshtui.screens.chain import ChainScreen
from meshtui.screens.fleet import FleetPane
from meshtui.screens.host import HostScreen
from meshtui.themes import LIGHT

BARS = re.compile(r"<text[^>]*clip-path=\"url\(#terminal-line-[01]\)\"[^>]*>.*?</text>")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for module in (node_module, fleet_module):
        monkeypatch.setattr(module, "__version__", "1.0")
    with TemporaryDirectory(prefix="meshtui-fleet-") as folder:
        yield settings_in(Path(folder))


@pytest.fixture
def fleet(settings: Settings, clock: FakeClock) -> Iterator[Node]:
    with fleet_of(settings, clock) as me:
        yield me


async def opened(it: Shown) -> FleetPane:
    pane = await open_pane(it, "fleet")
    assert isinstance(pane, FleetPane)
    for _ in range(400):
        with suppress(LookupError):
            if len(pane.rows.shown) >= 5 and "halted" in it.text():
                return pane
        await it.pilot.pause(0.02)
    raise AssertionError(it.text())


async def test_every_host_is_listed_with_what_is_wrong(settings: Settings, clock: FakeClock, fleet: Node) -> None:
    async with shown(settings, clock, size=(160, 40)) as it:
        pane = await opened(it)
        text = it.text()
        assert "5 hosts, 5 nodes, 4 seen within a minute · 1 halted · 3 with something wrong" in text
        for wanted in ("build1", "HALTED", "its clock is 42 s behind", "another machine is called web too"):
            assert wanted in text
        await it.press("slash", *"db1", "enter")
        assert len(pane.rows.shown) == 1
        assert [one.host for one in pane._found.values()] == ["build1", "db1", "dev1", "web", "web (cccccccc)"]
        assert "disk of db1 is full" in it.text()


async def test_enter_shows_the_hosts_incidents_and_what_it_received(
    settings: Settings, clock: FakeClock, fleet: Node
) -> None:
    async with shown(settings, clock, size=(120, 36)) as it:
        pane = await opened(it)
        await it.press("slash", *"db1", "enter", "enter")
        assert isinstance(it.app.screen, HostScreen)
        for _ in range(200):
            if "claude-code@db1" in it.text() and "not received" in it.text():
                break
            await it.pilot.pause(0.02)
        assert "No module named 'django'" in it.text()
        await it.press("enter")
        assert isinstance(it.app.screen, ChainScreen)
        await it.press("escape", "escape")
        assert it.app.pane is pane


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize("size", SIZES)
async def test_the_fleet_looks_as_it_did(
    size: str, theme: str, settings: Settings, clock: FakeClock, fleet: Node, pictures: Pictures
) -> None:
    if theme == "light" and size == "80x24":
        pytest.skip("one size shows the colours")
    async with shown(settings, clock, size=SIZES[size]) as it:
        if theme == "light":
            it.app.theme = LIGHT
        await opened(it)
        await it.press("down", "down")
        await it.pilot.pause(0.1)
        picture = BARS.sub("", picture_of(it.app))
        await it.press("slash", *"db1", "enter", "enter")
        for _ in range(200):
            if "not received" in it.text():
                break
            await it.pilot.pause(0.02)
        host = re.sub(r"\b[0-9a-f]{12}\b", "0" * 12, picture_of(it.app))  # an id of this run's
    pictures.compare(picture, f"fleet-{size}" if theme == "dark" else f"fleet-light-{size}")
    pictures.compare(host, f"host-{size}" if theme == "dark" else f"host-light-{size}")
