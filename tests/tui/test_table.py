"""The table of panes: tabs, keys, help, palette and what is kept between starts are made from it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.tui.busy import build
from tests.tui.pilot import settings_in, shown

from meshcore.config import Settings
from meshcore.errors import ConfigurationError
from meshcore.testing import FakeClock
from meshtui.actions import APP_ACTIONS, checked_keymap
from meshtui.app import MeshApp
from meshtui.screens import table
from meshtui.screens.table import PANES, PaneEntry, all_actions

PANE = '''
from textual.widgets import Static

from meshtui.actions import Action
from meshtui.screens.base import Pane


class WeatherPane(Pane):
    NAME = "weather"
    ACTIONS = (Action("weather.ask", "w", "ask the sky", "Say what the weather is.", hint="weather"),)
    DEFAULT_CSS = """
    WeatherPane > Static { padding: 0 5; }
    """

    def compose(self):
        yield Static("it rains on the mesh")

    def action_ask(self):
        self.mesh.say("rain until noon")

    def state(self):
        return {"place": "here"}
'''
ROW = PaneEntry("weather", "0", "Weather", "Show the weather.", "weather_pane:WeatherPane")


@pytest.fixture
def busy(tmp_path: Path, clock: FakeClock) -> Settings:
    settings = settings_in(tmp_path)
    build(settings, clock).close()
    return settings


@pytest.fixture
def app_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> type[MeshApp]:
    """The app as it is where the table has one row more, and the row's module is installed."""
    (tmp_path / "weather_pane.py").write_text(PANE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(table, "PANES", (*PANES, ROW))
    spec = importlib.util.find_spec("meshtui.app")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: type[MeshApp] = module.MeshApp
    return found


@pytest.mark.parametrize("entry", PANES, ids=lambda entry: entry.name)
def test_a_row_and_its_module_agree(entry: PaneEntry) -> None:
    pane = entry.load()
    assert entry.name == pane.NAME
    assert {action.scope for action in pane.ACTIONS} <= {entry.name}
    assert all(callable(getattr(pane, f"action_{action.name.partition('(')[0]}", None)) for action in pane.ACTIONS)
    assert entry.action in all_actions()


@pytest.mark.parametrize("what", ["name", "key", "title", "place"])
def test_no_two_rows_say_the_same(what: str) -> None:
    found = [getattr(entry, what) for entry in PANES]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("entry", PANES, ids=lambda entry: entry.name)
async def test_a_pane_is_shown_by_its_key_under_its_tab(entry: PaneEntry, busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await it.press(entry.key)
        assert it.app.current == entry.name
        assert f" {entry.key} {entry.title}" in it.text().splitlines()[1]


async def test_a_pane_is_added_by_one_module_and_one_row(
    app_class: type[MeshApp], busy: Settings, clock: FakeClock
) -> None:
    async with shown(busy, clock, app_class=app_class) as it:
        assert " 0 Weather" in it.text().splitlines()[1]
        await it.press("0")
        assert "     it rains on the mesh" in it.text()
        assert " w weather" in it.text().splitlines()[-1]
        await it.press("w")
        assert "rain until noon" in it.text()
        await it.press("question_mark")
        assert "Say what the weather is." in it.text()
        assert "Show the weather." in it.text()
        await it.press("escape")
        named = {command.title for command in it.app.get_system_commands(it.app.screen)}
        assert {"Weather  (0)", "Ask the sky  (w)"} <= named
        await it.press("1")
        assert it.app.current == "overview"
        await it.press("0", "q")
    kept = json.loads((busy.home / "state" / "terminal.json").read_text())
    assert (kept["view"], kept["panes"]["weather"]) == ("weather", {"place": "here"})
    async with shown(busy, clock, app_class=app_class) as it:
        assert it.app.current == "weather"


def test_the_keys_of_an_added_pane_can_be_remapped(app_class: type[MeshApp]) -> None:
    keys = {"app.weather": "W", "weather.ask": "a"}
    assert checked_keymap(keys, all_actions()) == keys
    with pytest.raises(ConfigurationError):
        checked_keymap({"app.wether": "W"}, all_actions())


def test_the_app_itself_names_no_pane() -> None:
    assert not {action.id for action in APP_ACTIONS} & {entry.action.id for entry in PANES}


def test_what_the_first_figures_need_loads_no_node_no_bridge_and_no_runtime() -> None:
    assert not loaded_with("meshtui.feed", "meshcore.store.listed", "meshtui.screens.skills") & {
        "meshcore.node",
        "meshcore.bridge.open",
        "meshcore.service.runtime",
        "meshtui.bridgeview",
        "cryptography",
    }
    assert not loaded_with("meshtui.snapshot", "meshtui.messages") & {"meshcore.model", "sqlite3", "meshtui.feed"}


def test_what_the_first_painting_needs_loads_neither_store_nor_model() -> None:
    loaded = loaded_with("meshtui.app", "meshtui.screens.overview")
    assert not loaded & {
        "meshcore.model",
        "meshcore.store.database",
        "meshtui.feed",
        "meshtui.screens.skills",
        "sqlite3",
    }


def loaded_with(*modules: str) -> set[str]:
    """Return the names of all modules that a fresh interpreter has once it has loaded these."""
    script = f"import sys, {', '.join(modules)}; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    found = set(done.stdout.split())
    assert found >= set(modules)
    return found
