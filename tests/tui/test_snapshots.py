"""Pictures of the app, compared with those that a person has looked at."""

from __future__ import annotations

import pwd
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.tui.busy import Busy, build
from tests.tui.pictures import SIZES, Pictures, picture_of
from tests.tui.pilot import Shown, settings_in, shown
from tests.tui.test_deciding import READ_ONLY_APP

from meshcore.bridge.base import Member
from meshcore.bridge.open import open_bridge
from meshcore.config import Settings
from meshcore.model import Record
from meshcore.safety.halt import halt
from meshcore.service.runtime import RuntimeLock
from meshcore.testing import FakeClock
from meshtui.themes import ANSI, DARK, LIGHT


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home whose path is the same every time, since paths are part of the pictures."""
    import shutil
    import tempfile

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="anna", pw_uid=0))
    root = Path(tempfile.mkdtemp(prefix="meshtui-snapshot-"))
    yield settings_in(root)
    shutil.rmtree(root)


@pytest.fixture
def running(settings: Settings, clock: FakeClock) -> Iterator[Settings]:
    """A bridge with four nodes, and a runtime of the home that holds its lock."""
    settings.home.mkdir(parents=True, mode=0o700)
    bridge = open_bridge(settings.bridge, clock=clock, doorbell=False)
    for number, name in enumerate(("dev@dev1", "build2", "agent_a", "agent_b")):
        node = f"{number:064x}"
        bridge.join(Member(node, name, "dev1", Record(f"hello {name}", node, "s")))
    lock = RuntimeLock(settings.home / "runtime.lock")
    lock.take()
    yield settings
    lock.release()
    bridge.close()


async def _nothing(it: Shown) -> None:
    pass


async def _frozen(it: Shown) -> None:
    await it.press("F")


async def _filtered(it: Shown) -> None:
    await it.press("slash", *"django", "enter")


async def _chain(it: Shown) -> None:
    await it.press("enter")
    await it.until(lambda: "decision" in it.text(), "the chain")


async def _help(it: Shown) -> None:
    await it.press("question_mark")


async def _halted(it: Shown) -> None:
    halt(it.app.settings.operator, "deploying by hand")
    await it.until(lambda: "HALTED" in it.text(), "the banner")


async def _asked(it: Shown) -> None:
    await it.press("K")


async def _approving(it: Shown) -> None:
    await it.press("4")
    await it.until(lambda: "then again" in it.text(), "the detail")
    await it.press("a")


async def _halted_chain(it: Shown) -> None:
    await _chain(it)
    await _halted(it)


async def _error(it: Shown) -> None:
    it.app.say("store.db: locked by another program for 5 s; find it with `fuser`, then try again", severity="error")
    await it.pilot.pause()


SCENES: dict[str, Callable[[Shown], Awaitable[None]]] = {
    "busy": _nothing,
    "frozen": _frozen,
    "filtered": _filtered,
    "chain": _chain,
    "help": _help,
    "halted": _halted,
    "asked": _asked,
    "approving": _approving,
    "halted-chain": _halted_chain,
    "error": _error,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", SCENES)
async def test_a_scene_looks_as_it_did(
    scene: str, size: str, running: Settings, clock: FakeClock, pictures: Pictures
) -> None:
    build(running, clock).close()
    _beat(running, clock)
    async with shown(running, clock, size=SIZES[size], theme=DARK) as it:
        await SCENES[scene](it)
        picture = picture_of(it.app)
    pictures.compare(picture, f"{scene}-{size}")


@pytest.mark.parametrize("theme", [LIGHT, ANSI])
async def test_a_theme_looks_as_it_did(theme: str, running: Settings, clock: FakeClock, pictures: Pictures) -> None:
    build(running, clock).close()
    _beat(running, clock)
    async with shown(running, clock, size=SIZES["80x24"], theme=theme) as it:
        picture = picture_of(it.app)
    pictures.compare(picture, f"{theme}-80x24")


@pytest.mark.parametrize("size", SIZES)
async def test_an_empty_home_looks_as_it_did(
    size: str, running: Settings, clock: FakeClock, pictures: Pictures
) -> None:
    Busy(running, clock).store.close()
    async with shown(running, clock, size=SIZES[size]) as it:
        picture = picture_of(it.app)
    pictures.compare(picture, f"empty-{size}")


async def test_a_terminal_that_only_looks_says_so(running: Settings, clock: FakeClock, pictures: Pictures) -> None:
    build(running, clock).close()
    _beat(running, clock)
    async with shown(running, clock, size=SIZES["80x24"], app_class=READ_ONLY_APP) as it:
        picture = picture_of(it.app)
    pictures.compare(picture, "readonly-80x24")


async def test_a_wide_terminal_shows_the_chain_beside_the_list(
    running: Settings, clock: FakeClock, pictures: Pictures
) -> None:
    build(running, clock).close()
    _beat(running, clock)
    async with shown(running, clock, size=(160, 36)) as it:
        await it.until(lambda: "why" in it.text(), "the chain")
        picture = picture_of(it.app)
    pictures.compare(picture, "preview-160x36")


async def test_an_attached_app_looks_as_it_did(running: Settings, clock: FakeClock, pictures: Pictures) -> None:
    build(running, clock).close()
    _beat(running, clock)
    (running.home / "runtime.lock").write_text("1\n")
    async with shown(running, clock, size=SIZES["120x36"]) as it:
        picture = picture_of(it.app)
    pictures.compare(picture, "attached-120x36")


def _beat(settings: Settings, clock: FakeClock) -> None:
    """Let three of the four nodes show a sign of life just now."""
    bridge = open_bridge(settings.bridge, clock=clock, doorbell=False)
    for number in range(3):
        bridge.beat(f"{number:064x}")
    bridge.close()


@pytest.mark.parametrize("theme", [DARK, LIGHT, ANSI])
async def test_without_colour_no_text_is_of_the_colour_of_its_ground(
    theme: str, running: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    build(running, clock).close()
    async with shown(running, clock, size=SIZES["80x24"], theme=theme) as it:
        styles = [
            part.style for strip in it.app.screen._compositor.render_strips() for part in strip if part.text.strip()
        ]
    assert styles
    for style in styles:
        assert style is not None and style.color is not None
        assert style.color.is_default or style.color != style.bgcolor
