"""How the terminal is opened, and what it says where it can only look or cannot write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.fixtures.old_version import FIXTURE
from tests.tui.pilot import WAIT_SECONDS, Shown, settings_in, shown

from meshcore.knowledge.interchange import put
from meshcore.store.store import Store
from meshcore.testing import incident, known_skill
from meshtui.app import MeshApp
from meshtui.clipboard import osc52
from meshtui.messages import SnapshotTaken
from meshtui.screens.help import HelpText
from meshtui.state import Opening


def learnt(root: Path) -> None:
    (root / "home").mkdir(mode=0o700)
    with closing(Store(root / "home/store.db")) as store:
        put(store, known_skill("django"))


async def seen(it: Shown, true: Callable[[], bool]) -> None:
    """Return once something holds. Raises TimeoutError."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not true():
            await it.pilot.pause(0.01)


async def test_a_folder_that_takes_no_file_is_said_and_nothing_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt(tmp_path)
    async with shown(settings_in(tmp_path)) as it:
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        await it.press("ctrl+e")
        assert "not written" in it.text()


async def test_read_only_starts_no_runtime_and_decides_nothing(tmp_path: Path) -> None:
    learnt(tmp_path)
    only_look: Any = partial(MeshApp, opening=Opening(pane="skills", readonly=True))
    async with shown(settings_in(tmp_path), app_class=only_look, embed=True) as it:
        while "No module named" not in it.text():
            await it.pilot.pause()
        await it.press("x")
        while "read only" not in it.text():
            await it.pilot.pause()
        assert it.app.snapshot is not None and it.app.snapshot.runtime == "none"
    with closing(Store(tmp_path / "home/store.db")) as store:
        assert store.skills.all()[0].state != "quarantined"


async def test_a_home_that_is_not_made_yet_is_shown_as_empty_before_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[bool] = []
    take = MeshApp.on_snapshot_taken

    def noting(app: MeshApp, message: SnapshotTaken) -> None:
        there.append(app.home.store.exists())
        take(app, message)

    monkeypatch.setattr(MeshApp, "on_snapshot_taken", noting)
    async with shown(settings_in(tmp_path), embed=True) as it:
        first = it.told.of(SnapshotTaken)[0].snapshot
        assert (there[0], first.is_empty, first.mode, first.bridge.unknown, first.runtime) == (False, True, "", "…", "")
        await seen(it, lambda: "mode auto" in it.text() and "nodes 1/1" in it.text())
        assert "verified 0 of 0" in it.text() and "Nothing has failed here yet" in it.text()
        with closing(Store(tmp_path / "home/store.db")) as store:
            store.incidents.open(incident(1, "django"), "a" * 64)
        await seen(it, lambda: "'django'" in it.text())  # the list is read from the store that was made meanwhile


async def test_a_large_home_shows_its_rows_before_bridge_and_mode_are_looked_at(tmp_path: Path) -> None:
    learnt(tmp_path)
    with closing(Store(tmp_path / "home/store.db")) as store:
        store.incidents.open(incident(1, "django"), "a" * 64)
    async with shown(settings_in(tmp_path)) as it:
        first, *others = (message.snapshot for message in it.told.of(SnapshotTaken))
        assert (first.handled, first.skills, first.mode, first.bridge.unknown) == (1, 1, "", "…")
        assert others[0].mode == "auto"


async def test_a_home_of_an_older_program_is_brought_up_to_date_and_shown(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home/store.db").write_bytes((FIXTURE / "homes/a/store.db").read_bytes())
    async with shown(settings_in(tmp_path), embed=True) as it:
        await seen(it, lambda: it.app.snapshot is not None and it.app.snapshot.runtime == "embedded")
        assert it.app.snapshot is not None and it.app.snapshot.handled and it.app.failure is None


async def test_the_help_screen_is_made_once_for_each_pane(tmp_path: Path) -> None:
    learnt(tmp_path)
    async with shown(settings_in(tmp_path)) as it:
        await it.press("question_mark")
        first = it.app.screen
        await it.press("escape", "question_mark")
        assert it.app.screen is first
        await it.press("escape")
        await it.press("colon", *"skills")
        while "Skills  (2)" not in it.text():
            await it.pilot.pause()


async def test_the_help_goes_on_to_its_last_line_and_keeps_no_line_drawn_that_is_out_of_sight(tmp_path: Path) -> None:
    learnt(tmp_path)
    async with shown(settings_in(tmp_path), size=(80, 24)) as it:
        await it.press("question_mark")
        assert "this." not in it.text()
        await it.press("end")
        await seen(it, lambda: "this." in it.text())
        text = it.app.screen.query_one(HelpText)
        assert text.virtual_size.height > 100 > len(text._styles_cache._cache)
        await it.press("home")
        await seen(it, lambda: "enter" in it.text().splitlines()[3])


def test_a_copy_goes_to_tmux_wrapped_and_plain() -> None:
    plain = osc52("abc", {})
    assert osc52("abc", {"TMUX": "/tmp/tmux"}).endswith(plain)
    assert osc52("abc", {"TMUX": "/tmp/tmux"}).startswith("\x1bPtmux;")
