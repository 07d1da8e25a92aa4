"""How the terminal is opened, and what it says where it can only look or cannot write."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.tui.pilot import settings_in, shown

from meshcore.knowledge.interchange import put
from meshcore.store.store import Store
from meshcore.testing import known_skill
from meshtui.app import MeshApp
from meshtui.clipboard import osc52
from meshtui.state import Opening


def learnt(root: Path) -> None:
    (root / "home").mkdir(mode=0o700)
    with closing(Store(root / "home/store.db")) as store:
        put(store, known_skill("django"))


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


def test_a_copy_goes_to_tmux_wrapped_and_plain() -> None:
    plain = osc52("abc", {})
    assert osc52("abc", {"TMUX": "/tmp/tmux"}).endswith(plain)
    assert osc52("abc", {"TMUX": "/tmp/tmux"}).startswith("\x1bPtmux;")
