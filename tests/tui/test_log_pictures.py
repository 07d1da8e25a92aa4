"""Pictures of a log, compared with those that a person has looked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from tests.tui.busy import build
from tests.tui.pictures import SIZES, Pictures, picture_of
from tests.tui.test_log import Shown, running, settings_in

from meshcore.journal.writer import project
from meshcore.testing import FakeClock
from meshtui.logapp import LogApp
from meshtui.screens.record import RecordScreen
from meshtui.themes import ANSI, DARK


async def _followed(it: Shown) -> None:
    pass


async def _filtered(it: Shown) -> None:
    await it.type_filter("requests !state")


async def _all_shown(it: Shown) -> None:
    await it.type_filter("kind:/outcome$/")
    await it.press("f", "N", "N")


async def _record(it: Shown) -> None:
    await it.type_filter("kind:try.decided")
    await it.press("enter")
    assert isinstance(it.app.screen, RecordScreen)


SCENES: dict[str, Callable[[Shown], Awaitable[None]]] = {
    "followed": _followed,
    "filtered": _filtered,
    "all-shown": _all_shown,
    "record": _record,
}
PICTURES = [
    ("followed", "120x36", DARK),
    ("filtered", "80x24", DARK),
    ("filtered", "120x36", DARK),
    ("all-shown", "80x24", ANSI),
    ("record", "80x24", DARK),
]


@pytest.mark.parametrize(("scene", "size", "theme"), PICTURES)
async def test_a_log_looks_as_it_did(
    scene: str,
    size: str,
    theme: str,
    tmp_path: Path,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
    pictures: Pictures,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # paths below it are shown without it
    monkeypatch.delenv("NO_COLOR", raising=False)
    settings = settings_in(tmp_path)
    store = build(settings, clock)
    project(store, settings.home / "journal.jsonl")
    store.close()
    async with running(LogApp(settings, settings.home / "journal.jsonl"), SIZES[size]) as it:
        it.app.theme = theme
        await SCENES[scene](it)
        await it.until(lambda: it.pane.document is not None and it.pane.document.is_counted)
        picture = picture_of(it.app)
    pictures.compare(picture, f"log-{scene}-{theme}-{size}")
