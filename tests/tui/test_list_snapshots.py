"""Pictures of the panes with one list, compared with those that a person has looked at."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from tests.tui.busy import build
from tests.tui.pilot import settings_in, shown
from tests.tui.test_lists import RUNS, open_pane

from meshcore.config import Settings
from meshcore.healing import approvals
from meshcore.runs.history import keep_results
from meshcore.testing import FakeClock

SIZES = {"80x24": (80, 24), "120x36": (120, 36)}
PICTURES = Path(__file__).parent / "snapshots"
# The bars around a pane are looked at elsewhere: here only what the pane draws counts.
BARS = re.compile(r"<text[^>]*clip-path=\"url\(#terminal-line-[01]\)\"[^>]*>.*?</text>")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """A home that says nothing of the machine and the person that the test runs on."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(approvals, "_user", lambda: "anna")
    with TemporaryDirectory(prefix="meshtui-snapshot-") as folder:
        yield settings_in(Path(folder))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["skills", "approvals", "runs"])
async def test_a_pane_looks_as_it_did(
    name: str, size: str, settings: Settings, clock: FakeClock, pytestconfig: pytest.Config
) -> None:
    with closing(build(settings, clock)) as store:
        keep_results(store, RUNS, root=Path("/srv/runs"), full=True)
    async with shown(settings, clock, size=SIZES[size]) as it:
        await open_pane(it, name)
        picture = BARS.sub("", re.sub(r"terminal-\d+", "terminal", it.app.export_screenshot(title="meshtui")))
    path = PICTURES / f"{name}-{size}.svg"
    if pytestconfig.getoption("--snapshot-update"):
        path.write_text(picture)
    assert path.exists(), f"no picture of {name} yet; look at one and keep it with --snapshot-update"
    if picture != path.read_text():
        path.with_suffix(".new.svg").write_text(picture)
        pytest.fail(f"{name} looks different: compare {path} and {path.with_suffix('.new.svg')}")
