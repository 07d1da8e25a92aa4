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
from tests.tui.busy import build, meet_walls
from tests.tui.pictures import SIZES, Pictures, picture_of
from tests.tui.pilot import settings_in, shown
from tests.tui.test_lists import RUNS, open_pane

from meshcore.config import Settings
from meshcore.runs.history import keep_results
from meshcore.testing import FakeClock

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
