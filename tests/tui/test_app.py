"""The app: what it shows of a home, and that every action of the registry does what it says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.busy import CASES, Busy, build
from tests.tui.pilot import Shown, settings_in, shown
from textual.widgets import Input

from meshcore.config import Settings
from meshcore.errors import ConfigurationError
from meshcore.model import AgentInfo
from meshcore.safety.halt import halt, halted
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui import themes
from meshtui.app import MeshApp
from meshtui.messages import EventsSeen, IncidentsChanged, SnapshotTaken
from meshtui.screens.ask import Ask
from meshtui.screens.chain import ChainScreen
from meshtui.screens.deciding import deciding
from meshtui.screens.help import HelpScreen
from meshtui.screens.overview import OverviewPane
from meshtui.screens.table import PANES, all_actions
from meshtui.widgets.find import FindBar
from meshtui.widgets.timeline_view import RANGES


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def busy(settings: Settings, clock: FakeClock) -> Settings:
    build(settings, clock).close()
    return settings


def overview(it: Shown) -> OverviewPane:
    pane = it.app.pane
    assert isinstance(pane, OverviewPane)
    return pane


# --- one test per action ----------------------------------------------------------------------

Check = Callable[[Shown], Awaitable[None]]


async def _app_overview(it: Shown) -> None:
    await it.press("enter")
    assert isinstance(it.app.screen, ChainScreen)
    await it.press("1")
    assert it.app.current == "overview"
    assert len(it.app.screen_stack) == 1


async def _app_find(it: Shown) -> None:
    await it.press("slash", *"LXML")
    assert overview(it).finding == "LXML"
    assert "'lxml'" in it.text()
    assert "'django'" not in it.text()
    await it.press("enter")
    assert overview(it).rows.has_focus


async def _app_back(it: Shown) -> None:
    await it.press("slash", *"lxml", "enter", "escape")
    assert overview(it).finding == ""
    assert not it.app.query_one(FindBar).display
    assert len(overview(it).rows.shown) == len(CASES)


async def _app_maximise(it: Shown) -> None:
    await it.press("z")
    assert it.app.screen.maximized is overview(it).rows
    await it.press("z")
    assert it.app.screen.maximized is None


async def _app_freeze(it: Shown) -> None:
    await it.press("F")
    assert "frozen at 09:00:00 UTC" in it.text()
    await it.press("F")
    assert "frozen" not in it.text()


async def _app_copy(it: Shown) -> None:
    await it.press("y")
    assert "copied" in _notes(it)


async def _app_monitor(it: Shown) -> None:
    def mode() -> str:
        with closing(Store(it.app.home.store)) as store:
            return store.controls.get("mode")

    await it.press("M")
    await _seen(it, lambda: "mode hint" in it.text() and mode() == "hint")
    await it.press("M")
    await _seen(it, lambda: "Let this node act again?" in it.text())
    await it.press("n")
    assert mode() == "hint"
    await it.press("M")
    await _seen(it, lambda: "Let this node act again?" in it.text())
    await it.press("y")
    await _seen(it, lambda: mode() == "" and "mode auto" in it.text())


async def _app_kill_switch(it: Shown) -> None:
    await it.press("K", "enter")
    await it.until(lambda: bool(it.app.snapshot and it.app.snapshot.halted), "halted")
    assert "HALTED: halted from the terminal" in it.text()
    await it.press("K", "n")
    assert halted(it.app.settings.operator)
    await it.press("K", "y")
    await it.until(lambda: not (it.app.snapshot and it.app.snapshot.halted), "resumed")
    assert not halted(it.app.settings.operator)
    assert "HALTED" not in it.text()


async def _app_help(it: Shown) -> None:
    await it.press("question_mark")
    assert isinstance(it.app.screen, HelpScreen)
    await it.press("escape")
    assert len(it.app.screen_stack) == 1


async def _app_command_palette(it: Shown) -> None:
    await it.press("ctrl+p")
    assert type(it.app.screen).__name__ == "CommandPalette"
    await it.press("escape")


async def _app_theme_next(it: Shown) -> None:
    await it.press("ctrl+t")
    assert it.app.theme == themes.LIGHT


async def _app_screenshot_svg(it: Shown) -> None:
    await it.press("ctrl+s")
    [path] = Path.cwd().glob("meshtui-overview-*.svg")
    assert "<svg" in path.read_text()


async def _app_export(it: Shown) -> None:
    await it.press("ctrl+e")
    [path] = Path.cwd().glob("meshtui-overview-*.txt")
    assert len(path.read_text().splitlines()) == len(CASES)


async def _app_suspend_process(it: Shown) -> None:
    called: list[None] = []
    it.app.action_suspend_process = lambda: called.append(None)  # type: ignore[method-assign]
    await it.press("ctrl+z")
    assert called


async def _app_quit(it: Shown) -> None:
    await it.press("q")
    assert it.app.return_code == 0


async def _overview_open(it: Shown) -> None:
    await it.press("down", "enter")
    await it.until(lambda: "rerun" in it.text(), "the chain")
    assert "ci@build2" in it.text()


async def _overview_zoom_out(it: Shown) -> None:
    for _ in RANGES:
        await it.press("minus")
    assert "everything" in it.text()


async def _overview_zoom_in(it: Shown) -> None:
    await it.press("plus", "plus")
    assert "last 5 min" in it.text()


async def _overview_pan_back(it: Shown) -> None:
    await it.press("h", "h")
    assert "until 2026-11-22 08:30" in it.text()


async def _overview_pan_on(it: Shown) -> None:
    await it.press("h", "l")
    assert overview(it).view.panned is None


async def _overview_now(it: Shown) -> None:
    await it.press("h", "full_stop")
    assert overview(it).view.panned is None
    assert "last 1 h until 09:00:00" in it.text()


async def _overview_demo(it: Shown) -> None:
    called: list[list[str]] = []
    it.app.run_outside = lambda arguments, folder="": called.append(list(arguments))  # type: ignore[method-assign]
    await it.press("D")
    assert called == [["demo"]]


async def _teaches(it: Shown) -> None:
    await it.press("t")
    await it.until(lambda: isinstance(it.app.screen, Ask), "the question")
    assert "fixes this?" in it.text()
    it.app.screen.query_one("#ask-input", Input).value = "make it"
    await it.press("enter")
    await it.until(lambda: "learnt: #" in _notes(it), "what was learnt")
    with closing(Store(it.app.home.store)) as store:
        newest = store.skills.all()[-1]
    assert (newest.source, newest.skill.action.command()) == ("taught", "make it")


async def _overview_teach(it: Shown) -> None:
    await it.press("down")
    await _teaches(it)


async def _chain_teach(it: Shown) -> None:
    await it.press("down", "enter")
    await it.until(lambda: isinstance(it.app.screen, ChainScreen), "the chain")
    await _teaches(it)


async def _seen(it: Shown, true: Callable[[], bool]) -> None:
    """Return once something holds, looked at each time the app is idle: what a worker did is told by no message."""
    async with asyncio.timeout(20):
        while not true():
            await it.pilot.pause(0.01)


async def _at_what_waits(it: Shown) -> str:
    with closing(Store(it.app.home.store)) as store:
        waiting = store.approvals.all()[0]
    it.app.push_screen(ChainScreen(waiting.incident_id))
    await _seen(it, lambda: "it waits for you" in it.text())
    return waiting.approval_id


def _approval_state(it: Shown, approval_id: str) -> str:
    with closing(Store(it.app.home.store)) as store:
        found = store.approvals.find(approval_id)
    return found.state if found else ""


async def _overview_mark(it: Shown) -> None:
    await it.press("space", "space", "ctrl+e")
    await _seen(it, lambda: "meshtui-overview" in _notes(it))
    [file] = Path.cwd().glob("meshtui-overview-*.txt")
    assert len(file.read_text().splitlines()) == 2


async def _overview_jump(it: Shown) -> None:
    await it.press("J", "minus", "1", "h", "enter")
    await _seen(it, lambda: "time UTC↓" in it.text())


async def _overview_preview(it: Shown) -> None:
    await it.press("p")
    assert "from 160 columns" in _notes(it)


async def _overview_sort(it: Shown) -> None:
    await it.press("s")
    assert "time UTC↓" in it.text()


async def _overview_sort_reverse(it: Shown) -> None:
    await it.press("s", "S")
    assert "time UTC↑" in it.text()


async def _chain_approve(it: Shown) -> None:
    asked = await _at_what_waits(it)
    await it.press("a")
    await _seen(it, lambda: "Run this, once?" in it.text())
    await it.press("y")
    await _seen(it, lambda: _approval_state(it, asked) == "approved")


async def _chain_reject(it: Shown) -> None:
    asked = await _at_what_waits(it)
    await it.press("r")
    await _seen(it, lambda: _approval_state(it, asked) == "rejected")


async def _chain_undo(it: Shown) -> None:
    asked = await _at_what_waits(it)
    await it.press("r")
    await _seen(it, lambda: "u takes that back" in it.text())
    await it.press("u")  # what was judged in a folder that is gone cannot be judged anew
    await _seen(it, lambda: any("folder of the incident is gone" in str(n.message) for n in it.app._notifications))
    assert _approval_state(it, asked) == "rejected"


async def _chain_rerun(it: Shown) -> None:
    await _at_what_waits(it)
    await it.press("R")  # what it does where a fix was applied is looked at in test_deciding
    await _seen(it, lambda: any("whose fix was applied" in str(n.message) for n in it.app._notifications))


async def _chain_outputs(it: Shown) -> None:
    store = Store(it.app.home.store, it.app.clock)
    busy = Busy.__new__(Busy)
    busy.store, busy.clock, busy.count, busy.known = store, it.app.clock, 500, {}  # type: ignore[assignment]
    long = "".join(f"line {number}\n" for number in range(40))
    busy.fail(CASES[0].agent, "pandas", excerpt=long)
    store.close()
    await it.until(lambda: "pandas" in it.text(), "the new incident")
    await it.press("home", "enter")
    await it.until(lambda: "34 lines before" in it.text(), "the end of the output")
    await it.press("o")
    assert "line 12" in it.text()


CHECKS: dict[str, Check] = {
    name.removeprefix("_").replace("_", ".", 1): check
    for name, check in list(globals().items())
    if name.startswith(("_app_", "_overview_", "_chain_"))
}


@pytest.mark.parametrize("action", sorted(CHECKS))
async def test_every_action_does_what_it_says(
    busy: Settings, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, action: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with shown(busy, clock) as it:
        await CHECKS[action](it)


def test_every_action_of_the_shell_has_a_check() -> None:
    ours = [action.id for action in all_actions() if action.scope in ("app", "overview", "chain")]
    others = {entry.action.id for entry in PANES if entry.name != "overview"}
    elsewhere = {action.id for action in deciding("overview")}  # looked at in test_deciding
    assert set(ours) - others == set(CHECKS) | elsewhere


@pytest.mark.parametrize("scope", sorted({action.scope for action in all_actions()} - {"app"}))
def test_no_two_actions_of_one_view_share_a_key(scope: str) -> None:
    keys = [key for action in all_actions() if action.scope in ("app", scope) for key in action.keys.split(",")]
    assert sorted(keys) == sorted(set(keys))


def _notes(it: Shown) -> str:
    return " ".join(note.message for note in it.app._notifications)


# --- what it shows ----------------------------------------------------------------------


async def test_an_empty_home_says_what_to_do_next(settings: Settings, clock: FakeClock) -> None:
    Busy(settings, clock).store.close()
    async with shown(settings, clock) as it:
        assert "meshtui run -- python app.py" in it.text()
        assert "meshtui demo" in it.text()


async def test_the_header_is_the_figures_of_the_store(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock, size=(160, 36)) as it:
        line = it.text().splitlines()[0]
        assert "verified 6 of 9" in line
        assert "first 40 s · again 3.2 s (n=4)" in line
        assert "needs you 1" in line


async def test_what_another_process_writes_appears_and_the_cursor_stays(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await it.press("down", "down")
        chosen = overview(it).rows.selected
        store = Store(it.app.home.store, clock)
        more = Busy.__new__(Busy)
        more.store, more.clock, more.count, more.known = store, clock, 100, {}
        more.fail(CASES[0].agent, "pandas")
        store.close()
        await it.until(lambda: "pandas" in it.text(), "the new incident")
        assert overview(it).rows.selected == chosen
        assert it.told.of(EventsSeen)
        assert [b.incident_id for m in it.told.of(IncidentsChanged) for b in m.incidents] == [f"{101:016x}"]
        await it.until(lambda: "verified 6 of 10" in it.text(), "the header")


async def test_a_frozen_view_takes_what_came_when_it_thaws(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await it.press("F")
        store = Store(it.app.home.store, clock)
        more = Busy.__new__(Busy)
        more.store, more.clock, more.count, more.known = store, clock, 100, {}
        more.fail(CASES[0].agent, "pandas")
        store.close()
        await it.until(lambda: "1 new event since" in it.text(), "the banner")
        assert "pandas" not in it.text()
        assert "verified 6 of 9" in it.text()
        await it.press("F")
        assert "pandas" in it.text()
        await it.until(lambda: "verified 6 of 10" in it.text(), "the header")


async def test_nothing_is_told_while_nothing_happens(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        assert it.app.feed is not None
        before = len(it.told.messages)
        looked = asyncio.Event()
        changed = it.app.feed._changed

        async def look() -> bool:
            looked.set()
            return await changed()

        it.app.feed._changed = look  # type: ignore[method-assign]
        await asyncio.wait_for(looked.wait(), 10)
        await it.pilot.pause()
        ours = (SnapshotTaken, EventsSeen, IncidentsChanged)
        assert [m for m in it.told.messages[before:] if isinstance(m, ours)] == []


async def test_a_halt_file_made_by_touch_is_shown(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        halt(busy.operator, "deploying by hand")
        await it.until(lambda: "HALTED: deploying by hand" in it.text(), "the banner")


async def test_view_range_find_and_theme_are_kept(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await it.press("minus", "slash", *"django", "enter", "ctrl+t", "q")
    kept = json.loads((busy.home / "state" / "terminal.json").read_text())
    assert kept["panes"]["overview"] == {"range": "6 h", "find": "django"}
    async with shown(busy, clock, theme=kept["theme"]) as it:
        assert overview(it).finding == "django"
        assert "last 6 h" in it.text()
        assert it.app.query_one(FindBar).display


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"panes": 3, "view": [], "theme": {}}', b"\xff" * 99])
async def test_a_damaged_state_file_is_no_reason_not_to_start(busy: Settings, clock: FakeClock, content: bytes) -> None:
    (busy.home / "state" / "terminal.json").write_bytes(content)
    async with shown(busy, clock) as it:
        assert it.app.current == "overview"


async def test_a_key_can_be_remapped(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator" / "config.toml").write_text('[keys]\n"app.freeze" = "f"\n')
    settings = settings_in(tmp_path)
    build(settings, clock).close()
    async with shown(settings, clock) as it:
        await it.press("f")
        assert it.app.frozen
        await it.press("F")
        assert it.app.frozen


async def test_a_key_for_no_action_ends_it_with_one_line(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / "operator").mkdir()
    (tmp_path / "operator" / "config.toml").write_text("[keys]\napp.frieze = 'f'\n")
    settings = settings_in(tmp_path)
    build(settings, clock).close()
    from meshtui.actions import checked_keymap

    with pytest.raises(ConfigurationError, match=r"no action 'app\.frieze'"):
        checked_keymap(settings.keys, all_actions())


async def test_a_store_that_cannot_be_read_ends_it_with_that_error(settings: Settings, clock: FakeClock) -> None:
    settings.home.mkdir(parents=True, exist_ok=True)
    (settings.home / "store.db").write_bytes(b"no database " * 1000)
    app = MeshApp(settings, embed=False, clock=clock)
    async with asyncio.timeout(30):
        await app.run_async(headless=True)
    assert app.failure is not None
    assert "store.db" in str(app.failure)
    assert app.return_value == app.failure.exit_code


async def test_too_small_a_window_says_so_and_a_larger_one_shows_all_again(busy: Settings, clock: FakeClock) -> None:
    async with shown(busy, clock) as it:
        await it.pilot.resize_terminal(50, 12)
        await it.pilot.pause()
        assert "60×16" in it.text()
        await it.pilot.resize_terminal(80, 24)
        await it.pilot.pause()
        assert "No module named 'django'" in it.text()


async def test_the_runtime_works_inside_and_is_drained(settings: Settings) -> None:
    async with shown(settings, embed=True) as it:
        await it.until(lambda: bool(it.app.snapshot and it.app.snapshot.runtime == "embedded"), "the runtime")
    assert it.app.close()
    kinds = [json.loads(line)["kind"] for line in (settings.home / "journal.jsonl").read_text().splitlines()]
    assert kinds[-1] == "runtime.stopped"


async def test_where_another_process_runs_the_home_it_is_attached_to(busy: Settings, clock: FakeClock) -> None:
    from meshcore.service.runtime import RuntimeLock

    lock = RuntimeLock(busy.home / "runtime.lock")
    lock.take()
    lock.path.write_text("1\n")
    try:
        async with shown(busy, clock) as it:
            assert it.app.snapshot is not None
            assert it.app.snapshot.runtime == "attached"
            assert "attached" in it.text().splitlines()[0]
    finally:
        lock.release()


async def test_more_agents_than_fit_are_all_shown_where_the_timeline_is_maximised(
    settings: Settings, clock: FakeClock
) -> None:
    busy = Busy(settings, clock)
    for number in range(20):
        busy.fail(AgentInfo(f"agent{number:02}", "shell", "dev1"), "django")
    busy.store.close()
    async with shown(settings, clock) as it:
        assert "z shows all" in it.text()
        overview(it).view.focus()
        await it.press("z")
        assert all(f"agent{number:02}" in it.text() for number in range(20))
        await it.press("z")
        assert "z shows all" in it.text()


async def test_the_keys_of_an_empty_home_work(settings: Settings, clock: FakeClock) -> None:
    Busy(settings, clock).store.close()
    async with shown(settings, clock) as it:
        await _overview_demo(it)
        await it.press("minus")
        assert "last 6 h" in it.text()
