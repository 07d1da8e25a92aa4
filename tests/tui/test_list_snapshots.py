"""Pictures of the panes with one list, compared with those that a person has looked at."""

from __future__ import annotations

import pwd
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from tests.tui.busy import CLAUDE, build, meet_walls
from tests.tui.pictures import SIZES, Pictures, picture_of
from tests.tui.pilot import settings_in, shown
from tests.tui.test_agents import tell
from tests.tui.test_lists import RUNS, open_pane

from meshcore.config import Settings
from meshcore.runs.history import keep_results
from meshcore.store.store import Store
from meshcore.testing import FakeClock
from meshtui.themes import ANSI, DARK, LIGHT

# The bars around a pane are looked at elsewhere: here only what the pane draws counts.
BARS = re.compile(r"<text[^>]*clip-path=\"url\(#terminal-line-[01]\)\"[^>]*>.*?</text>")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home that says nothing of the machine and the person that the test runs on."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", lambda _: SimpleNamespace(pw_name="anna", pw_uid=0))
    with TemporaryDirectory(prefix="meshtui-snapshot-") as folder:
        yield settings_in(Path(folder))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["skills", "approvals", "runs", "unsolved"])
async def test_a_pane_looks_as_it_did(
    name: str, size: str, settings: Settings, clock: FakeClock, pictures: Pictures
) -> None:
    with closing(build(settings, clock)) as store:
        keep_results(store, RUNS, root=Path("/srv/runs"), full=True)
        meet_walls(store, clock)
    async with shown(settings, clock, size=SIZES[size]) as it:
        await open_pane(it, name)
        picture = BARS.sub("", picture_of(it.app))
    pictures.compare(picture, f"{name}-{size}")


def rule(store: Store) -> None:
    """Rule two things for whole projects, with one try that rested on a rule."""
    known = store.skills.all()[:2]
    store.standing_approvals.put(known[0].skill_id, "a" * 64, "/srv/app", "dev@dev1")
    store.refusals.put(known[1].skill_id, "/srv/shop/a/folder/with/a/long/name", "claude-code@dev1")


@pytest.mark.parametrize(("size", "theme"), [("80x24", DARK), ("120x36", DARK), ("80x24", ANSI), ("80x24", LIGHT)])
async def test_standing_rules_look_as_they_did(
    size: str, theme: str, settings: Settings, clock: FakeClock, pictures: Pictures
) -> None:
    with closing(build(settings, clock)) as store:
        rule(store)
    async with shown(settings, clock, size=SIZES[size], theme=theme) as it:
        await open_pane(it, "approvals")
        await it.press("S")
        await it.until(lambda: "not here" in it.text(), "the rules")
        picture = picture_of(it.app)
    pictures.compare(picture, f"rules-{theme}-{size}")


@pytest.mark.parametrize(("size", "theme"), [("80x24", DARK), ("120x36", DARK), ("80x24", ANSI), ("80x24", LIGHT)])
async def test_agents_look_as_they_did(
    size: str, theme: str, settings: Settings, clock: FakeClock, pictures: Pictures
) -> None:
    with closing(build(settings, clock)) as store:
        tell(store)
    async with shown(settings, clock, size=SIZES[size], theme=theme) as it:
        pane = await open_pane(it, "agents")
        pane.rows.select(CLAUDE.name)
        await it.until(lambda: "claude-code on dev1" in it.text(), "the selected agent")
        listed = picture_of(it.app)
        await it.press("enter")
        await it.until(lambda: "silent for" in it.text() and "ignored" in it.text(), "the agent")
        one = picture_of(it.app)
    pictures.compare(BARS.sub("", listed), f"agents-{theme}-{size}")
    pictures.compare(one, f"agent-{theme}-{size}")
