"""What nobody has solved is sorted, found, gone through, counted and exported in the store, not in what is loaded."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.test_find_all import settled

from meshcore.config import Settings
from meshcore.knowledge.habit_rows import pack
from meshcore.knowledge.habits import Failed, Habit, ways_of, with_failure, with_pass
from meshcore.store.store import Store
from meshcore.store.told import Saying
from meshcore.store.walls import Wall
from meshtui.screens import unsolved
from meshtui.widgets.stored_rows import StoredRows

COUNT = 260


def fails(store: Store, number: int, sessions: int, cost: float) -> Habit:
    """Let a command fail in so many sessions, and cost so many seconds."""
    habit: Habit | None = None
    letters = f"{chr(97 + number // 26)}{chr(97 + number % 26)}"
    for session in range(sessions):
        line = ways_of("", f"error: thing {letters}")
        failure = Failed(bytes([session] * 4), 1_700_000_000 + number, "other", 1, line, seconds=cost / sessions,
                         text=f"make part{number}", agent=f"agent{number % 7}")  # fmt: skip
        habit = with_failure(habit, failure)
    assert habit is not None
    store.habits.put(_project(store), f"{number:08d}".encode(), pack(habit))
    return habit


def _project(store: Store) -> int:
    found = store.projects.at("/srv/app") or store.projects.add("/srv/app", "app")
    return found.number


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(StoredRows, "PAGE", 50)
    monkeypatch.setattr(unsolved, "LOOK_EVERY_SECONDS", 0.01)
    (tmp_path / "home").mkdir(mode=0o700)
    with closing(Store(tmp_path / "home/store.db")) as store, store.transaction():
        for number in range(COUNT):
            fails(store, number, 2 + number % 2, float(number + 1))
    return settings_in(tmp_path)


def walls(it: Shown) -> StoredRows[Wall]:
    assert isinstance(it.app.pane, unsolved.UnsolvedPane)
    return it.app.pane.walls


async def opened(it: Shown) -> StoredRows[Wall]:
    await it.press("7")
    await settled(it)
    return walls(it)


def selected(rows: StoredRows[Wall]) -> str:
    return rows.window.rows[rows.selected].command


async def test_more_than_is_loaded_is_counted_found_and_gone_through(settings: Settings) -> None:
    async with shown(settings) as it:
        rows = await opened(it)
        assert len(rows.shown) < COUNT and f"{COUNT} in all" in it.text()
        assert f"{COUNT} that nobody has solved: 650 failed runs" in it.text()
        assert selected(rows) == f"make part{COUNT - 1}", "the costliest"
        await it.press("G")
        await settled(it)
        assert selected(rows) == "make part0"
        while selected(rows) != f"make part{COUNT - 1}":
            await it.press("pageup")
            await settled(it)
        assert len(rows.shown) == COUNT, "the way back is whole"
        await it.press("slash", *"part17", "enter")
        await settled(it)
        assert [rows.window.rows[name].command for name in rows.shown] == [
            f"make part{number}" for number in (*range(179, 169, -1), 17)
        ]
        assert "11 found" in it.text()


async def test_all_of_it_is_sorted_and_exported(settings: Settings, tmp_path: Path) -> None:
    async with shown(settings) as it:
        rows = await opened(it)
        await it.press("S")
        await settled(it)
        assert selected(rows) == "make part0"
        await it.press("s")
        await settled(it)
        assert selected(rows) == f"make part{COUNT - 1}", "three sessions, the costliest of them"
        await it.press("ctrl+e")
        await settled(it)
    [written] = tmp_path.glob("meshtui-unsolved-*.txt")
    lines = written.read_text().splitlines()
    assert len(lines) == COUNT and sum("make part" in line for line in lines) == COUNT


async def test_what_fails_again_moves_and_the_cursor_stays_on_its_wall(settings: Settings) -> None:
    async with shown(settings) as it:
        rows = await opened(it)
        await it.press("down", "down")
        assert selected(rows) == f"make part{COUNT - 3}"
        with closing(Store(settings.home / "store.db")) as store:
            fails(store, 3, 5, 9999.0)
            fails(store, COUNT - 3, 4, 5000.0)
            store.events.add("fault", data={"what": "so that something is new"})
        await it.until(lambda: selected(rows) == f"make part{COUNT - 3}" and rows.index == 1, "it stands second")
        assert [rows.window.rows[name].command for name in rows.shown[:3]] == [
            "make part3",
            f"make part{COUNT - 3}",
            f"make part{COUNT - 1}",
        ]


async def test_what_was_solved_meanwhile_is_left_out_and_that_is_said(settings: Settings) -> None:
    async with shown(settings) as it:
        rows = await opened(it)
        await it.press("space", "space")
        with closing(Store(settings.home / "store.db")) as store:
            passed = with_pass(fails(store, COUNT - 1, 2, 1.0), b"")
            store.habits.put(_project(store), f"{COUNT - 1:08d}".encode(), pack(passed))
        await it.press("x")
        await it.pilot.pause()
        said = [str(note.message) for note in it.app._notifications]
        assert any("1 of the 2 marked left out: solved or expected meanwhile" in one for one in said)
        await it.press("y")
        await it.until(lambda: f"{COUNT - 2} that nobody has solved" in it.text(), "both are gone")
        assert not rows.marked


async def test_what_other_nodes_say_is_gone_through_found_sorted_and_exported_whole(
    settings: Settings, tmp_path: Path
) -> None:
    with closing(Store(tmp_path / "home/store.db")) as store, store.transaction():
        for author, host in ("b" * 64, "build2"), ("c" * 64, "desk"):
            store.authors.see(author, f"ci@{host}", host, "o" * 64, True, 1)
        store.events.add("runtime.started", data={"pid": 1})
        for number in range(COUNT):
            author, said = "bc"[number % 2] * 64, {"text": f"make there{number}"}
            saying = Saying("app", (f"{number:04x}",), author, 1_700_000_000 + number, 1 + number % 3, said)
            store.told.habits.put(saying, 1, known=True)
    async with shown(settings) as it:
        await opened(it)
        await it.press("o")
        await settled(it)
        assert isinstance(it.app.pane, unsolved.UnsolvedPane)
        rows = it.app.pane.others

        def here() -> str:
            return rows.window.rows[rows.selected].command

        assert f"what 2 other nodes say: {COUNT}, of which agents here are told 0" in it.text()
        assert len(rows.shown) < COUNT and here() == f"make there{COUNT - 1}", "the newest"
        await it.press("G")
        await settled(it)
        assert here() == "make there0"
        await it.press("s")
        await settled(it)
        assert rows.window.rows[rows.shown[0]].name == "ci@build2"
        await it.press("slash", *"there17", "enter")
        await settled(it)
        assert len(rows.shown) == 11 and "11 found" in it.text()
        await it.press("escape", "ctrl+e")
        await settled(it)
    [written] = tmp_path.glob("meshtui-unsolved-*.txt")
    assert len(written.read_text().splitlines()) == COUNT
